"""Whether what is to page can: the owner of pages, and the routes that lead there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes.config_channels import ALERTMANAGER, PAGERS
from probes.yamlfile import Document, Problem

BUDGET = "budget"
"""One that burns pages nobody where the collector pages, so nothing is lost of it."""


def paging_problems(document: Document, channels: dict[str, Any]) -> Iterator[Problem]:
    """A hospital whose pages all go to Alertmanager hears nothing of what has no way there: of outages,
    and of what routes would have the collector page or climb a ladder for.
    """
    data = document.data if isinstance(document.data, dict) else {}
    if data.get("page_owner") != ALERTMANAGER:
        return
    kinds = {name: one.get("kind") for name, one in channels.items()}
    wanted, carried = ["availability"], list[str]()
    for families, to, climbs in _routes(data):
        led = [kinds.get(name) for name in to]
        if ALERTMANAGER in led:
            carried += families
        if climbs or any(kind in led for kind in PAGERS):
            wanted += families
    missing = [one for one in dict.fromkeys(wanted) if one not in carried and one != BUDGET]
    if missing:
        message = (
            "Alertmanager is to page: name a channel of kind alertmanager in a route of "
            f"{', '.join(missing)}"
        )
        yield document.problem(("page_owner",), message)


def _routes(data: dict[str, Any]) -> Iterator[tuple[list[str], list[str], bool]]:
    """Of each route: its families, its channels, whether it has a ladder."""
    routes = data.get("routes")
    for route in routes if isinstance(routes, list) else ():
        if isinstance(route, dict):
            families, to = (_texts(route.get(key)) for key in ("families", "to"))
            yield families, to, "escalate" in route


def _texts(value: Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []
