"""A check that cannot run here, such as one of a newer release's kind: each slot says so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from probes.contract import Env, Kind, Observation, Outcome, Slot
from probes.reasons import Reason


class Unusable:
    async def run(self, slot: Slot) -> Observation:  # noqa: ARG002 - the same at each
        return Observation(Outcome.UNKNOWN, Reason.AGENT_CONFIG)


@asynccontextmanager
async def _probe(_config: Mapping[str, Any], _env: Env) -> AsyncIterator[Unusable]:
    yield Unusable()


UNUSABLE = Kind("none", "a check that cannot run here", dict, _probe, frozenset())
