"""Semantics 2.5: a system's state from the states of its checks, first match wins."""

from __future__ import annotations

from collections.abc import Mapping

from alerts.events import State
from probes.config import Config
from probes.config_checks import InGroup


def system_state(
    states: Mapping[str, State], config: Config, system: str, *, at_site: bool = False
) -> State:
    """`states` holds the checks that count here: all of the system, or those with an agent there.

    At one site a group counts its members there and `need` is at most their number; a site with
    no critical check and no group member of the system is `not_monitored` for it.
    """
    critical: list[State] = []
    supporting: list[State] = []
    groups: dict[str, list[State]] = {}
    for name, state in states.items():
        if config.checks[name].is_feed:
            continue
        role = config.checks[name].role
        if isinstance(role, InGroup):
            groups.setdefault(role.group, []).append(state)
        elif role == "critical":
            critical.append(state)
        else:
            supporting.append(state)
    if not critical and not groups:
        return State.NOT_MONITORED
    declared = config.systems[system].groups
    need = {
        name: min(declared[name].need, len(members)) if at_site else declared[name].need
        for name, members in groups.items()
    }
    working = (State.UP, State.DEGRADED)
    if State.DOWN in critical or any(
        members.count(State.DOWN) > len(members) - need[name] for name, members in groups.items()
    ):
        return State.DOWN
    if State.UNKNOWN in critical or any(
        sum(s in working for s in members) < need[name] for name, members in groups.items()
    ):
        return State.UNKNOWN
    if (
        State.DEGRADED in critical
        or any(s is not State.UP for members in groups.values() for s in members)
        or any(s in (State.DOWN, State.DEGRADED) for s in supporting)
    ):
        return State.DEGRADED
    return State.UP
