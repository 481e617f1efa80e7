"""What was found, in words: a line for each check."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from collector.attest.entries import LogStart
from collector.attest.policy import Policy
from collector.attest.statement import Statement
from collector.attest.strictjson import Value
from collector.bundle.rowsfile import ShownRow
from collector.bundle.zipread import Zip
from collector.verifying.claims import Claims
from collector.verifying.early import Seen
from collector.verifying.evidence import Counts
from collector.verifying.figures import rules
from collector.verifying.heads import Head
from collector.verifying.logcheck import Checked
from collector.verifying.rows import BACKDATED_MS
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


def checkpoint(head: Head, claims: Claims) -> Iterator[Told]:
    """And whether anything that came before the period was closed may not be in it."""
    asked = claims.asked
    if claims.computed_at < asked.now:
        text = (
            f"the statement says that it was computed at {rfc3339(claims.computed_at)}, before the "
            f"period was closed at {rfc3339(asked.now)}"
        )
        yield Told(Check.CHECKPOINT, text, note=True)
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


def log(checked: Checked, policy: Policy) -> Iterator[Told]:
    """And what nobody but the collector says of what stands before the range."""
    found = checked.log
    before = found.start.before.size
    yield Told(
        Check.LOG,
        f"{count(checked.entries, 'entry', 'entries')} from size {before} on lead to "
        f"{count(len(found.heads), 'checkpoint')}",
    )
    if before and policy.quorum is None:
        text = (
            f"the {count(before, 'entry', 'entries')} before are not here: that none of them is "
            "evidence of the period is the collector's word"
        )
        yield Told(Check.LOG, text, note=True)
    if checked.began is not None:
        yield Told(Check.LOG, _began(checked.began), note=checked.began.previous is not None)


def _began(start: LogStart) -> str:
    """A log that goes on from another has all from before by the collector's word."""
    text = f"the log began at {rfc3339(start.started_at)}"
    if start.previous is None:
        return text
    return (
        f"{text} and is said to go on from {start.previous.origin} with "
        f"{count(start.previous.size, 'entry', 'entries')}: what is older was entered again"
    )


def rows(checked: Checked, before: int, shown: Sequence[ShownRow]) -> Iterator[Told]:
    """And how many rows about incidents are said to be of other systems."""
    yield Told(
        Check.ROWS,
        f"all {count(checked.state, 'row')} that numbers depend on, of {len(shown)} disclosed; "
        f"{before} of before the range, each proved",
    )
    first = checked.log.start.before.size
    there = sum(one.entry.kind.startswith(_INCIDENT) and one.index >= first for one in shown)
    logged = sum(n for kind, n in checked.kinds.items() if kind.startswith(_INCIDENT))
    if logged > there:
        text = (
            f"{logged - there} of {count(logged, 'row')} about incidents are not disclosed: that they "
            "are about other systems is the collector's word"
        )
        yield Told(Check.ROWS, text, note=True)


_INCIDENT = "incident."


def approvals(seen: Sequence[Seen]) -> Iterator[Told]:
    """And which of them the witnesses saw long after they are said to have been recorded."""
    if not seen:
        text = "no witness saw them: when they were recorded is the collector's word"
        yield Told(Check.APPROVALS, text, note=True)
        return
    yield Told(
        Check.APPROVALS, f"{count(len(seen), 'approval')} and versions with a witnessed time"
    )
    late = [one for one in seen if _lag(one) > BACKDATED_MS]
    if late:
        worst = max(late, key=_lag)
        text = (
            f"{len(late)} of them the witnesses saw more than an hour after they are said to have "
            f"been recorded, entry {worst.row.index} at {rfc3339(worst.head.seen_ms or 0)} for "
            f"{rfc3339(worst.row.entry.recorded_at)}: until then it is the collector's word"
        )
        yield Told(Check.APPROVALS, text, note=True)


def _lag(one: Seen) -> int:
    return (one.head.seen_ms or 0) - one.row.entry.recorded_at


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
