"""What the checks of an agent share: tokens, sessions, and what an engine told of all channels.

In memory alone, never logged. Whatever is missing is asked for once, however many want it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from probes.clock import Clock
    from probes.enginevisit import Seen
    from probes.fhirsteps import Layer
    from probes.sockets import Deadline
    from probes.wire.engine import Channels
    from probes.wire.x12_answer import Verdict


@dataclass(frozen=True, slots=True)
class Token:
    """Of no use from `until_ns` on, on the monotonic clock."""

    text: str = field(repr=False)
    until_ns: int


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The token endpoint a server named."""

    url: str
    until_ns: int


@dataclass(frozen=True, slots=True)
class Session:
    """A cookie of an engine; without one the engine refused us, and is not asked again so soon."""

    cookie: str | None = field(repr=False)
    until_ns: int


@dataclass(frozen=True, slots=True)
class Admission:
    """A token of a clearinghouse; without one it refused us, and is not asked again so soon."""

    token: str | None = field(repr=False)
    until_ns: int


@dataclass(frozen=True, slots=True, weakref_slot=True)
class Status:
    """What an engine told of all its channels."""

    channels: Channels = field(repr=False)
    until_ns: int


class _Kept(Protocol):
    @property
    def until_ns(self) -> int: ...


K = TypeVar("K", bound=_Kept)
S = TypeVar("S")


class Flights(Generic[K, S]):
    """Values by key, each kept until its `until_ns`; one question at a time for each key.

    An answer is a value, None where there is none, and what is to be said about it.
    """

    def __init__(self) -> None:
        self._kept: dict[Hashable, K] = {}
        self._flights: dict[Hashable, asyncio.Future[tuple[K | None, S] | None]] = {}

    async def get(
        self,
        key: Hashable,
        clock: Clock,
        deadline: Deadline,
        ask: Callable[[], Awaitable[tuple[K | None, S]]],
    ) -> tuple[K | None, S | None, bool]:
        """The value, what is said about it, and whether it was asked for by this call.

        Who finds a question under way waits for its answer, and asks anew only if whoever put it
        gave up or ran out of time. TimeoutError when `deadline` comes first.
        """
        while True:
            kept = self._kept.get(key)
            if kept is not None and clock.monotonic_ns() < kept.until_ns:
                return kept, None, False
            flight = self._flights.get(key)
            if flight is None:
                value, said = await self._lead(key, clock, deadline, ask)
                return value, said, True
            async with asyncio.timeout(deadline.remaining_s()):
                answer = await asyncio.shield(flight)
            if answer is not None:
                return *answer, False

    def put(self, key: Hashable, value: K, clock: Clock) -> None:
        """Keep it, and nothing that has ended."""
        now_ns = clock.monotonic_ns()
        for ended in [k for k, kept in self._kept.items() if kept.until_ns <= now_ns]:
            del self._kept[ended]
        if value.until_ns > now_ns:
            self._kept[key] = value

    def drop(self, key: Hashable, value: K | None = None) -> None:
        """Forget this one, a newer one stays; without `value` whatever there is."""
        if value is None or self._kept.get(key) is value:
            self._kept.pop(key, None)

    async def _lead(
        self,
        key: Hashable,
        clock: Clock,
        deadline: Deadline,
        ask: Callable[[], Awaitable[tuple[K | None, S]]],
    ) -> tuple[K | None, S]:
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        answer: tuple[K | None, S] | None = None
        try:
            found = await ask()
            value = found[0]
            if value is not None:
                self.put(key, value, clock)
            if value is not None or deadline.remaining_s() > 0:
                answer = found  # else the time that ran out was this run's own
            return found
        finally:
            del self._flights[key]
            flight.set_result(answer)


class Tokens:
    """One of an agent, in the `Env` of each of its checks."""

    def __init__(self) -> None:
        self.endpoints: Flights[Endpoint, Layer] = Flights()
        self.held: Flights[Token, Layer] = Flights()
        self.sessions: Flights[Session, Seen] = Flights()
        self.admissions: Flights[Admission, Verdict] = Flights()
        self.statuses: Flights[Status, Seen] = Flights()
