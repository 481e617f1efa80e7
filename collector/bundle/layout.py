"""What members a bundle has, in which order, and how large each may be."""

from __future__ import annotations

import re
from collections.abc import Iterable

README = "README.txt"
STATEMENT = "statement.json"
REPORT_HTML = "report.html"
REPORT_PDF = "report.pdf"
OSCAL = "oscal.json"
VERIFIER = "verify.py"
POLICY = "policy.txt"
CHECKPOINT = "checkpoint.txt"
LOG_START = "log/start.json"
CHECKPOINTS = "log/checkpoints.jsonl"
ENTRIES = "log/entries.bin"
ROWS = "rows.jsonl"
TOMBSTONES = "evidence/tombstones.jsonl"
TIMESTAMP = "timestamp.tsr"

MAX_MEMBERS = 20_000
MAX_BYTES = (1 << 32) - 2
"""Of the whole: no number of a zip is larger without extensions, and none is written."""
_ANY = 64 << 20
_LIMITS = {ENTRIES: 2 << 30, CHECKPOINTS: 512 << 20, ROWS: 512 << 20}

NOT_SUBJECTS = frozenset({README, STATEMENT, TIMESTAMP})
"""Members the statement does not name: it would have to name itself, and they say nothing."""
ALWAYS = (
    README,
    STATEMENT,
    REPORT_HTML,
    OSCAL,
    VERIFIER,
    POLICY,
    CHECKPOINT,
    LOG_START,
    CHECKPOINTS,
    ENTRIES,
    ROWS,
)
"""Members that every bundle has."""
_FRONT = (
    README,
    STATEMENT,
    REPORT_HTML,
    REPORT_PDF,
    OSCAL,
    VERIFIER,
    POLICY,
    CHECKPOINT,
    LOG_START,
    CHECKPOINTS,
    ENTRIES,
    ROWS,
)
_NAMED = {name: (n, 0, "") for n, name in enumerate(_FRONT)}
_PROOFS, _EVIDENCE = len(_FRONT), len(_FRONT) + 1
_NAMED |= {TOMBSTONES: (_EVIDENCE + 1, 0, ""), TIMESTAMP: (_EVIDENCE + 2, 0, "")}
_PROOF = re.compile(r"proofs/(0|[1-9][0-9]{0,15})(\.early)?\.tlog-proof")
_SYSTEM = re.compile(r"evidence/([a-z0-9][a-z0-9-]{0,62})\.bin")
_MAX_INDEX = 1 << 53

Place = tuple[int, int, str]
"""Where a member stands among the others; smaller comes first."""


def place_of(name: str) -> Place | None:
    """None for a name that no member has."""
    if (known := _NAMED.get(name)) is not None:
        return known
    if (proof := _PROOF.fullmatch(name)) is not None:
        index = int(proof[1])
        return (_PROOFS, index, proof[2] or "") if index < _MAX_INDEX else None
    if (evidence := _SYSTEM.fullmatch(name)) is not None:
        return (_EVIDENCE, 0, evidence[1])
    return None


def limit_of(name: str) -> int:
    """Bytes at most."""
    return MAX_BYTES if _SYSTEM.fullmatch(name) else _LIMITS.get(name, _ANY)


def proof_of(index: int) -> str:
    """The member that proves a row in the final tree."""
    return f"proofs/{index}.tlog-proof"


def early_proof_of(index: int) -> str:
    """The member that proves when witnesses had seen a row."""
    return f"proofs/{index}.early.tlog-proof"


def evidence_of(system: str) -> str:
    return f"evidence/{system}.bin"


def systems_in(names: Iterable[str]) -> tuple[str, ...]:
    """Ids of the systems whose evidence is there, in order."""
    return tuple(sorted(found[1] for name in names if (found := _SYSTEM.fullmatch(name))))
