"""Checks that judge a feed: what they watch is there and counts, and they have no say in a state.

Works on the raw document, like `configchecks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes import times
from probes.config_places import COLLECTOR
from probes.registry import COUNTING, FEEDS
from probes.yamlfile import Document, Path, Problem

SLOWEST_MS = 120_000
"""Counts are judged by five minutes: each has some, whatever becomes of one slot."""
_NO_SAY = ("role", "confirm", "quorum")


def feed_problems(
    document: Document, agents: dict[str, Any], checks: dict[str, dict[str, Any]]
) -> Iterator[Problem]:
    """`agents` and `checks` are the entries of the document that are maps."""
    for name, check in checks.items():
        kind, spec = check.get("kind"), check.get("spec")
        if not isinstance(kind, str) or kind not in FEEDS:
            continue
        path: Path = ("checks", name)
        for key in _NO_SAY:
            if key in check:
                message = "a check of a feed counts for no state and opens incidents of its own"
                yield document.problem((*path, key), f"{message}; leave it out")
        of = spec.get("of") if isinstance(spec, dict) else None
        if isinstance(of, str):
            yield from _watched(document, (*path, "spec", "of"), of, agents, checks)


def _watched(
    document: Document,
    place: Path,
    of: str,
    agents: dict[str, Any],
    checks: dict[str, dict[str, Any]],
) -> Iterator[Problem]:
    watched = checks.get(of)
    if watched is None:
        yield document.problem(place, "no check of this id")
        return
    kind, every, named = watched.get("kind"), watched.get("every"), watched.get("from")
    if isinstance(kind, str) and kind != "any" and kind not in COUNTING:
        kinds = ", ".join(sorted(COUNTING))
        yield document.problem(place, f"that check counts no messages; kinds that do: {kinds}")
    own = named if isinstance(named, list) else [one for one in agents if one != COLLECTOR]
    if len(own) > 1:
        message = "that check has several agents; name exactly one under its from"
        yield document.problem(place, message)
    try:
        slow = isinstance(every, str) and times.parse_duration(every) > SLOWEST_MS
    except ValueError:
        return  # the model says so
    if slow:
        message = "its counts would come too seldom; that check needs an every of 2m or less"
        yield document.problem(place, message)
