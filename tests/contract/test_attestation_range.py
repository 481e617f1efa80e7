"""Where the range of a bundle's log begins: as a verifier demands it. Both engines."""

from __future__ import annotations

import pytest

from collector.attest import checkpoint, note, policyfile
from collector.attest.checkpoint import Checkpoint
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.attesting import gathering
from collector.attesting.gathering import AHEAD_MS, Asked
from collector.store.store import Store
from collector.tlog import checkpoints, epochs, reading
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from tests.contract.test_tlog import led, send, sequenced
from tests.support.chains import NOW
from tests.support.rounds import ORG
from tests.support.taking_in import chained
from tests.unit.verifying.ledgers import LOG_KEY, ORIGIN, WITNESS, WITNESS_KEY, policy_text

HOUR = 3_600_000
SEEN = {3: NOW + HOUR, 5: NOW + 3 * HOUR, 8: None}
"""When the witness had seen trees that were signed hour by hour, by size."""
FROM = NOW + 2 * HOUR + HOUR // 2 + AHEAD_MS


def published(size: int, signed_at: int, seen_at: int | None) -> Published:
    text = checkpoint.write(Checkpoint(ORIGIN, size, bytes(32)))
    lines = [note.sign(text, ORIGIN, LOG_KEY)]
    if seen_at is not None:
        lines.append(note.cosign(text, WITNESS, WITNESS_KEY, seen_at // 1_000))
    data = note.write(Note(text, tuple(lines)))
    return Published(Log.EVIDENCE, 1, size, signed_at, data, seen_at)


def without_witnesses(policy: bytes) -> bytes:
    return policy.replace(b"quorum auditor", b"quorum none")


@pytest.mark.parametrize(
    ("policy", "size"),
    [
        (policyfile.parse(without_witnesses(policy_text())), 8),
        (policyfile.parse(policy_text()), 3),
    ],
)
async def test_it_begins_with_what_witnesses_had_seen_in_time(
    store: Store, policy: Policy, size: int
) -> None:
    lease = await led(store)
    await send(store, chained(9))
    await sequenced(store, lease)
    for n, (tree, seen) in enumerate(SEEN.items()):
        await store.write(checkpoints.add, ORG, published(tree, NOW + n * HOUR, seen))
    epoch = await store.read(epochs.current, ORG, Log.EVIDENCE)
    assert epoch is not None
    final = published(10, NOW + 9 * HOUR, None)
    asked = Asked(ORG, epoch, (), FROM, FROM, final, policy.quorum is not None)
    start = await store.read(gathering._start, asked, policy)
    assert start == await store.read(reading.peaks, ORG, Log.EVIDENCE, size)
