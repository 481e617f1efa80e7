"""`README.txt`: what a bundle is, for whoever opens one without knowing the program that made it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from collector.attest.strictjson import Value
from collector.bundle import layout

_FILES = (
    (layout.STATEMENT, "what is attested, signed (DSSE, in-toto Statement v1)"),
    (layout.REPORT_HTML, "the same for people to read"),
    (layout.REPORT_PDF, "the same for people to print and file"),
    (layout.OSCAL, "the same as OSCAL assessment results"),
    (layout.VERIFIER, "a verifier that needs Python alone"),
    (layout.POLICY, "whose signatures count: the log's keys and its witnesses (C2SP tlog-policy)"),
    (layout.CHECKPOINT, "the log's head, signed and cosigned (C2SP tlog-checkpoint)"),
    (layout.LOG_START, "the log's tree before the range"),
    (layout.CHECKPOINTS, "every head that was published in the range"),
    (layout.ENTRIES, "the log's entries of the range: headers of batches, commitments to rows"),
    (layout.ROWS, "rows of the journal that the numbers depend on, with what opens them"),
    ("proofs/", "where rows from before the range stand, and when witnesses had seen rows"),
    ("evidence/", "what the agents recorded of each disclosed system, as they signed it"),
    (layout.TIMESTAMP, "a time stamp of an authority over statement.json (RFC 3161)"),
)


def readme(predicate: Mapping[str, Value], names: Iterable[str]) -> bytes:
    """ASCII; it names what is there."""
    there = {*names, layout.STATEMENT}
    lines = [
        "Attestation of availability, with the evidence it was computed from.",
        f"Number: {predicate.get('attestationId')}, version {predicate.get('version')}",
        "",
        "Verify it with Wardwatch, offline:",
        "",
        "    wardwatch verify BUNDLE.zip",
        "",
        "or, without Wardwatch, unpack it and run (Python 3.9 or newer, nothing to install):",
        "",
        "    python3 -I verify.py BUNDLE.zip",
        "",
        "(-I keeps Python from taking anything else out of the folder you unpacked into.)",
        "A verifier from the bundle itself proves less than one from elsewhere: take your own.",
        "Either computes every number again from the evidence, and says what does not hold.",
        "Compare the keys it names with those you were given by another way; keep checkpoint.txt,",
        "so that next time you can ask whether anything before it was changed (--since).",
        "",
        "Files:",
        "",
    ]
    lines += [f"{name:<24}{what}" for name, what in _FILES if _is_there(name, there)]
    lines += ["", "Instants in the files are milliseconds since 1970 in UTC.", ""]
    return "\n".join(lines).encode("ascii", "backslashreplace")


def _is_there(name: str, there: Iterable[str]) -> bool:
    return any(one == name or (name.endswith("/") and one.startswith(name)) for one in there)
