"""Budgets of targets that the schedule of the file cannot keep, and such that contradict each other.

Every agent has a budget of its own, so what counts is the agent whose checks ask most.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from probes import times
from probes.budgets import Budget, Demand, Target, asked_per
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
        first = next(iter(asking))
        budget = asking[first][0].budget
        others = [name for name, (demand, _) in asking.items() if demand.budget != budget]
        for name in others:
            message = (
                f"checks of one target share its budget: write the profile or budget of {first}"
            )
            yield document.problem(_place(document, name), message)
        if budget is not None and not others:
            yield from _beyond(document, asking, budget)


def _beyond(document: Document, asking: Asking, budget: Budget) -> Iterator[Problem]:
    checks = section(document, "checks")
    most: tuple[int, str, list[str]] = (0, "", [])
    for agent in section(document, "agents") or {"": {}}:
        mine = [name for name in asking if _runs(checks[name].get("from"), agent)]
        asked = asked_per(budget.per_ms, [asking[name] for name in mine])
        if asked > budget.requests and asked > most[0]:
            most = (math.ceil(asked), agent, mine)
    asked_at_most, agent, mine = most
    if mine:
        who = f"agent {agent} asks" if agent else "an agent asks"
        yield document.problem(
            _place(document, mine[0]),
            f"{who} {asked_at_most} times per {times.duration_text(budget.per_ms)} "
            f"({', '.join(mine)}), and the budget is {budget.requests}: raise every, or agree on more",
        )


def _runs(named: object, agent: str) -> bool:
    return not isinstance(named, list) or agent in named


def _place(document: Document, name: str) -> Path:
    """Where the budget of a check is written, or what is to be changed without one."""
    path: Path = ("checks", name, "spec", "budget")
    return path if path in document.lines else ("checks", name, "every")
