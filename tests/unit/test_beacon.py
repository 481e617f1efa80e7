"""The beacon: from a checkpoint to what agents are told, and into their batches."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import note
from collector.store.store import Store
from collector.tlog.beacon import Beacon
from collector.tlog.epochs import Log
from probes import agentconfig, batch, beacon, envelope
from probes.agentconfig import part_of
from probes.contract import Outcome
from tests.support.batches import seal
from tests.support.collectors import a_collector
from tests.support.rounds import KEYS, ORG, config, result
from tests.support.signing_logs import SignedLogs, config_of, made_key

TEXT = "log.example.org/evidence\n1\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n"
HASH = "1e5c3fe3771162aaf71072c0d07e76581f5575a41529018243ccf6d671a26299"
SIGNER = Ed25519PrivateKey.from_private_bytes(b"config".ljust(32))


def test_it_is_the_hash_of_the_text_that_is_signed() -> None:
    assert beacon.of(TEXT) == HASH


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"beacon": None},
        {"beacon": HASH.upper()},
        {"beacon": HASH[:-1]},
        {"beacon": f"{HASH}\n"},
        {"beacon": f" {HASH}"},
        {"beacon": 7},
        {"beacon": [HASH]},
        {"beacon": {"of": HASH}},
        [HASH],
        HASH,
        None,
    ],
)
def test_what_is_no_beacon_is_passed_over(body: Any) -> None:
    assert beacon.in_answer(json.dumps(body).encode()) is None


def test_a_beacon_in_an_answer_is_found() -> None:
    told = {"epoch": "e", "stored": [[1, 1]], "beacon": HASH, "newer": 1}
    assert beacon.in_answer(json.dumps(told).encode()) == HASH


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_without_one(body: bytes) -> None:
    assert beacon.in_answer(body) is None


def test_a_config_carries_it_and_is_the_same_bytes_without_one() -> None:
    part = part_of(config(), "north-1", 3, 17, HASH)
    assert agentconfig.read(agentconfig.seal(SIGNER, part), agentconfig.public_text(SIGNER)) == part
    without = dataclasses.replace(part, beacon=None)
    assert b"beacon" not in agentconfig.seal(SIGNER, without)


@pytest.mark.parametrize("bad", [7, "1f", HASH.upper(), [HASH], {}])
def test_a_bad_one_is_no_reason_to_refuse_a_config(bad: Any) -> None:
    part = part_of(config(), "north-1", 3, 17, HASH)
    frame = envelope.split(agentconfig.MAGIC, agentconfig.seal(SIGNER, part))
    header = msgspec.json.decode(frame.header_bytes) | {"beacon": bad}
    data = envelope.close(agentconfig.MAGIC, SIGNER, msgspec.json.encode(header), frame.body)
    found = agentconfig.read(data, agentconfig.public_text(SIGNER))
    assert found == dataclasses.replace(part, beacon=None)


async def test_every_replica_tells_the_newest_checkpoint_of_the_evidence_log(
    store: Store, tmp_path: Path
) -> None:
    logs = SignedLogs(store, config_of([made_key(tmp_path)]), tmp_path / "signed")
    another = Beacon(store, logs.clock, "org")
    await another.look()
    assert another.newest is None
    for _ in range(2):
        await logs.sign()
        await another.look()
        published = await logs.latest(Log.EVIDENCE)
        assert another.newest == beacon.of(note.parse(published.note).text)
    own = Beacon(store, logs.clock, "org")
    own.signed(logs.texts[-1])
    assert own.newest == another.newest


async def test_an_acknowledgement_and_a_config_carry_it(sqlite_store: Store) -> None:
    async with a_collector(sqlite_store, config_key=SIGNER) as collector:
        parts = collector.service.parts
        for newest, seq in ((None, 1), (HASH, 2)):
            parts.beacon.newest = newest
            data = seal(KEYS["north-1"], ORG, "north-1", "e1", seq, [result(seq, Outcome.UP)])
            headers = {"Content-Type": batch.CONTENT_TYPE}
            async with collector.client.post(
                "/agent/v1/batches", data=data, headers=headers
            ) as answer:
                assert answer.status == 200
                told = await answer.json()
            assert told.get("beacon") == newest
            assert ("beacon" in told) is (newest is not None)
        asked = agentconfig.ask(
            KEYS["north-1"],
            agentconfig.Question(
                org=ORG, agent="north-1", have=0, at=collector.clock.now_ms(), nonce="0" * 32
            ),
        )
        assert parts.serving is not None
        document = await parts.serving.answer(asked)
        assert document is not None
        assert agentconfig.read(document, agentconfig.public_text(SIGNER)).beacon == HASH
