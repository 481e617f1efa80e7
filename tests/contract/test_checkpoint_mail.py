"""Letters with checkpoints: one a day to each contact, nothing missed or doubled over restarts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts.outbox import Message
from collector.attest import note
from collector.leader import Leader
from collector.store import leases
from collector.store.leases import FencedError, Lease
from collector.store.outbox_rows import message_of
from collector.store.store import Store
from collector.store.tables import outbox
from collector.tlog import checkpoints, epochs
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log as Which
from collector.tlog.mailing import KEY, PATIENCE_MS, Mailing, day_of, write
from probes.clock import ManualClock
from probes.config import Config
from tests.support.logkeys import witness_vkey
from tests.support.rounds import ORG, config
from tests.unit.alerts.test_checkpoints import MAIL, PEOPLE
from tests.unit.witness.logs import Log

HOUR, DAY = 3_600_000, 86_400_000
SIX = 1_767_268_800_000
"""2026-01-01 06:00 in Chicago."""
LOGS = {Which.EVIDENCE: Log(), Which.AUDIT: Log(origin="log.example/audit", n=2)}


def told(*to: str, witnesses: bool = True, **mail: Any) -> Config:
    log = {
        "origin": "log.example",
        "keys": ["file:/run/secrets/log.key"],
        "mail": {"to": list(to or ("ann", "bob")), "via": "mail", **mail},
    }
    if witnesses:
        witness = {"url": "https://witness.example.net", "key": witness_vkey("witness.example.net")}
        log["witnesses"] = {"auditor": witness}
    return config(contacts=PEOPLE, channels={"mail": MAIL}, routes=[], evidence_log=log)


def published(which: Which, size: int, at: int, *, cosigned: bool = True) -> Published:
    data = note.write(LOGS[which].signed(size))
    return Published(which, 1, size, at, data, at + 1_000 if cosigned else None)


def _letters(conn: Connection, org: str) -> list[Message]:
    rows = conn.execute(select(outbox).where(outbox.c.org == org).order_by(outbox.c.created_at))
    return [message_of(row) for row in rows]


class Stage:
    """The store, and a process that leads from time to time."""

    def __init__(self, store: Store, now: int) -> None:
        self.store = store
        self.clock = ManualClock(now)
        self.config = told()
        self.said: list[list[str]] = []
        self._process()

    def _process(self) -> None:
        self.leader = Leader(self.store, self.clock, ORG, "one")
        self.mailing = Mailing(
            self.store,
            self.clock,
            ORG,
            self.leader,
            config=lambda: self.config,
            said=lambda receivers: self.said.append(sorted(receivers)),
        )

    async def begin(self) -> None:
        await self.store.write(epochs.start_epoch, ORG, "log.example", {}, SIX - DAY, bytes)

    async def publish(self, size: int, *, cosigned: bool = True) -> None:
        for which in Which:
            one = published(which, size, self.clock.now_ms(), cosigned=cosigned)
            await self.store.write(checkpoints.add, ORG, one)

    async def look(self, *, restart: bool = False) -> None:
        if restart:
            await self.leader.release()
            self._process()
        assert await self.leader.leads()
        await self.mailing.look()

    async def letters(self) -> list[tuple[str, int]]:
        found = await self.store.read(_letters, ORG)
        assert {one.incident_key for one in found} <= {KEY}
        return sorted((one.receiver, one.seq) for one in found)

    async def sizes(self) -> list[tuple[int, int]]:
        """Of both logs, in each letter, the first one first."""
        found = await self.store.read(_letters, ORG)
        told = [json.loads(one.body)["data"]["checkpoints"] for one in found]
        assert all([one["id"] for one in letter] == ["evidence", "audit"] for letter in told)
        return [(letter[0]["size"], letter[1]["size"]) for letter in told]


FIRST = datetime(2026, 1, 1, tzinfo=UTC).toordinal()


@pytest.fixture
async def stage(store: Store) -> Stage:
    made = Stage(store, SIX - HOUR)
    await made.begin()
    await made.publish(5)
    made.clock.step_wall(HOUR)
    return made


async def test_each_contact_gets_one_letter_a_day_however_often_one_looks(stage: Stage) -> None:
    for restart in (False, False, True, True):
        await stage.look(restart=restart)
    assert await stage.letters() == [("mail.ann", FIRST), ("mail.bob", FIRST)]
    assert stage.said == [["mail.ann", "mail.bob"]]
    stage.clock.step_wall(DAY - 1)
    await stage.look()
    assert len(await stage.letters()) == 2
    stage.clock.step_wall(1)
    await stage.look(restart=True)
    assert await stage.letters() == [
        ("mail.ann", FIRST),
        ("mail.ann", FIRST + 1),
        ("mail.bob", FIRST),
        ("mail.bob", FIRST + 1),
    ]


async def test_an_hour_that_passed_while_nobody_was_there_is_made_up_for_once(
    stage: Stage,
) -> None:
    await stage.look()
    stage.clock.step_wall(3 * DAY + 5 * HOUR)
    await stage.look(restart=True)
    assert (await stage.letters())[:2] == [("mail.ann", FIRST), ("mail.ann", FIRST + 3)]


async def test_a_contact_that_is_named_later_gets_its_own(stage: Stage) -> None:
    stage.config = told("ann")
    await stage.look()
    assert await stage.letters() == [("mail.ann", FIRST)]
    stage.config = told("ann", "bob")
    await stage.look()
    assert await stage.letters() == [("mail.ann", FIRST), ("mail.bob", FIRST)]


async def test_the_newest_that_enough_witnesses_have_cosigned_is_sent(stage: Stage) -> None:
    stage.config = told("ann")
    await stage.publish(7)
    await stage.publish(9, cosigned=False)
    await stage.look()
    assert await stage.sizes() == [(7, 7)]


async def test_without_witnesses_the_newest_is_sent(stage: Stage) -> None:
    stage.config = told("ann", witnesses=False)
    await stage.publish(9, cosigned=False)
    await stage.look()
    assert await stage.sizes() == [(9, 9)]


async def test_where_no_witness_has_cosigned_though_it_had_the_time_the_newest_is_sent(
    store: Store,
) -> None:
    stage = Stage(store, SIX)
    stage.config = told("ann")
    await stage.begin()
    await stage.publish(5, cosigned=False)
    stage.clock.step_wall(PATIENCE_MS - 1)
    await stage.look()
    assert await stage.letters() == []
    stage.clock.step_wall(1)
    await stage.look()
    (letter,) = await store.read(_letters, ORG)
    told_of = json.loads(letter.body)["data"]["checkpoints"]
    assert [one["cosigned_at"] for one in told_of] == [None, None]
    assert [one["note"].encode() for one in told_of] == [
        note.write(LOGS[which].signed(5)) for which in Which
    ]


async def test_before_both_logs_have_a_checkpoint_there_is_no_letter(store: Store) -> None:
    stage = Stage(store, SIX)
    await stage.look()
    await stage.begin()
    await stage.look()
    await store.write(checkpoints.add, ORG, published(Which.EVIDENCE, 5, SIX))
    await stage.look()
    assert await stage.letters() == []
    await store.write(checkpoints.add, ORG, published(Which.AUDIT, 5, SIX))
    await stage.look()
    assert len(await stage.letters()) == 2


async def test_without_the_section_or_the_lease_nothing_is_written(stage: Stage) -> None:
    stage.config = config()
    await stage.look()
    stage.config = told()
    await stage.leader.release()
    await stage.mailing.look()
    assert await stage.letters() == []


async def test_a_process_that_has_lost_the_lease_writes_nothing(stage: Stage) -> None:
    await stage.look()
    lease = stage.leader.lease
    assert lease is not None
    stale = replace(lease, token=lease.token - 1)

    def late(conn: Connection, org: str, held: Lease) -> None:
        leases.guard(conn, org, held)
        write(conn, org, held, told(), SIX + DAY)

    with pytest.raises(FencedError):
        await stage.store.write(late, ORG, stale)
    with pytest.raises(FencedError):
        await stage.store.write(write, ORG, stale, told(), SIX + DAY)
    assert len(await stage.letters()) == 2


@pytest.mark.parametrize(
    ("at", "instant", "day"),
    [
        ("06:00", "2026-01-01T11:59:59Z", "2025-12-31"),
        ("06:00", "2026-01-01T12:00:00Z", "2026-01-01"),
        ("00:00", "2026-01-01T05:59:59Z", "2025-12-31"),
        ("00:00", "2026-01-01T06:00:00Z", "2026-01-01"),
        ("24:00", "2026-01-02T05:59:59Z", "2025-12-31"),
        ("24:00", "2026-01-02T06:00:00Z", "2026-01-01"),
        # 02:30 is not there on the day the clocks go forward: the next moment is 03:00
        ("02:30", "2026-03-08T07:59:59Z", "2026-03-07"),
        ("02:30", "2026-03-08T08:00:00Z", "2026-03-08"),
        # and twice on the day they go back: the first one counts
        ("01:30", "2026-11-01T06:29:59Z", "2026-10-31"),
        ("01:30", "2026-11-01T06:30:00Z", "2026-11-01"),
        ("01:30", "2026-11-01T07:30:00Z", "2026-11-01"),
    ],
)
def test_a_day_begins_at_its_hour_by_the_organizations_clocks(
    at: str, instant: str, day: str
) -> None:
    now = int(datetime.fromisoformat(instant).timestamp() * 1000)
    found = day_of(at, told(), now)
    assert found == datetime.fromisoformat(f"{day}T00:00:00Z").toordinal()


async def test_a_note_that_somebody_has_damaged_ends_no_process(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    stage = Stage(store, SIX)
    await stage.begin()
    for which in Which:
        damaged = replace(published(which, 3, SIX), note=b"\xff")
        await store.write(checkpoints.add, ORG, damaged)
    assert await stage.leader.leads()
    running = asyncio.create_task(stage.mailing.run())
    async with asyncio.timeout(10):
        while "log.mail_failed type=AttestError" not in caplog.messages:
            assert not running.done()
            await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
