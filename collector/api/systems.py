"""Systems: the state as last evaluated, this month's numbers, open incidents."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from sqlalchemy import Connection

from alerts.events import State
from collector.api.incidents import shown
from collector.api.parts import PARTS, Parts, answer, instant, only
from collector.api.problems import problem
from collector.store.incidents import (
    WHOLE,
    Flips,
    Place,
    Recorded,
    SystemState,
    read_flips,
    read_incidents,
    read_states,
)
from probes.config import Config

CHANGES = 200
"""State changes shown of one system at most, newest last."""

Snapshot = tuple[list[SystemState], list[Recorded]]


def _snapshot(conn: Connection, org: str) -> Snapshot:
    return read_states(conn, org), read_incidents(conn, org, is_open=True)


async def get_systems(request: web.Request) -> web.Response:
    """Every system of the config in force, by id."""
    only(request)
    parts = request.app[PARTS]
    states, is_open = await parts.store.read(_snapshot, parts.org)
    month = await parts.numbers.this_month()
    return answer(
        {
            "organization": {
                "id": parts.org,
                "name": parts.config.organization.name,
                "timezone": parts.config.organization.timezone,
            },
            "as_of": instant(max((s.as_of for s in states), default=None)),
            "period": month["period"],
            "systems": [
                _system(name, parts.config, states, is_open, month) for name in parts.config.systems
            ],
        }
    )


async def get_system(request: web.Request) -> web.Response:
    """One system with its checks' last results and its latest state changes."""
    only(request)
    parts = request.app[PARTS]
    name = request.match_info["id"]
    if name not in parts.config.systems:
        return problem(404, "api.unknown_system")
    states, is_open = await parts.store.read(_snapshot, parts.org)
    flips = await parts.store.read(read_flips, parts.org, name)
    month = await parts.numbers.this_month()
    return answer(
        _system(name, parts.config, states, is_open, month)
        | {"period": month["period"], "checks": _checks(name, parts), "changes": _changes(flips)}
    )


def _system(
    name: str,
    config: Config,
    states: list[SystemState],
    is_open: list[Recorded],
    month: dict[str, Any],
) -> dict[str, Any]:
    definition = config.systems[name]
    here = {s.site: s for s in states if s.system == name}
    return {
        "id": name,
        "name": definition.name,
        "class": definition.impact.class_.value,
        **_state(here.get(WHOLE)),
        "sites": [
            {"id": site, "name": config.sites[site].name, **_state(here[site])}
            for site in config.sites
            if site in here
        ],
        "month": month["systems"].get(name),
        "open_incidents": [shown(row) for row in is_open if row.incident.system == name],
    }


def _state(state: SystemState | None) -> dict[str, str | None]:
    if state is None:
        return {"state": State.NOT_MONITORED.value, "since": None}
    return {"state": state.state.value, "since": instant(state.since)}


def _checks(system: str, parts: Parts) -> list[dict[str, Any]]:
    config, latest = parts.config, parts.evaluator.evidence.latest
    out = []
    for name in config.checks_of(system):
        check = config.checks[name]
        last = [(a, r) for a in config.agents_of(name) if (r := latest.get((name, a)))]
        out.append(
            {
                "id": name,
                "kind": check.kind,
                "every_ms": check.every,
                "role": check.role if isinstance(check.role, str) else {"group": check.role.group},
                "last": [
                    {
                        "agent": agent,
                        "at": instant(result.t),
                        "outcome": result.outcome.value,
                        "reason": result.reason,
                        "duration_ms": result.duration_ms,
                    }
                    for agent, result in last
                ],
            }
        )
    return out


def _changes(flips: dict[Place, Flips]) -> list[dict[str, str | None]]:
    whole = next((f for (_, site), f in flips.items() if site == WHOLE), ())
    return [{"at": instant(at), "state": state.value} for at, state in whole[-CHANGES:]]
