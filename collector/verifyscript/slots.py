"""How many runs there should have been: every check has slots, and each slot wants a run.

The slots of a check at an agent are `k * every + offset`, where the offset is made of both names.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from collector.verifyscript.causes import Causes
from collector.verifyscript.chains import Header
from collector.verifyscript.columns import OUTCOMES, Segment
from collector.verifyscript.evidence import outcomes_of
from collector.verifyscript.spans import DAY_MS, FAR
from collector.verifyscript.terms import Source, Terms

_MOST_GAPS = 2_000
"""Gaps that a statement lists of a system, the longest."""


class _Stretch:
    """Slots while one interval was in force: the first, and for each whether its run is there."""

    def __init__(self, source: Source, start: int, end: int, every: int) -> None:
        digest = hashlib.sha256("{1}/{0}".format(*source).encode()).digest()
        offset = int.from_bytes(digest[:8], "big") % every
        self.start = start
        self.end = end
        self.every = every
        self.first = start + (offset - start) % every
        self.there = bytearray(max(0, -(-(end - self.first) // every)))


class Slots:
    """`see` each segment of the system, then read what there is."""

    def __init__(self, recorded: Sequence[Terms], start: int, end: int) -> None:
        self._start, self._end = start, end
        self._stretches: dict[Source, list[_Stretch]] = {}
        self.outcomes: Counter[str] = Counter()
        ends = [*(terms.at for terms in recorded[1:]), FAR]
        for terms, until in zip(recorded, ends):
            begins = terms.begins(terms.at)
            if begins is None:
                continue
            left, right = max(terms.at, begins, start), min(until, end)
            for check in terms.checks if left < right else ():
                every = terms.checks[check]["every"]
                for agent in terms.agents[check]:
                    self._add((check, agent), left, right, every)

    def _add(self, source: Source, start: int, end: int, every: int) -> None:
        """A version that changes nothing of it goes on with the stretch before."""
        own = self._stretches.setdefault(source, [])
        if own and own[-1].end == start and own[-1].every == every:
            start = own.pop().start
        own.append(_Stretch(source, start, end, every))

    def see(self, header: Header, segment: Segment) -> None:
        outcomes = outcomes_of(header, segment)
        times = [at + header.offset for at in segment.at]
        self.outcomes.update(
            outcome for t, outcome in zip(times, outcomes) if self._start <= t < self._end
        )
        if header.end < self._start - DAY_MS or header.start >= self._end + DAY_MS:
            return  # an attempt comes up to an interval after its slot
        for check, at in zip(segment.check, segment.slot):
            own = self._stretches.get((check, header.agent))
            if not own:
                continue
            t = at + header.offset
            one = [*[s for s in own if s.start <= t][-1:], own[0]][0]
            n = (t - one.first + one.every // 2) // one.every
            if 0 <= n < len(one.there):
                one.there[n] = 1

    def counts(self) -> dict[str, Any]:
        """As a statement has them."""
        every = [one.there for own in self._stretches.values() for one in own]
        return {
            "expected": sum(map(len, every)),
            "received": sum(there.count(1) for there in every),
            "outcomes": {outcome: self.outcomes[outcome] for outcome in OUTCOMES},
        }

    def gaps(self, system: str, causes: Causes) -> tuple[list[dict[str, Any]], int]:
        """Runs that are not there, of many the longest, in order of time; and how many others."""
        found: list[tuple[int, int, str, str, int, int]] = []
        for (check, agent), own in self._stretches.items():
            for one in own:
                at = one.there.find(0)
                while at >= 0:
                    after = one.there.find(1, at)
                    after = len(one.there) if after < 0 else after
                    start = one.first + at * one.every
                    end = min(one.first + after * one.every, one.end)
                    found.append((start, end, check, agent, after - at, one.every))
                    at = one.there.find(0, after)
        found.sort(key=lambda gap: (gap[0] - gap[1], gap[0], gap[2], gap[3]))
        kept = sorted(found[:_MOST_GAPS], key=lambda gap: (gap[0], gap[2], gap[3]))
        listed = [
            {
                "system": system,
                "check": check,
                "agent": agent,
                "start": start,
                "end": end,
                "slots": slots,
                "cause": causes.of(agent, start, end, every),
            }
            for start, end, check, agent, slots, every in kept
        ]
        return listed, len(found) - len(kept)
