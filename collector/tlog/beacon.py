"""The newest checkpoint of the evidence log as agents are told of it (`probes/beacon.py`).

Every replica tells agents, and only one of them signs: the others look into the store.
"""

from __future__ import annotations

import logging

from sqlalchemy import Connection

from collector.attest import note
from collector.attest.faults import AttestError
from collector.store.store import Store, StoreUnavailableError
from collector.tlog import checkpoints
from collector.tlog.epochs import Log
from collector.tlog.leafrows import DamagedError
from probes import beacon
from probes.clock import Clock

log = logging.getLogger("wardwatch.log")

LOOK_MS = 10_000
"""Between two looks into the store."""


class Beacon:
    """One per process; `run` for ever."""

    def __init__(self, store: Store, clock: Clock, org: str) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self.newest: str | None = None
        """In hex; None before the first checkpoint."""

    def signed(self, text: str) -> None:
        """Its text, as this process has just signed it."""
        self.newest = beacon.of(text)

    async def run(self) -> None:
        while True:
            await self.look()
            await self._clock.sleep_ms(LOOK_MS)

    async def look(self) -> None:
        try:
            self.newest = await self._store.read(_newest, self._org)
        except StoreUnavailableError as error:
            log.warning("log.no_beacon code=%s", error.fault.value)
        except (AttestError, DamagedError):  # of a row that we would not have written
            self.newest = None


def _newest(conn: Connection, org: str) -> str | None:
    found = checkpoints.latest(conn, org, Log.EVIDENCE)
    return None if found is None else beacon.of(note.parse(found.note).text)
