"""Our publisher and our witness, over HTTP on loopback."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from collector.attest import note
from collector.attest.policy import Group, Policy, accept
from collector.attest.vkey import VerifierKey
from collector.store.open import open_store
from collector.tlog.epochs import Log
from collector.tlog.signer import open_file, vkey_of
from collector.tlog.troubles import Trouble
from collector.tlog.witnessing import AGAIN_MS
from probes.clock import ManualClock
from tests.support.signing_logs import ORIGIN, SignedLogs, config_of, made_key
from tests.support.witnesses import RunningWitness, entries, witness

EVIDENCE, AUDIT = f"{ORIGIN}/evidence", f"{ORIGIN}/audit"


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def trusted(key: Path) -> list[VerifierKey]:
    return [vkey_of(open_file(key), f"{ORIGIN}/{log}") for log in Log]


def policy(key: Path, log: Log, *witnesses: RunningWitness) -> Policy:
    names = {one.name.encode(): one.key.verifier for one in witnesses}
    return Policy(
        (vkey_of(open_file(key), f"{ORIGIN}/{log}"),),
        names,
        {b"all": Group(len(names), tuple(names))},
        b"all",
    )


@asynccontextmanager
async def running(
    database: Path, key: Path, clock: ManualClock, witnesses: list[RunningWitness], more: str = ""
) -> AsyncIterator[SignedLogs]:
    store = await open_store(f"sqlite:///{database}")
    config = config_of([key], witnesses=entries(witnesses), more=more)
    try:
        yield SignedLogs(store, config, database.with_name("signed"), clock)
    finally:
        await store.close()


@pytest.fixture
def database(tmp_path: Path, made_sqlite: Path) -> Path:
    return Path(shutil.copy(made_sqlite, tmp_path / "wardwatch.db"))


async def test_both_logs_are_cosigned_and_a_policy_takes_them(
    database: Path, key: Path, clock: ManualClock
) -> None:
    async with (
        witness("a", trusted(key), clock) as a,
        witness("b", trusted(key), clock) as b,
        running(database, key, clock, [a, b]) as logs,
    ):
        for _ in range(3):
            assert await logs.sign(2) == {}
            for log in Log:
                published = await logs.latest(log)
                found = accept(policy(key, log, a, b), note.parse(published.note))
                assert found.checkpoint.size == published.size
                assert set(found.witnessed) == {b"a", b"b"}
                assert published.cosigned_at == clock.now_ms()
        assert a.size(EVIDENCE) == (await logs.latest()).size
        assert a.size(AUDIT) == (await logs.latest(Log.AUDIT)).size
        assert logs.metric("wardwatch_log_witness_behind", log="audit", witness="a") == 0


async def test_a_witness_that_is_down_holds_up_nothing_and_is_asked_again(
    database: Path, key: Path, clock: ManualClock
) -> None:
    async with (
        witness("a", trusted(key), clock) as a,
        witness("b", trusted(key), clock) as b,
        running(database, key, clock, [a, b]) as logs,
    ):
        await logs.sign()
        await b_stops(b)
        assert await logs.sign() == {}
        waits = await logs.latest()
        assert waits.cosigned_at is None  # a majority of two is two
        assert a.size(EVIDENCE) == waits.size
        behind = logs.metric("wardwatch_log_witness_behind", log="evidence", witness="b")
        assert behind == waits.size - b.size(EVIDENCE) == 1
        code = {"witness": "b", "code": "witness.status"}
        assert logs.metric("wardwatch_log_witness_failures_total", **code) == 2
        await logs.look()
        assert logs.metric("wardwatch_log_witness_failures_total", **code) == 2
        b.witnessing.lost.clear()
        await clock.advance(AGAIN_MS)
        await logs.look()
        done = await logs.latest()
        assert done.size == waits.size
        assert done.cosigned_at == clock.now_ms()
        accept(policy(key, Log.EVIDENCE, a, b), note.parse(done.note))


async def b_stops(one: RunningWitness) -> None:
    one.witnessing.lost.set()


async def test_one_that_cannot_be_reached_is_a_failure_by_its_code(
    database: Path, key: Path, clock: ManualClock
) -> None:
    async with witness("a", trusted(key), clock) as a:
        pass
    async with running(database, key, clock, [a]) as logs:
        assert await logs.sign() == {}
        code = {"witness": "a", "code": "witness.network"}
        assert logs.metric("wardwatch_log_witness_failures_total", **code) == 2


async def test_a_witness_of_other_logs_is_a_failure_by_its_code(
    database: Path, key: Path, clock: ManualClock
) -> None:
    async with (
        witness("a", trusted(key)[:1], clock) as a,
        running(database, key, clock, [a]) as logs,
    ):
        assert await logs.sign() == {}
        code = {"witness": "a", "code": "witness.origin"}
        assert logs.metric("wardwatch_log_witness_failures_total", **code) == 1
        assert (await logs.latest()).cosigned_at is not None
        assert (await logs.latest(Log.AUDIT)).cosigned_at is None


@pytest.mark.parametrize(("quorum", "cosigned"), [(0, 0), (1, 1), (2, 1)])
async def test_a_quorum_is_reached_with_the_witness_that_completes_it(
    database: Path, key: Path, clock: ManualClock, quorum: int, cosigned: int
) -> None:
    async with (
        witness("a", trusted(key), clock) as a,
        witness("b", trusted(key), clock) as b,
        running(database, key, clock, [a, b], f", quorum: {quorum}") as logs,
    ):
        await logs.sign()
        assert ((await logs.latest()).cosigned_at is not None) == cosigned


async def test_a_witness_that_has_seen_more_stops_a_restored_copy_on_another_host(
    database: Path, key: Path, clock: ManualClock, tmp_path: Path
) -> None:
    async with witness("a", trusted(key), clock) as a:
        async with running(database, key, clock, [a]) as logs:
            await logs.sign(2)
        shutil.copy(database, tmp_path / "older.db")
        async with running(database, key, clock, [a]) as logs:
            await logs.sign(3)
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        older = Path(shutil.copy(tmp_path / "older.db", elsewhere / "wardwatch.db"))
        async with running(older, key, clock, [a]) as logs:
            before = await logs.all()
            assert await logs.sign(20) == dict.fromkeys(Log, Trouble.WITNESS)
            assert await logs.all() == before
            assert not logs.guard.exists()
            await b_stops(a)  # that it does not answer now takes nothing back
            await clock.advance(AGAIN_MS)
            assert await logs.sign(1) == dict.fromkeys(Log, Trouble.WITNESS)
            logs.config = config_of([key])  # the operator no longer asks it
            assert await logs.sign(1) == {}


async def test_a_witness_that_was_set_up_anew_is_no_fork(
    database: Path, key: Path, clock: ManualClock
) -> None:
    async with witness("a", trusted(key), clock) as a, running(database, key, clock, [a]) as logs:
        await logs.sign(2)
    async with (
        witness("a", trusted(key), clock, port=a.port) as anew,
        running(database, key, clock, [anew]) as logs,
    ):
        assert anew.size(EVIDENCE) == 0
        assert await logs.sign(2) == {}
        assert anew.size(EVIDENCE) == (await logs.latest()).size
