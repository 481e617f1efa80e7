"""The numbers of the statement, made anew from the evidence of each system.

The edge of knowledge is 72 hours after the period's end. What cannot be computed here is said, system
by system, and nothing is claimed of it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from collector.verifyscript.archive import Archive
from collector.verifyscript.chains import Header
from collector.verifyscript.columns import OUTCOMES
from collector.verifyscript.evidence import is_possible, outcomes_of, segments_of
from collector.verifyscript.failing import Failure
from collector.verifyscript.maintenance import Act, Occurrence, digest_of, occurrences, plans_of
from collector.verifyscript.numbers import (
    Amounts,
    amounts_of,
    percent,
    runs_of,
    terms_at,
    verdicts_of,
)
from collector.verifyscript.recurring import NotKnownHere, datetime_in
from collector.verifyscript.rows import Shown
from collector.verifyscript.slots import Slots
from collector.verifyscript.spans import (
    DAY_MS,
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

CLOSED_MS = 72 * 3_600_000
_LONGEST_MS = 800 * 86_400_000
_LAST_MS = 7_258_118_400_000
"""The year 2200."""


class Asked(NamedTuple):
    """[start, end) in UTC ms; evidence counts from `since` on."""

    start: int
    end: int
    since: int

    @property
    def now(self) -> int:
        return self.end + CLOSED_MS


class Correction(NamedTuple):
    """Two people agreed to count [start, end) as `counts`: up, down or excluded."""

    id: str
    system: str
    start: int
    end: int
    counts: str
    at: int


def asked_in(predicate: dict[str, Any]) -> Asked:
    """Failure for a statement that does not say which period, and for one that nobody attests."""
    try:
        period = predicate["period"]
        values = [period[name] for name in ("start", "end", "evidenceFrom", "now")]
        computed = predicate["computedAt"]
    except (KeyError, TypeError):
        raise Failure("statement.malformed", "period") from None
    if not all(type(value) is int and 0 <= value < 1 << 53 for value in (*values, computed)):
        raise Failure("statement.malformed", "period")
    asked = Asked(values[0], values[1], values[2])
    if not asked.since + DAY_MS <= asked.start < asked.end or asked.since % DAY_MS:
        raise Failure("statement.malformed", "period")
    if values[3] != asked.now:
        raise Failure("statement.malformed", "period")
    if asked.end - asked.since > _LONGEST_MS or asked.end > _LAST_MS:
        raise Failure("figures.asked", "period")
    return asked


def recorded_of(rows: Sequence[Shown], system: str) -> list[Terms]:
    """Every version as it is for a system; one that does not show the system has it not."""
    versions = [row for row in rows if row.kind == "config.version"]
    known = next((row.parts[system] for row in versions if system in row.parts), None)
    if known is None:
        raise Failure("rows.config", system)
    try:
        absent = {**known, "systems": {}, "checks": {}, "maintenance": []}
        found = [Terms(system, row.recorded_at, row.parts.get(system, absent)) for row in versions]
    except (KeyError, TypeError, AttributeError):
        raise Failure("rows.config", system) from None
    if not all(terms.system is not None or terms.config is absent for terms in found):
        raise Failure("rows.config", system)
    return found


def acts_of(rows: Iterable[Shown]) -> list[Act]:
    """What people did about windows beside the file, in the order of the log."""
    found: list[Act] = []
    for row in rows:
        topic, _, kind = row.kind.partition(".")
        if topic != "window":
            continue
        try:
            content = None
            digest = row.data.get("digest")
            if kind == "proposed":
                content = _normal(row.data["window"])
                digest = digest_of(content)
            at = max(row.at, row.recorded_at)
            found.append(Act(kind, row.data["id"], row.data["by"], at, digest, content, row.id))
        except (KeyError, TypeError, AttributeError, ValueError):
            raise Failure("rows.act", "row %d" % row.id) from None
    return found


def _normal(window: Any) -> Any:
    """With every key that a content has, its instants readable."""
    whole = {"rrule": None, "exdate": [], "expect_down": None, **window}
    for text in (whole["start"], whole["end"], *whole["exdate"]):
        datetime_in(text)
    return whole


def corrections_of(rows: Iterable[Shown], now: int) -> list[Correction]:
    """What two people had agreed on before `now`, in the order of the approvals."""
    asked: dict[str, tuple[Correction, str]] = {}
    found: list[Correction] = []
    for row in rows:
        at = max(row.at, row.recorded_at)
        if row.kind not in ("correction.requested", "correction.approved") or at >= now:
            continue
        try:
            data, name = row.data, row.data["id"]
            if row.kind == "correction.requested":
                one = Correction(name, data["system"], data["from"], data["to"], data["as"], at)
                asked[name] = (one, data["by"])
            elif asked[name][1] != data["by"]:
                found.append(asked[name][0]._replace(at=at))
        except (KeyError, TypeError):
            raise Failure("rows.act", "row %d" % row.id) from None
    return sorted(found, key=lambda one: one.at)


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
        seen: dict[int, int],
    ) -> None:
        self.name, self.asked = name, asked
        self.recorded = recorded_of(rows, name)
        known = [terms for terms in self.recorded if terms.at < asked.now]
        self.acts = [act for act in acts_of(rows) if act.at < asked.now]
        self.shown: dict[int, int] = {}
        self.unknown: str | None = None
        self.made: dict[str, Any] = {}
        self.count = 0
        try:
            slots = Slots(self.recorded, asked.start, asked.end)
            results = self._read(bundle, headers, slots)
            self._make(results, slots, known, rows, seen)
        except NotKnownHere as what:
            self.unknown = str(what)

    def _make(
        self,
        results: dict[Source, list[tuple[int, str]]],
        slots: Slots,
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
        judged, good = runs_of(self.truth, asked.start, asked.end, out, self._formula())
        self.made = {
            "results": [
                {
                    "system": name,
                    **self._numbers(self.truth.line, self.truth.sites, out),
                    "runs": {"judged": judged, "good": good},
                    **slots.counts(),
                    "corrected": self._corrected(corrections, out),
                }
            ],
            "outages": self._outages(),
            "exclusions": [self._exclusion(one, known, rows, seen) for one in touching],
            "gaps": slots.gaps(),
            "states": [{"system": name, "spans": self._states()}],
        }

    def differing(self, said: dict[str, Any]) -> list[str]:
        """The statement's fields about it that are others, by their path."""
        own = {
            field: [one for one in said[field] if one["system"] == self.name] for field in self.made
        }
        gaps = ("start", "end", "check", "agent", "slots")
        own["gaps"] = [tuple(one[n] for n in gaps) for one in own["gaps"]]
        return [
            path
            for field, made in self.made.items()
            for path in differing(f"{field}[{self.name}]", made, own[field])
        ]

    def _read(
        self, bundle: Archive, headers: dict[int, Header], slots: Slots
    ) -> dict[Source, list[tuple[int, str]]]:
        """Results by (check, agent), a few bytes each until all are there."""
        checks = {check for terms in self.recorded for check in terms.checks}
        asked = self.asked
        times: dict[Source, array[int]] = {}
        told: dict[Source, bytearray] = {}
        for header, segment in segments_of(bundle, self.name, checks, headers):
            self.shown[header.place] = len(segment.at)
            slots.see(header, segment)
            outcomes = outcomes_of(header, segment)
            for check, at, outcome in zip(segment.check, segment.at, outcomes):
                t = at + header.offset
                if asked.since <= t < asked.now and is_possible(t, header.received):
                    source = (check, header.agent)
                    times.setdefault(source, array("q")).append(t)
                    told.setdefault(source, bytearray()).append(OUTCOMES.index(outcome))
        return {
            source: [(t, OUTCOMES[n]) for t, n in zip(line, told[source])]
            for source, line in times.items()
            if source[0] in checks
        }

    def _formula(self) -> str:
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
        verdicts = (None, None) if slo is None else verdicts_of(slo, own.sums(), sums, users)
        made = {
            **self._figures(line, own),
            "verdict": verdicts[0],
            "minimumVerdict": verdicts[1],
        }
        if second:
            return made
        return {
            **made,
            "sites": [
                {"site": site, **self._figures(sites[site], there)}
                for site, there in by_site.items()
                if there.not_monitored < self.asked.end - self.asked.start
            ],
            "target": None if slo is None else slo["target"],
            "minimum": None if slo is None else slo["minimum"],
            "scope": None if slo is None else slo["scope"],
        }

    def _amounts(self, line: Line, out: Sequence[Stretch]) -> Amounts:
        return amounts_of(line, self.asked.start, self.asked.end, out, self._formula())

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

    def _exclusion(
        self, one: Occurrence, known: list[Terms], rows: Sequence[Shown], seen: dict[int, int]
    ) -> dict[str, Any]:
        """With who approved it, in which row, and when witnesses had seen that row."""
        plans = [
            plan
            for plan in plans_of(known, self.acts)
            if plan.window["id"] == one.window and self.name in plan.window["systems"]
        ]
        acting = [plan for plan in plans if plan.start <= one.start < plan.end]
        plan = (acting[:1] or plans[-1:])[0]
        approval = plan.approval()
        row = None if approval is None else self._approving(plan.window, approval, rows)
        index = next((r.place for r in rows if r.id == row), None)
        witnessed = None if index is None else seen.get(index)
        monitored = [(left, right) for left, right, s in self.truth.line if s != "not_monitored"]
        inside = within(united(monitored), self.asked.start, self.asked.end)
        applied = sum(e - s for s, e in one.parts) - sum(
            e - s for s, e in without(one.parts, inside)
        )
        return {
            "window": one.window,
            "system": self.name,
            "start": one.start,
            "end": one.end,
            "excludes": bool(one.parts),
            "why": one.why,
            "proposedBy": plan.proposer,
            "approvedBy": None if approval is None else approval[1],
            "approvedAt": None if approval is None else approval[0],
            "row": row,
            "logIndex": index,
            "preRegistered": None if witnessed is None else witnessed < one.start,
            "witnessedAt": witnessed,
            "appliedMs": applied,
        }

    def _approving(
        self, window: Any, approval: tuple[int, str], rows: Sequence[Shown]
    ) -> int | None:
        """The row of the act, or of the first version with the approval in its file."""
        own = digest_of(window)
        for act in self.acts:
            said = (act.kind, act.window, act.digest, act.at, act.by)
            if said == ("approved", window["id"], own, *approval):
                return act.row
        for row in rows:
            for one in row.parts.get(self.name, {}).get("maintenance", ()):
                by = None if one["approval"] is None else one["approval"]["by"]
                if (one["id"], by) == (window["id"], approval[1]) and digest_of(one) == own:
                    return row.id
        return None


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


def differing(field: str, made: Any, said: Any) -> list[str]:
    """The fields, by their path, in which two values differ."""
    if isinstance(made, dict) and isinstance(said, dict) and set(made) == set(said):
        return [p for n in sorted(made) for p in differing("%s.%s" % (field, n), made[n], said[n])]
    if isinstance(made, list) and isinstance(said, list) and len(made) == len(said):
        return [
            path
            for n, (one, two) in enumerate(zip(made, said))
            for path in differing("%s[%d]" % (field, n), one, two)
        ]
    same = type(made) is type(said) and made == said
    return [] if same else [field]
