"""Budgets of targets that the schedule of the file cannot keep, and such that contradict each other.

Every agent has a budget of its own, so what counts is the agent whose checks ask most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction

from probes import times
from probes.budgets import Budget, Demand, Target, agreed, asked_per
from probes.configchecks import attempt, section
from probes.yamlfile import Document, Path, Problem

Asking = Mapping[str, tuple[Demand, int]]
"""By check: what a run asks, and how often in milliseconds."""


def budget_problems(document: Document, demands: Mapping[str, Demand]) -> Iterator[Problem]:
    """`demands` by check."""
    checks = section(document, "checks")
    targets: dict[Target, dict[str, tuple[Demand, int]]] = {}
    for name, demand in demands.items():
        every = attempt(times.parse_duration, checks[name].get("every"))
        if every:
            targets.setdefault(demand.target, {})[name] = (demand, every)
    for asking in targets.values():
        written = {name: demand.budget for name, (demand, _) in asking.items() if demand.written}
        first = next(iter(written), "")
        others = [name for name, budget in written.items() if budget != written[first]]
        for name in others:
            message = (
                f"checks of one target share its budget: write the same as {first}, or leave it out"
            )
            yield document.problem(_place(document, name), message)
        if not others:
            yield from _beyond(document, asking)


def _beyond(document: Document, asking: Asking) -> Iterator[Problem]:
    checks = section(document, "checks")
    most: tuple[Fraction, str] = (Fraction(1), "")
    place: Path = ()
    for agent in section(document, "agents") or {"": {}}:
        mine = [name for name in asking if _runs(checks[name].get("from"), agent)]
        budget = agreed(asking[name][0] for name in mine)
        if budget is None:
            continue
        asked = asked_per(budget.per_ms, [asking[name] for name in mine])
        if asked / budget.requests > most[0]:
            who = f"agent {agent} asks" if agent else "an agent asks"
            message = (
                f"{who} {math.ceil(asked)} times per {times.duration_text(budget.per_ms)} "
                f"({', '.join(mine)}), and the budget is {budget.requests}: raise every, or agree on more"
            )
            most, place = (asked / budget.requests, message), _place(document, mine[0])
        yield from _too_large(document, [(name, asking[name][0]) for name in mine], budget)
    if place:
        yield document.problem(place, most[1])


def _too_large(
    document: Document, mine: Iterable[tuple[str, Demand]], budget: Budget
) -> Iterator[Problem]:
    """Runs that the budget never lets begin; a check says so itself of a budget of its own."""
    for name, demand in mine:
        if demand.requests > budget.requests and not demand.written:
            message = (
                f"a run asks {demand.requests} times, more than the budget of its target at once"
            )
            yield document.problem(("checks", name, "spec"), message)


def _runs(named: object, agent: str) -> bool:
    return not isinstance(named, list) or agent in named


def _place(document: Document, name: str) -> Path:
    """Where the budget of a check is written, or what is to be changed without one."""
    path: Path = ("checks", name, "spec", "budget")
    return path if path in document.lines else ("checks", name, "every")
