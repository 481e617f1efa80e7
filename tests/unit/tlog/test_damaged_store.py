"""A store whose tables of the logs were damaged: told as a trouble, and nothing else stops for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection, Delete, Update, delete, update

from collector import journal
from collector.attest.vkey import VerifierKey
from collector.facts import Fact
from collector.metrics import CollectorMetrics
from collector.store.log_tables import log_checkpoints, log_leaves
from collector.store.log_tables import logs as logs_table
from collector.store.store import Store
from collector.tlog import checkpoints, reading
from collector.tlog.beacon import Beacon
from collector.tlog.epochs import Log
from collector.tlog.leafrows import DamagedError
from collector.tlog.sequencer import Sequencer
from collector.tlog.signer import open_file, vkey_of
from collector.tlog.troubles import Trouble
from tests.support.signing_logs import EVERY_MS, ORG, ORIGIN, SignedLogs, config_of, made_key
from tests.support.witnesses import entries, witness

CHANGED = dict.fromkeys(Log, Trouble.CHANGED)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path)


@pytest.fixture
def logs(store: Store, tmp_path: Path, key: Path) -> SignedLogs:
    return SignedLogs(store, config_of([key]), tmp_path / "signed")


def trusted(key: Path) -> list[VerifierKey]:
    return [vkey_of(open_file(key), f"{ORIGIN}/{log}") for log in Log]


async def damage(logs: SignedLogs, statement: Update | Delete) -> None:
    def work(conn: Connection) -> None:
        conn.execute(statement)

    await logs.store.write(work)


async def test_peaks_that_are_none_are_told_and_monitoring_goes_on(
    logs: SignedLogs, caplog: pytest.LogCaptureFixture
) -> None:
    assert await logs.sign(3) == {}
    await damage(logs, update(logs_table).values(peaks=b"x" * 31))
    await logs.clock.advance(EVERY_MS)
    assert await logs.look() == CHANGED
    lease = logs.leader.lease
    assert lease is not None
    metrics = CollectorMetrics()
    keeping_up = Sequencer(logs.store, ORG, metrics, os.urandom)
    for _ in range(2):
        assert not await keeping_up.step(lease, ORIGIN, logs.clock.now_ms())
    assert caplog.messages.count("log.damaged") == 1
    beacon = Beacon(logs.store, logs.clock, ORG)
    await beacon.look()
    assert beacon.newest is None


@pytest.mark.parametrize("places", [b"", b"\xc1", b"\x93\x90\x90\x90"])
async def test_leaves_that_cannot_be_read_are_told_when_more_are_added(
    logs: SignedLogs, places: bytes
) -> None:
    assert await logs.sign(3) == {}
    await damage(logs, update(log_leaves).values(places=places))
    fact = Fact("evidence.away", 1, b"{}", "ann")
    await logs.store.write(journal.append, ORG, [fact] * 300, logs.clock.now_ms())
    lease = logs.leader.lease
    assert lease is not None
    keeping_up = Sequencer(logs.store, ORG, CollectorMetrics(), os.urandom)
    assert not await keeping_up.step(lease, ORIGIN, logs.clock.now_ms())
    with pytest.raises(DamagedError):
        await logs.store.read(lambda conn: [*reading.leaves(conn, ORG, Log.AUDIT, 0, 9)])


async def test_leaves_that_are_gone_are_told_though_a_witness_waits_for_a_proof(
    logs: SignedLogs, key: Path
) -> None:
    alone = logs.config
    async with witness("a", trusted(key), logs.clock) as a:
        logs.config = config_of([key], witnesses=entries([a]))
        assert await logs.sign(3) == {}
        logs.config = alone
        assert await logs.sign(3) == {}
        logs.config = config_of([key], witnesses=entries([a]))
        await damage(logs, delete(log_leaves))
        assert await logs.look() == CHANGED


async def test_a_checkpoint_that_is_gone_is_not_cosigned(
    logs: SignedLogs, key: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with witness("a", trusted(key), logs.clock) as a:
        assert await logs.sign(3) == {}
        logs.config = config_of([key], witnesses=entries([a]))
        monkeypatch.setattr(checkpoints, "between", lambda *_given, **_named: [])
        assert await logs.look() == CHANGED


async def test_a_note_that_is_none_is_no_beacon(logs: SignedLogs) -> None:
    assert await logs.sign(3) == {}
    await damage(logs, update(log_checkpoints).values(note=b"\xff"))
    beacon = Beacon(logs.store, logs.clock, ORG)
    await beacon.look()
    assert beacon.newest is None
    assert await logs.sign(1) == CHANGED
