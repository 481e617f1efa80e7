"""What batches and tombstones are made with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.spool import Signer
from probes.batch import Anchors
from probes.clock import Clock


@dataclass(frozen=True, slots=True)
class Makings:
    clock: Clock
    random_bytes: Callable[[int], bytes]
    signer: Callable[[], Signer]
    anchors: Callable[[], Anchors]
    closed: Callable[[], None]
    """Told when the anchors of a batch are taken: what comes now is for the next one."""
    enough: Callable[[str], int]
    """Good runs a tombstone keeps after one that was not, by check."""

    def new_epoch(self) -> str:
        return self.random_bytes(16).hex()
