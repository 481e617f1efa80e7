"""What the collector knows of a feed, for the check that judges it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, Protocol

HOURS = 168
"""Of a week; hour 0 is Monday from 00:00 to 01:00."""


class Finding(StrEnum):
    USUAL = "usual"
    SILENT = "silent"
    FLOODED = "flooded"
    LEARNING = "learning"
    UNWATCHED = "unwatched"


class Judged(NamedTuple):
    """`seen` messages in `ms`, where `due` were due. In this hour of the week from `low` to `high`
    are usual; of a public holiday `hour` is `HOURS` and more.
    """

    finding: Finding
    ms: int = 0
    seen: int = 0
    due: int = 0
    hour: int = 0
    low: int = 0
    high: int = 0


class Feed(NamedTuple):
    """Whose counts are judged: of the check `of` this fact, by `weeks` weeks, none of them before
    `since` (local date; empty: no such limit).
    """

    of: str
    fact: str
    weeks: int
    since: str = ""


class Counts(Protocol):
    async def judged(self, check: str, feed: Feed) -> Judged:
        """As of now. StoreAwayError where the collector's store does not answer."""
        ...
