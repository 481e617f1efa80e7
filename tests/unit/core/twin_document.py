"""The replay document once more, from the text alone: section 3 over the units of the twin."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from tests.unit.core.twin import UNIT
from tests.unit.core.twin_hospital import File, Recorded, Scene, TwinSystem, agents_of
from tests.unit.core.twin_number import Number, cut_off, month_ms, three
from tests.unit.core.twin_windows import Occurrence, occurrences

MINUTE = 60_000
BURN = (
    ("page", 60, 5, Fraction(2, 100)),
    ("page", 6 * 60, 30, Fraction(5, 100)),
    ("ticket", 24 * 60, 2 * 60, Fraction(10, 100)),
    ("ticket", 72 * 60, 6 * 60, Fraction(10, 100)),
)
WORST = ("breached", "no_data", "indeterminate", "open", "met")


class TwinNumbers:
    """One system's entry of the document."""

    def __init__(self, name: str, scene: Scene) -> None:
        self.scene = scene
        self.system = TwinSystem(name, scene)
        self.windows = occurrences(self.system, scene)
        self.out = {x for one in self.windows for x in one.out}
        self.terms = self._terms()
        self.slo = self.terms["systems"].get(name, {}).get("slo")
        self.formula = (self.slo or {}).get("formula", "contract-v1")
        self.finished = scene.now >= scene.end

    def document(self) -> dict[str, Any]:
        scene, slo = self.scene, self.slo
        own, sites = self._scopes()
        found = {
            **self._amounts(self.system.states, self.out),
            "formula": self.formula,
            "raw": self._amounts(self.system.states, set()),
            "sites": {site: self._amounts(self._line(site), self.out) for site in self._places()},
            "worst_site": None,
            "user_weighted": None,
            "runs": self._runs(),
            "target": None if slo is None else slo["target"],
            "minimum": None if slo is None else slo.get("minimum", "99.5"),
            "verdict": None,
            "minimum_verdict": None,
            "judged_by": None,
            "provisional": scene.now < scene.end + 72 * 60 * MINUTE // UNIT,
            "budget": None,
            "burn": None,
            "outages": self._outages(),
            "blips": sum(
                scene.start <= t < scene.end and self._state(t) != "not_monitored"
                for t in self.system.blips()
            ),
        }
        if sites:
            worst = min(sites, key=lambda site: (sites[site].badness, site))
            found["worst_site"] = {"site": worst, **sites[worst].shown()}
        weighted = self._weighted(sites)
        if weighted.whole:
            found["user_weighted"] = weighted.shown()
        if slo is None:
            return found
        scope = slo.get("scope", "organization")
        if scope == "worst_site":
            judged = self._worst(sites)
            spent = min(
                sites, key=lambda s: (-Fraction(sites[s].down, sites[s].whole), s), default=None
            )
            budget = self._budget(scope, spent, sites.get(spent or "", Number()))
        else:
            number = weighted if scope == "user_weighted" else own
            judged = {
                "verdict": number.verdict(slo["target"], finished=self.finished),
                "minimum_verdict": number.verdict(found["minimum"], finished=self.finished),
                "judged_by": {"scope": scope, **three(number)},
            }
            budget = self._budget(scope, None, number)
        return {**found, **judged, "budget": budget, "burn": self._burn(scope)}

    def _state(self, x: int) -> str:
        return self.system.states[x] if 0 <= x < self.system.now else "not_monitored"

    def _line(self, site: str) -> Sequence[str]:
        return self.system.sites.get(site, ["not_monitored"] * self.system.now)

    def _terms(self) -> File:
        """The version in force for the system at the last instant known of the period, else the
        last it had, else the first it has.
        """
        name, last = self.system.name, min(self.scene.end, self.scene.now) - 1
        in_force = self.system.in_force
        if not in_force and self.scene.known and name in self.scene.known[-1].file["systems"]:
            return self.scene.known[-1].file
        knowing = [(x, f) for x, f in enumerate(in_force) if f is not None and name in f["systems"]]
        past = [file for x, file in knowing if x <= last]
        if past or knowing:
            return past[-1] if past else knowing[0][1]
        return next(v.file for v in self.scene.versions if name in v.file["systems"])

    def _places(self) -> list[str]:
        seen = [f for f in self.system.in_force if f is not None]
        ever = {
            site
            for x, file in enumerate(self.system.in_force)
            if file is not None and self._state(x) != "not_monitored"
            for site in file["sites"]
        }
        return (
            [*self.terms["sites"], *sorted(ever - set(self.terms["sites"]))]
            if seen
            else list(self.terms["sites"])
        )

    def _classes(self, states: Sequence[str], out: set[int], first: int, last: int) -> list[str]:
        return [
            "not_monitored"
            if not 0 <= x < self.system.now or states[x] == "not_monitored"
            else "excluded"
            if x in out
            else states[x]
            for x in range(first, last)
        ]

    def _number(
        self, states: Sequence[str], first: int, last: int, *, site: str | None, whole: bool
    ) -> Number:
        of = self._classes(states, self.out, first, last)
        kept = of.count("excluded") if self.formula == "whole-period-v1" else 0
        up, down, unknown = (
            of.count("up") + of.count("degraded"),
            of.count("down"),
            of.count("unknown"),
        )
        to_come = sum(
            self.system.future(x, site) and (self.formula == "whole-period-v1" or x not in self.out)
            for x in range(max(first, self.scene.now), last)
            if whole
        )
        return Number(
            (up + kept) * UNIT,
            down * UNIT,
            unknown * UNIT,
            (up + down) * UNIT,
            (up + kept + down + unknown + to_come) * UNIT,
        )

    def _amounts(self, states: Sequence[str], out: set[int]) -> dict[str, Any]:
        of = self._classes(states, out, self.scene.start, self.scene.end)
        ms = {name: of.count(name) * UNIT for name in ("up", "degraded", "down", "unknown")}
        excluded = of.count("excluded") * UNIT
        kept = excluded if self.formula == "whole-period-v1" else 0
        number = Number(ms["up"] + ms["degraded"] + kept, ms["down"], ms["unknown"])
        return {
            "eligible_ms": number.eligible,
            **{f"{name}_ms": value for name, value in ms.items()},
            "excluded_ms": excluded,
            "not_monitored_ms": of.count("not_monitored") * UNIT,
            **number.shown(),
        }

    def _scopes(self) -> tuple[Number, dict[str, Number]]:
        """The organization's, and those of the sites with eligible time in the whole period."""
        first, last = self.scene.start, self.scene.end
        own = self._number(self.system.states, first, last, site=None, whole=True)
        sites = {
            site: self._number(self._line(site), first, last, site=site, whole=True)
            for site in self._places()
        }
        return own, {site: one for site, one in sites.items() if one.whole}

    def _users(self, site: str) -> int:
        return int(self.terms["sites"].get(site, {}).get("users", 0))

    def _weighted(self, sites: Mapping[str, Number]) -> Number:
        def added(of: Callable[[Number], int]) -> int:
            return sum(of(one) * self._users(site) for site, one in sites.items())

        return Number(
            added(lambda n: n.up),
            added(lambda n: n.down),
            added(lambda n: n.unknown),
            added(lambda n: n.seen),
            added(lambda n: n.whole),
        )

    def _worst(self, sites: Mapping[str, Number]) -> dict[str, Any]:
        assert self.slo is not None
        found = {}
        for key, target in (
            ("verdict", self.slo["target"]),
            ("minimum_verdict", self.slo.get("minimum", "99.5")),
        ):
            each = [one.verdict(target, finished=self.finished) for one in sites.values()]
            nothing = "no_data" if self.finished else "open"
            found[key] = min(each, key=WORST.index, default=nothing)
        with_it = [
            site
            for site, one in sites.items()
            if one.verdict(self.slo["target"], finished=self.finished) == found["verdict"]
        ]
        site = min(with_it, key=lambda s: (sites[s].badness, s), default=None)
        number = sites[site] if site is not None else Number()
        return {**found, "judged_by": {"scope": "worst_site", "site": site, **three(number)}}

    def _budget(self, scope: str, site: str | None, number: Number) -> dict[str, Any]:
        assert self.slo is not None
        allowed = 1 - Fraction(self.slo["target"]) / 100
        total = allowed * number.whole
        whole = total.numerator // total.denominator
        gone = allowed * number.eligible
        return {
            "scope": scope,
            "site": site,
            "unit": "user_ms" if scope == "user_weighted" else "ms",
            "total": whole,
            "spent": number.down,
            "remaining": whole - number.down,
            "pace": cut_off(number.down / gone if gone else None),
        }

    def _burn(self, scope: str) -> list[dict[str, Any]]:
        edge = min(self.scene.end, self.scene.now)
        zone = ZoneInfo(self.terms["organization"]["timezone"])
        month = month_ms(self.scene.zero + edge * UNIT - 1, zone)
        ever = [s for s in self._places() if set(self._line(s)) - {"not_monitored"}]
        return [self._row(row, scope, edge, month, sorted(ever)) for row in BURN]

    def _row(
        self,
        row: tuple[str, int, int, Fraction],
        scope: str,
        edge: int,
        month: int,
        ever: Sequence[str],
    ) -> dict[str, Any]:
        assert self.slo is not None
        severity, long, short, spent = row
        factor = spent * month / (long * MINUTE)
        threshold = 100 * factor * (1 - Fraction(self.slo["target"]) / 100)

        def errors(minutes: int, places: Sequence[str | None]) -> Fraction | None:
            """Of a window a unit does not divide, the part of its first unit counts as it is."""
            up = down = seen = Fraction(0)
            length = Fraction(minutes * MINUTE, UNIT)
            whole = length.numerator // length.denominator
            for place in places:
                states = self.system.states if place is None else self._line(place)
                weight = self._users(place) if scope == "user_weighted" and place else 1
                first = edge - whole - 1
                kept = {"up", "degraded"}
                kept |= {"excluded"} if self.formula == "whole-period-v1" else set()
                # Before unit 0 nothing is monitored.
                of = self._classes(states, self.out, max(first, 0), edge)
                for x, klass in enumerate(of, max(first, 0)):
                    part = weight * (length - whole if x == first else 1)
                    up += part * (klass in kept)
                    down += part * (klass == "down")
                    seen += part * (klass in ("up", "degraded", "down"))
            return down / (up + down) if seen else None

        def shown(site: str | None, places: Sequence[str | None]) -> dict[str, Any]:
            pair = [errors(minutes, places) for minutes in (long, short)]
            firing = all(r is not None and 100 * r > threshold for r in pair)
            return {
                "order": (not firing, *(Fraction(1) if r is None else -r for r in pair)),
                "long": cut_off(None if pair[0] is None else 100 * pair[0]),
                "short": cut_off(None if pair[1] is None else 100 * pair[1]),
                "site": site,
                "firing": firing,
            }

        if scope == "worst_site":
            each = [shown(site, [site]) for site in ever] or [shown(None, [])]
        else:
            each = [shown(None, ever if scope == "user_weighted" else [None])]
        found = min(each, key=lambda one: one["order"])
        del found["order"]
        return {
            "severity": severity,
            "long_ms": long * MINUTE,
            "short_ms": short * MINUTE,
            "factor": cut_off(factor),
            "threshold": cut_off(threshold),
            **found,
        }

    def _runs(self) -> dict[str, int]:
        inside = [
            good
            for t, good in self.system.judged()
            if self.scene.start <= t < min(self.scene.end, self.scene.now)
            and self._state(t) != "not_monitored"
            and (self.formula == "whole-period-v1" or t not in self.out)
        ]
        return {"judged": len(inside), "good": sum(inside)}

    def _outages(self) -> list[dict[str, Any]]:
        found = []
        for start, end in self.system.outages:
            if start >= self.scene.end or (end is not None and end <= self.scene.start):
                continue
            low, high = (None, None) if end is None else self.system.uncertainty(start, end)
            found.append(
                {
                    "start": self.scene.text(start),
                    "end": None if end is None else self.scene.text(end),
                    "min_ms": None if low is None else low * UNIT,
                    "max_ms": None if high is None else high * UNIT,
                }
            )
        return found


def document(scene: Scene) -> dict[str, Any]:
    """All of the replay contract but incidents."""
    names = dict.fromkeys(name for v in scene.versions for name in v.file["systems"])
    numbers = {name: TwinNumbers(name, scene) for name in names}
    formulas = {one.formula for one in numbers.values()}
    assigned = [r for r in scene.results if _is_assigned(scene.versions, r)]
    by_place: dict[tuple[str, str, str], set[str]] = {}
    for one in assigned:
        if scene.unit(one["at"], "UTC") < scene.now:
            place = (one["check"], one["agent"], one["at"])
            by_place.setdefault(place, set()).add(one["outcome"])
    return {
        "period": {
            "start": scene.text(scene.start),
            "end": scene.text(scene.end),
            "now": scene.text(scene.now),
            "finished": scene.now >= scene.end,
        },
        "formula": formulas.pop() if len(formulas) == 1 else "mixed",
        "systems": {name: one.document() for name, one in numbers.items()},
        "maintenance": _maintenance(scene, numbers.values()),
        "approval_basis": "claimed",
        "conflicts": sum(len(outcomes) > 1 for outcomes in by_place.values()),
        "ignored": len(scene.results) - len(assigned),
    }


def _is_assigned(versions: Sequence[Recorded], result: Mapping[str, Any]) -> bool:
    source = (result["check"], result["agent"])
    return any(
        source[0] in v.file["checks"] and source[1] in agents_of(v.file, source[0])
        for v in versions
    )


def _maintenance(scene: Scene, numbers: Any) -> list[dict[str, Any]]:
    found: dict[tuple[int, str], list[Occurrence]] = {}
    for number in numbers:
        for one in number.windows:
            overlaps = one.start < scene.end and one.end > scene.start
            if overlaps or scene.start <= one.start < scene.end:
                found.setdefault((one.start, one.id), []).append(one)
    return [
        {
            "id": name,
            "start": scene.text(start),
            "end": scene.text(each[-1].end),
            "excludes": any(one.out for one in each),
            "why": next((one.why for one in each if one.why is not None), None),
        }
        for (start, name), each in sorted(found.items())
    ]
