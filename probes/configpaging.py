"""Whether what is to page can: the owner of pages, and the routes that lead there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes.config_channels import ALERTMANAGER
from probes.yamlfile import Document, Problem


def paging_problems(document: Document, channels: dict[str, Any]) -> Iterator[Problem]:
    """A hospital whose pages all go to Alertmanager, and which has no way there, hears of nothing."""
    data = document.data if isinstance(document.data, dict) else {}
    if data.get("page_owner") != ALERTMANAGER:
        return
    theirs = {name for name, one in channels.items() if one.get("kind") == ALERTMANAGER}
    routes = data.get("routes")
    for route in routes if isinstance(routes, list) else ():
        families, to = (
            route.get(k) if isinstance(route, dict) else None for k in ("families", "to")
        )
        carries = isinstance(families, list) and "availability" in families
        if carries and isinstance(to, list) and any(t in theirs for t in to if isinstance(t, str)):
            return
    message = (
        "Alertmanager is to page: name a channel of kind alertmanager in a route of availability"
    )
    yield document.problem(("page_owner",), message)
