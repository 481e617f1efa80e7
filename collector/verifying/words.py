"""What was found, in words: a line for each check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from collector.attest.policy import Policy
from collector.attest.statement import Statement
from collector.attest.strictjson import Value
from collector.bundle.evidence import Asked
from collector.bundle.zipread import Zip
from collector.verifying.early import Seen
from collector.verifying.evidence import Counts
from collector.verifying.figures import rules
from collector.verifying.heads import Head
from collector.verifying.logcheck import Checked
from collector.verifying.sealing import Sealed
from collector.verifying.signing import Claimed
from collector.verifying.telling import Check, Told, count
from probes.times import TZDATA, rfc3339

_HASH = re.compile("sha256:[0-9a-f]{64}")


def bundle(found: Zip) -> Told:
    size = sum(found.size(name) for name in found.names)
    return Told(Check.BUNDLE, f"{count(len(found.names), 'member')}, {count(size, 'byte')}")


def statement(found: Claimed, policy: Policy) -> Iterator[Told]:
    """And whether the policy names who signed, or only led to them."""
    yield Told(Check.STATEMENT, f"signed by {', '.join(sorted(found.signers))}")
    if found.signers.isdisjoint(key.text() for key in policy.logs):
        text = (
            "the policy does not name this key; one that it names vouched for it, as the log tells"
        )
        yield Told(Check.STATEMENT, text, note=True)


def software(predicate: Mapping[str, Value], here: str | None) -> Iterator[Told]:
    """Was it made by another program than `here`? No failure: the numbers are made anew."""
    said = predicate.get("software")
    there = said.get("algorithmHash") if isinstance(said, dict) else None
    if here is None or there == here:
        return
    named = there if isinstance(there, str) and _HASH.fullmatch(there) else "which it does not say"
    yield Told(
        Check.STATEMENT,
        f"another version of the program made the numbers ({named}; here is {here}); if they come out "
        "the same all the same, that matters nothing",
        note=True,
    )


def members(found: Statement) -> Told:
    return Told(
        Check.MEMBERS, f"{count(len(found.subjects), 'member')} as the statement names them"
    )


def checkpoint(head: Head, asked: Asked) -> Iterator[Told]:
    """And whether anything that came before the period was closed may not be in it."""
    tree = head.checkpoint
    text = f"{tree.origin} with {count(tree.size, 'entry', 'entries')}, signed by the log"
    if head.seen_ms is None:
        yield Told(Check.CHECKPOINT, f"{text}; the policy asks for no witness", note=True)
        return
    names, at = ", ".join(sorted(head.witnesses)), rfc3339(head.seen_ms)
    yield Told(Check.CHECKPOINT, f"{text}, cosigned by {names}; a quorum at {at}")
    if head.seen_ms < asked.now:
        yield Told(
            Check.CHECKPOINT,
            f"the period was closed at {rfc3339(asked.now)} only: that nothing came between is the "
            "collector's word",
            note=True,
        )


def log(checked: Checked) -> Told:
    found = checked.log
    return Told(
        Check.LOG,
        f"{count(checked.entries, 'entry', 'entries')} from size {found.start.before.size} on lead to "
        f"{count(len(found.heads), 'checkpoint')}",
    )


def rows(checked: Checked, before: int, shown: int) -> Told:
    return Told(
        Check.ROWS,
        f"all {count(checked.state, 'row')} that numbers depend on, of {shown} disclosed; "
        f"{before} of before the range, each proved",
    )


def approvals(seen: Sequence[Seen]) -> Told:
    if not seen:
        text = "no witness saw them: when they were recorded is the collector's word"
        return Told(Check.APPROVALS, text, note=True)
    return Told(
        Check.APPROVALS, f"{count(len(seen), 'approval')} and versions with a witnessed time"
    )


def since(size: int) -> Told:
    return Told(
        Check.SINCE, f"the first {count(size, 'entry', 'entries')} are those of the checkpoint kept"
    )


def sealed(found: Sealed) -> Iterator[Told]:
    """Of chains, signatures and beacons."""
    links, shown = found.chains, found.beacons
    text = (
        f"{count(links.batches, 'batch', 'batches')} and {count(links.tombstones, 'tombstone')} of "
        f"{count(links.chains, 'chain')} follow each other"
    )
    yield Told(Check.CHAINS, text)
    if links.holes:
        yield Told(
            Check.CHAINS,
            f"missing in the log: {count(links.holes, 'number')} of agents' chains; the gaps say when",
            note=True,
        )
    if links.broken:
        yield Told(
            Check.CHAINS,
            f"{count(links.broken, 'link')} did not hold when they came, as the log tells",
            note=True,
        )
    yield Told(
        Check.SIGNATURES,
        f"{count(links.signatures, 'signature')} of {count(len(found.keys), 'agent')} vouch for all "
        "batches",
    )
    yield Told(
        Check.BEACONS,
        f"{count(shown.known, 'batch', 'batches')} name a checkpoint of the range, {shown.before} an "
        f"earlier one, {shown.none} none",
    )


def evidence(found: Counts, sealed: Sealed) -> Told:
    segments = found.segments
    return Told(
        Check.EVIDENCE,
        f"{count(sum(segments.values()), 'segment')} of {count(len(segments), 'system')}, "
        f"{count(sealed.remains, 'tombstone')} with remains",
    )


def figures(derived: Mapping[str, Value], predicate: Mapping[str, Value]) -> Iterator[Told]:
    """Of the numbers; and of what differs in how they were made."""
    results = derived["results"]
    systems = len(results) if isinstance(results, list) else 0
    yield Told(
        Check.FIGURES,
        f"{count(len(derived), 'field')} of {count(systems, 'system')}, recomputed, are those of the "
        "statement",
    )
    said = rules(predicate)
    if said != TZDATA:
        yield Told(
            Check.FIGURES,
            f"the statement was made with other time zone rules than are here ({TZDATA})",
            note=True,
        )
