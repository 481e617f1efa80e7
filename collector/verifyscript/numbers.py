"""Availability over a period: milliseconds, exact ratios, verdicts (semantics 3).

The period is over when it is attested, so a verdict is met, breached, indeterminate or no_data.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from collector.verifyscript.spans import Line, Stretch, lengths, within, without
from collector.verifyscript.states import Truth
from collector.verifyscript.terms import Terms
from collector.verifyscript.voices import GOOD


class Amounts(NamedTuple):
    """Milliseconds of a period. `eligible` follows the formula."""

    eligible: int
    up: int
    degraded: int
    down: int
    unknown: int
    excluded: int
    not_monitored: int

    def sums(self) -> Sums:
        numerator = self.eligible - self.down - self.unknown
        seen = self.up + self.degraded + self.down
        return Sums(numerator, self.down, self.unknown, self.eligible, seen)


class Sums(NamedTuple):
    """U, D, K, E of a scope, and judged time outside windows; milliseconds, or those times users."""

    up: int
    down: int
    unknown: int
    eligible: int
    seen: int

    def times(self, weight: int) -> Sums:
        return Sums(*(weight * value for value in self))

    def plus(self, other: Sums) -> Sums:
        return Sums(*(one + two for one, two in zip(self, other)))


NO_SUMS = Sums(0, 0, 0, 0, 0)


def percent(numerator: int, denominator: int) -> str | None:
    """Four decimals, cut off and never rounded; None where there is nothing to divide by."""
    if denominator == 0:
        return None
    whole = 100 * numerator * 10_000 // denominator
    return f"{whole // 10_000}.{whole % 10_000:04d}"


def amounts_of(line: Line, start: int, end: int, out: Sequence[Stretch], formula: str) -> Amounts:
    """Of [start, end); `out` is united. What the line does not speak of is not monitored."""
    whole = lengths(line, [(start, end)])
    left = lengths(line, without([(start, end)], out))
    monitored = sum(whole.values()) - whole["not_monitored"]
    excluded = monitored - (sum(left.values()) - left["not_monitored"])
    return Amounts(
        monitored if formula == "whole-period-v1" else monitored - excluded,
        left["up"],
        left["degraded"],
        left["down"],
        left["unknown"],
        excluded,
        end - start - monitored,
    )


def runs_of(
    truth: Truth, start: int, end: int, out: Sequence[Stretch], formula: str
) -> tuple[int, int]:
    """(judged, good): of the results in eligible time."""
    seen = [(left, right) for left, right, state in truth.line if state != "not_monitored"]
    eligible = within(seen, start, end)
    if formula == "contract-v1":
        eligible = without(eligible, out)
    judged = good = 0
    for voice in truth.voices.values():
        place = 0
        for one in voice.heard:
            while place < len(eligible) and eligible[place][1] <= one.t:
                place += 1
            if place < len(eligible) and eligible[place][0] <= one.t:
                judged += one.outcome != "misconfigured"
                good += one.outcome in GOOD
    return judged, good


def terms_at(truth: Truth, recorded: Sequence[Terms], t: int) -> Terms:
    """The version in force for the system at `t`, or the one it had last or has first."""
    knowing = [one for one in truth.versions if one.terms.system is not None]
    past = [one.terms for one in knowing if one.start <= t]
    later = [terms for terms in recorded if terms.system is not None]
    return [*past[-1:], *(one.terms for one in knowing), *later, recorded[-1]][0]


def verdict(judged: Sums, target: str) -> str:
    wanted = Fraction(target) / 100
    if judged.seen == 0:
        return "no_data"
    if judged.up >= wanted * judged.eligible:
        return "met"
    if judged.up + judged.unknown < wanted * judged.eligible:
        return "breached"
    return "indeterminate"


def verdicts_of(
    slo: Mapping[str, Any], own: Sums, sites: Mapping[str, Sums], users: Mapping[str, int]
) -> tuple[str, str, dict[str, Any]]:
    """Against the target and against the minimum, by the contract's scope, and the number they are
    judged by.
    """
    targets = (slo["target"], slo["minimum"])
    if slo["scope"] == "worst_site":
        return _of_worst_site(targets, {s: sums for s, sums in sites.items() if sums.eligible})
    judged = own
    if slo["scope"] == "user_weighted":
        judged = NO_SUMS
        for site, sums in sites.items():
            judged = judged.plus(sums.times(users.get(site) or 0))
    by = judged_by(slo["scope"], judged)
    return verdict(judged, targets[0]), verdict(judged, targets[1]), by


def judged_by(scope: str, judged: Sums, site: str | None = None) -> dict[str, Any]:
    """As the statement has it."""
    seen = judged.up + judged.down
    return {
        "scope": scope,
        "site": site,
        "known": percent(judged.up, seen),
        "min": percent(judged.up, judged.eligible) if seen else None,
        "max": percent(judged.up + judged.unknown, judged.eligible) if seen else None,
    }


def _of_worst_site(
    targets: tuple[str, str], sites: Mapping[str, Sums]
) -> tuple[str, str, dict[str, Any]]:
    """The number is that of the site that fared worst of those with the verdict."""
    found = _worst([*sites.values()], targets[0])
    telling = [site for site, sums in sites.items() if verdict(sums, targets[0]) == found]
    site = min(telling, key=lambda s: (Fraction(sites[s].up, sites[s].eligible), s), default=None)
    by = judged_by("worst_site", NO_SUMS if site is None else sites[site], site)
    return found, _worst([*sites.values()], targets[1]), by


def _worst(sites: Sequence[Sums], target: str) -> str:
    found = [verdict(sums, target) for sums in sites]
    for one in ("breached", "no_data", "indeterminate"):
        if one in found:
            return one
    return "met" if found else "no_data"
