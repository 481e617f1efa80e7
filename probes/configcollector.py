"""What of the file is about the agent built into the collector: it runs the checks of some kinds alone.

Works on the raw document, like `configchecks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes.config_places import COLLECTOR
from probes.registry import EITHER, ON_COLLECTOR
from probes.yamlfile import Document, Path, Problem

WHERE = "agents: {collector: {site: ...}}"


def collector_problems(
    document: Document, agents: dict[str, Any], checks: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """`agents` and `checks` are the entries of the document that are maps."""
    if "key" in agents.get(COLLECTOR, {}):
        yield document.problem(
            ("agents", COLLECTOR, "key"),
            "the agent collector is the collector's own and makes its key itself; leave it out",
        )
    for name, check in checks.items():
        path: Path = ("checks", name)
        named = check.get("from")
        listed = list(enumerate(named)) if isinstance(named, list) else []
        kind = check.get("kind")
        if not isinstance(kind, str) or kind not in ON_COLLECTOR:
            left_out = "from" not in check
            either = isinstance(kind, str) and kind in EITHER
            yield from _elsewhere(
                document, path, listed, agents, is_left_out=left_out, is_either=either
            )
            continue
        if COLLECTOR not in agents:
            message = f"the collector runs this check itself: say at which site it stands, {WHERE}"
            yield document.problem(path, message)
        for number, agent in listed:
            if agent != COLLECTOR:
                message = "the collector runs this check itself; leave from out"
                yield document.problem((*path, "from", number), message)


def _elsewhere(
    document: Document,
    path: Path,
    listed: list[tuple[int, Any]],
    agents: dict[str, Any],
    *,
    is_left_out: bool,
    is_either: bool,
) -> Iterator[Problem]:
    for number, agent in listed:
        if agent == COLLECTOR and is_either:
            if COLLECTOR not in agents:
                message = f"say at which site the collector stands: {WHERE}"
                yield document.problem((*path, "from", number), message)
            if len(listed) > 1:
                message = "on the collector it runs there alone: name no other agent beside it"
                yield document.problem((*path, "from", number), message)
        elif agent == COLLECTOR:
            kinds = ", ".join(sorted(ON_COLLECTOR))
            yield document.problem(
                (*path, "from", number),
                f"the collector's own agent runs only checks of kind {kinds}; name another",
            )
    if is_left_out and list(agents) == [COLLECTOR]:
        message = "no agent runs this check: there is only the collector's own"
        yield document.problem(path, message)
