"""What is attested without anybody asking, and that the same evidence makes the same bytes wherever
it is gathered.
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
import sys
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from sqlalchemy import Connection, select

from collector import journal
from collector.attesting.issuing import KEY
from collector.store import attestations
from collector.store.attestations import Attestation
from collector.store.store import Store
from collector.store.tables import outbox
from collector.verifying.verify import Given, verify
from tests.support.attested import CLOSED, DAY, HOUR, LAST, MINUTE, MONTH, attesting
from tests.support.rounds import ORG
from tests.support.tsa import authority
from tests.unit.attesting.test_attestations_api import JANUARY, asked, got
from tests.unit.attesting.test_issuing import bundle, issued, members, predicate, verified

MAIL = {"kind": "email", "host": "mail.example.org", "from": "w@example.org"}
PEOPLE = {"ann": {"name": "Ann Lee", "role": "csm", "email": "ann@example.org"}}
MONTHLY = {"issue": "monthly", "systems": ["lab"], "deliver": {"to": ["ann"], "via": "mail"}}
ZONES = ("Asia/Tokyo", "America/New_York")


async def january(store: Store) -> list[Attestation]:
    """Of the month that was lived; six hours before it were monitored, too."""
    return [one for one in await store.read(attestations.every, ORG) if one.period == MONTH]


async def letters(store: Store) -> list[dict[str, object]]:
    """What is to be written to somebody of an attestation, taken from the outbox."""

    def read(conn: Connection) -> list[bytes]:
        query = select(outbox.c.body).where(outbox.c.incident_key == KEY).order_by(outbox.c.seq)
        return [bytes(row.body) for row in conn.execute(query)]

    return [json.loads(body)["data"] for body in await store.read(read)]


async def test_a_month_that_has_closed_is_issued_once_and_revised_after_late_evidence(
    store: Store, tmp_path: Path
) -> None:
    async with attesting(
        store,
        tmp_path,
        attestations=MONTHLY,
        contacts=PEOPLE,
        channels={"mail": MAIL},
        routes=[],
    ) as made:
        await made.month.live(LAST - 3 * DAY)
        await made.month.live(CLOSED, silent=["north-1"])
        await made.make()
        assert await january(store) == []
        await made.month.live(CLOSED + 30 * MINUTE, silent=["north-1"])
        await made.make()
        made.again()
        await made.make()
        (one,) = await january(store)
        assert (one.asked_by, one.systems, one.state.value) == ("system", ("lab",), "issued")
        assert one.issued is not None
        *_, letter = await letters(store)
        assert letter["attestation"] == one.id
        assert letter["sha256"] == one.issued.sha256.hex()
        assert str(letter["link"]) == "None"

        # what north-1 kept to itself comes
        await made.month.live(CLOSED + 2 * HOUR)
        await made.make()
        assert (await got(made, f"/{one.id}"))[1]["newer_evidence"] is True
        assert len(await january(store)) == 1
        await made.month.live(CLOSED + DAY + HOUR)
        await made.make()
        first, second = await january(store)
        assert second.issued is not None
        assert (first.id, second.issued.revision) == (one.id, 2)
        assert second.issued.supersedes == one.issued.statement
        data = await bundle(made, second.id)
        assert verified(data) is None
        assert predicate(data)["lateEvidence"]["afterClose"] > 0
        rows = await store.read(journal.rows, ORG, kind="attestation.issued")
        told = [json.loads(row.data)["attestation"] for row in rows if row.actor == "system"]
        assert [id_ for id_ in told if id_.startswith("2026-01")] == [first.id, second.id]


async def test_the_same_evidence_makes_the_same_bytes_in_any_process_and_time_zone(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async with attesting(sqlite_store, tmp_path) as made:
        await made.month.live(CLOSED)
    found = []
    for zone in ZONES:
        apart = tmp_path / zone.replace("/", "-")
        apart.mkdir()
        for path in tmp_path.glob("wardwatch.db*"):
            if path.is_file() and not path.name.endswith((".lock", "-shm")):
                shutil.copy(path, apart)
        running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.gathered",
            f"sqlite:///{apart}/wardwatch.db", str(apart / "members"),
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "TZ": zone, "PYTHONHASHSEED": str(len(zone))},
        )  # fmt: skip
        told, _ = await running.communicate()
        assert running.returncode == 0
        found.append(json.loads(told))
    assert found[0] == found[1]
    assert {"evidence/ehr.bin", "evidence/lab.bin", "rows.jsonl", "derived"} <= set(found[0])


async def test_a_time_stamp_that_was_asked_for_is_there_or_nothing_is_issued(
    sqlite_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tsa = authority(tmp_path / "tsa")
    app = web.Application()
    app.router.add_post("/", tsa.serve)
    async with TestServer(app) as server:
        stamp = {"url": str(server.make_url("/")), "certificate": "file:/etc/tsa.pem"}
        async with attesting(sqlite_store, tmp_path, attestations={"timestamp": stamp}) as made:
            await made.month.live(CLOSED)
            await asked(made, JANUARY)
            await made.make()  # what is read as the certificate is none
            _, one = await got(made, "/2026-01-1")
            assert (one["state"], one["reason"]) == ("refused", "attestation.timestamp")
            maker = made.collector.service.parts.attesting._maker
            assert maker is not None
            root = (tsa.folder / "root.pem").read_bytes()
            monkeypatch.setattr(maker._assembler, "_read_secret", lambda _ref: root)
            data = await bundle(made, (await issued(made))["id"])
            assert "timestamp.tsr" in members(data)
            given = Given(roots=[tsa.root])
            assert verify(io.BytesIO(data), given, lambda _told: None).failure is None


async def test_the_loop_takes_what_is_asked_for_at_once_and_goes_on_after_a_refusal(
    sqlite_store: Store, tmp_path: Path
) -> None:
    async with attesting(sqlite_store, tmp_path, start=CLOSED) as made:
        for _ in range(5):
            await made.month.evaluator.step()
        running = asyncio.create_task(made.collector.service.parts.attesting.run())
        try:
            for number, systems in enumerate((["ehr"], ["lab"]), start=1):
                await asked(made, {"period": MONTH, "systems": systems})
                for _ in range(500):
                    await made.collector.clock.advance(10_000)
                    await asyncio.sleep(0.01)
                    _, one = await got(made, f"/2026-01-{number}")
                    if one["state"] == "refused":
                        break
                assert one["reason"] in ("attestation.no_checkpoint", "attestation.log_behind")
            assert not running.done()
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
