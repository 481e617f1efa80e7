"""What changes, for all who listen: one look at the store a second, whoever writes to it.

A listener gets everything as it stands first, then what changes. Nothing is kept for who is away:
whoever comes back gets everything again.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from alerts.events import State
from collector.api.incident_shapes import Incident
from collector.api.parts import stamp
from collector.api.problems import DeniedError
from collector.store.incidents import WHOLE, Place
from collector.store.store import StoreUnavailableError
from probes.clock import NS_PER_MS, Clock

log = logging.getLogger("wardwatch.feed")

LOOK_MS = 1_000
KEEP_ALIVE_MS = 15_000
AGAIN_S = 30
"""When one that found no place may try again."""
MOST, MOST_OF_ONE = 100, 10
"""Listeners at a time."""
BEHIND = 256
"""Events that may wait for a listener to read them."""
STILL_HERE = ": still here\n\n"
"""A comment: whoever reads passes it over, and whoever stands between keeps the line open."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`states`: since when each (system, site) is in which state; `row`: the last of the journal.

    `incidents` are those open, and those that changed since the snapshot before, by key.
    """

    row: int
    states: Mapping[Place, tuple[State, int]]
    incidents: Mapping[str, Incident]


Look = Callable[[int | None], Awaitable[Snapshot]]
"""A snapshot now; given the `row` of the one before, with the incidents that changed since."""
Event = tuple[str, Any]
"""Name and data."""


def whole(seen: Snapshot) -> Event:
    """Everything, for who has seen nothing yet."""
    states = [_state(place, *seen.states[place]) for place in sorted(seen.states)]
    is_open = [one for _, one in sorted(seen.incidents.items()) if one["recovered_at"] is None]
    return "snapshot", {"states": states, "incidents": is_open}


def differences(before: Snapshot, after: Snapshot) -> list[Event]:
    """States in the order of their places, then incidents by key."""
    moved = [p for p in sorted(after.states) if before.states.get(p) != after.states[p]]
    changed = [k for k in sorted(after.incidents) if before.incidents.get(k) != after.incidents[k]]
    return [
        *(("state", _state(place, *after.states[place])) for place in moved),
        *(("incident", after.incidents[key]) for key in changed),
    ]


def _state(place: Place, state: State, since: int) -> dict[str, Any]:
    system, site = place
    told = None if site == WHOLE else site
    return {"system": system, "site": told, "state": state.value, "since": stamp(since)}


class Listener:
    """One who listens. `cut` ends a connection that is not read from."""

    def __init__(self, cut: Callable[[], None]) -> None:
        self._cut = cut
        self._waiting: asyncio.Queue[str | None] = asyncio.Queue(BEHIND)
        self.greeted = False
        self.ended = False

    async def text(self) -> str | None:
        """What to write next; None: it is over."""
        return await self._waiting.get()

    def tell(self, text: str) -> None:
        if self.ended:
            return
        if self._waiting.full():
            self._cut()
            self.end()
        else:
            self._waiting.put_nowait(text)

    def end(self) -> None:
        """Nothing more is told, not even what waits."""
        self.ended = True
        while not self._waiting.empty():
            self._waiting.get_nowait()
        self._waiting.put_nowait(None)


class Feed:
    """One per process. `run` for ever; `close` before it is stopped."""

    def __init__(self, look: Look, clock: Clock) -> None:
        self._look = look
        self._clock = clock
        self._listeners: list[Listener] = []
        self._accounts: Counter[str] = Counter()
        self._anybody = asyncio.Event()
        self._seen: Snapshot | None = None
        """None while nobody listens."""
        self._number = 0
        self._closed = False

    @contextmanager
    def listening(self, cut: Callable[[], None], account: str) -> Iterator[Listener]:
        """DeniedError when too many do, or one account too often."""
        if len(self._listeners) >= MOST or self._accounts[account] >= MOST_OF_ONE:
            raise DeniedError(429, "events.too_many", retry_after_s=AGAIN_S)
        one = Listener(cut)
        self._listeners.append(one)
        self._accounts[account] += 1
        self._anybody.set()
        if self._closed:
            one.end()
        elif self._seen is not None:
            self._greet(self._seen)
        try:
            yield one
        finally:
            self._listeners.remove(one)
            self._accounts[account] -= 1
            if not self._accounts[account]:
                del self._accounts[account]
            if not self._listeners:
                self._anybody.clear()
                self._seen = None

    async def run(self) -> None:
        told = 0
        while True:
            if not self._listeners:
                await self._anybody.wait()
                told = self._at()
            await self._step()
            if self._at() - told >= KEEP_ALIVE_MS:
                told = self._at()
                for one in self._listeners:
                    one.tell(STILL_HERE)
            await self._clock.sleep_ms(LOOK_MS)

    def close(self) -> None:
        """End every stream, and any that is still begun."""
        self._closed = True
        for one in self._listeners:
            one.end()

    async def _step(self) -> None:
        before = self._seen
        try:
            after = await self._look(None if before is None else before.row)
        except StoreUnavailableError as error:
            # They hear what they missed once it answers again.
            log.warning("feed.failed code=%s", error.fault.value)
            return
        except Exception as error:  # noqa: BLE001 - a defect is a cut stream, not a silent one
            log.error("feed.defect type=%s", type(error).__name__)  # noqa: TRY400 - the type only
            for one in self._listeners:
                one.end()
            return
        if self._seen is not before or not self._listeners:
            return  # everybody had gone while the store was looked at
        self._seen = after
        if before is not None:
            for event in differences(before, after):
                text = self._text(event)
                for one in self._listeners:
                    if one.greeted:
                        one.tell(text)
        self._greet(after)

    def _greet(self, seen: Snapshot) -> None:
        new = [one for one in self._listeners if not one.greeted]
        if not new:
            return
        text = self._text(whole(seen))
        for one in new:
            one.greeted = True
            one.tell(text)

    def _at(self) -> int:
        return self._clock.monotonic_ns() // NS_PER_MS

    def _text(self, event: Event) -> str:
        self._number += 1
        name, data = event
        return f"id: {self._number}\nevent: {name}\ndata: {json.dumps(data)}\n\n"
