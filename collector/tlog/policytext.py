"""The trust policy of a log as a file (C2SP tlog-policy): what an auditor gets once, and a bundle holds.

What the format cannot say stands in comments: until when a key signed, and that one is revoked.
"""

from __future__ import annotations

from collections.abc import Iterator

from collector.attest import policyfile
from collector.attest.logkeys import Keys, KeyState
from probes.config_evidence_log import EvidenceLog

GROUP = "quorum_of_witnesses"
"""No witness has this name: theirs have no underscore."""


def policy_text(keys: Keys, name: str, said: EvidenceLog) -> bytes:
    """Of the log `name`, `ORIGIN/evidence` or `ORIGIN/audit`. LookupError where no key of it is to be
    believed any longer, or none was yet.
    """
    states = [state for state in keys.values() if state.key.name == name]
    believed = [state for state in states if state.last_size is None]
    if not believed:
        raise LookupError(name)
    lines = [
        f"# Trust policy of the log {name} (C2SP tlog-policy).",
        "# Compare its keys with what you were given before; then keep this file, not its copies.",
        *_logs(states),
        *_witnesses(said),
    ]
    text = "".join(f"{line}\n" for line in lines).encode()
    policyfile.parse(text)
    return text


def _logs(states: list[KeyState]) -> Iterator[str]:
    for state in sorted(states, key=_order):
        if state.last_size is not None:
            yield f"# revoked ({state.reason}), good for {state.last_size} entries at most:"
            yield f"# log {state.key.text()}"
            continue
        if state.removed is not None:
            yield f"# signs no longer (journal row {state.removed}); good for what it has signed:"
        yield f"log {state.key.text()}"


def _order(state: KeyState) -> tuple[bool, bool, int, str]:
    """Those in force first, those revoked last."""
    return (not state.in_force, state.last_size is not None, state.added, state.key.text())


def _witnesses(said: EvidenceLog) -> Iterator[str]:
    for name, one in said.witnesses.items():
        if one.operator is not None:
            yield f"# run by {one.operator}:"
        yield f"witness {name} {one.key}"
    if said.needed == 0:
        yield "quorum none"
        return
    yield f"group {GROUP} {said.needed} {' '.join(said.witnesses)}"
    yield f"quorum {GROUP}"
