"""The witness over HTTP: `add-checkpoint`, and what it holds for whoever asks, as plain text."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler

from collector.attest import note
from collector.witness import messages
from collector.witness.refusals import MEANINGS, STATUSES, Refusal, Refused
from collector.witness.witnessing import Witnessing

MOST_OPEN = 64
"""Requests that are read or answered at one time."""
READ_S = 10.0
"""How long a request may take to come in."""
_FIELDS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


class Answers:
    """All that is answered comes from the witness's own state and the operator's words."""

    def __init__(self, witnessing: Witnessing) -> None:
        self._witnessing = witnessing
        self._open = 0

    def app(self) -> web.Application:
        app = web.Application(middlewares=[_without_words])
        app.router.add_post(messages.PATH, self._add_checkpoint)
        app.router.add_get("/", self._front)
        app.router.add_get("/checkpoint/{origin:.+}", self._checkpoint)
        app.router.add_get("/health", self._health)
        return app

    async def _add_checkpoint(self, request: web.Request) -> web.Response:
        if self._open >= MOST_OPEN:
            return refusal(Refused(Refusal.BUSY))
        self._open += 1
        try:
            body = await _read(request)
            found = body if isinstance(body, Refused) else await self._witnessing.answer(body)
        finally:
            self._open -= 1
        if isinstance(found, Refused):
            return refusal(found)
        return _text(messages.write_signatures([found]))

    async def _front(self, _request: web.Request) -> web.Response:
        """Name and key, then each log: its checkpoint as it was cosigned, or that there is none."""
        witnessing = self._witnessing
        name, key = witnessing.key.name, witnessing.key.verifier.text()
        parts = [f"Wardwatch witness\nname: {name}\nkey: {key}\nlogs: {len(witnessing.logs)}\n"]
        held = witnessing.held
        for origin in witnessing.logs:
            one = held.get(origin)
            shown = "nothing cosigned yet\n" if one is None else note.write(one.signed).decode()
            parts.append(f"----- {origin}\n{shown}")
        return _text("\n".join(parts).encode())

    async def _checkpoint(self, request: web.Request) -> web.Response:
        held = self._witnessing.held.get(request.match_info["origin"])
        if held is None:
            return refusal(Refused(Refusal.ORIGIN))
        return _text(note.write(held.signed))

    async def _health(self, _request: web.Request) -> web.Response:
        if self._witnessing.lost.is_set():
            return refusal(Refused(Refusal.STATE))
        return _text(b"ok\n")


def refusal(refused: Refused) -> web.Response:
    status = STATUSES[refused.code]
    if refused.size is not None:
        size = messages.write_size(refused.size)
        return web.Response(
            status=status, body=size, content_type=messages.SIZE_TYPE, headers=_FIELDS
        )
    return _text(f"{refused.code.value}: {MEANINGS[refused.code]}\n".encode(), status)


async def _read(request: web.Request) -> bytes | Refused:
    data = bytearray()
    try:
        async with asyncio.timeout(READ_S):
            async for part in request.content.iter_any():
                data += part
                if len(data) > messages.MAX_REQUEST:
                    return Refused(Refusal.TOO_LARGE)
    except TimeoutError:
        return Refused(Refusal.REQUEST)
    return bytes(data)


def _text(body: bytes, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=body, content_type="text/plain", charset="utf-8", headers=_FIELDS
    )


@web.middleware
async def _without_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What there is not is said by its status alone: nothing of the request comes back."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _text(b"", error.status)
