"""The audit trail read out, and the audit pack: written piece by piece, and recorded themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Annotated, Any, TypeVar

from aiohttp import HttpVersion11, web
from pydantic import BeforeValidator, Field

from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.parts import Parts
from collector.api.problems import BadRequestError, DeniedError
from collector.api.reading import whole
from collector.api.results import GoneError
from collector.api.routes import Call, Nothing, Stream
from collector.api.streams import streaming
from collector.audit import exports, pack, trail
from collector.audit.exports import Begun, NotOverError, Sent
from collector.audit.formats import LINES
from collector.audit.media import MEDIA, Format
from collector.audit.pack import Question
from collector.journal import Row
from probes.config_words import Model

PACK = "pack"
ZIP = "application/zip"
MOST_SAMPLED = 10_000
OVER = "it must be over: what is still to be recorded of it would be missing"
PACKING: web.AppKey[asyncio.Lock] = web.AppKey("packing", asyncio.Lock)
"""Who reads the store for a pack: one at a time, for evaluations wait for the same readers."""
Q = TypeVar("Q", bound=Model)


class Asked(Range):
    format: Format = Format.JSONL


class AskedPack(Range):
    sample: Annotated[int, Field(ge=0, le=MOST_SAMPLED), BeforeValidator(whole)] = 25
    """Rows of each population that are drawn."""
    seed: Annotated[int, Field(ge=0), BeforeValidator(whole)] = 0
    """The same number draws the same rows."""


class Out:
    """One export on its way: what is written is counted and hashed."""

    def __init__(self, call: Call[Any, Nothing], response: web.StreamResponse, last: int) -> None:
        self._call, self._response, self._sent = call, response, Sent()
        self.last = last

    @property
    def sent(self) -> Sent:
        return self._sent

    async def still(self) -> None:
        """GoneError where whoever asked may not ask any more."""
        if not await self._call.still_allowed():
            raise GoneError

    async def write(self, data: bytes, rows: int) -> None:
        if data:
            await self._response.write(data)
        self._sent.add(data, rows)


async def export_audit(call: Call[Asked, Nothing]) -> web.StreamResponse:
    """Every row of the journal that was recorded in a range, by id, in one of three formats."""
    asked, parts = call.query, call.parts
    span, write_line = interval(asked, parts.config), LINES[asked.format]
    wanted = exports.Asked(
        asked.format.value, span.start, span.end, call.who.account, call.who.credential
    )

    def write(row: Row) -> bytes:
        return write_line(row, parts.org)

    async with _exporting(call, wanted, MEDIA[asked.format]) as (response, out):
        within = await parts.store.read(trail.range_of, parts.org, span.start, span.end, out.last)
        after, is_last = 0, False
        while not is_last:
            await out.still()
            found = await parts.store.read(trail.part, parts.org, within, after, write)
            await out.write(b"".join(found.lines), len(found.lines))
            after, is_last = found.after, found.is_last
    return response


async def export_audit_pack(call: Call[AskedPack, Nothing]) -> web.StreamResponse:
    """Whole populations of a range that is over, a sample of each, and what each is evidence of."""
    asked, parts = call.query, call.parts
    span = interval(asked, parts.config)
    by = (call.who.account, call.who.credential)
    wanted = exports.Asked(PACK, span.start, span.end, *by, asked.sample, asked.seed)
    turn = call.request.app[PACKING]
    async with _exporting(call, wanted, ZIP) as (response, out):
        question = Question(parts.org, span.start, span.end, out.last, asked.sample, asked.seed)
        async with aclosing(pack.made(parts.store, question, turn)) as made:
            async for data, rows in made:
                await out.still()
                await out.write(data, rows)
    return response


@asynccontextmanager
async def _exporting(
    call: Call[Q, Nothing], wanted: exports.Asked, media: str
) -> AsyncIterator[tuple[web.StreamResponse, Out]]:
    """Recorded before the first byte and after the last: an export whose end cannot be recorded is
    cut, so nobody takes it for whole.
    """
    if call.request.version < HttpVersion11:
        raise DeniedError(505, "api.http_1_0")
    parts = call.parts
    try:
        begun = await parts.store.write(exports.begin, parts.org, wanted, parts.now)
    except NotOverError:
        raise BadRequestError("to", OVER) from None
    async with streaming(call.request, media) as response:
        out = Out(call, response, begun.last)
        try:
            yield response, out
        except Exception:  # also a full disk: whoever asked has not got it all
            await _ended(parts, begun, wanted, out.sent, complete=False)
            raise
        await _ended(parts, begun, wanted, out.sent, complete=True)


async def _ended(
    parts: Parts, begun: Begun, wanted: exports.Asked, sent: Sent, *, complete: bool
) -> None:
    await parts.store.write(
        exports.end, parts.org, begun, wanted, sent, parts.now, complete=complete
    )


MAY = Permission.AUDIT_EXPORT
ROUTES = (
    Stream(
        "GET",
        "/api/v1/audit",
        MAY,
        export_audit,
        MEDIA[Format.JSONL],
        Asked,
        also=tuple(MEDIA[one] for one in Format if one is not Format.JSONL),
    ),
    Stream("GET", "/api/v1/audit/pack", MAY, export_audit_pack, ZIP, AskedPack),
)
