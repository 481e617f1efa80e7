"""The audit pack: whole populations, the same bytes for the same question, nothing of a patient."""

from __future__ import annotations

import asyncio
import base64
import csv
import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientError
from sqlalchemy import Connection

from collector import journal
from collector.attest import checkpoint, merkle, proof
from collector.audit import incidentlist, pack
from collector.audit.archive import Archive
from collector.audit.controls import MAPPED
from collector.audit.pack import POPULATIONS
from collector.audit.trail import Range, range_of
from collector.journal import Fact, canonical
from collector.store import incidents
from collector.store.open import open_store
from collector.store.store import Store
from collector.tlog import reading
from collector.tlog.epochs import Log
from probes.wire.merkle import leaf_hash
from tests.e2e.test_phi_canary import leaks
from tests.support.audited import AUDITOR, DAY, FORMULA, RANGE, files, read, story, to_day
from tests.support.planning import HOUR, Desk, a_desk
from tests.support.rounds import ORG, START
from tests.support.signed_logs import sign
from tests.unit.attest import naive

AGAIN = """\
import asyncio, hashlib, sys
from collector.audit import pack
from collector.store.open import open_store
async def main():
    store = await open_store(sys.argv[1])
    digest = hashlib.sha256()
    async for data, _ in pack.made(store, pack.Question(sys.argv[2], *map(int, sys.argv[3:])), asyncio.Lock()):
        digest.update(data)
    await store.close()
    print(digest.hexdigest())
asyncio.run(main())
"""


def table(found: dict[str, bytes], name: str) -> list[dict[str, str]]:
    text = found[f"{name}.csv"].decode()
    return list(csv.DictReader(io.StringIO(text, newline=""), strict=True))


async def test_a_pack_holds_every_population_whole_and_nothing_that_was_typed(
    database: str,
) -> None:
    store = await open_store(database)
    async with a_desk(store) as desk:
        await story(desk)
        await to_day(desk, 1)
        sent = await read(desk, f"/pack?{RANGE}&sample=2&seed=7")
        assert await read(desk, f"/pack?{RANGE}&sample=2&seed=7") == sent
        other_seed = files(await read(desk, f"/pack?{RANGE}&sample=2&seed=8"))
        rows = await store.read(journal.rows, ORG, prefix="audit")
    await store.close()
    found = files(sent)
    assert leaks({"zip": sent, **found}) == []
    names = [population.name for population in POPULATIONS]
    assert list(found) == [
        *(f"{folder}/{name}.csv" for name in names for folder in ("populations", "samples")),
        "controls.csv",
        "index.json",
        "README.txt",
    ]
    whole = {name: table(found, f"populations/{name}") for name in names}
    counts = {name: len(rows_) for name, rows_ in whole.items()}
    assert counts == {
        "systems": 3,
        "checks": 2,
        "incidents": 1,
        "config_changes": 2,
        "config_fields": 16,
        "windows": 1,
        "corrections": 1,
        "drills": 1,
        "access": 2,
        "sign_ins": 2,
        "agent_keys": 1,
        "exports": 0,
        "contact_changes": 1,
        "rota": 0,
        "staffing_gaps": 0,
        "rota_overrides": 0,
        "training": 1,
        "agreements": 1,
    }
    assert [(r["system"], r["name"], r["scope"], r["reason"]) for r in whole["systems"]] == [
        ("ehr", "EHR", "in", "monitored"),
        ("lab", f"'{FORMULA}", "out", "no_check"),
        ("ris", "RIS", "out", "not_yet_effective"),
    ]
    (incident,) = whole["incidents"]
    assert {name: incident[name] for name in ("state", "category", "acknowledged_by", "notes")} == {
        "state": "recovered",
        "category": "3",
        "acknowledged_by": "ann",
        "notes": "1",
    }
    assert (incident["detected_at"], incident["recovered_at"]) == (
        "2026-01-01T00:00:21.040Z",
        "2026-01-01T00:00:31.000Z",
    )
    (window,) = whole["windows"]
    assert (window["proposed_by"], window["approved_by"], window["approval_ref"]) == (
        "change-1",
        "approver-1",
        "CHG0031",
    )
    (correction,) = whole["corrections"]
    assert (correction["requested_by"], correction["approved_by"]) == ("change-1", "approver-1")
    assert [(r["kind"], r["roles"], r["before"]) for r in whole["access"]] == [
        ("access.account.created", "viewer", ""),
        ("access.account.roles", "operator", "viewer"),
    ]
    assert whole["training"][0]["privacy"] == "2025-05-01"
    index = json.loads(found["index.json"])
    for entry in index["populations"]:
        name = entry["name"]
        assert entry["count"] == counts[name]
        assert entry["sha256"] == hashlib.sha256(found[entry["file"]]).hexdigest()
        question = hashlib.sha256(canonical(entry["query"])).hexdigest()
        assert entry["query_sha256"] == question
        ranks = sorted(
            (hashlib.sha256(f"7\n{name}\n{key}".encode()).hexdigest(), key)
            for key in (next(iter(row.values())) for row in whole[name])
        )[:2]
        drawn = table(found, f"samples/{name}")
        assert [(row["rank"], list(row.values())[2]) for row in drawn] == ranks
        assert entry["sample"]["keys"] == [key for _, key in ranks]
    places = {e["name"]: e["journal"] for e in index["populations"]}
    assert places["access"] == {
        "rows": 2,
        "first": {"id": 13, "recorded_at": "2026-01-01T00:02:02.000Z"},
        "last": {"id": 16, "recorded_at": "2026-01-01T00:02:02.000Z"},
        "leaves": None,
    }
    assert places["exports"] == {"rows": 0, "first": None, "last": None, "leaves": None}
    assert index["audit_log"] is None  # nobody has looked since
    (drill,) = whole["drills"]
    assert [drill[name] for name in ("actor", "drill", "systems", "held_at", "outcome", "ref")] == [
        *("change-1", "restore", "ehr", "2025-12-14T09:00:00.000Z", "passed", "CHG0044"),
    ]
    assert places["systems"]["rows"] == 2
    assert {r["population"] for r in table(found, "controls")} == set(names) == set(MAPPED)
    same = [name for name in found if name.startswith("populations/")]
    assert all(other_seed[name] == found[name] for name in same)
    assert any(other_seed[name] != found[name] for name in found)
    assert [row.kind for row in rows] == ["audit.exported", "audit.export_ended"] * 3
    assert json.loads(rows[0].data)["seed"] == 7
    ended = json.loads(rows[1].data)
    assert (ended["sha256"], ended["rows"]) == (
        hashlib.sha256(sent).hexdigest(),
        sum(counts.values()),
    )
    if database.startswith("sqlite"):
        last = json.loads(rows[0].data)["last"]
        assert in_another_process(database, last, "Asia/Kathmandu") == ended["sha256"]


async def test_a_pack_names_the_leaves_of_its_rows_and_the_tree_they_are_in(store: Store) -> None:
    async with a_desk(store) as desk:
        await story(desk)
        await to_day(desk, 1)
        last = await store.read(journal.last_id, ORG)
        await desk.service.parts.evaluator.step()
        unsigned = json.loads(files(await read(desk, f"/pack?{RANGE}"))["index.json"])
        await desk.clock.advance(HOUR)
        await desk.service.parts.evaluator.step()
        published = await sign(store, Log.AUDIT)
        first = await read(desk, f"/pack?{RANGE}")
        await desk.clock.advance(HOUR)
        await desk.service.parts.evaluator.step()
        await sign(store, Log.AUDIT)
        assert await read(desk, f"/pack?{RANGE}") == first
        index = json.loads(files(first)["index.json"])
        before = await store.read(
            lambda conn: [*reading.entries(conn, ORG, Log.AUDIT, 0, last + 1)]
        )
        rows = await store.read(journal.rows, ORG)
        response = await desk.client.get(f"/log/audit/proof/{last}", headers=AUDITOR)
        proved = proof.parse(await response.read())
    head = index["audit_log"]
    assert (head["size"], base64.b64decode(head["root"])) == (last + 1, naive.mth(before))
    assert head["origin"] == "st-elsewhere.invalid/wardwatch/audit"
    assert head["checkpoint"].encode() == published.note
    assert unsigned["audit_log"] == {**head, "checkpoint": None}
    assert published.size > last + 1
    assert (proved.index, merkle.included(
        leaf_hash(before[last]), last, checkpoint.parse(proved.checkpoint.text).size, proved.path,
        checkpoint.parse(proved.checkpoint.text).root,
    )) == (last, True)  # fmt: skip
    for entry, population in zip(index["populations"], POPULATIONS, strict=True):
        ids = [row.id for row in rows if row.kind in population.kinds and row.id <= last]
        leaves = {"first": ids[0], "last": ids[-1]} if ids else None
        assert entry["journal"]["leaves"] == leaves, population.name


def in_another_process(database: str, last: int, zone: str) -> str:
    """SHA-256 of the same pack, made elsewhere."""
    asked = (ORG, START, START + DAY, last, 2, 7)
    again = subprocess.run(
        [sys.executable, "-c", AGAIN, database, *map(str, asked)],
        env={**os.environ, "TZ": zone, "PYTHONHASHSEED": "4"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return again.stdout.strip()


OPEN = {
    "attached_to": None,
    "category": 3,
    "causes": ["down"],
    "due_at": START,
    "family": "availability",
    "flapping": False,
    "priority": "P1",
    "quiet": False,
    "recovered_at": None,
    "reopened": 0,
    "sites": ["north"],
    "started_at": START,
    "system": "ehr",
    "version": 1,
}


async def record(store: Store, key: str, hour: int, kind: str, **more: object) -> None:
    """A row of an incident, some hours after the start; what a person did has `by`."""

    def write(conn: Connection) -> None:
        at = START + hour * HOUR
        data = {"key": key, **({} if "by" in more else OPEN), **more}
        fact = Fact(f"incident.{kind}", at, canonical(data), str(more.get("by", "system")))
        incidents.link_events(conn, ORG, ((key, n) for n in journal.append(conn, ORG, [fact], at)))

    await store.write(write)


async def test_incidents_of_a_range_are_those_open_in_it_as_they_stood_at_its_end(
    sqlite_store: Store,
) -> None:
    store = sqlite_store
    over = {"recovered_at": START + HOUR}
    await record(store, "before", 1, "opened")
    await record(store, "before", 2, "recovered", **over)
    await record(store, "again", 1, "opened")
    await record(store, "again", 2, "recovered", **over)
    await record(store, "again", 3, "reopened")
    await record(store, "silent", 3, "opened")
    await record(store, "vanished", 3, "opened")
    await record(store, "vanished", 4, "corrected", **over)
    await record(store, "touched", 3, "opened")
    await record(store, "touched", 4, "recovered", **over)
    await record(store, "touched", 11, "resolved", by="ann", typed={"sha256": "0", "length": 1})
    await record(store, "in", 12, "opened")
    await record(store, "in", 13, "acknowledged", by="ann", until=START + 99 * HOUR)
    await record(store, "in", 21, "recovered", **over)
    await record(store, "later", 20, "opened")
    hours = (START + 10 * HOUR, START + 20 * HOUR)
    span = await store.read(range_of, ORG, *hours, 1_000)
    assert (span.first, span.last) == (11, 13)
    found = await store.read(lambda conn: list(incidentlist.incidents(conn, ORG, span)))
    assert [(row[0], row[3]) for row in found] == [
        ("again", "open"),
        ("in", "acknowledged"),
        ("silent", "open"),
        ("touched", "resolved"),
    ]
    by_ids = Range(*hours, 11, 12)
    fewer = await store.read(lambda conn: list(incidentlist.incidents(conn, ORG, by_ids)))
    assert [row[0] for row in fewer] == ["again", "in", "silent", "touched"]


async def test_a_pack_is_of_time_that_is_over_and_of_rows_in_it(desk: Desk) -> None:
    ahead = "from=2026-01-01T00:00:00Z&to=2026-01-01T00:00:02Z"
    assert await desk.problem(f"audit/pack?{ahead}", AUDITOR) == (400, "api.query")
    for query in ("sample=10001", "sample=-1", "seed=-1", "seed=x", "format=jsonl"):
        assert await desk.problem(f"audit/pack?{RANGE}&{query}", AUDITOR) == (400, "api.query")
    assert await desk.service.parts.store.read(journal.last_id, ORG) == 1
    await to_day(desk, 2)
    first = await read(desk, "?from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z")
    await to_day(desk, 3)
    third = files(await read(desk, "/pack?from=2026-01-03T00:00:00Z&to=2026-01-04T00:00:00Z"))
    exported = table(third, "populations/exports")
    assert [(row["kind"], row["format"], row["complete"]) for row in exported] == [
        ("audit.exported", "jsonl", ""),
        ("audit.export_ended", "", "yes"),
    ]
    assert exported[1]["sha256"] == hashlib.sha256(first).hexdigest()
    assert table(third, "populations/config_changes") == []
    assert [row["system"] for row in table(third, "populations/systems")] == ["ehr"]
    past = files(await read(desk, "/pack?from=2025-01-01T00:00:00Z&to=2025-02-01T00:00:00Z"))
    assert {
        e["name"]: (e["count"], e["journal"]["rows"])
        for e in json.loads(past["index.json"])["populations"]
    } == {population.name: (0, 0) for population in POPULATIONS}


async def test_a_pack_that_a_full_disk_ends_is_cut_and_recorded_as_not_whole(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_day(desk, 1)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space")

    monkeypatch.setattr(Archive, "add", full)
    response = await desk.client.get(f"/api/v1/audit/pack?{RANGE}", headers=AUDITOR)
    with pytest.raises((ClientError, ConnectionError)):
        await response.read()
    async with asyncio.timeout(20):
        while not (rows := await desk.service.parts.store.read(journal.rows, ORG, after=2)):
            await asyncio.sleep(0)
    (ended,) = rows
    assert (ended.kind, json.loads(ended.data)["complete"]) == ("audit.export_ended", False)


async def test_packs_read_the_store_one_after_the_other_so_that_evaluations_find_a_reader(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_day(desk, 1)
    fill, at_once, most = pack._fill, 0, 0

    def watched(*args: Any) -> pack.Written:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        threading.Event().wait(0.01)  # long enough for another reader to come in
        at_once -= 1
        return fill(*args)

    monkeypatch.setattr(pack, "_fill", watched)
    one, other = await asyncio.gather(*(read(desk, f"/pack?{RANGE}") for _ in range(2)))
    assert one == other
    assert most == 1


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened
