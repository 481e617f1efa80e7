"""The evidence log and the audit log as anybody's tools read them: C2SP tlog-tiles, and proofs.

A log is read below `/log/evidence` and `/log/audit`. An epoch that went on from another is a log of
its own, with an origin of its own: it is read below `/log/evidence-2`, and the older one stays.
"""

from __future__ import annotations

import base64
from typing import Any, Literal

from aiohttp import web
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.parts import stamp
from collector.api.problems import DeniedError
from collector.api.routes import AnyRoute, Call, Nothing, Stream, get
from collector.api.shapes import Instant
from collector.attest import entries, proof, tiles
from collector.attest.entries import LogStart
from collector.attest.faults import AttestError
from collector.tlog import checkpoints, epochs, reading, serving
from collector.tlog.checkpoints import Published
from collector.tlog.epochs import Epoch, Log
from collector.tlog.reading import ChangedError

NOTE, TILE = "text/plain", "application/octet-stream"
FOR_EVER = "private, max-age=31536000, immutable"
"""Of a full tile: nothing of it changes any more."""


class Signed(TypedDict):
    """The newest checkpoint. `cosigned_at`: when its cosignatures were a quorum; null until then."""

    size: int
    signed_at: Instant
    cosigned_at: Instant | None


class OneLog(TypedDict):
    """One epoch of a log. `origin` is the first line of its checkpoints; `prefix` is where its tiles
    are. `root` is of `size` leaves, in base64; `state_rows` of them are rows that numbers depend on.
    `previous`: the origin it goes on from, null for the first. `closed_at`: when the next one began.
    """

    log: Literal["evidence", "audit"]
    epoch: int
    origin: str
    prefix: str
    started_at: Instant
    closed_at: Instant | None
    previous: str | None
    size: int
    root: str
    state_rows: int
    checkpoint: Signed | None


class Logs(TypedDict):
    logs: list[OneLog]


async def list_logs(call: Call[Nothing, Nothing]) -> Logs:
    """The evidence log and the audit log, as they stand; every epoch of them, the oldest first."""
    parts = call.parts
    found = await parts.store.read(_all, parts.org)
    readable = call.who.may(Permission.JOURNAL_READ)
    return {
        "logs": [
            _shown(epoch, newest)
            for epoch, newest in found
            if readable or epoch.log is Log.EVIDENCE
        ]
    }


async def read_checkpoint(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The newest checkpoint, a signed note: of C2SP tlog-tiles, `checkpoint`."""
    epoch = await epoch_of(call)
    found = await call.parts.store.read(
        checkpoints.latest, call.parts.org, epoch.log, epoch=epoch.epoch
    )
    if found is None:
        raise DeniedError(404, "log.no_checkpoint")
    headers = {"Cache-Control": "no-store"}
    return web.Response(body=found.note, content_type=NOTE, charset="utf-8", headers=headers)


async def read_tile(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """A tile of hashes or a bundle of entries: of C2SP tlog-tiles, what stands behind `tile/`."""
    epoch = await epoch_of(call)
    try:
        wanted = tiles.tile_at(f"tile/{call.path['path']}")
    except AttestError:
        raise DeniedError(404, "log.no_tile") from None
    try:
        data = await call.parts.store.read(serving.tile, call.parts.org, epoch, wanted)
    except ChangedError:
        raise DeniedError(409, "log.changed") from None
    if data is None:
        raise DeniedError(404, "log.no_tile")
    full = wanted.width == tiles.WIDTH
    headers = {"Cache-Control": FOR_EVER if full else "no-store"}
    return web.Response(body=data, content_type=TILE, headers=headers)


async def prove_row(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Where a row of the journal stands in a log: a C2SP tlog-proof, with the newest checkpoint that a
    quorum has cosigned, or else the newest.
    """
    epoch = await epoch_of(call)
    number = call.path["id"]
    if not number.isascii() or not number.isdigit() or len(number) > MOST_DIGITS:
        raise DeniedError(404, "log.no_leaf")
    data = await call.parts.store.read(_proof, call.parts.org, epoch, int(number))
    return web.Response(body=data, content_type=NOTE, charset="utf-8")


MOST_DIGITS = 18
"""Of the id of a row: engines count below 2^63."""


async def epoch_of(call: Call[Nothing, Nothing]) -> Epoch:
    """The one that the address names, to who may read it."""
    prefix = call.path["log"]
    if prefix.startswith(Log.AUDIT) and not call.who.may(Permission.JOURNAL_READ):
        raise DeniedError(403, "access.denied", needs=Permission.JOURNAL_READ.value)
    found = await call.parts.store.read(epochs.at, call.parts.org, prefix)
    if found is None:
        raise DeniedError(404, "log.unknown")
    return found


def _proof(conn: Connection, org: str, epoch: Epoch, row: int) -> bytes:
    index = reading.index_of_row(conn, org, epoch.log, row, epoch=epoch.epoch)
    if index is None:
        raise DeniedError(404, "log.no_leaf")
    published = serving.covering(conn, org, epoch, index)
    if published is None:
        newest = checkpoints.latest(conn, org, epoch.log, epoch=epoch.epoch)
        raise DeniedError(404, "log.no_checkpoint" if newest is None else "log.not_covered")
    return proof.write(serving.proof(conn, org, published, index))


def _all(conn: Connection, org: str) -> list[tuple[Epoch, Published | None]]:
    return [
        (epoch, checkpoints.latest(conn, org, log, epoch=epoch.epoch))
        for log in Log
        for epoch in epochs.of(conn, org, log)
    ]


def _shown(epoch: Epoch, newest: Published | None) -> OneLog:
    start: Any = entries.parse(epoch.start)
    previous = start.previous if isinstance(start, LogStart) else None
    return {
        "log": "evidence" if epoch.log is Log.EVIDENCE else "audit",
        "epoch": epoch.epoch,
        "origin": epoch.name,
        "prefix": f"/log/{epoch.prefix}",
        "started_at": stamp(start.started_at),
        "closed_at": None if epoch.closed_at is None else stamp(epoch.closed_at),
        "previous": None if previous is None else previous.origin,
        "size": epoch.tree.size,
        "root": base64.b64encode(epoch.tree.root()).decode(),
        "state_rows": epoch.state,
        "checkpoint": None
        if newest is None
        else {
            "size": newest.size,
            "signed_at": stamp(newest.signed_at),
            "cosigned_at": None if newest.cosigned_at is None else stamp(newest.cosigned_at),
        },
    }


MAY = Permission.EVIDENCE_READ
ROUTES: tuple[AnyRoute, ...] = (
    get("/api/v1/logs", MAY, list_logs, Logs, Nothing),
    Stream("GET", "/log/{log}/checkpoint", MAY, read_checkpoint, NOTE, Nothing),
    Stream("GET", "/log/{log}/tile/{path:.+}", MAY, read_tile, TILE, Nothing),
    Stream("GET", "/log/{log}/proof/{id}", MAY, prove_row, NOTE, Nothing),
)
