"""A FHIR R4 server that fails on command: `metadata` and the read of one synthetic patient.

The canaries it is given stand in every text it sends: names, identifiers, addresses, narrative,
diagnostics, headers, pages. None of them may ever be found in what Wardwatch keeps or says.
"""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

from aiohttp import web

from probes.testing.fhir_statement import capability_statement
from probes.testing.port import Port
from probes.testing.smart_server import SmartServer

BASE_PATH = "/fhir/R4"
PATIENT_ID = "zz-uptime-1"
FHIR_JSON = "application/fhir+json"


class FhirServer:
    """`base_url` after `start`; `requests` counts what was asked, by "metadata" and "read"."""

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
        "503_outcome",
        "outcome200_error",
        "truncated",
        "not_json",
        "drift",
        "version",
        "huge",
    )

    def __init__(
        self,
        canaries: tuple[str, ...] = (),
        authorization: str | None = None,
        smart: SmartServer | None = None,
    ) -> None:
        """`authorization`: the header value without which every request gets 401. With `smart`
        that one's routes are here too, and all but `metadata` is given for its tokens only.
        """
        self.base_url = ""
        self.requests = {"metadata": 0, "read": 0}
        self.issue_code = "exception"
        self.retry_after = "7"
        self.slow_ms = 200
        self.huge_bytes = 4 * 1024 * 1024
        self.last_updated: str | None = "2026-01-05T06:00:00.000Z"
        self.dropped = ("Patient", "search-type")
        self._text = " ".join(canaries) or "none"
        self._authorization = authorization
        self._fault, self._at = "none", "both"
        self._released = asyncio.Event()
        app = web.Application()
        app.router.add_get(f"{BASE_PATH}/metadata", self._metadata)
        app.router.add_get(f"{BASE_PATH}/Patient/{{id}}", self._read)
        self._smart = smart
        if smart is not None:
            app.router.add_routes(smart.routes())
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        self._port: Port | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        await self._runner.setup()
        if self._runner.server is None:
            raise RuntimeError("aiohttp made no server")
        self._port = Port(self._runner.server, tls)
        port = self._port.open(host, port)
        scheme = "http" if tls is None else "https"
        self.base_url = f"{scheme}://{host}:{port}{BASE_PATH}"
        if self._smart is not None:
            self._smart.origin = f"{scheme}://{host}:{port}"
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        self._released.set()
        if self._smart is not None:
            self._smart.release()
        if self._port is not None:
            self._port.close()
        await self._runner.cleanup()

    def set_fault(self, name: str, at: str = "both") -> None:
        """Fail as `name` from the next request on; `at` is "metadata", "read" or "both"."""
        if name not in self.FAULTS or at not in ("both", "metadata", "read"):
            raise ValueError(f"no such fault: {name} at {at}")
        if self._port is not None and name != self._fault:
            if name == "refuse":
                self._port.refuse()
            elif self._fault == "refuse":
                self._port.accept()
        self._fault, self._at = name, at

    async def _metadata(self, request: web.Request) -> web.StreamResponse:
        self.requests["metadata"] += 1
        fault = self._fault_of(request, "metadata")
        statement = capability_statement(
            self.base_url,
            fhir_version="5.0.0" if fault == "version" else "4.0.1",
            without=self.dropped if fault == "drift" else None,
            text=self._text,
        )
        wrong = self._patient("zz-uptime-2")
        return await self._answer(request, fault, wrong if fault == "wrong_resource" else statement)

    async def _read(self, request: web.Request) -> web.StreamResponse:
        self.requests["read"] += 1
        fault = self._fault_of(request, "read")
        if fault == "none" and request.match_info["id"] != PATIENT_ID:
            fault = "404"
        patient = self._patient("zz-uptime-2" if fault == "wrong_resource" else PATIENT_ID)
        return await self._answer(request, fault, patient)

    def _fault_of(self, request: web.Request, step: str) -> str:
        shown = request.headers.get("Authorization")
        if self._authorization not in (None, shown):
            return "401"
        if self._smart is not None and step != "metadata" and not self._smart.accepts(shown):
            return "401"
        return self._fault if self._at in ("both", step) else "none"

    async def _answer(
        self, request: web.Request, fault: str, resource: dict[str, Any]
    ) -> web.StreamResponse:
        body = json.dumps(resource).encode()
        if fault == "hang":
            await self._released.wait()
        elif fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        elif fault == "html200":
            page = f"<!doctype html><title>Sign in</title><p>Welcome back, {self._text}</p>"
            return self._response(200, page.encode(), "text/html")
        elif fault in ("401", "403", "404", "410", "429", "500"):
            page = f"<h1>Error</h1><pre>{self._text}</pre>"
            return self._response(int(fault), page.encode(), "text/html")
        elif fault in ("503_outcome", "outcome200_error"):
            outcome = json.dumps(self._operation_outcome()).encode()
            return self._response(503 if fault == "503_outcome" else 200, outcome, FHIR_JSON)
        elif fault == "truncated":
            return await self._truncated(request, body)
        elif fault == "not_json":
            body = body[:-1] + self._text.encode()
        elif fault == "huge":
            body = json.dumps({**resource, "language": "x" * self.huge_bytes}).encode()
        return self._response(200, body, FHIR_JSON)

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
        response = web.StreamResponse(headers=self._headers(200, FHIR_JSON))
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response

    def _patient(self, id_: str) -> dict[str, Any]:
        meta = {"versionId": "3"}
        if self.last_updated is not None:
            meta["lastUpdated"] = self.last_updated
        return {
            "resourceType": "Patient",
            "id": id_,
            "meta": meta,
            "text": {
                "status": "generated",
                "div": f'<div xmlns="http://www.w3.org/1999/xhtml">{self._text}</div>',
            },
            "identifier": [{"system": "urn:oid:2.16.840.1.113883.19.5", "value": self._text}],
            "active": True,
            "name": [{"family": self._text, "given": ["ZZ"]}],
            "gender": "unknown",
            "birthDate": "1970-01-01",
            "address": [{"text": self._text}],
        }

    def _operation_outcome(self) -> dict[str, Any]:
        return {
            "resourceType": "OperationOutcome",
            "issue": [
                {
                    "severity": "error",
                    "code": self.issue_code,
                    "details": {"text": self._text},
                    "diagnostics": self._text,
                    "expression": [self._text],
                }
            ],
        }
