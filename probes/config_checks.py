"""What is probed, and how it is confirmed, as the operator's file gives it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints

from probes.config_words import Id, Model, PositiveDuration
from probes.registry import FEEDS


class InGroup(Model):
    group: Id
    """A group of the check's system."""


class Confirm(Model):
    down: Annotated[int, Field(ge=1, le=100)] = 2
    """Failing runs in a row that make an outage."""
    up: Annotated[int, Field(ge=1, le=100)] = 1
    """Good runs in a row that end it."""


class Quorum(Model):
    need: Annotated[int, Field(ge=1)] | None = None
    """Fresh agents and sites needed to judge; left out: half of them, rounded up."""


class Cost(Model):
    per_day: Annotated[int, Field(ge=1, le=1_000_000)]
    """Runs in a UTC day at most, all agents together; each has its even share."""


@lru_cache(maxsize=1_024)
def _confirm(said: Confirm) -> Confirm:
    """One value for all checks that say so: each for itself is half a kilobyte."""
    return said


@lru_cache(maxsize=1_024)
def _quorum(said: Quorum) -> Quorum:
    return said


class Check(Model):
    system: Id
    """The system it speaks for."""
    kind: Annotated[str, StringConstraints(min_length=1)]
    """The probe kind."""
    every: PositiveDuration
    """Time from slot to slot."""
    timeout: PositiveDuration
    """Limit of a whole run, not above `every`."""
    from_: Annotated[tuple[Id, ...] | None, Field(alias="from")] = None
    """Agents that run it; left out: every agent. Checks of some kinds the collector runs itself."""
    role: Literal["critical", "supporting"] | InGroup = "critical"
    """How it counts for its system: critical, supporting or in a group."""
    confirm: Annotated[Confirm, AfterValidator(_confirm)] = Confirm()
    """Runs in a row that confirm a change."""
    quorum: Annotated[Quorum, AfterValidator(_quorum)] = Quorum()
    """How many must have fresh results."""
    cost: Cost | None = None
    """What its runs may cost; left out: they cost nothing."""
    spec: Mapping[str, Any] = {}
    """Settings of the kind, see its page."""

    @property
    def is_feed(self) -> bool:
        """It judges a feed: it counts for no state of its system, and for no number."""
        return self.kind in FEEDS

    @property
    def hold_ms(self) -> int:
        """How long a result speaks for the time after it (semantics 2.1)."""
        return 2 * self.every + self.timeout
