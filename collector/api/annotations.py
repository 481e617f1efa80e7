"""Changes of the servers behind checks, beside systems and incidents."""

from __future__ import annotations

from typing_extensions import TypedDict

from collector.annotations import Annotation as Row
from collector.api.parts import stamp
from collector.api.shapes import Instant
from collector.sightings import What


class Annotation(TypedDict):
    """The server behind a check changed: its software, its statement of what it offers, or both.
    `id` is of the row of the journal, which has the numbers.
    """

    id: int
    at: Instant
    recorded_at: Instant
    check: str
    agent: str
    what: list[What]


def shown(one: Row) -> Annotation:
    return {
        "id": one.id,
        "at": stamp(one.at),
        "recorded_at": stamp(one.recorded_at),
        "check": one.check,
        "agent": one.agent,
        "what": [What(name) for name in one.what],
    }
