"""Who is on duty when, as the operator's file gives it: schedules of layers and overrides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, model_validator

from probes import opening
from probes.config_hours import Days
from probes.config_people import Role
from probes.config_words import (
    Id,
    Instant,
    LocalTime,
    Model,
    PositiveDuration,
    TimeOfDay,
    Zone,
)

HOUR_MS, DAY_MS = 3_600_000, 86_400_000


def _turn(ms: int) -> int:
    if ms % DAY_MS and (ms % HOUR_MS or DAY_MS % ms):
        raise ValueError(
            "write whole days, or hours that divide a day: 1h, 2h, 3h, 4h, 6h, 8h, 12h"
        )
    return ms


Turn = Annotated[PositiveDuration, AfterValidator(_turn)]


class Shift(Model):
    start_time: TimeOfDay
    """First minute, from 00:00."""
    end_time: TimeOfDay
    """First minute that is not part of it, up to 24:00; before `start_time`: of the next day."""

    @model_validator(mode="after")
    def _some(self) -> Shift:
        start, end = opening.clock(self.start_time), opening.clock(self.end_time)
        if start == opening.DAY:
            raise ValueError("a day begins at 00:00; 24:00 is its end")
        if start == end:
            raise ValueError("it ends when it starts; leave out times for the whole day")
        return self


class Only(Days):
    """Alertmanager's `time_interval`, whose times may also run over midnight: they are then of the
    day on which they start.
    """

    times: Annotated[tuple[Shift, ...], Field(min_length=1)] | None = None
    """Times of day; left out: all day."""

    @property
    def rule(self) -> opening.Opening:
        """The same, read; a time over midnight ends later than minute 1440."""
        return self.at(tuple(sorted(map(_minutes, self.times or ()))) or ((0, opening.DAY),))


def _minutes(shift: Shift) -> opening.Range:
    start, end = opening.clock(shift.start_time), opening.clock(shift.end_time)
    return start, end if start < end else end + opening.DAY


class Layer(Model):
    people: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Contacts who take turns, in this order; one may stand in it more than once."""
    starts: LocalTime
    """Wall clock of the first handoff; before it the layer has nobody."""
    ends: LocalTime | None = None
    """Wall clock from which on the layer has nobody; left out: never."""
    turn: Turn
    """How long a turn is: whole days, or hours that divide a day; handoffs keep to the wall clock."""
    only: Annotated[tuple[Only, ...], Field(min_length=1)] | None = None
    """When the layer counts, any of these; outside them the layers below do. Left out: always."""

    def handoff(self, number: int) -> datetime:
        """Wall clock at which this turn, counted from 0, begins."""
        return self.starts + timedelta(milliseconds=number * self.turn)


class Override(Model):
    start: Instant
    """When it begins; without offset in the schedule's zone."""
    end: Instant
    """When it is over; without offset in the schedule's zone."""
    person: Id
    """The contact who is on duty in that time, whatever the layers say."""


class OnCall(Model):
    role: Role
    """Role of everybody in it."""
    timezone: Zone | None = None
    """IANA zone of its wall-clock times; left out: the organization's."""
    layers: Annotated[tuple[Layer, ...], Field(min_length=1)]
    """Who takes turns; where a later one has somebody, it lies over the earlier ones."""
    overrides: tuple[Override, ...] = ()
    """Who stands in for whoever it would be; a later one lies over an earlier one."""

    def zone(self, of_organization: ZoneInfo) -> ZoneInfo:
        """The zone of its wall-clock times."""
        return of_organization if self.timezone is None else ZoneInfo(self.timezone)

    @property
    def people(self) -> frozenset[str]:
        """Everybody who is in it."""
        layers = (person for layer in self.layers for person in layer.people)
        return frozenset((*layers, *(one.person for one in self.overrides)))
