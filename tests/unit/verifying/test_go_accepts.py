"""Go's checksum database code accepts the checkpoint and the proofs of a bundle as they stand in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from collector.attest import checkpoint, merkle, note, proof, spelling, tiles
from collector.attest.merkle import CompactRange
from collector.attest.vkey import SignatureType
from collector.bundle import layout
from probes.wire.merkle import leaf_hash
from tests.unit.attest.test_go_agrees import VERDICTS, Log, as_go_says, asked, driver
from tests.unit.verifying.ledgers import LOG_KEY, ORIGIN, vkey
from tests.unit.verifying.story import FIRST
from tests.unit.verifying.tampering import honest, members

__all__ = ["driver"]
pytestmark = pytest.mark.xdist_group("go")
VERIFIER = vkey(ORIGIN, LOG_KEY, SignatureType.ED25519).text()


def as_go_reads(name: str) -> Log:
    """A proof of the bundle, over the entries that its checkpoint counts."""
    found = proof.parse(members()[name])
    head = checkpoint.parse(found.checkpoint.text)
    start = json.loads(members()[layout.LOG_START])
    peaks = tuple(filter(None, map(spelling.hash_of, start["peaks"])))
    entries = tuple(honest().ledger.data()[: head.size])
    state, full = CompactRange().extended(map(leaf_hash, entries))
    assert state.root() == head.root
    held = {(one.level, one.place): one.hash for one in full}

    def nodes(level: int, place: int) -> bytes:
        return held[level, place]

    return Log(
        entries=entries,
        verifier=VERIFIER,
        note=note.write(found.checkpoint),
        index=found.index,
        old=FIRST,
        old_root=CompactRange(start["size"], peaks).root(),
        inclusion=found.path,
        consistency=merkle.consistency_path(nodes, FIRST, head.size),
        tiles={
            as_go_says(tiles.path_of(tile)): tiles.hashes_in(nodes, tile)
            for tile in tiles.tiles_between(0, head.size)
        },
        seed=bytes(32),
    )


def test_go_accepts_every_proof_of_a_bundle_and_its_checkpoint(driver: Path) -> None:
    names = sorted(name for name in members() if name.endswith(".tlog-proof"))
    assert len(names) == 5
    logs = [as_go_reads(name) for name in names]
    for name, answer in zip(names, asked(driver, logs), strict=True):
        assert {one: answer[one] for one in VERDICTS} == dict.fromkeys(VERDICTS, True), name
    final = members()[layout.CHECKPOINT]
    assert all(
        log.note == final for name, log in zip(names, logs, strict=True) if "early" not in name
    )


def test_go_refuses_a_proof_of_another_row(driver: Path) -> None:
    one, other = (as_go_reads(layout.proof_of(index)) for index in (2, 3))
    (answer,) = asked(driver, [replace(one, index=other.index)])
    assert answer["Included"] is False
    assert answer["Signed"] is True
