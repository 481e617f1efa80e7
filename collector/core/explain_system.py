"""Why a check, a site and the system are what they are at an instant (semantics 2.4 and 2.5)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from alerts.events import State
from collector.core.quorum import vote
from collector.core.steps import ContradictionError, Reason, Rule, Step, Subject, Value
from collector.core.system_state import system_state
from probes.config import Config
from probes.config_checks import InGroup


def explain_vote(
    states: Sequence[State], need: int | None, check: str, site: str | None
) -> tuple[State, Step]:
    """The quorum over the agents of a site, or over sites where `site` is None."""
    verdict = vote(states, need)
    fresh = [s for s in states if s is not State.UNKNOWN]
    wanted = (len(states) + 1) // 2 if need is None else min(need, len(states))
    majority = (2 * len(fresh) + 2) // 3
    down, degraded = fresh.count(State.DOWN), fresh.count(State.DEGRADED)
    if verdict is State.UNKNOWN:
        reason = Reason.TOO_FEW
    elif verdict is State.DOWN:
        reason = Reason.MAJORITY_DOWN
    elif verdict is State.UP:
        reason = Reason.AGREED_UP
    else:
        reason = Reason.SOME_DOWN if down else Reason.MAJORITY_DEGRADED
    return verdict, Step(
        Rule.QUORUM,
        reason,
        Subject.CHECK if site is None else Subject.SITE_OF_CHECK,
        verdict.value,
        check=check,
        site=site,
        facts={
            "assigned": len(states),
            "fresh": len(fresh),
            "need": wanted,
            "down": down,
            "degraded": degraded,
            "majority": majority,
        },
    )


def explain_role(check: str, config: Config, state: State) -> Step:
    """What a check's role makes of its state."""
    role = config.checks[check].role
    facts: dict[str, Value] = {}
    reason = Reason.CRITICAL if role == "critical" else Reason.SUPPORTING
    if config.checks[check].is_feed:
        reason = Reason.FEED
    elif isinstance(role, InGroup):
        reason = Reason.MEMBER
        facts = {"group": role.group}
    return Step(Rule.SYSTEM, reason, Subject.CHECK, state.value, check=check, facts=facts)


def explain_states(
    states: Mapping[str, State], config: Config, system: str, verdict: State, site: str | None
) -> list[Step]:
    """Which line of 2.5 matches first, over the system's checks or those with an agent at `site`.

    `verdict` is the fold's; ContradictionError if this would say another.
    """
    subject = Subject.SYSTEM if site is None else Subject.SITE
    counted = _count(states, config, system, at_site=site is not None)
    reason, expected, facts = _first_match(counted)
    if not expected is verdict is system_state(states, config, system, at_site=site is not None):
        raise ContradictionError(f"{system} {site or ''}")
    out = [Step(Rule.SYSTEM, reason, subject, verdict.value, site=site, facts=facts)]
    silent = tuple(n for n, s in counted.supporting.items() if s is State.UNKNOWN)
    if silent and verdict is not State.NOT_MONITORED:
        out.append(
            Step(
                Rule.SYSTEM,
                Reason.SUPPORTING_UNKNOWN,
                subject,
                None,
                site=site,
                facts={"checks": silent},
            )
        )
    return out


@dataclass(slots=True)
class _Counted:
    critical: dict[str, State] = field(default_factory=dict)
    supporting: dict[str, State] = field(default_factory=dict)
    groups: dict[str, dict[str, State]] = field(default_factory=dict)
    need: dict[str, int] = field(default_factory=dict)


def _count(states: Mapping[str, State], config: Config, system: str, *, at_site: bool) -> _Counted:
    out = _Counted()
    for name, state in states.items():
        if config.checks[name].is_feed:
            continue
        role = config.checks[name].role
        if isinstance(role, InGroup):
            out.groups.setdefault(role.group, {})[name] = state
        elif role == "critical":
            out.critical[name] = state
        else:
            out.supporting[name] = state
    declared = config.systems[system].groups
    for name, members in out.groups.items():
        need = declared[name].need
        out.need[name] = min(need, len(members)) if at_site else need
    return out


def _first_match(counted: _Counted) -> tuple[Reason, State, dict[str, Value]]:
    """The lines of 2.5 in their order."""
    if not counted.critical and not counted.groups:
        return Reason.NOTHING_COUNTS, State.NOT_MONITORED, {}
    for wanted, critical, group in (
        (State.DOWN, Reason.CRITICAL_DOWN, Reason.GROUP_DOWN),
        (State.UNKNOWN, Reason.CRITICAL_UNKNOWN, Reason.GROUP_UNKNOWN),
        (State.DEGRADED, Reason.CRITICAL_DEGRADED, Reason.GROUP_DEGRADED),
    ):
        names = tuple(n for n, s in counted.critical.items() if s is wanted)
        if names:
            return critical, wanted, {"checks": names}
        for name, members in counted.groups.items():
            facts = _group(name, list(members.values()), counted.need[name])
            if _matches(wanted, facts):
                return group, wanted, facts
    worse = tuple(n for n, s in counted.supporting.items() if s in (State.DOWN, State.DEGRADED))
    if worse:
        return Reason.SUPPORTING_WORSE, State.DEGRADED, {"checks": worse}
    return Reason.ALL_UP, State.UP, {}


def _group(name: str, members: Sequence[State], need: int) -> dict[str, Value]:
    return {
        "group": name,
        "size": len(members),
        "need": need,
        "down": members.count(State.DOWN),
        "working": sum(s in (State.UP, State.DEGRADED) for s in members),
        "up": members.count(State.UP),
    }


def _matches(wanted: State, group: Mapping[str, Value]) -> bool:
    size, need, down, working, up = (
        int(str(group[key])) for key in ("size", "need", "down", "working", "up")
    )
    if wanted is State.DOWN:
        return down > size - need
    return working < need if wanted is State.UNKNOWN else up < size
