"""The numbers of the statement, made anew from the evidence of each system.

What cannot be computed here is said, system
by system, and nothing is claimed of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

from collector.verifyscript.archive import Archive
from collector.verifyscript.asked import Asked, Correction, acts_of, corrections_of, recorded_of
from collector.verifyscript.causes import Causes
from collector.verifyscript.chains import Header
from collector.verifyscript.columns import OUTCOMES, Segment, segment_in
from collector.verifyscript.comparing import differing
from collector.verifyscript.evidence import is_possible, outcomes_of, segments_of
from collector.verifyscript.exclusions import exclusions_of
from collector.verifyscript.maintenance import occurrences
from collector.verifyscript.numbers import (
    Amounts,
    amounts_of,
    percent,
    runs_of,
    terms_at,
    verdict,
    verdicts_of,
)
from collector.verifyscript.recurring import NotKnownHere
from collector.verifyscript.remains import Remains
from collector.verifyscript.rows import Shown
from collector.verifyscript.slots import Slots
from collector.verifyscript.spans import (
    FAR,
    Line,
    Stretch,
    line_of,
    united,
    within,
    without,
)
from collector.verifyscript.states import truth_of
from collector.verifyscript.terms import Source, Terms


class _Gathered:
    """Results that count: of the system's checks, possible, and from the evidence's beginning on."""

    def __init__(self, checks: set[str], asked: Asked) -> None:
        self._checks, self._asked = checks, asked
        self._times: dict[Source, array[int]] = {}
        self._told: dict[Source, bytearray] = {}

    def take(self, header: Header, segment: Segment) -> None:
        outcomes = outcomes_of(header, segment)
        for check, at, outcome in zip(segment.check, segment.at, outcomes):
            t = at + header.offset
            inside = self._asked.since <= t < self._asked.now
            if inside and check in self._checks and is_possible(t, header.received):
                source = (check, header.agent)
                self._times.setdefault(source, array("q")).append(t)
                self._told.setdefault(source, bytearray()).append(OUTCOMES.index(outcome))

    def results(self) -> dict[Source, list[tuple[int, str]]]:
        return {
            source: [(t, OUTCOMES[n]) for t, n in zip(line, self._told[source])]
            for source, line in self._times.items()
        }


class System:
    """One system's numbers: `made` are the statement's fields about it, `shown` counts the runs that
    each batch shows of it. `unknown` is what this script cannot compute of it, if anything.
    """

    def __init__(
        self,
        bundle: Archive,
        name: str,
        asked: Asked,
        rows: Sequence[Shown],
        headers: dict[int, Header],
        remains: list[Remains],
        causes: Causes,
        seen: dict[int, int],
    ) -> None:
        self.name, self.asked = name, asked
        self.recorded = recorded_of(rows, name)
        known = [terms for terms in self.recorded if terms.at < asked.now]
        self.acts = [act for act in acts_of(rows) if act.at < asked.now]
        self.shown: dict[int, int] = {}
        self.unknown: str | None = None
        self.left_out = 0
        self.made: dict[str, Any] = {}
        self.count = 0
        try:
            slots = Slots(self.recorded, asked.start, asked.end)
            results = self._read(bundle, headers, remains, slots)
            self._make(results, slots, causes, known, rows, seen)
        except NotKnownHere as what:
            self.unknown = str(what)

    def _make(
        self,
        results: dict[Source, list[tuple[int, str]]],
        slots: Slots,
        causes: Causes,
        known: list[Terms],
        rows: Sequence[Shown],
        seen: dict[int, int],
    ) -> None:
        name, asked = self.name, self.asked
        self.count = sum(map(len, results.values()))
        self.truth = truth_of(self.recorded, results, asked.now)
        found = occurrences(name, known, self.acts, self.truth.outages, -FAR, asked.end)
        touching = [o for o in found if o.end > asked.start or o.start >= asked.start]
        out = within(united(part for one in found for part in one.parts), asked.start, asked.end)
        self.terms = terms_at(self.truth, self.recorded, asked.end - 1)
        corrections = [c for c in corrections_of(rows, asked.now) if c.system == name]
        judged, good = runs_of(self.truth, asked.start, asked.end, out, self.formula())
        gaps, self.left_out = slots.gaps(name, causes)
        self.made = {
            "results": [
                {
                    "system": name,
                    "formula": self.formula(),
                    **self._numbers(self.truth.line, self.truth.sites, out),
                    "runs": {"judged": judged, "good": good},
                    **slots.counts(),
                    "corrected": self._corrected(corrections, out),
                }
            ],
            "outages": self._outages(),
            "exclusions": exclusions_of(
                name, touching, known, self.acts, rows, seen, self._monitored()
            ),
            "gaps": gaps,
            "states": [{"system": name, "spans": self._states()}],
        }

    def differing(self, said: dict[str, Any]) -> list[str]:
        """The statement's fields about it that are others, by their path."""
        own = {
            field: [one for one in said[field] if one["system"] == self.name] for field in self.made
        }
        return [
            path
            for field, made in self.made.items()
            for path in differing(f"{field}[{self.name}]", made, own[field])
        ]

    def _read(
        self, bundle: Archive, headers: dict[int, Header], remains: list[Remains], slots: Slots
    ) -> dict[Source, list[tuple[int, str]]]:
        """Results by (check, agent), a few bytes each until all are there."""
        checks = {check for terms in self.recorded for check in terms.checks}
        gathered = _Gathered(checks, self.asked)
        for header, segment in segments_of(bundle, self.name, checks, headers):
            self.shown[header.place] = len(segment.at)
            slots.see(header, segment)
            gathered.take(header, segment)
        for one in remains:
            segment = segment_in(one.data, f"{self.name}:{one.header.place}")
            if not one.again:
                slots.see(one.header, segment)
            gathered.take(one.header, segment)
        return gathered.results()

    def formula(self) -> str:
        """By the terms at the period's end."""
        slo = self.terms.system and self.terms.system["slo"]
        return "contract-v1" if slo is None else str(slo["formula"])

    def _numbers(
        self, line: Line, sites: dict[str, Line], out: Sequence[Stretch], *, second: bool = False
    ) -> dict[str, Any]:
        """Figures, milliseconds, coverage and verdicts; each site's too, unless it is the `second`
        number, with corrections.
        """
        slo = self.terms.system and self.terms.system["slo"]
        own = self._amounts(line, out)
        by_site = {site: self._amounts(there, out) for site, there in sorted(sites.items())}
        users = {site: one["users"] for site, one in self.terms.config["sites"].items()}
        sums = {site: one.sums() for site, one in by_site.items()}
        said = (None, None, None) if slo is None else verdicts_of(slo, own.sums(), sums, users)
        made = {
            **self._figures(line, own),
            "verdict": said[0],
            "minimumVerdict": said[1],
            "judgedBy": said[2],
        }
        if second:
            return made
        return {
            **made,
            "sites": [
                {
                    "site": site,
                    **self._figures(sites[site], there),
                    "verdict": None if slo is None else verdict(sums[site], slo["target"]),
                    "minimumVerdict": None if slo is None else verdict(sums[site], slo["minimum"]),
                }
                for site, there in by_site.items()
                if there.not_monitored < self.asked.end - self.asked.start
            ],
            "target": None if slo is None else slo["target"],
            "minimum": None if slo is None else slo["minimum"],
            "scope": None if slo is None else slo["scope"],
        }

    def _amounts(self, line: Line, out: Sequence[Stretch]) -> Amounts:
        return amounts_of(line, self.asked.start, self.asked.end, out, self.formula())

    def _figures(self, line: Line, own: Amounts) -> dict[str, Any]:
        raw, counted = self._amounts(line, []).sums(), own.sums()
        return {
            "figures": {
                "raw": _ratio(raw.up, raw.up + raw.down),
                "afterExclusions": _ratio(counted.up, counted.up + counted.down),
                "worstCase": _ratio(counted.up, counted.eligible),
            },
            "milliseconds": {
                "eligible": own.eligible,
                "up": own.up,
                "degraded": own.degraded,
                "down": own.down,
                "unknown": own.unknown,
                "excluded": own.excluded,
                "notMonitored": own.not_monitored,
            },
            "coverage": percent(counted.up + counted.down, counted.eligible),
        }

    def _corrected(self, found: list[Correction], out: Sequence[Stretch]) -> Any:
        """The second number: what two people agreed on laid over the states; None without that."""
        asked = self.asked
        found = [one for one in found if one.start < asked.end and one.end > asked.start]
        if not found:
            return None
        parts: list[tuple[int, int, str]] = []
        for one in found:  # of two that overlap the one approved last stands
            parts = [
                (left, right, counts)
                for start, end, counts in parts
                for left, right in without([(start, end)], [(one.start, one.end)])
            ]
            parts.append((one.start, one.end, one.counts))
        also = [(start, end) for start, end, counts in parts if counts == "excluded"]
        laid = sorted(part for part in parts if part[2] != "excluded")
        sites = {site: _over(there, laid) for site, there in self.truth.sites.items()}
        numbers = self._numbers(
            _over(self.truth.line, laid), sites, united([*out, *also]), second=True
        )
        return {**numbers, "corrections": [one.id for one in found]}

    def _monitored(self) -> list[Stretch]:
        """Of the period."""
        seen = [(left, right) for left, right, s in self.truth.line if s != "not_monitored"]
        return within(united(seen), self.asked.start, self.asked.end)

    def _outages(self) -> list[dict[str, Any]]:
        return [
            {
                "system": self.name,
                "start": one.start,
                "end": one.end,
                "minMs": one.least,
                "maxMs": one.most,
            }
            for one in self.truth.outages
            if one.start < self.asked.end and (one.end is None or one.end > self.asked.start)
        ]

    def _states(self) -> list[list[Any]]:
        """What the system was, from when it was first monitored."""
        line = self.truth.line
        first = next((n for n, one in enumerate(line) if one[2] != "not_monitored"), len(line))
        return [
            [max(start, self.asked.start), min(end, self.asked.end), state]
            for start, end, state in line[first:]
            if start < self.asked.end and end > self.asked.start
        ]


def _over(line: Line, parts: list[tuple[int, int, str]]) -> Line:
    """What is not monitored stays so."""
    found: list[tuple[int, int, str]] = []
    taken = united((start, end) for start, end, _ in parts)
    for start, end, state in line:
        if state == "not_monitored":
            found.append((start, end, state))
            continue
        found += [(left, right, state) for left, right in without([(start, end)], taken)]
        for left, right, counts in parts:
            found += [(s, e, counts) for s, e in within([(left, right)], start, end)]
    return line_of(sorted(found))


def _ratio(numerator: int, denominator: int) -> dict[str, Any]:
    return {
        "numerator": numerator,
        "denominator": denominator,
        "percent": percent(numerator, denominator),
    }
