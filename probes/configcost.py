"""Checks that cost money: schedules that do not fit into their cap a day.

Works on the raw document, like `configchecks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes import times
from probes.config_places import COLLECTOR
from probes.ledger import DAY_MS, runs_a_day, share
from probes.registry import ON_COLLECTOR
from probes.yamlfile import Document, Path, Problem

_S = 1_000


def cost_problems(
    document: Document, agents: dict[str, Any], checks: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """`agents` and `checks` are the entries of the document that are maps."""
    for name, check in checks.items():
        kind, cost, named = check.get("kind"), check.get("cost"), check.get("from")
        if not isinstance(cost, dict):
            continue
        path: Path = ("checks", name, "cost")
        mine = named if isinstance(named, list) else [one for one in agents if one != COLLECTOR]
        if (isinstance(kind, str) and kind in ON_COLLECTOR) or mine == [COLLECTOR]:
            message = "the collector runs this check itself and asks nobody; leave cost out"
            yield document.problem(path, message)
        elif mine:
            beyond = _beyond(check.get("every"), cost.get("per_day"), len(mine))
            if beyond is not None:
                yield document.problem((*path, "per_day"), beyond)


def _beyond(every: Any, per_day: Any, agents: int) -> str | None:
    """What is too much, and what to write instead."""
    every_ms, cap = _duration(every), _whole(per_day)
    if not every_ms or not cap:
        return None  # the model says so
    each = runs_a_day(every_ms)
    if agents * each <= cap:
        return None
    asked, ways = f"it has {_runs(each)} a day", []
    if share(cap, agents):
        ways.append(f"write every: {_every(share(cap, agents))}")
    if agents > 1:
        asked = f"{agents} agents with {_runs(each)} a day each are {agents * each}"
        ways.append("name fewer agents under from")
    ways.append(f"agree on per_day: {agents * each}")
    return f"{asked}, and the cap is {cap}: {', or '.join(ways)}"


def _runs(number: int) -> str:
    return f"{number} run{'s' if number > 1 else ''}"


def _every(runs: int) -> str:
    """The shortest in whole seconds that has no more slots a day."""
    return times.duration_text(-(-DAY_MS // (runs * _S)) * _S)


def _duration(value: Any) -> int | None:
    try:
        return times.parse_duration(value)
    except (TypeError, ValueError):
        return None


def _whole(value: Any) -> int | None:
    is_number = isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 10
    return int(value) if is_number else None
