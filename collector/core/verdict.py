"""Verdicts against target and minimum by the contract's scope (semantics 3)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from collector.core.amounts import NOTHING, Sums
from probes.config_systems import Slo


@dataclass(frozen=True, slots=True)
class Scopes:
    """The same period seen by every scope a contract may name.

    `sites` holds the monitored sites only, whose `whole` is above 0; `weighted` their sums times `users`.
    """

    organization: Sums
    sites: Mapping[str, Sums]
    weighted: Sums


@dataclass(frozen=True, slots=True)
class Verdicts:
    """`behind` is the number they were judged by, as the document prints it."""

    target: str
    minimum: str
    behind: Mapping[str, Any]


def verdicts(slo: Slo, scopes: Scopes, *, finished: bool) -> Verdicts:
    if slo.scope == "worst_site":
        return _of_worst_site(slo, scopes.sites, finished=finished)
    judged = scopes.weighted if slo.scope == "user_weighted" else scopes.organization
    return Verdicts(
        verdict(judged, slo.target, finished=finished),
        verdict(judged, slo.minimum, finished=finished),
        _behind(slo.scope, judged),
    )


def verdict(judged: Sums, target: str, *, finished: bool) -> str:
    """met, breached, indeterminate or no_data; open or breached while the period lasts."""
    wanted = ratio(target)
    if not finished:
        return "breached" if judged.down > (1 - wanted) * judged.whole else "open"
    if judged.seen == 0:
        return "no_data"
    if judged.up >= wanted * judged.eligible:
        return "met"
    if judged.up + judged.unknown < wanted * judged.eligible:
        return "breached"
    return "indeterminate"


def ratio(target: str) -> Fraction:
    """`"99.95"` -> 1999/2000."""
    return Fraction(target) / 100


def lowest(sites: Mapping[str, Sums]) -> str | None:
    """The site with the lowest `min`, the first by id of equals; None without sites."""
    return min(sites, key=lambda site: (_least(sites[site]), site), default=None)


def _of_worst_site(slo: Slo, sites: Mapping[str, Sums], *, finished: bool) -> Verdicts:
    found = [
        _worst([verdict(j, target, finished=finished) for j in sites.values()], finished=finished)
        for target in (slo.target, slo.minimum)
    ]
    # The number printed is that of a site with the verdict printed.
    telling = {
        s: j for s, j in sites.items() if verdict(j, slo.target, finished=finished) == found[0]
    }
    site = lowest(telling)
    behind = _behind("worst_site", NOTHING if site is None else sites[site])
    return Verdicts(found[0], found[1], {**behind, "site": site})


def _least(judged: Sums) -> Fraction:
    """Order of sites: the lowest `min` first; one without eligible time last."""
    return Fraction(judged.up, judged.eligible) if judged.eligible else Fraction(2)


def _behind(scope: str, judged: Sums) -> dict[str, Any]:
    return {"scope": scope, "known": judged.known, "min": judged.least, "max": judged.most}


def _worst(found: Sequence[str], *, finished: bool) -> str:
    for one in ("breached", "no_data", "indeterminate", "open"):
        if one in found:
            return one
    if found:
        return "met"
    return "no_data" if finished else "open"
