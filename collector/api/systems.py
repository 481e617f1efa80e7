"""Systems: the state as last evaluated, this month's numbers, open incidents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from sqlalchemy import Connection
from typing_extensions import TypedDict

from alerts.events import State
from collector.access.policy import Permission
from collector.annotations import changed_of
from collector.api.annotations import Annotation
from collector.api.annotations import shown as shown_annotation
from collector.api.availability_shapes import SystemNumbers
from collector.api.checks import Check, checks_of
from collector.api.cursors import Paged, part
from collector.api.incident_shapes import Incident, shown
from collector.api.parts import Parts, instant, stamp
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant, InState, Period
from collector.core.agent_keys import KeyState
from collector.core.roster_document import GapShown, short
from collector.standings import Stood, read_stood
from collector.store.incidents import (
    WHOLE,
    Flips,
    Place,
    SystemState,
    read_flips,
    read_states,
)
from collector.tlog.epochs import Log
from collector.tlog.troubles import Trouble
from probes.config_systems import ImpactClass

CHANGES = 200
"""State changes shown of one system at most, newest last."""

Snapshot = tuple[list[SystemState], list[Stood]]


class Organization(TypedDict):
    id: str
    name: str
    timezone: str


class AtSite(InState):
    id: str
    name: str


_System = TypedDict("_System", {"id": str, "name": str, "class": ImpactClass})


class System(_System, InState):
    """`month`: the calendar month to date, null before the first result."""

    sites: list[AtSite]
    month: SystemNumbers | None
    open_incidents: list[Incident]


class Change(TypedDict):
    at: Instant
    state: State


class WithChecks(System):
    """`changes` of its state; `annotations`: the latest changes of the servers behind its checks."""

    period: Period
    checks: list[Check]
    changes: list[Change]
    annotations: list[Annotation]


class AgentToSee(TypedDict):
    """`waiting`: a key of it waits for approval. `equivocations`: headers that came for a place in
    its chain that was taken, which nobody has settled.
    """

    id: str
    waiting: bool
    equivocations: int


class LogToSee(TypedDict):
    """`code`: why a log is not signed, as the process that leads finds it."""

    log: Log
    code: Trouble


class Systems(TypedDict):
    """`agents`: those that somebody has to look after; `staffing`: the first time of each role that
    too few of it are on duty, of the next 14 days; `logs`: those that are not signed though they
    should be.
    """

    organization: Organization
    as_of: Instant | None
    period: Period
    systems: list[System]
    agents: list[AgentToSee]
    staffing: list[GapShown]
    logs: list[LogToSee]
    next: str | None


def _snapshot(conn: Connection, org: str, now: int) -> Snapshot:
    return read_states(conn, org), read_stood(conn, org, now, is_open=True)


async def list_systems(call: Call[Paged, Nothing]) -> Systems:
    """Every system of the config in force: state, this month's numbers, open incidents."""
    parts = call.parts
    states, is_open = await parts.store.read(_snapshot, parts.org, parts.now())
    month = await parts.numbers.this_month()
    told, following = part(parts.config.systems, str, call.query)
    return {
        "organization": {
            "id": parts.org,
            "name": parts.config.organization.name,
            "timezone": parts.config.organization.timezone,
        },
        "as_of": instant(max((s.as_of for s in states), default=None)),
        "period": month["period"],
        "systems": [_system(name, parts, states, is_open, month["systems"]) for name in told],
        "agents": _to_see(parts),
        "staffing": short(await parts.numbers.rotas.gaps_ahead(parts.now())),
        "logs": _unsigned(parts),
        "next": following,
    }


def _unsigned(parts: Parts) -> list[LogToSee]:
    found = {} if parts.signing is None else parts.signing.troubles
    return [{"log": log, "code": trouble} for log, trouble in found.items()]


async def read_system(call: Call[Nothing, Nothing]) -> WithChecks:
    """One system with its checks' last results and its latest state changes."""
    parts, name = call.parts, call.path["id"]
    if name not in parts.config.systems:
        raise DeniedError(404, "api.unknown_system")
    states, is_open = await parts.store.read(_snapshot, parts.org, parts.now())
    flips = await parts.store.read(read_flips, parts.org, name)
    changed = await parts.store.read(changed_of, parts.org, {name}, 0)
    month = await parts.numbers.this_month()
    return {
        **_system(name, parts, states, is_open, month["systems"]),
        "period": month["period"],
        "checks": checks_of(name, parts),
        "changes": _changes(flips),
        "annotations": [shown_annotation(one) for one in changed],
    }


def _system(
    name: str,
    parts: Parts,
    states: Sequence[SystemState],
    is_open: Sequence[Stood],
    month: Mapping[str, object],
) -> System:
    config = parts.config
    definition = config.systems[name]
    here = {s.site: s for s in states if s.system == name}
    return {
        "id": name,
        "name": definition.name,
        "class": definition.impact.class_,
        **in_state(here.get(WHOLE)),
        "sites": [
            {"id": site, "name": config.sites[site].name, **in_state(here[site])}
            for site in config.sites
            if site in here
        ],
        "month": cast("SystemNumbers | None", month.get(name)),
        "open_incidents": [shown(one, parts) for one in is_open if one.row.incident.system == name],
    }


def _to_see(parts: Parts) -> list[AgentToSee]:
    ring = parts.keys.ring
    waiting = {
        name
        for name, agent in parts.config.agents.items()
        if agent.key is None
        and any(key.state is KeyState.PENDING for key in ring.keys.get(name, ()))
    }
    return [
        {"id": name, "waiting": name in waiting, "equivocations": ring.unsettled.get(name, 0)}
        for name in sorted(waiting | set(ring.unsettled))
    ]


def in_state(state: SystemState | None) -> InState:
    if state is None:
        return {"state": State.NOT_MONITORED, "since": None}
    return {"state": state.state, "since": stamp(state.since)}


def _changes(flips: Mapping[Place, Flips]) -> list[Change]:
    whole: Flips = next((f for (_, site), f in flips.items() if site == WHOLE), ())
    return [{"at": stamp(at), "state": state} for at, state in whole[-CHANGES:]]


ROUTES = (
    get("/api/v1/systems", Permission.SYSTEMS_READ, list_systems, Systems, Paged),
    get("/api/v1/systems/{id}", Permission.SYSTEMS_READ, read_system, WithChecks, Nothing),
)
