"""A FHIR server that fails on command: statement, one synthetic patient, searches and a bulk export.

The canaries it is given stand in every text it sends: names, identifiers, addresses, narrative,
diagnostics, headers, pages. None of them may ever be found in what Wardwatch keeps or says.
It plays a vendor by what is published of one (simulated).
"""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from collections import Counter
from typing import Any

from aiohttp import web

from probes.testing import fhir_bodies as bodies
from probes.testing.fhir_personality import PERSONALITIES
from probes.testing.fhir_statement import capability_statement
from probes.testing.site import Site
from probes.testing.smart_server import SmartServer

BASE_PATH = "/fhir/R4"
PATIENT_ID = "zz-uptime-1"
STEPS = ("metadata", "read", "search", "versions", "subscription", "export", "cancel")
DRIP_S = 0.02


class FhirServer:
    """`base_url` after `start`; `requests` counts what was asked, by one of STEPS."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "html200",
        "wrong_resource",
        "401",
        "403",
        "404",
        "410",
        "429",
        "500",
        "501",
        "503",
        "503_outcome",
        "outcome200_error",
        "vendor",
        "truncated",
        "not_json",
        "drift",
        "version",
        "huge",
        "redirect",
        "gzip",
        "chunked",
        "drip",
        "no_match",
        "partial",
        "note",
        "broken_entry",
    )

    def __init__(
        self,
        canaries: tuple[str, ...] = (),
        authorization: str | None = None,
        profile: str = "generic",
        smart: SmartServer | None = None,
    ) -> None:
        """`authorization`: the header value without which every request gets 401. With `smart`
        that one's routes are here too, and all but `metadata` is given for its tokens only.
        """
        self.base_url = ""
        self.requests: Counter[str] = Counter()
        self.asked: list[tuple[str, str, str]] = []
        """(method, path with query, body) of each request."""
        self.exports: set[str] = set()
        """Those that were begun and not cancelled."""
        self.issue_code = "exception"
        self.vendor_code = "4118"
        self.vendor_status = 403
        self.vendor_severity = "error"
        self.retry_after = "7"
        self.slow_ms = 200
        self.huge_bytes = 4 * 1024 * 1024
        self.last_updated: str | None = "2026-01-05T06:00:00.000Z"
        self.dropped = ("Patient", "search-type")
        self.fhir_version = "4.0.1"
        self.subscription_status = "active"
        self.status_base: str | None = None
        """Where the status of an export is, as the server says; None: its own address."""
        self.personality = PERSONALITIES[profile]
        self.software = self.personality.software
        self._text = " ".join(canaries) or "none"
        self._authorization = authorization
        self._fault, self._at = "none", "both"
        app = web.Application()
        app.router.add_get(f"{BASE_PATH}/metadata", self._metadata)
        app.router.add_get(f"{BASE_PATH}/$versions", self._versions)
        app.router.add_get(f"{BASE_PATH}/Patient/{{id}}", self._read)
        app.router.add_get(f"{BASE_PATH}/Patient", self._search)
        app.router.add_post(f"{BASE_PATH}/Patient/_search", self._search)
        app.router.add_get(f"{BASE_PATH}/Subscription/{{id}}", self._subscription)
        app.router.add_get(f"{BASE_PATH}/Group/{{id}}/$export", self._export)
        app.router.add_delete("/bulk/{job}", self._cancel)
        self._smart = smart
        if smart is not None:
            app.router.add_routes(smart.routes())
        self._site = Site(app)

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        port, origin = await self._site.start(host, port, tls)
        self.base_url = f"{origin}{BASE_PATH}"
        if self._smart is not None:
            self._smart.origin = origin
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        if self._smart is not None:
            self._smart.release()
        await self._site.stop()

    def set_fault(self, name: str, at: str = "both") -> None:
        """Fail as `name` from the next request on; `at` is one of STEPS, or "both" for all."""
        if name not in self.FAULTS or at not in ("both", *STEPS):
            raise ValueError(f"no such fault: {name} at {at}")
        self._site.turn(self._fault, name)
        self._fault, self._at = name, at

    async def _metadata(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "metadata")
        statement = capability_statement(
            self.base_url,
            fhir_version="5.0.0" if fault == "version" else self.fhir_version,
            without=self.dropped if fault == "drift" else None,
            text=self._text,
            software=self.software,
        )
        wrong = self._patient("zz-uptime-2")
        return await self._answer(request, fault, wrong if fault == "wrong_resource" else statement)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "read")
        if fault == "none" and request.match_info["id"] != PATIENT_ID:
            fault = "404"
        patient = self._patient("zz-uptime-2" if fault == "wrong_resource" else PATIENT_ID)
        return await self._answer(request, fault, patient)

    async def _search(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "search")
        form = await request.post() if request.method == "POST" else request.query
        wanted = form.get("identifier", "") or form.get("_id", "")
        matches = [self._patient(PATIENT_ID)]
        outcomes: list[dict[str, Any]] = []
        if fault == "no_match" or str(wanted).rpartition("|")[2] != PATIENT_ID:
            matches = []
            nothing = self.personality.found_nothing
            if nothing is not None:
                outcomes = [bodies.operation_outcome("processing", self._text, "warning", nothing)]
        elif fault in ("partial", "note"):
            severity = "error" if fault == "partial" else "warning"
            code = "incomplete" if fault == "partial" else "processing"
            outcomes = [bodies.operation_outcome(code, self._text, severity)]
        found = bodies.searchset(self.base_url, matches, outcomes, self._text, total=len(matches))
        if fault == "broken_entry":
            found["entry"] = [{"resource": self._text, "search": {"mode": "match"}}]
        if fault == "wrong_resource":
            found = self._patient(PATIENT_ID)
        return await self._answer(request, fault, found)

    async def _versions(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "versions")
        wrong = self._patient(PATIENT_ID)
        told = wrong if fault == "wrong_resource" else bodies.versions(self._text)
        return await self._answer(request, fault, told)

    async def _subscription(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "subscription")
        id_ = "zz-other" if fault == "wrong_resource" else request.match_info["id"]
        told = bodies.subscription(id_, self.subscription_status, self._text)
        return await self._answer(request, fault, told)

    async def _export(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "export")
        if fault != "none" or request.headers.get("Prefer") != "respond-async":
            return await self._answer(request, fault, self._patient(PATIENT_ID))
        job = f"job-{self.requests['export']}"
        self.exports.add(job)
        origin = self.base_url.removesuffix(BASE_PATH)
        where = f"{origin if self.status_base is None else self.status_base}/bulk/{job}"
        told = bodies.operation_outcome("informational", self._text, "information")
        answer = self._response(202, json.dumps(told).encode(), self.personality.media_type)
        answer.headers["Content-Location"] = where
        return answer

    async def _cancel(self, request: web.Request) -> web.StreamResponse:
        fault = await self._begin(request, "cancel")
        if fault != "none":
            return await self._answer(request, fault, {})
        job = request.match_info["job"]
        known = job in self.exports
        self.exports.discard(job)
        return self._response(202 if known else 404, b"", "text/plain")

    async def _begin(self, request: web.Request, step: str) -> str:
        """Count the request; returns its fault."""
        self.requests[step] += 1
        self.asked.append((request.method, request.path_qs, await request.text()))
        shown = request.headers.get("Authorization")
        if self._authorization not in (None, shown):
            return "401"
        if self._smart is not None and step != "metadata" and not self._smart.accepts(shown):
            return "401"
        accepted = request.headers.get("Accept", "*/*")
        if self.personality.json_only and not ("json" in accepted or "*/*" in accepted):
            return "406"
        return self._fault if self._at in ("both", step) else "none"

    async def _answer(
        self, request: web.Request, fault: str, resource: dict[str, Any]
    ) -> web.StreamResponse:
        body = json.dumps(resource).encode()
        if fault == "hang":
            await self._site.released.wait()
        elif fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        elif fault == "truncated":
            return await self._truncated(request, body)
        elif fault in ("chunked", "drip"):
            return await self._in_pieces(request, body, drip=fault == "drip")
        elif fault == "not_json":
            body = body[:-1] + self._text.encode()
        elif fault == "huge":
            body = json.dumps({**resource, "language": "x" * self.huge_bytes}).encode()
        return self._at_once(fault, body)

    def _at_once(self, fault: str, body: bytes) -> web.Response:
        if fault == "406":
            return web.Response(status=406, reason=self._text)
        if fault == "html200" or fault.isdigit():
            return self._page(200 if fault == "html200" else int(fault))
        if fault in ("503_outcome", "outcome200_error", "vendor"):
            return self._outcome(fault)
        answer = self._response(200, body, self.personality.media_type)
        if fault == "redirect":
            answer.set_status(302, self._text)
            answer.headers["Location"] = f"{self.base_url}/Patient/{PATIENT_ID}?{self._text[:6]}"
        elif fault == "gzip":
            answer.body = gzip.compress(body)
            answer.headers["Content-Encoding"] = "gzip"
        return answer

    def _page(self, status: int) -> web.Response:
        """What stands before a server says, or the server itself where it has no FHIR for it."""
        if status == 429 and not self.personality.throttles:
            told = bodies.operation_outcome("throttled", self._text, "error", "59133")
            return self._response(400, json.dumps(told).encode(), self.personality.media_type)
        page = f"<!doctype html><title>Sign in</title><pre>{self._text}</pre>"
        return self._response(status, page.encode(), "text/html")

    def _outcome(self, fault: str) -> web.Response:
        status = {"503_outcome": 503, "outcome200_error": 200}.get(fault, self.vendor_status)
        vendor = (self.vendor_severity, self.vendor_code) if fault == "vendor" else ("error", None)
        told = bodies.operation_outcome(self.issue_code, self._text, *vendor)
        return self._response(status, json.dumps(told).encode(), self.personality.media_type)

    def _response(self, status: int, body: bytes, content_type: str) -> web.Response:
        return web.Response(
            status=status,
            # A reason phrase is free text of the server too.
            reason=f"Answer for {self._text}",
            body=body,
            headers=self._headers(status, content_type),
        )

    def _headers(self, status: int, content_type: str) -> dict[str, str]:
        headers = {"Content-Type": content_type, "X-Patient": self._text}
        if status in (429, 503):
            headers["Retry-After"] = self.retry_after
        if status == 401:
            headers["WWW-Authenticate"] = f'Bearer error_description="{self._text}"'
        return headers

    async def _truncated(self, request: web.Request, body: bytes) -> web.StreamResponse:
        headers = self._headers(200, self.personality.media_type)
        response = web.StreamResponse(reason=f"Answer for {self._text}", headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    async def _in_pieces(
        self, request: web.Request, body: bytes, *, drip: bool
    ) -> web.StreamResponse:
        """Chunks at once, or a byte now and then."""
        headers = self._headers(200, self.personality.media_type)
        response = web.StreamResponse(reason=f"Answer for {self._text}", headers=headers)
        response.enable_chunked_encoding()
        await response.prepare(request)
        size = 1 if drip else 1000
        for start in range(0, len(body), size):
            if request.transport is None or request.transport.is_closing():
                break
            await response.write(body[start : start + size])
            if drip:
                await asyncio.sleep(DRIP_S)
        await response.write_eof()
        return response

    def _patient(self, id_: str) -> dict[str, Any]:
        return bodies.patient(id_, self._text, self.last_updated)
