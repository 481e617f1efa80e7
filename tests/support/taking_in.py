"""What T1 hands to the store, made without a collector."""

from __future__ import annotations

from collector import ingest
from collector.store.ledger import Incoming
from probes import batch, tombstone
from probes.batch import Anchors, Place
from probes.contract import Outcome
from tests.support.chains import CONFIG, KEY, NOW, SECRET, a_run

ORG = "st-elsewhere"


def taken(data: bytes, received_at: int = NOW) -> Incoming:
    """Of a batch or a tombstone that is right."""
    if data.startswith(tombstone.MAGIC):
        tomb = tombstone.open_tombstone(data)
        return ingest._tombstone(tomb, data, received_at)
    return ingest._incoming(batch.open_batch(data), data, received_at)


def a_batch(
    seq: int,
    outcome: Outcome = Outcome.UP,
    *,
    agent: str = "north-1",
    epoch: str = "e1",
    prev: str = batch.NO_PREVIOUS,
) -> bytes:
    """One result, a second after that of the batch before it."""
    at = NOW + 1_000 * seq
    place = Place(ORG, agent, epoch, seq, prev, CONFIG)
    return batch.seal(KEY, place, Anchors(at, 7), [a_run(at, outcome)], SECRET)


def chained(count: int, *, agent: str = "north-1", epoch: str = "e1") -> list[bytes]:
    """Batches 1 to `count`, each naming the one before it."""
    out: list[bytes] = []
    prev = batch.NO_PREVIOUS
    for seq in range(1, count + 1):
        out.append(a_batch(seq, agent=agent, epoch=epoch, prev=prev))
        prev = batch.header_hash(batch.open_batch(out[-1]))
    return out
