"""Power is lost at any point of what the collector writes: it goes on as if nothing had been.

The SQL of a collector at work is recorded, and played again through SQLite on a disk that loses its
power (`tests/support/powerloss.py`), with the same pragmas. Where nothing is flushed batches are
lost, and where nothing is written together the laws are broken: the tests can fail.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import apsw
import pytest
from sqlalchemy import Connection, Engine, create_engine, event, func, select
from sqlalchemy.exc import DatabaseError

from collector import journal
from collector.numbers import Numbers
from collector.process_facts import STEPS
from collector.store import incidents, ledger, ranges, rollups
from collector.store.open import open_store
from collector.store.sqlite import PRAGMAS
from collector.store.store import Store
from collector.store.tables import batches, counters, outbox
from probes import batch
from probes.contract import Outcome
from tests.support import log_laws
from tests.support.batches import seal
from tests.support.powerloss import Mark, Recorder, Step, crashed
from tests.support.rounds import KEYS, ORG, START, a_round, result
from tests.support.soak import longer

UP, DOWN = Outcome.UP, Outcome.DOWN
OUTCOMES = [UP] * 4 + [DOWN] * 5 + [UP] * 11
ORDER = [0, 1, 2, 3, 5, 4, *range(6, 12), 14, 12, 13, *range(15, 20)]
"""In which batches come: some are late."""
EVERY_MS = 10_000
CHAIN = ("north-1", "e1")
DAMAGED = "damaged"
CRASHES, GOING_ON = longer(60), longer(4)
CHECKPOINTS = "PRAGMA wal_autocheckpoint=20"
"""Fifty times as often as by default, so that some are under way when the power goes."""

Statement = tuple[str, Any]
"""SQL and parameters; `MARK` and a number is no SQL."""
MARK = "mark"


def _sealed() -> list[bytes]:
    prev, out = batch.NO_PREVIOUS, []
    for n, outcome in enumerate(OUTCOMES):
        one = [result(EVERY_MS * n, outcome)]
        out.append(seal(KEYS["north-1"], ORG, *CHAIN, n + 1, one, prev))
        prev = batch.header_hash(batch.open_batch(out[-1]))
    return out


SENT = _sealed()


async def work(store: Store, since: int, mark: Callable[[int], None]) -> dict[str, Any]:
    """A process that goes on after `since` acknowledged batches; what it has made in the end.

    The agent sends the last acknowledged one again, and then whatever was not.
    """
    async with a_round(store, holder=f"after-{since}", now=START + EVERY_MS * since) as one:
        for n in range(since, len(ORDER)):
            await one.clock.advance(EVERY_MS)
            for place in ORDER[max(0, n - 1) : n + 1]:
                await one.ingest.accept(SENT[place])
            mark(n + 1)
            if n % 2:
                await one.evaluator.step()
        await one.tick(EVERY_MS)
        numbers = Numbers(one.evaluator, store, one.clock, ORG)
        return {
            **await store.read(made),
            "numbers": await numbers.availability(START, one.clock.now_ms()),
        }


def made(conn: Connection) -> dict[str, Any]:
    """Everything that follows from what was sent; not when a process came to it."""
    sent = select(outbox.c.id, outbox.c.body).order_by(outbox.c.id)
    return {
        "journal": [(r.kind, r.at, r.actor, r.data) for r in journal.rows(conn, ORG)],
        "incidents": incidents.read_incidents(conn, ORG),
        "flips": incidents.read_flips(conn, ORG),
        "messages": [tuple(row) for row in conn.execute(sent)],
        "rollups": rollups.read(conn, ORG, ["ehr-read"], START, START + 3_600_000),
        "batches": [row.data for row in ledger.read_batches(conn, ORG, CHAIN, ((1, 99),), 99)],
        "stored": ledger.stored_ranges(conn, ORG),
        "folded": ledger.folded_ranges(conn, ORG),
    }


def broken(conn: Connection, acknowledged: int) -> list[str]:
    """Which laws do not hold of a store that was just opened."""
    out: list[str] = []
    found = ledger.read_batches(conn, ORG, CHAIN, ((1, 99),), 99)
    there = {row.seq: row.data for row in found}
    out += (f"lost: {n + 1}" for n in ORDER[:acknowledged] if there.get(n + 1) != SENT[n])
    stored = ledger.stored_ranges(conn, ORG).get(CHAIN, ())
    rows = conn.execute(select(func.count()).select_from(batches)).scalar_one()
    if ranges.missing(stored, tuple((n, n) for n in there)) or _count(stored) != rows:
        out.append("the chain says otherwise than its rows")
    if ranges.missing(stored, ledger.folded_ranges(conn, ORG).get(CHAIN, ())):
        out.append("folded, not stored")
    facts = journal.rows(conn, ORG)
    counted = select(counters.c.value).where(counters.c.name == "journal")
    if [row.id for row in facts] != list(range(1, (conn.execute(counted).scalar() or 0) + 1)):
        out.append("the journal has holes")
    steps = [json.loads(row.data)["key"] for row in facts if row.kind in STEPS]
    versions = {r.incident.key: r.version for r in incidents.read_incidents(conn, ORG)}
    if versions != {key: steps.count(key) for key in steps}:
        out.append("incidents and journal do not agree")
    return [*out, *log_laws.broken(conn, ORG)]


def _count(some: ranges.Ranges) -> int:
    return sum(last - first + 1 for first, last in some)


@contextmanager
def recording(into: list[Statement]) -> Iterator[None]:
    """What the writer's connection is asked, in order."""

    def writes() -> bool:
        return threading.current_thread().name.startswith("store-writer")

    def asked(_conn: Any, _cursor: Any, sql: str, given: Any, _context: Any, many: bool) -> None:  # noqa: FBT001 - SQLAlchemy's
        if writes():
            into.extend((sql, one) for one in (given if many else [given]))

    def committed(_conn: Any) -> None:
        if writes():
            into.append(("COMMIT", ()))

    def undone(_conn: Any) -> None:
        if writes():
            into.append(("ROLLBACK", ()))

    listening = (("before_cursor_execute", asked), ("commit", committed), ("rollback", undone))
    for name, each in listening:
        event.listen(Engine, name, each)
    try:
        yield
    finally:
        for name, each in listening:
            event.remove(Engine, name, each)


@dataclass(frozen=True)
class Written:
    """What a process has asked its store, and made of it in the end."""

    statements: Sequence[Statement]
    made: dict[str, Any]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """Of a process that never loses its power."""
    out: list[Statement] = []

    async def whole(path: Path) -> dict[str, Any]:
        store = await open_store(f"sqlite:///{path}/w.db")
        found = await work(store, 0, lambda n: out.append((MARK, n)))
        out.append((MARK, len(ORDER)))  # closing it writes no more
        await store.close()
        return found

    with recording(out):
        found = asyncio.run(whole(tmp_path_factory.mktemp("written")))
    assert [kind for kind, *_ in found["journal"]].count("incident.opened") == 1
    assert len(found["messages"]) == 2  # opened, recovered
    return Written(out, found)


def played(statements: Sequence[Statement], folder: Path, *pragmas: str) -> list[Step]:
    """Everything the disk saw, in order."""
    folder.mkdir()
    recorder = Recorder(f"power-{folder}")
    with closing(apsw.Connection(str(folder / "w.db"), vfs=f"power-{folder}")) as conn:
        for pragma in pragmas:
            conn.execute(pragma)
        for sql, given in statements:
            if sql == MARK:
                recorder.steps.append(Mark(given))
            elif sql in ("COMMIT", "ROLLBACK") and conn.get_autocommit():
                continue  # nothing had begun
            else:
                conn.execute(sql, given or None).fetchall()
        return list(recorder.steps)


def found_after(steps: Sequence[Step], folder: Path, rng: Random) -> list[str]:
    """What is wrong with the store after a loss of power at some point."""
    folder.mkdir()
    acknowledged = crashed(steps[: rng.randrange(1, len(steps) + 1)], folder, rng)
    engine = create_engine(f"sqlite:///{folder}/w.db")
    try:
        with engine.connect() as conn:
            if conn.exec_driver_sql("PRAGMA integrity_check").scalars().all() != ["ok"]:
                return [DAMAGED]
            return broken(conn, acknowledged) if acknowledged else []
    except DatabaseError:
        return [DAMAGED]
    finally:
        engine.dispose()


def test_whenever_the_power_goes_what_was_acknowledged_is_there_once(
    written: Written, tmp_path: Path
) -> None:
    steps = played(written.statements, tmp_path / "disk", *PRAGMAS, CHECKPOINTS)
    rng = Random(8)
    for n in range(CRASHES):
        assert found_after(steps, tmp_path / f"crash-{n}", rng) == []


@pytest.mark.timeout(1_200)
async def test_a_collector_that_lost_its_power_goes_on_to_the_same_end(
    written: Written, tmp_path: Path
) -> None:
    steps = played(written.statements, tmp_path / "disk", *PRAGMAS, CHECKPOINTS)
    rng = Random(9)
    for n in range(GOING_ON):
        folder = tmp_path / f"crash-{n}"
        folder.mkdir()
        quarter = len(steps) // 4  # of its life, one after the other
        until = rng.randrange(quarter * (n % 4) + 1, quarter * (n % 4 + 1) + 1)
        acknowledged = crashed(steps[:until], folder, rng)
        store = await open_store(f"sqlite:///{folder}/w.db")
        assert await work(store, acknowledged, lambda _n: None) == written.made
        assert await store.read(broken, len(ORDER)) == []
        assert await store.read(log_laws.whole, ORG) == []
        await store.close()


@pytest.mark.parametrize("less", ["NORMAL", "OFF"])
def test_with_fewer_flushes_the_same_disk_loses_what_was_acknowledged(
    written: Written, tmp_path: Path, less: str
) -> None:
    loose = f"PRAGMA synchronous={less}"
    steps = played(written.statements, tmp_path / "disk", *PRAGMAS, CHECKPOINTS, loose)
    rng = Random(8)
    found = [found_after(steps, tmp_path / f"crash-{n}", rng) for n in range(40)]
    damaged = found.count([DAMAGED])
    lost = sum(any(one.startswith("lost") for one in some) for some in found)
    # with the first the file stays whole, and the last commits are gone
    assert (damaged == 0 and lost >= 10) if less == "NORMAL" else damaged >= 10


def test_what_is_not_written_together_breaks_the_laws(written: Written, tmp_path: Path) -> None:
    alone = [one for one in written.statements if one[0] not in ("BEGIN IMMEDIATE", "COMMIT")]
    steps = played(alone, tmp_path / "disk", *PRAGMAS, CHECKPOINTS)
    rng = Random(8)
    found = {one for n in range(40) for one in found_after(steps, tmp_path / f"crash-{n}", rng)}
    assert len(found) >= 3
    assert not any(one.startswith("lost") or one == DAMAGED for one in found)
