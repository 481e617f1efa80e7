"""A kind of the collector's own agent that says what it is told to, and stays as long as it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from probes.contract import Env, Kind, Observation, Outcome, Place, Slot
from probes.reasons import Reason

UP = Observation(Outcome.UP, Reason.OK)


class Judge:
    """One for all checks that are opened."""

    def __init__(self) -> None:
        self.says = UP
        self.hangs = False
        self.asked: list[tuple[str, int]] = []

    async def run(self, slot: Slot) -> Observation:
        self.asked.append((slot.check, slot.at_ms))
        if self.hangs:
            await asyncio.Event().wait()
        return self.says


JUDGE = Judge()


@asynccontextmanager
async def _open(_config: Mapping[str, Any], _env: Env) -> AsyncIterator[Judge]:
    yield JUDGE


KIND = Kind("heartbeat", "for tests", dict, _open, frozenset(), place=Place.COLLECTOR)
