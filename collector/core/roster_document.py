"""Who is on duty, as one document: of a running collector, or of a file that is only thought of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from typing_extensions import TypedDict

from alerts import roster
from alerts.roster import Gap
from alerts.rota import Duty
from probes import times
from probes.acts import RotaOverride, Signed
from probes.config import Config
from probes.history import History
from probes.times import rfc3339

Instant = str
"""RFC 3339 in UTC with milliseconds."""


class OverrideSigned(TypedDict):
    by: str
    at: Instant
    ref: str | None


class OverrideShown(TypedDict):
    """`start` and `end` are what counts: not before it was made, nor after it was cancelled."""

    id: int
    schedule: str
    contact: str
    start: Instant
    end: Instant
    made: OverrideSigned
    cancelled: OverrideSigned | None


class OnDuty(TypedDict):
    start: Instant
    end: Instant
    contact: str
    name: str


class ScheduleShown(TypedDict):
    """`now`: who is on duty at `as_of`; null: nobody."""

    id: str
    role: str
    timezone: str
    now: str | None
    duties: list[OnDuty]


class GapShown(TypedDict):
    role: str
    need: int
    have: int
    start: Instant
    end: Instant


class VersionInForce(TypedDict):
    """`id`: its row of the journal."""

    id: int | None
    start: Instant
    end: Instant


Rota = TypedDict(
    "Rota",
    {
        "as_of": Instant,
        "from": Instant,
        "to": Instant,
        "timezone": str,
        "tzdata": str,
        "schedules": list[ScheduleShown],
        "gaps": list[GapShown],
        "overrides": list[OverrideShown],
        "versions": list[VersionInForce],
    },
)


def document(history: History, start: int, end: int, now: int) -> Rota:
    """By what was in force at each instant of `[start, end)`; the latest counts for what is to come.

    What is done from `end` on changes nothing of it but `as_of` and `now`.
    """
    then = history.known(end)
    config = history.at(end - 1) or history.latest
    names = {
        id_: contact.name
        for version in then.versions
        for id_, contact in version.config.contacts.items()
    }
    held = roster.everybody(history, start, end)
    return {
        "as_of": rfc3339(now),
        "from": rfc3339(start),
        "to": rfc3339(end),
        "timezone": config.organization.timezone,
        "tzdata": times.tzdata_version(),
        "schedules": [
            _schedule(name, last, held[name], names, roster.on_duty(history, name, now))
            for name, last in roster.schedules(history, start, end).items()
        ],
        "gaps": [_gap(gap) for gap in roster.gaps(history, start, end, held)],
        "overrides": [
            overridden(one) for one in then.overrides if one.start < end and start < one.end
        ],
        "versions": [
            {"id": version.id, "start": rfc3339(begin), "end": rfc3339(until)}
            for version, begin, until in roster.in_force(history, start, end)
        ],
    }


def short(found: Iterable[Gap]) -> list[GapShown]:
    """The first gap of each role."""
    first: dict[str, Gap] = {}
    for gap in found:
        first.setdefault(gap.role, gap)
    return [_gap(gap) for gap in first.values()]


def _gap(gap: Gap) -> GapShown:
    return {
        "role": gap.role,
        "need": gap.need,
        "have": gap.have,
        "start": rfc3339(gap.start),
        "end": rfc3339(gap.end),
    }


def _schedule(
    name: str, last: Config, held: list[Duty], names: Mapping[str, str], now: str | None
) -> ScheduleShown:
    schedule = last.on_call[name]
    return {
        "id": name,
        "role": schedule.role,
        "timezone": schedule.zone(last.organization.zone).key,
        "now": now,
        "duties": [
            {
                "start": rfc3339(one.start),
                "end": rfc3339(one.end),
                "contact": one.person,
                "name": names[one.person],
            }
            for one in held
        ],
    }


def overridden(one: RotaOverride) -> OverrideShown:
    return {
        "id": one.id,
        "schedule": one.schedule,
        "contact": one.person,
        "start": rfc3339(one.begins),
        "end": rfc3339(max(one.begins, one.ends)),
        "made": _signed(one.made),
        "cancelled": None if one.cancelled is None else _signed(one.cancelled),
    }


def _signed(one: Signed) -> OverrideSigned:
    return {"by": one.by, "at": rfc3339(one.at), "ref": one.ref}
