"""What of signing a collector's other parts ask for: keys, policy, troubles, acts on the logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from collector.store.store import Store
from collector.tlog import keyrows
from collector.tlog.epochs import Epoch, Log
from collector.tlog.guard import Guard, Heads
from collector.tlog.policytext import policy_text
from collector.tlog.publishing import Publisher
from collector.tlog.signers import Signers
from collector.tlog.troubles import Trouble
from probes.config import Config


@dataclass(frozen=True, slots=True)
class Signing:
    """One collector's. `signers` also sign statements; they block: call them in a thread."""

    store: Store
    org: str
    config: Callable[[], Config]
    signers: Signers
    guard: Guard
    publisher: Publisher

    @property
    def troubles(self) -> Mapping[Log, Trouble]:
        return self.publisher.troubles

    async def heads(self) -> Heads:
        """What this host has signed last; GuardError."""
        return await asyncio.to_thread(self.guard.heads)

    async def policy(self, epoch: Epoch) -> bytes:
        """LookupError where nothing of it is to be believed yet."""
        said = self.config().evidence_log
        if said is None:
            raise LookupError(epoch.name)
        known = await self.store.read(keyrows.read, self.org)
        return policy_text(known.keys, epoch.name, said)
