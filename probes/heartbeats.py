"""What jobs have sent to the collector, for the check that waits for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo


class PingKind(StrEnum):
    START = "start"
    SUCCESS = "success"
    FAIL = "fail"


class Ping(NamedTuple):
    """`at_ms`: when the collector received it, UTC."""

    at_ms: int
    kind: PingKind


@dataclass(frozen=True, slots=True)
class Heard:
    """`pings` by time, as many of the newest as matter. `since_ms`: from when on the check waits for
    them as it does now. `zone`: the organization's.
    """

    pings: Sequence[Ping]
    since_ms: int
    zone: ZoneInfo


class Pings(Protocol):
    async def of(self, check: str) -> Heard:
        """StoreAwayError where the collector's store does not answer."""
        ...


class StoreAwayError(Exception):
    """The collector's own store does not answer."""
