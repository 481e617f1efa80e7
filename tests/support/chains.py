"""Chains of sealed batches, each after the one before, with the runs they hold."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import batch
from probes.batch import Anchors, Batch, Place
from probes.contract import Outcome
from probes.segments import Run

KEY = Ed25519PrivateKey.from_private_bytes(b"north-1".ljust(32))
PUBLIC = "ed25519:" + base64.b64encode(KEY.public_key().public_bytes_raw()).decode()
NOW = 1_767_225_600_000
SECRET = b"sixteen secrets."
CONFIG = "0123456789abcdef"
ANCHORS = Anchors(NOW + 3_600_000, 99)


def a_run(at_ms: int, outcome: Outcome, check: str = "ehr-read", system: str = "ehr") -> Run:
    reason = "ok" if outcome is Outcome.UP else "tcp.refused"
    return Run(system, check, at_ms, at_ms, outcome, reason, 5_000, {"connect": 7})


def a_missed_slot(at_ms: int, check: str = "ehr-read", system: str = "ehr") -> Run:
    return Run(system, check, at_ms, at_ms, Outcome.UNKNOWN, "agent.missed_slot", 0)


def a_chain(
    runs: Sequence[Sequence[Run]], *, epoch: str = "e1", offsets_ms: Sequence[int] = ()
) -> list[Batch]:
    """One batch for each of `runs`; the clock's offset as told, else 0."""
    prev, made = batch.NO_PREVIOUS, []
    for n, some in enumerate(runs):
        offset_ms = offsets_ms[n] if offsets_ms else 0
        anchors = Anchors(some[-1].at_ms + 1_000, n, offset_ms)
        place = Place("st-elsewhere", "north-1", epoch, n + 1, prev, CONFIG)
        made.append(batch.open_batch(batch.seal(KEY, place, anchors, some, SECRET)))
        prev = batch.header_hash(made[-1])
    return made
