"""Serves simulated FHIR resources and fails on command, whatever it serves.

The canaries stand in every header, page and OperationOutcome; the resources are the simulator's.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from probes.testing.site import Site

BASE_PATH = "/fhir/R4"
FHIR_JSON = "application/fhir+json"


@dataclass(frozen=True)
class Asked:
    """One request, taken apart; `fault` is one of the simulator's own, or "none"."""

    method: str
    step: str
    path: dict[str, str]
    query: dict[str, str]
    """The first value of each."""
    several: dict[str, list[str]]
    fields: dict[str, str]
    body: bytes
    fault: str


@dataclass(frozen=True)
class Reply:
    """`resource` None is an answer without a body."""

    status: int
    resource: dict[str, Any] | None
    fields: dict[str, str] = field(default_factory=dict)


Handle = Callable[[Asked], Reply]
Route = tuple[str, str, str, Handle]
"""Method, path below the base, name of the step, who answers."""


class FhirHost:
    """`base_url` after `start`; `requests` counts what was asked, by step."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "lost",
        "slow",
        "html200",
        "redirect",
        "401",
        "403",
        "404",
        "422",
        "429",
        "500",
        "503_outcome",
        "outcome200_error",
        "wrong_resource",
        "truncated",
        "not_json",
        "huge",
    )
    """Of every simulator, which adds its own. `lost`: it does what was asked and its answer never
    comes.
    """

    def __init__(self, routes: Iterable[Route], canaries: tuple[str, ...]) -> None:
        self.base_url = ""
        self.text = " ".join(canaries) or "none"
        self.requests: dict[str, int] = {}
        self.slow_ms = 200
        self.huge_bytes = 2_200_000
        self._fault, self._at = "none", "all"
        app = web.Application()
        for method, path, step, handle in routes:
            self.requests.setdefault(step, 0)
            app.router.add_route(method, f"{BASE_PATH}/{path}", self._serving(step, handle))
        self._site = Site(app)

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        port, origin = await self._site.start(host, port, tls)
        self.base_url = f"{origin}{BASE_PATH}"
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        await self._site.stop()

    def set_fault(self, name: str, at: str = "all") -> None:
        """Fail as `name` from the next request on; `at` is a step, or "all"."""
        if name not in self.FAULTS or at not in ("all", *self.requests):
            raise ValueError(f"no such fault: {name} at {at}")
        self._site.turn(self._fault, name)
        self._fault, self._at = name, at

    def outcome(self, code: str, severity: str = "error") -> dict[str, Any]:
        issue = {
            "severity": severity,
            "code": code,
            "details": {"text": self.text},
            "diagnostics": self.text,
            "expression": [self.text],
        }
        return {"resourceType": "OperationOutcome", "issue": [issue]}

    def _serving(self, step: str, handle: Handle) -> Callable[[web.Request], Any]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self.requests[step] += 1
            fault = self._fault if self._at in ("all", step) else "none"
            if fault == "hang":
                await self._site.released.wait()
            failure = self._failure(fault)
            if failure is not None:
                return failure
            asked = Asked(
                request.method,
                step,
                dict(request.match_info),
                {name: request.query[name] for name in request.query},
                {name: request.query.getall(name) for name in request.query},
                dict(request.headers),
                await request.read(),
                "none" if fault in FhirHost.FAULTS else fault,
            )
            return await self._answer(request, fault, handle(asked))

        return serve

    def _failure(self, fault: str) -> web.Response | None:
        """An answer for which nothing is done."""
        if fault == "html200":
            page = f"<!doctype html><title>Sign in</title><p>Welcome back, {self.text}</p>"
            return self._response(200, page.encode(), {"Content-Type": "text/html"})
        if fault == "redirect":
            return self._response(302, b"", {"Location": f"{self.base_url}/metadata"})
        if fault in ("401", "403", "404", "429", "500"):
            page = f"<h1>Error</h1><pre>{self.text}</pre>"
            fields = {"Content-Type": "text/html", "Retry-After": "7"}
            return self._response(int(fault), page.encode(), fields)
        outcomes = {
            "422": (422, "required"),
            "503_outcome": (503, "exception"),
            "outcome200_error": (200, "exception"),
        }
        if fault in outcomes:
            status, code = outcomes[fault]
            return self._response(status, json.dumps(self.outcome(code)).encode(), {})
        if fault == "wrong_resource":
            patient = {"resourceType": "Patient", "id": "zz-9", "name": [{"text": self.text}]}
            return self._response(200, json.dumps(patient).encode(), {})
        return None

    async def _answer(self, request: web.Request, fault: str, reply: Reply) -> web.StreamResponse:
        body = b"" if reply.resource is None else json.dumps(reply.resource).encode()
        if fault == "lost":
            await self._site.released.wait()
        elif fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        elif fault == "truncated":
            return await self._truncated(request, body)
        elif fault == "not_json":
            body = body[:-1] + self.text.encode()
        elif fault == "huge":
            body = json.dumps(
                {**(reply.resource or {}), "language": "x" * self.huge_bytes}
            ).encode()
        return self._response(reply.status, body, reply.fields)

    def _response(self, status: int, body: bytes, fields: dict[str, str]) -> web.Response:
        return web.Response(
            status=status,
            # A reason phrase is free text of the server too.
            reason=f"Answer for {self.text}",
            body=body,
            headers={"Content-Type": FHIR_JSON, "X-Patient": self.text, **fields},
        )

    async def _truncated(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": FHIR_JSON, "X-Patient": self.text})
        response.content_length = len(body) + 1
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
