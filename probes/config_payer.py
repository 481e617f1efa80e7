"""A billing system as the path to a payer, as the operator's file gives it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from probes.config_words import Id, Instant, LocalTime, Model, Zone


class DowntimeKind(StrEnum):
    """What CAQH CORE tells apart, each with a notice of its own."""

    ROUTINE = "routine"
    NON_ROUTINE = "non_routine"
    UNSCHEDULED = "unscheduled"


class Downtime(Model):
    id: Id
    """Names it in this payer's calendar."""
    kind: DowntimeKind
    """`routine` is published before it starts, `non_routine` a week ahead, `unscheduled` within 1 h."""
    published: Instant
    """When the payer published it; without offset in the organization's zone."""
    start: LocalTime
    """First local start."""
    end: LocalTime
    """First local end."""
    rrule: str | None = None
    """RFC 5545 rule, as of `maintenance`."""
    exdate: tuple[LocalTime, ...] = ()
    """Local starts that do not take place."""


class Payer(Model):
    timezone: Zone
    """IANA zone of its weeks, its months and the wall-clock times of its calendar."""
    target: Literal["86", "90"] = "86"
    """Percent of a calendar week it owes: 86 is mandated, 90 the update of 2022."""
    quarterly_hours: Annotated[int, Field(ge=1, le=2000)] | None = None
    """Hours a calendar quarter granted beyond the weeks, 24 by the update of 2022; left out: none."""
    published_downtime: tuple[Downtime, ...] = ()
    """The payer's own calendar. It excludes nothing from our numbers and silences nothing."""
