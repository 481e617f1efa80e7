"""A feed against its own habits: silent, flooded, or as usual at this hour (`feed_silence.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, Field

from probes.config_words import Id, Model
from probes.contract import Env, Fact, Kind, Observation, Outcome, Place, Slot
from probes.feeds import Feed, Finding
from probes.heartbeats import StoreAwayError
from probes.reasons import Reason
from probes.wire.hl7_receiving import MessageType

_VERDICTS = {
    Finding.USUAL: (Outcome.UP, Reason.OK),
    Finding.SILENT: (Outcome.DEGRADED, Reason.FEED_SILENT),
    Finding.FLOODED: (Outcome.DEGRADED, Reason.FEED_FLOODED),
    Finding.LEARNING: (Outcome.UNKNOWN, Reason.FEED_LEARNING),
    Finding.UNWATCHED: (Outcome.UNKNOWN, Reason.FEED_UNWATCHED),
}


def _date(value: str) -> str:
    try:
        return date.fromisoformat(value).isoformat()
    except ValueError:
        raise ValueError("write a date, such as 2026-03-01") from None


class FeedConfig(Model):
    """The spec."""

    of: Id
    type: MessageType | None = None
    weeks: Annotated[int, Field(ge=3, le=26)] = 6
    since: Annotated[str, AfterValidator(_date)] | None = None

    @property
    def feed(self) -> Feed:
        fact = Fact.MESSAGES if self.type is None else Fact(f"messages_{self.type.value}")
        return Feed(self.of, fact.value, self.weeks, self.since or "")


class FeedProbe:
    def __init__(self, config: FeedConfig, env: Env) -> None:
        self._feed = config.feed
        self._env = env

    async def run(self, slot: Slot) -> Observation:
        if self._env.counts is None:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_CONFIG)
        try:
            found = await self._env.counts.judged(slot.check, self._feed)
        except StoreAwayError:
            return Observation(Outcome.UNKNOWN, Reason.AGENT_STORE)
        facts: dict[Fact, int] = {}
        if found.finding in (Finding.SILENT, Finding.FLOODED):
            facts = {
                Fact.FEED_S: found.ms // 1000,
                Fact.FEED_SEEN: found.seen,
                Fact.FEED_DUE: found.due,
                Fact.FEED_HOUR: found.hour,
                Fact.FEED_LOW: found.low,
                Fact.FEED_HIGH: found.high,
            }
        return Observation(*_VERDICTS[found.finding], {}, facts)


@asynccontextmanager
async def _open(config: FeedConfig, env: Env) -> AsyncIterator[FeedProbe]:
    yield FeedProbe(config, env)


KIND = Kind(
    name="feed_silence",
    summary="A feed against its own habits: silent or flooded for this hour of the week",
    parse=FeedConfig.model_validate,
    open=_open,
    reasons=frozenset(
        {
            Reason.OK,
            Reason.FEED_SILENT,
            Reason.FEED_FLOODED,
            Reason.FEED_LEARNING,
            Reason.FEED_UNWATCHED,
            Reason.AGENT_CONFIG,
            Reason.AGENT_STORE,
        }
    ),
    place=Place.COLLECTOR,
)
