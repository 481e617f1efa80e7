"""What the simulated receivers of `lookup` channels share: a shelf whose index may lag, and what tests ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from aiohttp import web

from alerts.channel import ChannelKind
from alerts.lookup import Standing

Record = dict[str, Any]
"""A ticket as the receiver shows it. `notes` and `born` are the shelf's own."""


@dataclass
class Shelf:
    """A ticket is found by a search only after `lag` further searches, as where an index lags."""

    lag: int = 0
    records: list[Record] = field(default_factory=list)
    searches: int = 0

    def put(self, record: Record) -> Record:
        self.records.append({**record, "notes": [], "born": self.searches})
        return self.records[-1]

    def search(self, wanted: Callable[[Record], bool]) -> list[Record]:
        self.searches += 1
        ready = [one for one in self.records if self.searches - one["born"] > self.lag]
        return [one for one in ready if wanted(one)]


@dataclass(frozen=True)
class Call:
    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    body: Any


class FakeDesk(Protocol):
    """A receiver with its own deduplication, which is none but what its documents promise."""

    shelf: Shelf
    calls: list[Call]

    async def handle(self, request: web.Request) -> web.StreamResponse: ...

    def standing(self, record: Record) -> Standing: ...

    def stand(self, record: Record, standing: Standing) -> None:
        """What a person there does."""
        ...

    def priority(self, record: Record) -> Any: ...

    def rank(self, record: Record, priority: Any) -> None:
        """What a person there does."""
        ...

    def by_people(self, like: Record, *, with_key: bool = True) -> Record:
        """A ticket that people made themselves and put our key on, as on the record, or did not."""
        ...


@dataclass(frozen=True)
class Case:
    """One channel and its simulated receiver. `spec` lacks `url` and `timeout`; `priorities` are those
    of categories 1 and 3 (P3 and P1).
    """

    kind: ChannelKind[Any]
    fake: Callable[[], Any]
    """A `FakeDesk`."""
    spec: Mapping[str, Any]
    login: str
    """The header we sign in with."""
    priorities: tuple[Any, Any]


async def body_of(request: web.Request) -> Any:
    return await request.json() if await request.read() else None


async def heard(request: web.Request) -> Call:
    return Call(
        request.method,
        request.path,
        {name.lower(): value for name, value in request.headers.items()},
        dict(request.query),
        await body_of(request),
    )
