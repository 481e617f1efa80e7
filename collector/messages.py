"""Which receivers hear of a transition, in which place of their order. Pure.

A receiver's first message of an incident says `opened`, whatever step made it hear of it; who
has heard of it hears of its end, also when routes have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

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
    rows: Iterable[Recorded],
    told: Mapping[Pair, int],
    config: Config,
    now: int,
) -> list[Message]:
    """Messages for transitions, each with its `at`.

    `rows` are the incidents after all of them; `told` is the last `seq` each pair was given.
    """
    detected = {row.incident.key: row.detected_at for row in rows}
    last = dict(told)
    late: set[str] = set()
    out: list[Message] = []
    for transition, at in found:
        incident = transition.incident
        if incident.quiet or incident.key in late:
            continue
        if transition.kind is TransitionKind.FOUND_LATE:
            late.add(incident.key)  # one message, a ticket created closed; no second one closes it
        for receiver in _audience(transition, last, config):
            pair = (incident.key, receiver)
            kind = transition.kind if pair in last else _first(transition)
            if kind is None:
                continue
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
            )
            org = config.organization.id
            out.append(Message(name, org, incident.key, receiver, seq, body, now, now))
    return out


def _audience(transition: Transition, told: Mapping[Pair, int], config: Config) -> list[str]:
    incident = transition.incident
    routed = receivers(config.routes, incident.family, incident.priority, incident.causes)
    heard = [r for r in config.channels if (incident.key, r) in told]
    return list(dict.fromkeys([*heard, *routed]))


def _first(transition: Transition) -> TransitionKind | None:
    """How a receiver that has heard nothing yet is told; None: it need not hear of an end."""
    kind = transition.kind
    if kind in (TransitionKind.OPENED, TransitionKind.PAGED, TransitionKind.FOUND_LATE):
        return kind
    return TransitionKind.OPENED if transition.incident.recovered_at is None else None
