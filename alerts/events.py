"""What the process fold consumes and what it says: values only, no IO.

The collector makes `SystemView`s from the truth; `alerts/policy.py` turns them into `Incident`s.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from probes.spans import Interval, Span, Timeline


class State(StrEnum):
    """A system's state at an instant (semantics 2.5)."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"
    NOT_MONITORED = "not_monitored"


class Family(StrEnum):
    AVAILABILITY = "availability"
    ACCESS = "access"
    BLIND = "blind"
    FEED = "feed"
    EXPIRY = "expiry"
    BUDGET = "budget"


class Cause(StrEnum):
    DOWN = "down"
    DEGRADED = "degraded"
    OVERRUN = "overrun"
    UNKNOWN = "unknown"
    MISCONFIGURED = "misconfigured"
    REJECTED_BY_ALL = "rejected_by_all"
    SILENT = "silent"
    FLOODED = "flooded"
    EXPIRING = "expiring"
    BURNING = "burning"


class Priority(StrEnum):
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


@dataclass(frozen=True, slots=True)
class QuietWindow:
    """One occurrence that excludes time: `[start, end)`; `expect_down_ms` None = to its end."""

    start: int
    end: int
    expect_down_ms: int | None


@dataclass(frozen=True, slots=True)
class SystemView:
    """Everything the process fold reads about one system, from its first monitored instant on.

    `states` covers `[monitored_from, now)` without holes (not_monitored after removal).
    `site_states` covers the same range per site. `access` is the unknown time that would not be
    unknown had every (check, agent) in confirmed `misconfigured` been up; `rejected_by_all` the
    time in which some critical check that was up with the same config is misconfigured at every
    vantage point. `windows` are the occurrences that exclude, in order, clipped to nothing.
    `expires` is by when the first of its certificates ends, as was known at each instant; None
    where nothing was. `feed` is when one is silent or flooded against its baseline, in order,
    with holes where neither is. `burning` is when a burn-rate row of its error budget fires.
    """

    system: str
    states: Timeline[State]
    site_states: Mapping[str, Timeline[State]]
    access: tuple[Interval, ...]
    rejected_by_all: tuple[Interval, ...]
    windows: tuple[QuietWindow, ...]
    feed: tuple[Span[Cause], ...] = ()
    expires: Timeline[int | None] = ()
    burning: tuple[Interval, ...] = ()


@dataclass(frozen=True, slots=True)
class Incident:
    """One incident as the truth up to `now` shows it, before any human act.

    `due_at` is when the opening condition is due (start for down; start + degraded_after ...);
    `key` is stable: `<system>.<family>.<started_at ms>`. `category` and `priority` are the
    highest reached. `recovered_at` is None while open.
    """

    key: str
    system: str
    family: Family
    causes: tuple[Cause, ...]
    category: int
    priority: Priority
    started_at: int
    due_at: int
    recovered_at: int | None
    attached_to: str | None
    quiet: bool
    reopened: int
    flapping: bool
    sites: tuple[str, ...] = ()
