"""A simulated integration engine: channels with counters and a queue, and every way to fail.

What an answer looks like is the product's (`engine_answers`); channels and faults are here. The
canaries stand in every header, in names of further channels, and wherever a product has free text.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, field, replace
from urllib.parse import parse_qs

from aiohttp import web

from probes.testing.site import Site


@dataclass
class Line:
    """One channel as it is now; `destinations` by name."""

    id: str
    name: str
    state: str = "started"
    received: int = 100
    sent: int = 90
    errored: int = 0
    filtered: int = 10
    queued: int = 0
    oldest_s: int = 0
    idle_s: int = 1
    connected: bool = True
    namespace: str = "HOSP"
    destinations: dict[str, Line] = field(default_factory=dict)

    def flow(self, received: int = 1, sent: int = 1, errored: int = 0) -> None:
        """So many came in, left and failed; the rest waits."""
        self.received += received
        self.sent += sent
        self.errored += errored
        self.queued += received - sent - errored
        self.idle_s = 0


class EngineHost:
    """`base_url` after `start`; `requests` counts what was asked, by path without its query."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "html200",
        "redirect",
        "401",
        "403",
        "404",
        "429",
        "500",
        "503",
        "truncated",
        "cut_off",
        "wrong_types",
        "huge",
        "stopped",
        "backlog",
    )
    """`cut_off`: a whole answer whose content ends in the middle. The last two are the channels':
    each is stopped, or has 500 messages that wait.
    """

    COOKIE = "JSESSIONID=node0simulated{}.node0"

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.base_url = ""
        self.text = " ".join(canaries) or "none"
        self.lines = [Line("11111111-aaaa", "ADT from registration")]
        self.requests: dict[str, int] = {}
        self.fields: list[dict[str, str]] = []
        """Header fields of every request."""
        self.slow_ms = 200
        self.huge_bytes = 9_000_000
        self.password = "right"  # noqa: S105 - a simulator
        self.sessions: set[str] = set()
        self.logins = 0
        self._fault, self._at = "none", ""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._serve)
        self._site = Site(app)

    @property
    def shown(self) -> list[Line]:
        """The channels as they are told of."""
        if self._fault == "stopped":
            return [replace(line, state="stopped") for line in self.lines]
        if self._fault == "backlog":
            return [replace(line, queued=line.queued + 500) for line in self.lines]
        return self.lines

    @property
    def line(self) -> Line:
        return self.lines[0]

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        port, self.base_url = await self._site.start(host, port, tls)
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        await self._site.stop()

    def set_fault(self, name: str, at: str = "") -> None:
        """Fail as `name` from the next request on; `at` is how the path begins."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        self._site.turn(self._fault, name)
        self._fault, self._at = name, at

    def answer(self, path: str, query: dict[str, list[str]]) -> tuple[str, bytes] | None:
        """Media type and content; None where nothing stands."""
        raise NotImplementedError

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.path.lstrip("/")
        self.requests[path] = self.requests.get(path, 0) + 1
        self.fields.append(dict(request.headers))
        fault = self._fault if path.startswith(self._at) else "none"
        if fault == "hang":
            await self._site.released.wait()
        if fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        failure = self._failure(fault)
        if failure is not None:
            return failure
        if path == "api/users/_login":
            return self._login(parse_qs((await request.read()).decode()))
        found = self.answer(path, parse_qs(request.query_string))
        if found is None or not self._knows(request):
            status = 404 if self._knows(request) else 401
            return self._response(status, "text/html", self.text.encode())
        return await self._answer(request, fault, *found)

    def _failure(self, fault: str) -> web.Response | None:
        """An answer for which nothing is done."""
        if fault == "html200":
            return self._response(200, "text/html", f"<h1>Sign in, {self.text}</h1>".encode())
        if fault == "redirect":
            return self._response(302, "text/html", b"", {"Location": "/elsewhere"})
        if fault in ("401", "403", "404", "429", "500", "503"):
            more = {"Retry-After": "7"} if fault in ("429", "503") else {}
            return self._response(int(fault), "text/html", self.text.encode(), more)
        return None

    async def _answer(
        self, request: web.Request, fault: str, kind: str, body: bytes
    ) -> web.StreamResponse:
        if fault == "truncated":
            return await self._truncated(request, body)
        if fault == "cut_off":
            body = body[: len(body) * 2 // 3]
        elif fault == "wrong_types":
            body = self.wrong_types(body)
        elif fault == "huge":
            body += b" " * self.huge_bytes
        return self._response(200, kind, body)

    def wrong_types(self, body: bytes) -> bytes:
        """The same shape with numbers that are none."""
        return body.replace(b"100", b'"ZZ-MANY"')

    def _knows(self, request: web.Request) -> bool:
        """Where nobody signed in, nobody has to."""
        cookie = request.headers.get("Cookie")
        return cookie in self.sessions if cookie or self.logins else True

    def _login(self, form: dict[str, list[str]]) -> web.Response:
        self.logins += 1
        given = self.COOKIE.format(self.logins)
        right = form.get("password") == [self.password]
        if right:
            self.sessions.add(given)
        body = f'{{"status":"{"SUCCESS" if right else "FAIL"}","message":"{self.text}"}}'.encode()
        # As the real one does, it sets a cookie either way.
        fields = {"Set-Cookie": f"{given}; Path=/api; Secure"}
        return self._response(200 if right else 401, "application/json", body, fields)

    def _response(
        self, status: int, kind: str, body: bytes, fields: dict[str, str] | None = None
    ) -> web.Response:
        return web.Response(
            status=status,
            reason=f"Answer for {self.text}",
            body=body,
            headers={"Content-Type": kind, "X-Patient": self.text, **(fields or {})},
        )

    async def _truncated(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Patient": self.text})
        response.content_length = len(body) + 1
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
