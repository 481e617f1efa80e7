"""A simulated DICOMweb server: QIDO-RS for studies, which fails on command. Keeps no query."""

from __future__ import annotations

import asyncio
import json
import ssl

from aiohttp import web

from probes.testing.site import Site

STATUSES = ("400", "401", "403", "404", "406", "413", "429", "500", "503", "302", "206")


class DicomwebServer:
    """`base_url` after `start`; with the fault `match` it finds one study whatever is asked."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "no_content",
        "plain_json",
        "hang",
        "slow",
        "match",
        "html",
        "empty",
        "not_json",
        "object",
        "texts",
        "deep",
        "other_media",
        "huge",
        *STATUSES,
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.base_url = ""
        self.asked: list[tuple[str, dict[str, str], str, str]] = []
        """Method and path, query, Accept and Authorization of each request."""
        self.slow_ms = 200
        self._text = " ".join(canaries) or "none"
        self._fault = "none"
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._site = Site(app)

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        port, origin = await self._site.start(host, port, tls)
        self.base_url = f"{origin}/dicom-web"
        return port

    async def stop(self) -> None:
        await self._site.stop()

    def set_fault(self, name: str) -> None:
        """From the next request on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        self._site.turn(self._fault, name)
        self._fault = name

    async def _answer(self, request: web.Request) -> web.Response:
        fault = self._fault
        asked = (f"{request.method} {request.path}", dict(request.query))
        fields = request.headers
        self.asked.append((*asked, fields.get("Accept", ""), fields.get("Authorization", "")))
        if fault == "hang":
            await self._site.released.wait()
        if fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        if fault in STATUSES:
            return web.Response(status=int(fault), text=self._text, headers={"Retry-After": "30"})
        if fault == "no_content":
            return web.Response(status=204)
        media = {
            "plain_json": "application/json",
            "html": "text/html",
            "other_media": "application/dicom+xml",
        }
        body = self._body(fault)
        return web.Response(body=body, content_type=media.get(fault, "application/dicom+json"))

    def _body(self, fault: str) -> bytes:
        study = {"00100010": {"vr": "PN", "Value": [{"Alphabetic": self._text}]}}
        bodies = {
            "match": json.dumps([study]),
            "html": f"<!doctype html><title>Sign in</title>{self._text}",
            "empty": "",
            "not_json": f"[{self._text}",
            "object": json.dumps({"error": self._text}),
            "texts": json.dumps([self._text]),
            "deep": "[" * 100_000,
            "huge": f'[{{"a": "{"x" * 2_000_000}"}}]',
        }
        return bodies.get(fault, "[]").encode()
