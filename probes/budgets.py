"""What one agent may still ask of each target, whichever of its checks asks. Pure.

A bucket of tokens for each target (RFC 2697's idea, kept as one instant: when it is full again), the
time until which a target wants to be left alone, and the checks that must not ask at all any more.
All of it is lost with the process.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import NamedTuple

from probes.clock import NS_PER_MS
from probes.reasons import Reason

Target = tuple[str, int]
"""(host, port)."""


class Budget(NamedTuple):
    """So many requests at once at most, and so many per time (ms) on average."""

    requests: int
    per_ms: int


class Demand(NamedTuple):
    """What one run of a check asks of a target, and the budget it names: `written` in its spec, or
    its profile's.
    """

    target: Target
    requests: int
    budget: Budget | None
    written: bool = False


class Budgets:
    """One for each agent. Instants are monotonic nanoseconds."""

    def __init__(self) -> None:
        self._agreed: dict[Target, Budget] = {}
        self._full: dict[Target, int] = {}
        self._quiet: dict[Target, int] = {}
        self.stopped: dict[str, Reason] = {}
        """Specs whose checks ask nothing any more, and why."""
        self.exports_left: set[str] = set()
        """Specs whose checks begin no export any more."""

    def agree(self, demands: Iterable[Demand]) -> None:
        """All checks that run from now on: what one of them names holds for all of its target."""
        by_target: dict[Target, list[Demand]] = {}
        for demand in demands:
            by_target.setdefault(demand.target, []).append(demand)
        found = {target: agreed(mine) for target, mine in by_target.items()}
        self._agreed = {target: budget for target, budget in found.items() if budget is not None}

    def take(self, target: Target, own: Budget | None, requests: int, now_ns: int) -> bool:
        """All of them or none: a run that cannot be finished is not begun. `own`: what the check
        names, where nothing is agreed.
        """
        budget = self._agreed.get(target, own)
        if budget is None:
            return True
        each_ns = budget.per_ms * NS_PER_MS // budget.requests
        full = max(self._full.get(target, now_ns), now_ns) + requests * each_ns
        if full - now_ns > budget.requests * each_ns:
            return False
        self._full[target] = full
        return True

    def quiet(self, target: Target, until_ns: int) -> None:
        """It said when to come again (429, 425): nobody asks before."""
        self._quiet[target] = max(until_ns, self._quiet.get(target, until_ns))

    def waits(self, target: Target, now_ns: int) -> bool:
        """Is it to be left alone now?"""
        return self._quiet.get(target, now_ns) > now_ns


def agreed(demands: Iterable[Demand]) -> Budget | None:
    """What checks of one target keep together: the strictest that is written, else of profiles."""
    named = [demand for demand in demands if demand.budget is not None]
    written = [demand for demand in named if demand.written] or named
    budgets = [demand.budget for demand in written if demand.budget is not None]
    return min(budgets, key=lambda b: (Fraction(b.requests, b.per_ms), b.requests), default=None)


def asked_per(per_ms: int, demands: Iterable[tuple[Demand, int]]) -> Fraction:
    """Requests in so long, of checks with their `every` in ms each."""
    return sum((Fraction(demand.requests * per_ms, every) for demand, every in demands), Fraction())
