"""What is due to be attested without anybody asking: months that have closed, and revisions. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from collector.attesting.periods import CLOSES_MS, monitored
from collector.core import periods
from collector.journal import SYSTEM
from collector.store.attestations import Attestation, State, Wanted, newest_issued
from probes import times
from probes.history import History
from probes.spans import Interval

SETTLES_MS = 900_000
"""What agents send within a quarter of an hour is not late."""
AGAIN_MS, LONGEST_MS = 3_600_000, 86_400_000
"""After how long one that was refused is tried again: twice as long each time, up to a day."""
REVISED_MS = 86_400_000
"""How long after an attestation its revision is made at the earliest: late evidence comes in parts."""


def due(history: History, known: Sequence[Attestation], now: int) -> list[Wanted]:
    """Of the organization's months by the file in force now; `known` are all that were asked for."""
    config = history.latest.attestations
    if config is None or config.issue is None:
        return []
    chosen = None if config.systems == "all" else set(config.systems)
    found = []
    for name, span in _months(history, known, now):
        systems = monitored(history, span)
        systems &= systems if chosen is None else chosen
        if not systems:
            continue
        wanted = Wanted(name, span.start, span.end, tuple(sorted(systems)))
        if _is_due([one for one in known if _is_of(one, wanted)], now):
            found.append(wanted)
    return found + _revisions(known, now)


def _months(
    history: History, known: Sequence[Attestation], now: int
) -> Iterator[tuple[str, Interval]]:
    """From the month after the last that was issued by itself to the last that has closed, that one
    alone where none was; and those before it that were tried and always refused.
    """
    zone = history.latest.organization.zone
    last = periods.month(now - CLOSES_MS - SETTLES_MS, zone)
    last = periods.month(last.start - 1, zone)
    own = [one for one in known if one.asked_by == SYSTEM]
    start = min(max((o.end for o in own if o.issued is not None), default=last.start), last.start)
    for begun in sorted({one.start for one in own if one.start < start}):
        span = periods.month(begun, zone)
        same = [one for one in known if (one.start, one.end) == (span.start, span.end)]
        if same and all(one.state is State.REFUSED for one in same):
            yield f"{times.from_ms(begun, zone):%Y-%m}", span
    for span in periods.months(start, last.end, zone):
        yield f"{times.from_ms(span.start, zone):%Y-%m}", span


def _is_due(before: Sequence[Attestation], now: int) -> bool:
    """Nothing was asked for, or all was refused, and long enough ago."""
    if any(one.state is not State.REFUSED for one in before):
        return False
    wait = min(AGAIN_MS << max(len(before) - 1, 0), LONGEST_MS)
    return not before or now - before[-1].asked_at >= wait


def _revisions(known: Sequence[Attestation], now: int) -> list[Wanted]:
    """Of what was issued by itself and has newer evidence."""
    found = []
    for one in _newest(known):
        wanted = Wanted(one.period, one.start, one.end, one.systems)
        same = [other for other in known if _is_of(other, wanted)]
        after = same[same.index(one) + 1 :]
        issued = one.issued
        if one.newer and issued is not None and now - issued.issued_at >= REVISED_MS:
            tried = [other for other in after if other.state is State.REFUSED]
            if len(tried) == len(after) and _is_due(tried, now):
                found.append(wanted)
    return found


def _newest(known: Sequence[Attestation]) -> list[Attestation]:
    """By time and systems, those issued last, where the first was issued by itself."""
    groups: dict[tuple[int, int, tuple[str, ...]], list[Attestation]] = {}
    for one in known:
        groups.setdefault((one.start, one.end, one.systems), []).append(one)
    scheduled = [group for group in groups.values() if any(o.asked_by == SYSTEM for o in group)]
    return [last for group in scheduled if (last := newest_issued(group)) is not None]


def _is_of(one: Attestation, wanted: Wanted) -> bool:
    return (one.start, one.end, one.systems) == (wanted.start, wanted.end, wanted.systems)
