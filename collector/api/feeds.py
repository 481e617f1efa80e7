"""Feeds: what is usual of one, and what is made of now."""

from __future__ import annotations

from typing_extensions import TypedDict

from collector import feedwords
from collector.access.policy import Permission
from collector.api.parts import stamp
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from collector.feedlog import Version
from collector.feeds import feed_of
from probes.feeds import Finding


class UsualHour(TypedDict):
    """Of messages in an hour, learned from so many `hours`; below three it is not known."""

    hours: int
    low: int
    high: int


class Baseline(TypedDict):
    """Learned from `weeks` weeks before `upto`. `usual` has the 168 hours of the week, Monday 00:00
    first, on the organization's wall clock.
    """

    upto: Instant
    recorded_at: Instant
    weeks: int
    hours: int
    known: int
    lull: int
    burst: int
    usual: list[UsualHour]


class FeedNow(TypedDict):
    """`why` is one sentence; `baseline` is null while none is recorded."""

    check: str
    system: str
    of: str
    type: str | None
    finding: Finding
    why: str
    baseline: Baseline | None


async def read_feed(call: Call[Nothing, Nothing]) -> FeedNow:
    """The baseline that a feed check is judged by, and the verdict as of now."""
    parts, name = call.parts, call.path["id"]
    check = parts.config.checks.get(name)
    if check is None or not check.is_feed:
        raise DeniedError(404, "api.unknown_feed")
    feed = feed_of(check.spec)
    judged, version = await parts.feeds.explained(name, feed)
    return {
        "check": name,
        "system": check.system,
        "of": feed.of,
        "type": feedwords.type_of(feed),
        "finding": judged.finding,
        "why": feedwords.sentence(judged, feed),
        "baseline": None if version is None else _baseline(version),
    }


def _baseline(version: Version) -> Baseline:
    found = version.baseline
    return {
        "upto": stamp(found.upto),
        "recorded_at": stamp(version.recorded_at),
        "weeks": found.weeks,
        "hours": found.hours,
        "known": found.known,
        "lull": found.lull,
        "burst": found.burst,
        "usual": [{"hours": one.hours, "low": one.low, "high": one.high} for one in found.usual],
    }


ROUTES = (get("/api/v1/feeds/{id}", Permission.RESULTS_READ, read_feed, FeedNow, Nothing),)
