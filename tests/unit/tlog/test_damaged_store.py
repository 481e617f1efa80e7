"""A store whose tables of the logs were damaged: told as a trouble, and nothing else stops for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import delete, update

from collector.metrics import CollectorMetrics
from collector.store import log_tables
from collector.store.store import Store
from collector.tlog.epochs import Log
from collector.tlog.sequencer import Sequencer
from collector.tlog.troubles import Trouble
from probes.clock import ManualClock
from tests.support.signing_logs import ORG, ORIGIN, SignedLogs, config_of, made_key
from tests.support.witnesses import entries, witness

CHANGED = dict.fromkeys(Log, Trouble.CHANGED)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path)


async def test_peaks_that_are_none_are_told(store: Store, key: Path, tmp_path: Path) -> None:
    logs = SignedLogs(store, config_of([key]), tmp_path / "signed")
    assert await logs.sign(3) == {}
    await store.write(lambda conn: conn.execute(update(log_tables.logs).values(peaks=b"x" * 32)) and None)
    await logs.clock.advance(60_000)
    assert await logs.look() == CHANGED


async def test_leaves_that_are_gone_are_told_though_a_witness_asks_for_a_proof(
    store: Store, key: Path, tmp_path: Path
) -> None:
    from tests.unit.tlog.test_asking_witnesses import trusted
    clock = ManualClock()
    async with witness("a", trusted(key), clock) as a:
        config = config_of([key], witnesses=entries([a]))
        logs = SignedLogs(store, config, tmp_path / "signed", clock)
        assert await logs.sign(3) == {}
        await logs.grow(3)
        config = config_of([key])
        logs.config = config
        assert await logs.sign(3) == {}
        logs.config = config_of([key], witnesses=entries([a]))
        await store.write(lambda conn: conn.execute(delete(log_tables.log_leaves)) and None)
        assert await logs.look() == CHANGED
