"""Once a day the newest checkpoints leave by mail: whoever keeps a letter can show what the logs were.

A letter stands in the outbox under its day, so nothing is doubled by a restart; one whose hour has
passed while nobody was there is written when somebody is. Only the process that leads writes one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from datetime import timedelta

from sqlalchemy import Connection

from alerts.checkpoints import Anchor, render_checkpoints
from alerts.outbox import Message, message_id
from alerts.receivers import mailed
from collector.attest import checkpoint, note
from collector.attest.faults import AttestError
from collector.leader import Leader
from collector.store import leases, outbox
from collector.store.leases import FencedError, Lease
from collector.store.store import Store, StoreUnavailableError
from collector.tlog import checkpoints
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Log
from collector.tlog.leafrows import DamagedError
from probes import opening, times
from probes.clock import Clock
from probes.config import Config
from probes.config_evidence_log import EvidenceLog

log = logging.getLogger("wardwatch.log")

KEY = "log_checkpoints"
"""Stands for an incident's in the outbox; no system can have the underscore."""
LOOK_MS = 5_000
PATIENCE_MS = 600_000
"""How long witnesses have for the first checkpoint of a log, before a letter goes without them."""


class Mailing:
    """One per process; `run` for ever."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        org: str,
        leader: Leader,
        *,
        config: Callable[[], Config],
        said: Callable[[Collection[str]], None] = lambda _receivers: None,
    ) -> None:
        """`said` is called once letters are written, with whom they are for."""
        self._store = store
        self._clock = clock
        self._org = org
        self._leader = leader
        self._config = config
        self._said = said
        self._done: tuple[int, EvidenceLog, int] | None = None
        """What the day's letters were written under: nothing is asked of the store until it differs."""

    async def run(self) -> None:
        while True:
            try:
                await self.look()
            except (StoreUnavailableError, FencedError, AttestError, DamagedError) as error:
                log.warning("log.mail_failed type=%s", type(error).__name__)
            await self._clock.sleep_ms(LOOK_MS)

    async def look(self) -> None:
        """Once: write what is due."""
        lease, config = self._leader.lease, self._config()
        said = config.evidence_log
        if lease is None or said is None or said.mail is None:
            return
        now = self._clock.now_ms()
        day = day_of(said.mail.at, config, now)
        if self._done == (lease.token, said, day):
            return
        written = await self._store.write(write, self._org, lease, config, now)
        if written is None:
            return
        self._done = (lease.token, said, day)
        if written:
            log.info("log.mailed letters=%d", len(written))
            self._said(written)


def write(conn: Connection, org: str, lease: Lease, config: Config, now: int) -> list[str] | None:
    """The letters of the last day whose hour has passed at `now` (UTC ms), to all who have not got it;
    returns whom they are for, None before each log has a checkpoint for them. FencedError.
    """
    said = config.evidence_log
    if said is None or said.mail is None:
        return []
    leases.guard(conn, org, lease)
    day = day_of(said.mail.at, config, now)
    told = outbox.last_seqs(conn, org, KEY)
    waiting = [one for one in mailed(config) if told.get((KEY, one), 0) < day]
    anchors = _anchors(conn, org, said, now) if waiting else ()
    if anchors is None:
        return None
    outbox.add(conn, org, [_message(config, anchors, one, day, now) for one in waiting])
    return waiting


def day_of(at: str, config: Config, now: int) -> int:
    """Its number (days since 0001-01-01, which is 1) in the organization's zone; an hour that a day
    does not have counts as the next it has.
    """
    local = times.from_ms(now, config.organization.zone)
    passed = local.hour * 60 + local.minute >= opening.clock(at)
    return (local if passed else local - timedelta(days=1)).toordinal()


def _anchors(conn: Connection, org: str, said: EvidenceLog, now: int) -> Sequence[Anchor] | None:
    """The newest that enough witnesses have cosigned; where none is, though they had the time, the
    newest.
    """
    found = []
    for each in Log:
        good = checkpoints.latest(conn, org, each, cosigned=True) if said.needed else None
        had_time = checkpoints.newest_before(conn, org, each, now - PATIENCE_MS) is not None
        if good is None and (had_time or not said.needed):
            good = checkpoints.latest(conn, org, each)
        if good is None:
            return None
        found.append(_anchor(good))
    return found


def _anchor(published: Published) -> Anchor:
    head = checkpoint.parse(note.parse(published.note).text)
    return Anchor(
        published.log.value,
        head.origin,
        head.size,
        published.signed_at,
        published.cosigned_at,
        published.note.decode(),
    )


def _message(
    config: Config, anchors: Sequence[Anchor], receiver: str, day: int, now: int
) -> Message:
    org = config.organization.id
    name = message_id(org, KEY, receiver, day)
    body = render_checkpoints(config, anchors, message_id=name, receiver=receiver, at=now)
    return Message(name, org, KEY, receiver, day, body, now, now)
