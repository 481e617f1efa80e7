"""What state a system was in when: the truth as folded now, not as it was told then."""

from __future__ import annotations

from typing_extensions import TypedDict

from alerts.events import State
from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.cursors import Paged, cursor, place
from collector.api.parts import stamp
from collector.api.problems import BadRequestError, DeniedError
from collector.api.reading import Word
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.core.truth import SystemTruth
from probes.spans import Span, Timeline, clip, merge, onwards, until


class Asked(Range, Paged):
    site: Word | None = None
    """Left out: the whole system."""


class InStates(TypedDict):
    start: Instant
    end: Instant
    state: State


class States(TypedDict):
    """`states` touch each other and cover the range as far as `now`."""

    system: str
    site: str | None
    now: Instant
    states: list[InStates]
    next: str | None


async def read_system_states(call: Call[Asked, Nothing]) -> States:
    """The states of a system, or of it at one site, over a range."""
    asked, parts, name = call.query, call.parts, call.path["id"]
    wanted = interval(asked, parts.config)
    after = place(asked.cursor, int)
    if name not in parts.evaluator.folded:
        raise DeniedError(404, "history.unknown_system")
    truth = (await parts.numbers.truths())[name]
    line = _line(truth, asked.site)
    # where a part ends the next one begins, whatever has come to be known in between
    start = wanted.start if after is None else max(wanted.start, int(after[0]))
    rest = _covering(line, start, min(wanted.end, truth.now))
    told = rest[: asked.limit]
    return {
        "system": name,
        "site": asked.site,
        "now": stamp(truth.now),
        "states": [
            {"start": stamp(one.start), "end": stamp(one.end), "state": one.value} for one in told
        ],
        "next": cursor((told[-1].end,)) if len(rest) > len(told) else None,
    }


def _line(truth: SystemTruth, site: str | None) -> Timeline[State]:
    if site is None:
        return truth.states
    if site in truth.sites:
        return truth.sites[site]
    if any(site in version.config.sites for version in truth.history.versions):
        return ()
    raise BadRequestError("site", "no site of this id in any config so far")


def _covering(line: Timeline[State], start: int, end: int) -> Timeline[State]:
    """Also the time before it was first monitored, and where it never was."""
    if end <= start:
        return ()
    inside = clip(until(onwards(line, start), end), start, end)
    begins = inside[0].start if inside else end
    return merge((Span(start, begins, State.NOT_MONITORED), *inside))


ROUTES = (
    get(
        "/api/v1/systems/{id}/states",
        Permission.AVAILABILITY_READ,
        read_system_states,
        States,
        Asked,
    ),
)
