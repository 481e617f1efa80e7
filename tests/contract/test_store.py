"""What every store does, whichever engine keeps it."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, inspect, select, text

from collector import journal
from collector.journal import Fact
from collector.store import (
    access_tables,
    attestations,
    identity_tables,
    leases,
    ledger,
    log_tables,
    migrate,
    tables,
    typed,
)
from collector.store.leases import FencedError, Lease
from collector.store.ledger import Incoming, Verdict
from collector.store.open import open_store
from collector.store.store import Store, StoreRefusedError, StoreUnavailableError
from probes.contract import Outcome
from tests.support.taking_in import a_batch, taken

ORG = "st-elsewhere"


def batch(
    seq: int, outcome: Outcome = Outcome.UP, *, agent: str = "north-1", epoch: str = "e1"
) -> Incoming:
    return taken(a_batch(seq, outcome, agent=agent, epoch=epoch))


def count(conn: Connection) -> int:
    return conn.execute(select(func.count()).select_from(tables.journal)).scalar_one()


def append_one(conn: Connection) -> None:
    journal.append(conn, ORG, [Fact("test.fact", 5, b"{}")], 6)


async def test_migrations_make_exactly_the_tables_the_code_uses(store: Store) -> None:
    for named in (
        access_tables.accounts,
        attestations.attestations,
        identity_tables.agent_keys,
        log_tables.logs,
        typed.typed,
    ):
        assert named.metadata is tables.metadata

    def difference(conn: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(conn), tables.metadata))

    assert await store.read(difference) == []


async def test_org_leads_every_primary_key(store: Store) -> None:
    def first_columns(conn: Connection) -> set[str]:
        inspector = inspect(conn)
        names = [name for name in inspector.get_table_names() if name != "alembic_version"]
        return {inspector.get_pk_constraint(name)["constrained_columns"][0] for name in names}

    assert await store.read(first_columns) == {"org"}


async def test_opening_twice_migrates_once_and_keeps_what_is_there(empty_database: str) -> None:
    first = await open_store(empty_database)
    await first.write(append_one)
    await first.close()
    second = await open_store(empty_database)
    assert await second.read(count) == 1
    await second.close()


def test_the_newest_revision_is_the_one_alembic_ends_with() -> None:
    """It is read from file names, so that Alembic need not be loaded to know it."""
    scripts = ScriptDirectory(str(migrate.MIGRATIONS))
    assert migrate.newest() == scripts.get_current_head()
    for script in scripts.walk_revisions():
        assert Path(script.path).name.startswith(f"v{script.revision}_")


def test_alembic_is_not_loaded_where_the_schema_is_the_newest(tmp_path: Path) -> None:
    program = (
        "import asyncio, sys\n"
        "from collector.store.open import open_store\n"
        "async def both() -> None:\n"
        "    await (await open_store(sys.argv[1])).close()\n"
        "asyncio.run(both())\n"
        "print('alembic' in sys.modules, 'sqlalchemy.dialects.postgresql' in sys.modules)\n"
    )
    url = f"sqlite:///{tmp_path / 'w.db'}"
    said = [
        subprocess.run(
            [sys.executable, "-c", program, url], check=True, capture_output=True, text=True
        ).stdout
        for _ in range(2)
    ]
    assert said[0].startswith("True ")
    assert said[1] == "False False\n"


async def test_a_database_of_a_newer_version_is_refused(database: str) -> None:
    first = await open_store(database)
    await first.write(lambda conn: conn.execute(text("UPDATE alembic_version SET version_num='9'")))
    await first.close()
    with pytest.raises(StoreRefusedError, match="schema 9"):
        await open_store(database)


async def test_a_failing_function_leaves_nothing(store: Store) -> None:
    def half(conn: Connection) -> None:
        append_one(conn)
        raise KeyError("half way")

    with pytest.raises(KeyError):
        await store.write(half)
    assert await store.read(count) == 0
    assert store.fault is None


async def test_arguments_and_results_pass_through(store: Store) -> None:
    def echo(_conn: Connection, number: int, *, word: str) -> tuple[int, str]:
        return number, word

    assert await store.write(echo, 7, word="x") == (7, "x")
    assert await store.read(echo, 8, word="y") == (8, "y")


async def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(StoreUnavailableError, match=r"store\.read_only"):
        await store.read(append_one)


async def test_a_read_sees_one_snapshot(store: Store) -> None:
    looked, written = threading.Event(), threading.Event()

    def twice(conn: Connection) -> tuple[int, int]:
        before = count(conn)
        looked.set()
        assert written.wait(10)
        return before, count(conn)

    reading = asyncio.create_task(store.read(twice))
    await asyncio.to_thread(looked.wait, 10)
    await store.write(append_one)
    written.set()
    assert await reading == (0, 0)


async def test_a_cancelled_write_that_has_begun_is_committed_whole(database: str) -> None:
    store = await open_store(database)
    begun, go = threading.Event(), threading.Event()

    def slow(conn: Connection) -> None:
        append_one(conn)
        begun.set()
        assert go.wait(10)
        append_one(conn)

    writing = asyncio.create_task(store.write(slow))
    await asyncio.to_thread(begun.wait, 10)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    go.set()
    await store.close()
    again = await open_store(database)
    assert await again.read(count) == 2
    await again.close()


async def test_journal_ids_have_no_holes_and_rollbacks_leave_none(store: Store) -> None:
    def failing(conn: Connection) -> None:
        append_one(conn)
        raise KeyError("no")

    await store.write(append_one)
    with pytest.raises(KeyError):
        await store.write(failing)
    ids = await store.write(
        journal.append, ORG, [Fact("b", 1, b'{"x":1}', "liaison-1"), Fact("a", 2, b"{}")], 9
    )
    assert list(ids) == [2, 3]
    rows = await store.read(journal.rows, ORG, after=1)
    assert [(r.id, r.kind, r.at, r.recorded_at, r.actor, r.data) for r in rows] == [
        (2, "b", 1, 9, "liaison-1", b'{"x":1}'),
        (3, "a", 2, 9, "system", b"{}"),
    ]
    assert [r.id for r in await store.read(journal.rows, ORG, kind="a")] == [3]


async def test_concurrent_appends_get_each_id_once(store: Store) -> None:
    await asyncio.gather(*(store.write(append_one) for _ in range(20)))
    assert [r.id for r in await store.read(journal.rows, ORG)] == list(range(1, 21))


async def test_organizations_number_their_journals_apart(store: Store) -> None:
    await store.write(append_one)
    ids = await store.write(journal.append, "other", [Fact("x", 1, b"{}")], 1)
    assert list(ids) == [1]


async def test_a_batch_is_stored_once_byte_for_byte(store: Store) -> None:
    one = batch(1)
    receipts = await store.write(ledger.insert_batches, ORG, [one, one])
    assert [r.verdict for r in receipts] == [Verdict.STORED, Verdict.DUPLICATE]
    (again,) = await store.write(ledger.insert_batches, ORG, [one])
    assert (again.verdict, again.stored) == (Verdict.DUPLICATE, ((1, 1),))
    (kept,) = await store.read(ledger.read_batches, ORG, ("north-1", "e1"), ((0, 9),), limit=10)
    assert kept.data == a_batch(1)


async def test_another_batch_at_a_known_place_is_an_equivocation(store: Store) -> None:
    await store.write(ledger.insert_batches, ORG, [batch(1)])
    (receipt,) = await store.write(ledger.insert_batches, ORG, [batch(1, Outcome.DOWN)])
    assert receipt.verdict is Verdict.EQUIVOCATION
    (kept,) = await store.read(ledger.read_batches, ORG, ("north-1", "e1"), ((1, 1),), limit=10)
    assert kept.data == a_batch(1)


async def test_stored_ranges_know_holes_and_epochs(store: Store) -> None:
    first = [batch(1), batch(2), batch(5), batch(1, epoch="e2")]
    receipts = await store.write(ledger.insert_batches, ORG, first)
    assert receipts[2].stored == ((1, 2), (5, 5))
    await store.write(ledger.insert_batches, ORG, [batch(3)])
    assert await store.read(ledger.stored_ranges, ORG) == {
        ("north-1", "e1"): ((1, 3), (5, 5)),
        ("north-1", "e2"): ((1, 1),),
    }
    assert await store.read(ledger.stored_ranges, "other") == {}


async def test_concurrent_uploads_of_several_agents_all_arrive(store: Store) -> None:
    groups = [
        [batch(n, agent=agent) for agent in ("north-1", "south-1")][:: 1 if n % 2 else -1]
        for n in range(1, 11)
    ]
    await asyncio.gather(*(store.write(ledger.insert_batches, ORG, g) for g in groups))
    assert await store.read(ledger.stored_ranges, ORG) == {
        ("north-1", "e1"): ((1, 10),),
        ("south-1", "e1"): ((1, 10),),
    }


async def test_cursors_are_kept_per_chain(store: Store) -> None:
    chain = ("north-1", "e1")
    await store.write(ledger.advance_cursors, ORG, {chain: ((1, 2),)}, 50)
    await store.write(ledger.advance_cursors, ORG, {chain: ((1, 2), (4, 4))}, 60)
    assert await store.read(ledger.folded_ranges, ORG) == {chain: ((1, 2), (4, 4))}


async def test_one_of_many_takes_a_lease(store: Store) -> None:
    taken = await asyncio.gather(
        *(store.write(leases.take, ORG, "evaluate", f"c{n}", None) for n in range(5))
    )
    assert [t for t in taken if t is not None] == [
        Lease("evaluate", next(f"c{n}" for n, t in enumerate(taken) if t), 1, 0)
    ]


async def test_a_lease_with_signs_of_life_is_not_taken(store: Store) -> None:
    lease = await store.write(leases.take, ORG, "evaluate", "one", None)
    assert lease is not None
    seen = await store.read(leases.look, ORG, "evaluate")
    lease = await store.write(leases.beat, ORG, lease)
    assert await store.write(leases.take, ORG, "evaluate", "two", seen) is None
    seen = await store.read(leases.look, ORG, "evaluate")
    assert await store.write(leases.take, ORG, "evaluate", "two", seen) == Lease(
        "evaluate", "two", 2, 0
    )


async def test_fencing_refuses_the_commit_of_a_stale_holder(store: Store) -> None:
    stale = await store.write(leases.take, ORG, "evaluate", "one", None)
    assert stale is not None
    seen = await store.read(leases.look, ORG, "evaluate")
    await store.write(leases.take, ORG, "evaluate", "two", seen)

    def commit(conn: Connection) -> None:
        append_one(conn)
        leases.beat(conn, ORG, stale)

    with pytest.raises(FencedError):
        await store.write(commit)
    assert await store.read(count) == 0


async def test_a_released_lease_names_no_holder(store: Store) -> None:
    lease = await store.write(leases.take, ORG, "evaluate", "one", None)
    assert lease is not None
    await store.write(leases.release, ORG, lease)
    seen = await store.read(leases.look, ORG, "evaluate")
    assert seen == Lease("evaluate", None, 1, 1)
