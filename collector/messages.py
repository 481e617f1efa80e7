"""Which receivers hear of what is said, in which place of their order. Pure.

A receiver's first message of an incident says `opened`, whatever step made it hear of it; who
has heard of it hears of its end, also when routes have changed since. What hangs on another
incident is said by that one to all who have not heard of it (`alerts/grouping.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from alerts.deadlines import AT_ONCE, DeadlineKind, Which
from alerts.grouping import Groups, GroupStep
from alerts.outbox import Message, message_id
from alerts.people import ActKind, IncidentState
from alerts.receivers import everybody, is_for_customers
from alerts.render import render, render_digest
from alerts.routing import noticed, routed
from alerts.telling import Audience, Said, Step
from alerts.transitions import TransitionKind
from probes.config import Config
from probes.history import History

Pair = tuple[str, str]
"""(incident key, receiver)."""


_CALLS = frozenset({DeadlineKind.ESCALATED, DeadlineKind.ACKNOWLEDGEMENT_EXPIRED})


@dataclass(frozen=True, slots=True)
class Told:
    """A message, and the deadlines it tells of."""

    message: Message
    category: int
    about: tuple[Which, ...] = ()
    at: int = 0
    """Of the step it says, UTC ms."""


def messages(
    said: Sequence[Said], groups: Groups, told: Mapping[Pair, int], history: History, now: int
) -> list[Told]:
    """`groups` are all incidents as they are after it; `told` is the last `seq` each pair was given.

    What is said now goes by the latest version, what a person did by the one it was recorded
    under: so messages follow from the journal alone. A notice that something serious has begun
    goes with a message that says so already, and so does a rung with one of the same instant, the
    first one with what begins it.
    """
    last = dict(told)
    late: set[str] = set()
    out: dict[Pair, list[Told]] = {}
    for one in _in_order(said):
        key, config = one.incident.key, history.versions[-1 - one.behind].config
        if one.step is DeadlineKind.LATE_DIGEST or key in late:
            continue
        if one.step is TransitionKind.FOUND_LATE:
            late.add(key)  # one message, a ticket created closed; no second one closes it
        about = () if one.deadline is None else (one.deadline.which,)
        for receiver in _audience(one, groups, last, config):
            pair = (key, receiver)
            step = one.step if pair in last else _first(one)
            if step is None:
                continue
            mine = out.setdefault(pair, [])
            if one.step is GroupStep.GATHERED and mine:
                continue  # whatever it was told just now named all that hang on it
            if mine and _is_said_by(mine[-1], one):
                mine[-1] = replace(mine[-1], about=(*mine[-1].about, *about))
                continue
            seq = last[pair] = last.get(pair, 0) + 1
            body = render(
                config,
                step,
                one.incident,
                message_id=message_id(config.organization.id, key, receiver, seq),
                receiver=receiver,
                sequence=seq,
                at=one.at,
                detected_at=one.detected_at,
                state=one.state,
                due=one.deadline if step is one.step else None,
                attached=groups.attached(one.incident),
                deadline=_following(one),
                category_reason=one.reason,
                ruling=one.ruling,
            )
            message = _message(config, key, receiver, seq, body, now)
            mine.append(Told(message, one.incident.category, about, one.at))
    return [*(one for mine in out.values() for one in mine), *_digests(said, history.latest, now)]


def _in_order(said: Sequence[Said]) -> list[Said]:
    """A rung that was due before a person acted is said before that act, so that whoever is called
    hears of it; so is an answer that has run out. All else as it is.
    """
    calls: dict[str, list[Said]] = {}
    for one in said:
        if one.step in _CALLS and one.deadline is not None and not one.deadline.at_once:
            calls.setdefault(one.incident.key, []).append(one)
    out: list[Said] = []
    moved: set[int] = set()
    for one in said:
        if id(one) in moved:
            continue
        if isinstance(one.step, ActKind):
            earlier = [each for each in calls.get(one.incident.key, ()) if each.at < one.at]
            out += (each for each in earlier if id(each) not in moved)
            moved.update(map(id, earlier))
        out.append(one)
    return out


def _is_said_by(told: Told, one: Said) -> bool:
    """Has a receiver heard in the same breath what it is to hear now?"""
    if one.step is DeadlineKind.ESCALATED:
        # several that join at different instants are said once, as of the last of them
        begins = one.deadline is not None and one.deadline.at_once
        return told.at >= one.at if begins else told.at == one.at
    return one.step in AT_ONCE and told.category >= one.incident.category


def _digests(said: Sequence[Said], config: Config, now: int) -> list[Told]:
    """One message for each receiver and opening of the hours, with a line for each incident."""
    lines: dict[int, list[Said]] = {}
    for one in said:
        if one.step is DeadlineKind.LATE_DIGEST:
            lines.setdefault(one.at, []).append(one)
    out: list[Told] = []
    for at, found in sorted(lines.items()):
        key = f"digest.{at}"
        for receiver in noticed(config, Audience.CLINICAL_LIAISON):
            name = message_id(config.organization.id, key, receiver, now)
            incidents = [one.incident for one in found]
            body = render_digest(config, incidents, message_id=name, receiver=receiver, at=at)
            out.append(Told(_message(config, key, receiver, now, body, now), 1))
    return out


def _message(config: Config, key: str, receiver: str, seq: int, body: bytes, now: int) -> Message:
    org = config.organization.id
    return Message(message_id(org, key, receiver, seq), org, key, receiver, seq, body, now, now)


def _audience(one: Said, groups: Groups, told: Mapping[Pair, int], config: Config) -> list[str]:
    """Of what is routed: those who heard of it, then those whom any of the priorities concerns."""
    incident = one.incident
    heard = [r for r in everybody(config) if (incident.key, r) in told]
    if one.receiver is not None:
        return [r for r in heard if r == one.receiver]
    if one.audience is Audience.CUSTOMERS:
        return [r for r in heard if is_for_customers(config, r)]
    if one.audience is Audience.ESCALATED:
        reached = None if one.deadline is None else one.deadline.reached
        return [] if reached is None else list(reached.receivers)
    if one.audience is not Audience.ROUTED:
        return list(noticed(config, one.audience))
    carried = groups.is_silent(incident, one.step) and one.step is not ActKind.RAISED
    if carried or (incident.quiet and not one.opens):
        return heard
    priorities = sorted({incident.priority, *one.priorities})
    named = (r for p in priorities for r in routed(config, incident.family, p, incident.causes))
    return list(dict.fromkeys([*heard, *named]))


def _following(one: Said) -> tuple[str, int] | None:
    return None if one.following is None else (one.following.which.kind.value, one.following.at)


def _first(one: Said) -> Step | None:
    """How a receiver that has heard nothing yet is told; None: it need not hear of it."""
    if one.audience not in (Audience.ROUTED, Audience.ESCALATED):
        return one.step
    if one.step in (TransitionKind.OPENED, TransitionKind.PAGED, TransitionKind.FOUND_LATE):
        return one.step
    lasts = one.state in (IncidentState.OPEN, IncidentState.ACKNOWLEDGED)
    return TransitionKind.OPENED if one.opens and lasts else None
