"""Has each part of the collector got on since the last heartbeat? Pure.

Counts only grow and mean something only compared with an earlier mark; instants are UTC ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from alerts.outbox import Lane

LATE_MS = 60_000
"""How long what is due may wait: longer than any honest evaluation or commit takes."""


class Part(StrEnum):
    INGEST = "ingest"
    EVALUATION = "evaluation"
    TIMERS = "timers"
    OUTBOX = "outbox"


@dataclass(frozen=True, slots=True)
class Marks:
    """How far each part has come.

    `ingest`, `evaluation`: transactions committed. `due`: the earliest instant at which something
    is to happen that the last evaluation has not seen to. `waiting`: by receiver, when its first
    message is to be tried; None while the store does not say.
    """

    ingest: int = 0
    evaluation: int = 0
    due: int | None = None
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    waiting: Mapping[str, int] | None = field(default_factory=dict)


def held_by(last: Marks, marks: Marks, now: int) -> tuple[Part, ...]:
    """The parts that keep the next heartbeat back, as of `now`; none: it may be sent."""
    advanced = {
        Part.INGEST: marks.ingest > last.ingest,
        Part.EVALUATION: marks.evaluation > last.evaluation,
        Part.TIMERS: marks.due is None or now - marks.due <= LATE_MS,
        Part.OUTBOX: marks.waiting is not None
        and all(lane.rounds > last.lanes.get(r, Lane()).rounds for r, lane in marks.lanes.items())
        and all(now - at <= LATE_MS or _tries(r, last, marks) for r, at in marks.waiting.items()),
    }
    return tuple(part for part in Part if not advanced[part])


def _tries(receiver: str, last: Marks, marks: Marks) -> bool:
    """A receiver that is down has a queue; as long as its lane tries, nothing is stuck here."""
    before, lane = (m.lanes.get(receiver, Lane()) for m in (last, marks))
    return lane.attempts > before.attempts
