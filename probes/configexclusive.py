"""Checks that use what serves one client at a time, such as a port that takes one connection."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from probes import times
from probes.configchecks import agents_of, attempt, section
from probes.contract import Exclusive
from probes.yamlfile import Document, Path, Problem


def exclusive_problems(document: Document, uses: Mapping[str, Exclusive]) -> Iterator[Problem]:
    """`uses` by check."""
    checks = section(document, "checks")
    ordered = sorted(uses, key=lambda name: uses[name].key)  # stable
    for _, group in groupby(ordered, key=lambda name: uses[name].key):
        names = list(group)
        alone = [name for name in names if uses[name].alone]
        if not alone:
            continue
        for name in names:
            path: Path = ("checks", name)
            if name not in alone:
                message = f"the check {alone[0]} says that one client at a time is served there: say exclusive: true"
                yield document.problem((*path, "spec"), message)
            yield from _place_problems(document, path, checks[name], checks[alone[0]], alone[0])
        holders = [name for name in names if uses[name].held]
        if holders and len(names) > 1:
            path = ("checks", holders[0], "spec", "connection")
            other = next(name for name in names if name != holders[0])
            yield document.problem(path, f"this check never lets go of what {other} needs, too")
        yield from _time_problems(document, names, checks)


def _place_problems(
    document: Document, path: Path, check: Any, first: Any, first_name: str
) -> Iterator[Problem]:
    agents = agents_of(document, check)
    if len(agents) > 1:
        place = path if "from" not in check else (*path, "from")
        message = "one client at a time is served there: name exactly one agent under from"
        yield document.problem(place, message)
    elif agents != agents_of(document, first) and len(agents_of(document, first)) == 1:
        message = f"one client at a time is served there: run it from the agent of {first_name}"
        yield document.problem((*path, "from"), message)


def _time_problems(
    document: Document, names: list[str], checks: Mapping[str, Any]
) -> Iterator[Problem]:
    """Hung, each run takes its whole timeout: slots of the others must not be missed for it."""
    every = [attempt(times.parse_duration, checks[name].get("every")) for name in names]
    taken = [attempt(times.parse_duration, checks[name].get("timeout")) for name in names]
    if len(names) < 2 or not all(every) or not all(taken):
        return
    shortest = names[every.index(min(every))]
    if sum(taken) > min(every):
        whole = times.duration_text(sum(taken))
        message = (
            f"one client at a time is served there, and the timeouts of {', '.join(names)} "
            f"together are {whole}: every must not be shorter"
        )
        yield document.problem(("checks", shortest, "every"), message)
