"""Planned windows, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from probes.config_words import Duration, Id, Instant, LocalTime, Model, Ref, Zone


class Act(Model):
    by: Id
    """Who."""
    at: Instant
    """When; without offset in the organization's zone."""
    ref: Ref | None = None
    """Number of a change or ticket."""


class Window(Model):
    id: Id
    """One namespace for all windows."""
    systems: Annotated[tuple[Id, ...], Field(min_length=1)]
    """What it covers."""
    start: LocalTime
    """First local start."""
    end: LocalTime
    """First local end."""
    timezone: Zone
    """IANA zone of its wall-clock times."""
    rrule: str | None = None
    """RFC 5545 rule: DAILY, WEEKLY, MONTHLY or YEARLY; UNTIL in UTC."""
    exdate: tuple[LocalTime, ...] = ()
    """Local starts that do not take place."""
    expect_down: Duration | None = None
    """How long down stays quiet inside it."""
    proposed: Act
    """Who asked for it."""
    approval: Act | None = None
    """Who approved it; somebody else, before it starts, or it excludes nothing."""
    cancelled: Act | None = None
    """Occurrences that start from then on do not count."""
    finished: tuple[Act, ...] = ()
    """Ends the running occurrence early."""
