"""Asks witnesses to cosign the newest checkpoint of each log, again until they do.

One that is down holds up nothing. One that has seen more of a log than there is here, or something
else, is told apart: then nothing more is signed until it agrees again (`ahead`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import aiohttp
from sqlalchemy import Connection

from collector.attest import checkpoint, merkle, note, vkey
from collector.attest.note import Note, SignatureLine
from collector.store import leases
from collector.store.leases import Lease
from collector.store.store import Store
from collector.tlog import checkpoints, reading
from collector.tlog.checkpoints import Published
from collector.tlog.leafrows import DamagedError
from collector.tlog.metering import SigningMetrics
from collector.witness.client import Witness, add_checkpoint
from collector.witness.refusals import Refusal, Refused
from probes.clock import NS_PER_MS, Clock
from probes.config_evidence_log import EvidenceLog

log = logging.getLogger("wardwatch.log")

AGAIN_MS = 30_000
"""After a witness did not cosign."""
_OTHER = frozenset({Refusal.ROOT, Refusal.PROOF})


@dataclass(slots=True)
class _Asked:
    """What a witness answered last about one log."""

    held: int = 0
    ahead: bool = False
    again_ms: int = 0


class Witnessing:
    """One per process, used by the one that leads."""

    def __init__(self, store: Store, clock: Clock, org: str, metrics: SigningMetrics) -> None:
        self._store = store
        self._clock = clock
        self._org = org
        self._metrics = metrics
        self._known: dict[tuple[str, str], _Asked] = {}
        """By name of the log and of the witness."""

    def forget(self) -> None:
        """Another process may have led meanwhile."""
        self._known.clear()

    def ahead(self, name: str, said: EvidenceLog) -> bool:
        """Has a witness seen a log of this name that ours does not continue?"""
        return any(self._of(name, witness).ahead for witness in said.witnesses)

    async def ask(
        self,
        session: aiohttp.ClientSession,
        lease: Lease,
        said: EvidenceLog,
        published: Published,
        *,
        anew: bool = False,
    ) -> None:
        """Whom it is time to ask; `anew`: all of them, also who has cosigned this one."""
        signed = note.parse(published.note)
        head = checkpoint.parse(signed.text)
        has = {(line.name, line.id) for line in signed.signatures}
        now = self._clock.monotonic_ns() // NS_PER_MS
        due: list[str] = []
        for name, one in said.witnesses.items():
            asked, key = self._of(head.origin, name), vkey.parse(one.key)
            done = (key.name, key.id) in has
            if done:
                asked.held = max(asked.held, head.size)
            behind = head.size - min(asked.held, head.size)
            self._metrics.witness_behind.labels(published.log.value, name).set(behind)
            if anew or ((asked.ahead or not done) and now >= asked.again_ms):
                due.append(name)
        await asyncio.gather(*(self._one(session, lease, said, published, n) for n in due))

    def _of(self, name: str, witness: str) -> _Asked:
        return self._known.setdefault((name, witness), _Asked())

    async def _one(
        self,
        session: aiohttp.ClientSession,
        lease: Lease,
        said: EvidenceLog,
        published: Published,
        name: str,
    ) -> None:
        configured = said.witnesses[name]
        signed = note.parse(published.note)
        asked = self._of(checkpoint.parse(signed.text).origin, name)
        witness = Witness(configured.url, vkey.parse(configured.key))

        async def prove(old: int) -> Sequence[bytes]:
            return await self._store.read(_proof, self._org, published, old)

        found = await add_checkpoint(session, witness, signed, asked.held, prove, self._clock)
        if isinstance(found, Refused):
            self._refused(asked, found, published, name)
            return
        asked.held, asked.ahead = published.size, False
        add = (self._org, lease, published, found.line, said, self._clock.now_ms())
        await self._store.write(cosign, *add)
        self._metrics.witness_behind.labels(published.log.value, name).set(0)

    def _refused(self, asked: _Asked, found: Refused, published: Published, name: str) -> None:
        more = found.code is Refusal.SIZE and (found.size or 0) > published.size
        asked.ahead = asked.ahead or more or found.code in _OTHER
        asked.again_ms = self._clock.monotonic_ns() // NS_PER_MS + AGAIN_MS
        self._metrics.witness_failures.labels(name, found.code.value).inc()
        level = logging.ERROR if asked.ahead else logging.WARNING
        log.log(
            level, "log.not_cosigned log=%s witness=%s code=%s", published.log, name, found.code
        )


def cosign(
    conn: Connection,
    org: str,
    lease: Lease,
    published: Published,
    line: SignatureLine,
    said: EvidenceLog,
    now: int,
) -> None:
    """One line more on what is stored by now; FencedError, and DamagedError where it is gone. A witness's first line stays the only one:
    its time is the earliest.
    """
    leases.guard(conn, org, lease)
    size, epoch = published.size, published.epoch
    stored = next(
        iter(checkpoints.between(conn, org, published.log, size, size, epoch=epoch)), None
    )
    if stored is None:
        raise DamagedError
    before = note.parse(stored.note)
    if any((one.name, one.id) == (line.name, line.id) for one in before.signatures):
        return
    after = note.with_signatures(before, line)
    cosigned_at = stored.cosigned_at
    if cosigned_at is None and 0 < said.needed <= counted(after, said):
        cosigned_at = now
    checkpoints.cosign(
        conn,
        org,
        Published(published.log, epoch, size, stored.signed_at, note.write(after), cosigned_at),
    )


def counted(signed: Note, said: EvidenceLog) -> int:
    """How many witnesses of the file have cosigned."""
    has = {(line.name, line.id) for line in signed.signatures}
    keys = (vkey.parse(one.key) for one in said.witnesses.values())
    return sum((key.name, key.id) in has for key in keys)


def _proof(conn: Connection, org: str, published: Published, old: int) -> Sequence[bytes]:
    try:
        nodes = reading.nodes(conn, org, published.log, published.size, epoch=published.epoch)
        return merkle.consistency_path(nodes, old, published.size)
    except LookupError:
        raise DamagedError from None
