"""Attestations: which there are, asking for one, and its bundle, whose every download is recorded."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import Annotated, Literal

from aiohttp import HttpVersion11, web
from pydantic import Field
from sqlalchemy import Connection
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.once import once
from collector.api.parts import Parts, stamp
from collector.api.problems import DeniedError, InvalidError
from collector.api.results import GoneError
from collector.api.routes import Call, Nothing, Stream, get, post
from collector.api.shapes import Instant
from collector.api.streams import streaming
from collector.attesting import asking, downloads
from collector.attesting.folder import Folder
from collector.attesting.periods import UnknownSystemError, wanted
from collector.attesting.refusals import MEANINGS, Refusal, RefusedAttestationError
from collector.attesting.stages import Stage
from collector.store import attestations
from collector.store.attestations import Attestation, Issued, State
from probes.config_words import Id, Model
from probes.yamlfile import Problem

log = logging.getLogger("wardwatch.api")

ZIP = "application/zip"
CHUNK = 1 << 20
TAKEN_S = 300.0
"""How long whoever asked may take no more."""


class AttestationRequest(Model):
    period: Annotated[str, Field(max_length=20)]
    """`2026-07`, `2026-Q3`, `2026` or `2026-W31`; it must have closed, 72 h after its end."""
    systems: Annotated[tuple[Id, ...], Field(min_length=1, max_length=1_000)] | None = None
    """Left out: all that were monitored in it. Of others there are no results, checks or settings in
    it; acts on windows and corrections, with ids of systems and accounts, are in it whole."""


class Bundle(TypedDict):
    """`sha256` and `length` are of the whole file, `statement` is the SHA-256 of its
    `statement.json`; `supersedes` that of the attestation it stands in the place of. `verdicts` by
    system.
    """

    revision: int
    supersedes: str | None
    issued_at: Instant
    sha256: str
    statement: str
    length: int
    verdicts: dict[str, str | None]


class AttestationShown(TypedDict):
    """`stage`, `done` and `total` (0: not known) say how far one is that is asked for. `reason` is
    why it was refused, `same_as` the one that says the same already. `newer_evidence`: results
    came since that may make a revision of it.
    """

    id: str
    period: str
    start: Instant
    end: Instant
    systems: list[str]
    asked_by: str
    asked_at: Instant
    state: Literal["asked", "issued", "unchanged", "refused"]
    stage: Literal["waiting", "log", "gathering", "deriving", "writing"]
    done: int
    total: int
    reason: str | None
    meaning: str | None
    same_as: str | None
    newer_evidence: bool
    bundle: Bundle | None


class Attestations(TypedDict):
    attestations: list[AttestationShown]
    next: str | None


async def list_attestations(call: Call[Paged, Nothing]) -> Attestations:
    """All that were asked for, by id: what was issued, what is being made, what was refused."""
    parts = call.parts
    found = await parts.store.read(attestations.every, parts.org)
    told, following = part(found, lambda one: one.id, call.query)
    return {"attestations": [shown(one) for one in told], "next": following}


async def create_attestation(call: Call[Nothing, AttestationRequest]) -> AttestationShown:
    """Ask for one of a period that has closed: what says the same already is the answer."""
    parts, said, who = call.parts, call.body, call.who.account
    _possible(parts)
    history = parts.evaluator.history
    try:
        asked = wanted(history, said.period, said.systems, parts.now())
    except UnknownSystemError as error:
        raise InvalidError(
            [Problem("", 1, f"systems[{error.place}]", "no system of this id in any version")]
        ) from None
    except ValueError as error:
        raise InvalidError([Problem("", 1, "period", str(error))]) from None

    def work(conn: Connection) -> AttestationShown:
        return shown(asking.ask(conn, parts.org, asked, who, history, parts.now()))

    answer = await once(call, work)
    parts.attesting.wake()
    return answer


async def read_attestation(call: Call[Nothing, Nothing]) -> AttestationShown:
    """One of them: how far it is, or what it says."""
    return shown(await _named(call))


async def download_attestation(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The bundle of one that was issued, a zip. Who took it, and its SHA-256, is recorded first."""
    if call.request.version < HttpVersion11:
        raise DeniedError(505, "api.http_1_0")
    parts, one = call.parts, await _named(call)
    if one.issued is None:
        raise RefusedAttestationError(Refusal.NOT_ISSUED)
    folder = parts.attesting.folder
    if folder is None:
        raise RefusedAttestationError(Refusal.NO_FOLDER)
    if not await asyncio.to_thread(folder.has, one.issued.file):
        raise RefusedAttestationError(Refusal.GONE)
    by = downloads.By(call.who.account, call.who.credential)
    await parts.store.write(downloads.record, parts.org, one.id, one.issued.sha256, by, parts.now)
    async with streaming(call.request, ZIP, _headers(parts.org, one, one.issued)) as response:
        await _send(call, folder, one.issued, response)
    return response


async def _send(
    call: Call[Nothing, Nothing], folder: Folder, issued: Issued, response: web.StreamResponse
) -> None:
    """A file that is not the one that was issued is cut before its end."""
    digest, left = hashlib.sha256(), issued.length
    with await asyncio.to_thread(folder.open, issued.file) as file:
        while left:
            if not await call.still_allowed():
                raise GoneError
            chunk = await asyncio.to_thread(file.read, min(CHUNK, left))
            left -= len(chunk)
            digest.update(chunk)
            if not chunk or (not left and digest.digest() != issued.sha256):
                log.error("attestation.file_changed file=%s", issued.file)
                raise RefusedAttestationError(Refusal.GONE)
            async with asyncio.timeout(TAKEN_S):
                await response.write(chunk)


def _headers(org: str, one: Attestation, issued: Issued) -> dict[str, str]:
    return {
        "Content-Length": str(issued.length),
        "Content-Disposition": f'attachment; filename="{org}-{one.id}.zip"',
    }


def _possible(parts: Parts) -> None:
    if parts.attesting.folder is None:
        raise RefusedAttestationError(Refusal.NO_FOLDER)
    if not parts.attesting.is_signed:
        raise RefusedAttestationError(Refusal.NO_LOG)


async def _named(call: Call[Nothing, Nothing]) -> Attestation:
    found = await call.parts.store.read(attestations.named, call.parts.org, call.path["id"])
    if found is None:
        raise RefusedAttestationError(Refusal.UNKNOWN)
    return found


def shown(one: Attestation) -> AttestationShown:
    return {
        "id": one.id,
        "period": one.period,
        "start": stamp(one.start),
        "end": stamp(one.end),
        "systems": list(one.systems),
        "asked_by": one.asked_by,
        "asked_at": stamp(one.asked_at),
        "state": State(one.state).value,
        "stage": Stage(one.stage).value,
        "done": one.done,
        "total": one.total,
        "reason": one.reason,
        "meaning": None if one.reason is None else MEANINGS[Refusal(one.reason)],
        "same_as": one.same_as,
        "newer_evidence": one.newer,
        "bundle": None if one.issued is None else _bundle(one.issued),
    }


def _bundle(issued: Issued) -> Bundle:
    return {
        "revision": issued.revision,
        "supersedes": None if issued.supersedes is None else issued.supersedes.hex(),
        "issued_at": stamp(issued.issued_at),
        "sha256": issued.sha256.hex(),
        "statement": issued.statement.hex(),
        "length": issued.length,
        "verdicts": dict(issued.verdicts),
    }


BASE = "/api/v1/attestations"
ROUTES = (
    get(BASE, Permission.ATTESTATIONS_READ, list_attestations, Attestations, Paged),
    post(
        BASE,
        Permission.ATTESTATIONS_ISSUE,
        create_attestation,
        AttestationShown,
        AttestationRequest,
    ),
    get(
        f"{BASE}/{{id}}",
        Permission.ATTESTATIONS_READ,
        read_attestation,
        AttestationShown,
        Nothing,
    ),
    Stream(
        "GET",
        f"{BASE}/{{id}}/bundle",
        Permission.ATTESTATIONS_READ,
        download_attestation,
        ZIP,
        Nothing,
    ),
)
