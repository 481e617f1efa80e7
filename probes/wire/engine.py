"""What an integration engine tells of its channels, whatever its product: a `Reading` of integers.

`engine_track` keeps what earlier ones said, `engine_judge` gives the verdict. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from probes.contract import Outcome
from probes.reasons import Reason

Verdict = tuple[Outcome, Reason]

UP: Verdict = (Outcome.UP, Reason.OK)
NOT_STATUS: Verdict = (Outcome.DOWN, Reason.ENGINE_NOT_STATUS)
NO_CHANNEL: Verdict = (Outcome.MISCONFIGURED, Reason.ENGINE_NO_CHANNEL)


MOST_CHANNELS = 10_000
"""An answer that tells of more is none: reading it must not hold up an agent."""


class EngineError(Exception):
    """The answer is none of the product's. Without text: the answer may hold anything."""


class State(StrEnum):
    STARTED = "started"
    STARTING = "starting"
    STOPPED = "stopped"
    """Takes or sends nothing: stopped, paused, on its way there, not deployed, disabled, in error."""
    OTHER = "other"
    """A word we do not know."""


@dataclass(frozen=True, slots=True)
class Reading:
    """None: not told. Counters run since whenever the engine began to count."""

    state: State | None = None
    received: int | None = None
    sent: int | None = None
    errored: int | None = None
    filtered: int | None = None
    queued: int | None = None
    oldest_s: int | None = None
    """Age of the oldest message that waits."""
    idle_s: int | None = None
    """Since a message was last handled."""
    connected: bool | None = None
    """Does it reach whom it sends to?"""
    at_s: int | None = None
    """When this was written, in seconds since 1970; for statistics that are exported."""

    @property
    def counters(self) -> tuple[int | None, ...]:
        return self.received, self.sent, self.errored, self.filtered


SIGNS = tuple(Reading.__slots__)
"""The names of what a product may tell."""


@dataclass(frozen=True, slots=True)
class Channel:
    reading: Reading
    destinations: Mapping[str, Reading | None] = field(default_factory=dict, repr=False)
    """By name and by number; None where several have that name."""

    def within(self, destination: str) -> Reading | None:
        """Of one destination, which takes and sends nothing either where its channel does not."""
        found = self.destinations.get(destination)
        if found is None or self.reading.state in (None, State.STARTED):
            return found
        return replace(found, state=self.reading.state)


Channels = Mapping[str, Channel | None]
"""By name and by id; None where several have that name. Held for seconds, never told."""
