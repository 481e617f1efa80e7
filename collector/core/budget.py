"""The error budget of a period: how much down time the target leaves, and how it goes (semantics 3).

Only the contract's target has one. `spent` counts confirmed down time outside windows, as the
verdict does; unknown time spends nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from collector.core.amounts import NOTHING, Sums
from collector.core.verdict import Scopes, ratio
from probes.config_systems import Slo


@dataclass(frozen=True, slots=True)
class Budget:
    """`total` is truncated, `remaining` negative once more is spent than there was.

    Milliseconds; milliseconds times users where the contract is `user_weighted`. `pace` is the
    share of the budget spent by the share of eligible time gone: 1 spends it by the end; None
    where nothing is gone yet, or where the target leaves no budget.
    """

    scope: str
    site: str | None
    total: int
    spent: int
    remaining: int
    pace: Fraction | None


def budget(slo: Slo, scopes: Scopes) -> Budget:
    """By the contract's scope; `worst_site` is the site that has spent the largest share."""
    if slo.scope == "worst_site":
        site = _most_spent(scopes)
        judged = NOTHING if site is None else scopes.sites[site]
        return _budget(slo, judged, site)
    judged = scopes.weighted if slo.scope == "user_weighted" else scopes.organization
    return _budget(slo, judged, None)


def _budget(slo: Slo, judged: Sums, site: str | None) -> Budget:
    exact = (1 - ratio(slo.target)) * judged.whole
    total = exact.numerator // exact.denominator
    gone = (1 - ratio(slo.target)) * judged.eligible
    return Budget(
        scope=slo.scope,
        site=site,
        total=total,
        spent=judged.down,
        remaining=total - judged.down,
        # (D / total) / (E / E_whole), and total is (1 - target) * E_whole
        pace=judged.down / gone if gone else None,
    )


def _most_spent(scopes: Scopes) -> str | None:
    """All sites have the same target, so the share of down time in the whole period decides."""
    return min(
        scopes.sites, key=lambda site: (-_share_down(scopes.sites[site]), site), default=None
    )


def _share_down(judged: Sums) -> Fraction:
    return Fraction(judged.down, judged.whole)
