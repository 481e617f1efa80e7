"""Which keys of agents are taken, in memory: what ingest asks for each batch.

It follows the journal: an act of this process counts at once, one of another replica within
`LOOK_MS`. A key pinned in the file is the only one of its agent.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import Connection

from collector import equivocations, journal
from collector.core.agent_keys import Key, KeyAct, KeyState
from collector.metrics import CollectorMetrics
from collector.store.agent_keys import keys_of
from collector.store.store import Store, StoreUnavailableError
from probes.clock import Clock
from probes.config_places import Agent
from probes.envelope import BatchError, BatchFault

LOOK_MS = 1_000
MOST_OVER = 4
"""Keys that are not taken any longer, or not yet, that a bad signature is compared with, so that
their agent hears why: the newest."""

KINDS = (*(kind.value for kind in KeyAct), equivocations.KIND, equivocations.SETTLED)


class NotTakenError(Exception):
    """The batch is rightly signed, with a key that is not taken: the text is the code."""


_CODES = {
    KeyState.PENDING: "agent.not_approved",
    KeyState.WITHDRAWN: "agent.not_approved",
    KeyState.REPLACED: "batch.key_replaced",
    KeyState.REVOKED: "batch.revoked",
}


@dataclass(frozen=True, slots=True)
class Ring:
    """As of the journal's row `row`: every key by agent, and unsettled equivocations."""

    row: int = 0
    keys: Mapping[str, Sequence[Key]] = field(default_factory=dict)
    unsettled: Mapping[str, int] = field(default_factory=dict)


def verify(ring: Ring, agent: str, defined: Agent, now: int, check: Callable[[str], None]) -> None:
    """`check` verifies something of the agent's with a key, `ed25519:BASE64`, and raises BatchError.

    BatchError for what no key of the agent has signed, or is not right otherwise; NotTakenError.
    """
    if defined.key is not None:
        check(defined.key)
        return
    keys = ring.keys.get(agent, ())
    if not keys:
        raise NotTakenError("batch.no_key")
    taken = [key for key in keys if key.taken(now)]
    for key in sorted(taken, key=lambda k: k.state is not KeyState.APPROVED):
        if _signed(key, check):
            return
    for key in [key for key in reversed(keys) if key not in taken][:MOST_OVER]:
        if _signed(key, check):
            raise NotTakenError(_CODES[key.state])
    raise BatchError(BatchFault.SIGNATURE)


def _signed(key: Key, check: Callable[[str], None]) -> bool:
    """Any other fault than another key's signature comes out."""
    try:
        check(key.key)
    except BatchError as error:
        if error.code is BatchFault.SIGNATURE:
            return False
        raise
    return True


class KeyRing:
    """`refresh` before the first batch, and after each act; `run` for ever."""

    def __init__(self, store: Store, clock: Clock, org: str, metrics: CollectorMetrics) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._metrics = metrics
        self.ring = Ring()

    async def refresh(self) -> None:
        """Read what was recorded since; StoreUnavailableError leaves the ring as it was."""
        found = await self._store.read(_read, self._org, self.ring.row)
        if found is not None and found.row > self.ring.row:
            self.ring = found
            self._metrics.show_equivocations(found.unsettled)

    async def run(self) -> None:
        while True:
            # what the store lacks it keeps as its fault, and nothing can be stored meanwhile
            with contextlib.suppress(StoreUnavailableError):
                await self.refresh()
            await self._clock.sleep_ms(LOOK_MS)


def _read(conn: Connection, org: str, after: int) -> Ring | None:
    """None where nothing was recorded after the row `after`."""
    newest = journal.newest(conn, org, KINDS)
    if newest <= after:
        return None
    keys: dict[str, list[Key]] = {}
    for key in keys_of(conn, org):
        keys.setdefault(key.agent, []).append(key)
    return Ring(newest, keys, equivocations.unsettled(conn, org))
