"""The logs by HTTP: whole by their tiles, checkpoints, proofs; who may read them. Both engines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, update

from collector import journal
from collector.access.policy import Permission, Role
from collector.attest import checkpoint as checkpoint_
from collector.attest import entries, merkle, note, proof, tiles
from collector.attest.entries import Previous, RowEntry
from collector.attest.policy import Policy
from collector.attest.tiles import Tile
from collector.store.store import Store
from collector.store.tables import batches
from collector.tlog import epochs, reading
from collector.tlog.epochs import Log
from probes.wire.merkle import leaf_hash
from tests.support.chains import NOW
from tests.support.collectors import DAY_MS, Collector, a_collector
from tests.support.entering import PASSWORD
from tests.support.rounds import ORG
from tests.support.signed_logs import ORIGIN, fill, sign, verifier

ROWS, BATCHES = 500, 430


@dataclass
class Reader:
    """An auditor with a token."""

    collector: Collector
    token: str

    async def ask(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.collector.client.get(path, headers=headers) as answer:
            return answer.status, await answer.read(), dict(answer.headers)

    async def code(self, path: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.collector.client.get(path, headers=headers) as answer:
            return answer.status, (await answer.json(content_type=None))["code"]

    async def document(self, path: str) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        async with self.collector.client.get(path, headers=headers) as answer:
            assert answer.status == 200
            return await answer.json()


@pytest.fixture
async def reader(store: Store) -> AsyncIterator[Reader]:
    async with a_collector(store) as collector:
        token = await collector.token("auditor-1", Role.AUDITOR)
        await fill(store, ROWS, BATCHES)
        yield Reader(collector, token)


async def all_tiles(reader: Reader, prefix: str, size: int) -> dict[Tile, bytes]:
    """Every tile a tree of this size has, and every bundle, as they are answered."""
    found: dict[Tile, bytes] = {}
    for tile in (*tiles.tiles_between(0, size), *tiles.bundles_between(0, size)):
        status, data, headers = await reader.ask(f"{prefix}/{tiles.path_of(tile)}")
        assert (status, headers["Content-Type"]) == (200, "application/octet-stream")
        full = tile.width == tiles.WIDTH
        cached = "private, max-age=31536000, immutable" if full else "no-store"
        assert headers["Cache-Control"] == cached
        found[tile] = data
    return found


@pytest.mark.parametrize("log", list(Log))
async def test_a_log_is_read_whole_by_its_tiles_and_is_what_was_signed(
    reader: Reader, store: Store, log: Log
) -> None:
    await sign(store, log)
    status, data, headers = await reader.ask(f"/log/{log}/checkpoint")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    signed = note.parse(data)
    assert [one.key.name for one in note.verify(signed, [verifier(log)])] == [f"{ORIGIN}/{log}"]
    head = checkpoint_.parse(signed.text)
    found = await all_tiles(reader, f"/log/{log}", head.size)
    assert {tile.level for tile in found} == {0, 1, None}
    nodes = tiles.nodes_of(head.size, lambda tile: found[tile])
    assert merkle.root(nodes, head.size) == head.root
    told = [
        entry
        for tile in tiles.bundles_between(0, head.size)
        for entry in tiles.entries_in(found[tile], tile.width)
    ]
    assert len(told) == head.size > ROWS
    for index in (0, 1, 255, 256, head.size - 1):
        path = merkle.inclusion_path(nodes, index, head.size)
        assert merkle.included(leaf_hash(told[index]), index, head.size, path, head.root)
    old = merkle.consistency_path(nodes, 300, head.size)
    before = (await store.read(reading.peaks, ORG, log, 300)).root()
    assert merkle.consistent(300, head.size, before, head.root, old)


async def test_what_is_listed_is_what_is_served(reader: Reader, store: Store) -> None:
    before = (await reader.document("/api/v1/logs"))["logs"]
    assert [(one["log"], one["checkpoint"]) for one in before] == [
        ("evidence", None),
        ("audit", None),
    ]
    signed = await sign(store, Log.EVIDENCE, cosigned=True)
    evidence, audit = (await reader.document("/api/v1/logs"))["logs"]
    rows = await store.read(journal.last_id, ORG)
    assert audit == {
        "log": "audit",
        "epoch": 1,
        "origin": f"{ORIGIN}/audit",
        "prefix": "/log/audit",
        "started_at": "2026-01-01T00:00:00.000Z",
        "closed_at": None,
        "previous": None,
        "size": rows + 1,
        "root": audit["root"],
        "state_rows": evidence["state_rows"],
        "checkpoint": None,
    }
    at = "2026-01-01T00:00:00.000Z"
    assert evidence["checkpoint"] == {"size": signed.size, "signed_at": at, "cosigned_at": at}
    assert evidence["size"] == signed.size


async def test_a_row_is_proved_to_whoever_has_the_key_of_the_log(
    reader: Reader, store: Store
) -> None:
    row = (await store.read(journal.rows, ORG, kind="window.proposed"))[-1]
    await sign(store, Log.EVIDENCE, cosigned=True)
    status, data, headers = await reader.ask(f"/log/evidence/proof/{row.id}")
    assert (status, headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    proved = proof.parse(data)
    (entry,) = await store.read(
        lambda conn: [*reading.entries(conn, ORG, Log.EVIDENCE, proved.index, proved.index + 1)]
    )
    told = entries.parse(entry)
    assert isinstance(told, RowEntry)
    assert (told.id, told.kind) == (row.id, "window.proposed")
    policy = Policy((verifier(Log.EVIDENCE),), {}, {}, None)
    head = proof.verify(proved, leaf_hash(entry), policy).checkpoint
    assert head.origin == f"{ORIGIN}/evidence"


async def test_what_cannot_be_proved_says_why(reader: Reader, store: Store) -> None:
    login = (await store.read(journal.rows, ORG, kind="access.login"))[-1].id
    last = await store.read(journal.last_id, ORG)
    assert await reader.code(f"/log/audit/proof/{login}") == (404, "log.no_checkpoint")
    await sign(store, Log.AUDIT)
    await fill(store, 3, 0)
    for row, code in (
        (last + 1, "log.not_covered"), (last + 2, "log.not_covered"), (last + 9, "log.no_leaf"),
        ("0", "log.no_leaf"),
        ("-1", "log.no_leaf"), ("9" * 30, "log.no_leaf"), ("x", "log.no_leaf"), ("²", "log.no_leaf"),
    ):  # fmt: skip
        assert await reader.code(f"/log/audit/proof/{row}") == (404, code), row
    # signing in is no evidence of anything that is measured
    assert await reader.code(f"/log/evidence/proof/{login}") == (404, "log.no_leaf")
    assert (await reader.ask(f"/log/audit/proof/{login}"))[0] == 200


async def test_what_there_is_not_has_a_code(reader: Reader) -> None:
    assert await reader.code("/log/evidence/checkpoint") == (404, "log.no_checkpoint")
    for log in ("nothing", "evidence-2", "evidence-1", "EVIDENCE"):
        assert await reader.code(f"/log/{log}/checkpoint") == (404, "log.unknown")
        assert await reader.code(f"/log/{log}/tile/0/000") == (404, "log.unknown")
    for path in (
        "0/999",
        "0/0",
        "8/000",
        "0/000.p/0",
        "0/002.p/255",
        "x",
        "entries/x000/000",
        "entries/900",
    ):
        assert await reader.code(f"/log/evidence/tile/{path}") == (404, "log.no_tile"), path


async def test_another_epoch_is_read_at_another_place(reader: Reader, store: Store) -> None:
    before = {one["log"]: one for one in (await reader.document("/api/v1/logs"))["logs"]}
    full = await reader.ask("/log/evidence/tile/0/000")
    previous = {log: Previous(f"{ORIGIN}/{log}", before[log]["size"], bytes(32)) for log in Log}
    await store.write(epochs.start_epoch, ORG, f"{ORIGIN}-2", previous, NOW + 9, bytes)
    found = (await reader.document("/api/v1/logs"))["logs"]
    assert [(one["prefix"], one["previous"]) for one in found] == [
        ("/log/evidence", None),
        ("/log/evidence-2", f"{ORIGIN}/evidence"),
        ("/log/audit", None),
        ("/log/audit-2", f"{ORIGIN}/audit"),
    ]
    assert found[0] == {**before["evidence"], "closed_at": "2026-01-01T00:00:00.009Z"}
    assert (await reader.ask("/log/evidence/tile/0/000"))[:2] == full[:2]
    assert await reader.code("/log/evidence-2/tile/0/000") == (404, "log.no_tile")
    assert len((await reader.ask("/log/evidence-2/tile/0/000.p/1"))[1]) == 32


async def test_an_entry_that_is_not_what_was_logged_is_not_told(
    reader: Reader, store: Store
) -> None:
    def change(conn: Connection) -> None:
        conn.execute(update(batches).where(batches.c.seq == 7).values(received_at=NOW + 1))

    await store.write(change)
    size = (await reader.document("/api/v1/logs"))["logs"][0]["size"]
    codes = [
        status
        for tile in tiles.bundles_between(0, size)
        for status in [(await reader.ask(f"/log/evidence/{tiles.path_of(tile)}"))[0]]
    ]
    assert codes.count(409) == 1
    assert set(codes) == {200, 409}


async def test_the_audit_log_needs_more_than_the_evidence_log(collector_of: Asking) -> None:
    status = await collector_of(Permission.EVIDENCE_READ)
    assert status == {"evidence": 404, "audit": 403, "listed": ["evidence"]}
    status = await collector_of(Permission.EVIDENCE_READ, Permission.JOURNAL_READ)
    assert status == {"evidence": 404, "audit": 404, "listed": ["evidence", "audit"]}


Asking = Callable[..., Awaitable[dict[str, Any]]]


@pytest.fixture
async def collector_of(store: Store) -> AsyncIterator[Asking]:
    """What a token with these scopes is answered."""
    async with a_collector(store) as collector:
        await fill(store, 3, 0)

        async def ask(*scopes: Permission) -> dict[str, Any]:
            name = f"auditor-{len(scopes)}"
            person = await collector.person(name, Role.AUDITOR)
            made = await collector.access.login_for_token(
                name, PASSWORD, collector.code(person), list(scopes), DAY_MS
            )
            reader = Reader(collector, made.secret)
            told: dict[str, Any] = {
                str(log): (await reader.ask(f"/log/{log}/checkpoint"))[0] for log in Log
            }
            listed = await reader.document("/api/v1/logs")
            return {**told, "listed": [one["log"] for one in listed["logs"]]}

        yield ask
