"""A running collector writes the day's letters to a mail server we did not write: once, also over a restart."""

from __future__ import annotations

import asyncio
import email
import random
from email.policy import default

from sqlalchemy import Connection, select

from collector.attest import note
from collector.service import Service, World
from collector.store.store import Store
from collector.store.tables import outbox
from collector.tlog import checkpoints, epochs
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from probes.clock import SystemClock
from probes.config import Config
from probes.configfile import canonical
from tests.support.mailserver import MailServer, mail_server
from tests.support.rounds import ORG, config
from tests.unit.alerts.test_checkpoints import PEOPLE
from tests.unit.witness.logs import Log as Made

MADE = {Log.EVIDENCE: Made(), Log.AUDIT: Made(origin="log.example/audit", n=2)}


class Impatient(SystemClock):
    """It sleeps at most a moment, whatever it is asked."""

    async def sleep_ms(self, duration_ms: int) -> None:
        await super().sleep_ms(min(duration_ms, 50))


def told(port: int) -> Config:
    mail = {
        "kind": "email",
        "host": "127.0.0.1",
        "port": str(port),
        "tls": "none",
        "from": "w@st-e.example",
    }
    log = {
        "origin": "log.example",
        "keys": ["file:/run/secrets/none.key"],
        "mail": {"to": ["ann", "bob"], "via": "mail", "at": "00:00"},
    }
    return config(contacts=PEOPLE, channels={"mail": mail}, routes=[], evidence_log=log)


async def run_until(store: Store, used: Config, server: MailServer, mails: int) -> None:
    """A process from its start until there are as many mails, or for a while if there are already."""
    world = World(Impatient(), random.Random(1), lambda _ref: b"", f"holder-{mails}")
    service = Service(store, used, canonical(used), world)
    await service.prepare()
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    enough = len(server.mails) >= mails
    for _ in range(150 if enough else 2_000):
        there = len(server.mails) >= mails and not enough
        # a mail that is not recorded as sent goes again: that is how nothing is lost
        if running.done() or (there and await store.read(all_sent)):
            break
        await asyncio.sleep(0.01)
    stop.set()
    await running


def all_sent(conn: Connection) -> bool:
    found = {*conn.execute(select(outbox.c.state)).scalars()}
    return found == {"sent"}


def text_of(data: bytes) -> str:
    part = email.message_from_bytes(data, policy=default).get_body(("plain",))
    assert part is not None
    text: str = part.get_content()
    return text.replace("\r\n", "\n")


async def test_each_contact_gets_the_notes_to_the_byte_and_no_second_letter(
    sqlite_store: Store,
) -> None:
    now = SystemClock().now_ms()
    await sqlite_store.write(epochs.start_epoch, ORG, "log.example", {}, now, bytes)
    for which, made in MADE.items():
        one = Published(which, 1, 7, now, note.write(made.signed(7)))
        await sqlite_store.write(checkpoints.add, ORG, one)
    async with mail_server() as server:
        used = told(server.port)
        for _ in range(2):
            await run_until(sqlite_store, used, server, 2)
        assert sorted(one.recipients for one in server.mails) == [
            ["ann@example.org"],
            ["bob@example.org"],
        ]
        for mail in server.mails:
            shown = text_of(mail.raw)
            assert all(note.write(made.signed(7)).decode() in shown for made in MADE.values())
