"""Which receivers hear of a transition, in which place of their order. Pure.

A receiver's first message of an incident says `opened`, whatever step made it hear of it; who
has heard of it hears of its end, also when routes have changed since. What hangs on another
incident is said by that one to all who have not heard of it (`alerts/grouping.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from alerts.events import Incident, Priority
from alerts.grouping import Groups, GroupStep, Step
from alerts.outbox import Message, message_id
from alerts.render import render
from alerts.routing import receivers
from alerts.transitions import Transition, TransitionKind
from collector.store.incidents import Recorded
from probes.config import Config

Pair = tuple[str, str]
"""(incident key, receiver)."""


def messages(
    found: Sequence[tuple[Transition, int]],
    rows: Collection[Recorded],
    told: Mapping[Pair, int],
    config: Config,
    now: int,
) -> list[Message]:
    """Messages for transitions, each with its `at`.

    `rows` are all incidents after all of them; `told` is the last `seq` each pair was given.
    """
    if not found:
        return []
    detected = {row.incident.key: row.detected_at for row in rows}
    groups = Groups(row.incident for row in rows)
    last = dict(told)
    late: set[str] = set()
    spoken: set[Pair] = set()
    out: list[Message] = []
    sayings: list[tuple[Step, Incident, Iterable[Priority], int]] = [
        *((t.kind, t.incident, (t.incident.priority,), at) for t, at in found),
        *(
            (GroupStep.GATHERED, u.parent, sorted({u.parent.priority, *u.priorities}), u.at)
            for u in groups.updates(found)
        ),
    ]
    for step, incident, priorities, at in sayings:
        if incident.quiet or incident.key in late:
            continue
        if step is TransitionKind.FOUND_LATE:
            late.add(incident.key)  # one message, a ticket created closed; no second one closes it
        concerned = () if groups.is_silent(incident, step) else priorities
        for receiver in _audience(incident, concerned, last, config):
            pair = (incident.key, receiver)
            if step is GroupStep.GATHERED and pair in spoken:
                continue  # whatever it was told just now named all that hang on it
            kind = step if pair in last else _first(step, incident)
            if kind is None:
                continue
            spoken.add(pair)
            seq = last[pair] = last.get(pair, 0) + 1
            name = message_id(config.organization.id, incident.key, receiver, seq)
            body = render(
                config,
                kind,
                incident,
                message_id=name,
                receiver=receiver,
                sequence=seq,
                at=at,
                detected_at=detected[incident.key],
                attached=groups.attached(incident),
            )
            org = config.organization.id
            out.append(Message(name, org, incident.key, receiver, seq, body, now, now))
    return out


def _audience(
    incident: Incident, priorities: Iterable[Priority], told: Mapping[Pair, int], config: Config
) -> list[str]:
    """Those who heard of it, then those whom any of the priorities concerns."""
    heard = [r for r in config.channels if (incident.key, r) in told]
    routed = (r for p in priorities for r in receivers(config.routes, incident.family, p))
    return list(dict.fromkeys([*heard, *routed]))


def _first(step: Step, incident: Incident) -> Step | None:
    """How a receiver that has heard nothing yet is told; None: it need not hear of an end."""
    if step in (TransitionKind.OPENED, TransitionKind.PAGED, TransitionKind.FOUND_LATE):
        return step
    return TransitionKind.OPENED if incident.recovered_at is None else None
