"""Three simulated interfaces of clearinghouses in JSON that fail on command: Stedi, Optum, Availity.

One site has them all, each below a path of its own. It takes what it is asked apart itself, knows one
provider and one member, and gives tokens of its own, which alone are taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import secrets
import ssl
from typing import Any
from urllib.parse import parse_qs

from aiohttp import web

from probes.testing.clearinghouse_answers import (
    MEMBER,
    NPI,
    Asked,
    Json,
    Rejected,
    Says,
    coverage,
    network,
)
from probes.testing.payer_answers import Answers, hear
from probes.testing.site import Site

STEDI, OPTUM, AVAILITY = "/stedi", "/optum", "/v1"
TOKEN_PATHS = {"optum": "/optum/apip/auth/v2/token", "availity": "/v1/token"}
LIVES_S = {"optum": 3600, "availity": 300}
PLACES = ("token", "health", "question", "look")
_JSON = "application/json"


class Clearinghouse:
    """`questions` are what was asked; `requests` counts by place; `forms` are those for tokens."""

    FAULTS: tuple[str, ...] = (
        "none",
        # the way, at any place
        "refuse",
        "hang",
        "slow",
        "400",
        "401",
        "403",
        "404",
        "409",
        "422",
        "429",
        "500",
        "html200",
        "not_json",
        "truncated",
        # the token
        "invalid_client",
        "reduced",
        "no_token",
        # the health check
        "unwell",
        # the answer
        "foreign",
        "wrong_mode",
        "api_error",
        "aaa_42_clearinghouse",
        "aaa_42_payer",
        "aaa_80_payer",
        "aaa_42_subscriber",
        "no_benefits",
        # of Availity alone
        "pending",
        "payer_unreachable",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.origin = ""
        self.api_key = secrets.token_urlsafe(12)
        self.client = ("wardwatch", secrets.token_urlsafe(12))
        self.live = False
        """Whether keys and scopes are those of production."""
        self.looks = 1
        """After how many looks Availity has the answer; 0: at once."""
        self.aaa: Rejected | None = None
        self.category = "F1"
        self.slow_ms = 200
        self.retry_after: str | None = "7"
        self.questions: list[Json] = []
        self.forms: list[dict[str, str]] = []
        self.fields: list[dict[str, str]] = []
        """Header fields of each question."""
        self.requests = dict.fromkeys(PLACES, 0)
        self._text = " ".join(canaries) or "none"
        self._fault, self._at = "none", "question"
        self.granted: set[str] = set()
        self._waiting: dict[str, tuple[Asked, int]] = {}
        app = web.Application()
        for asks, version in (("eligibility", "v3"), ("claimstatus", "v2")):
            path = f"medicalnetwork/{asks}/{version}"
            app.router.add_post(f"{STEDI}/change/{path}", self._stedi)
            app.router.add_post(f"{STEDI}/change/{path}/raw-x12", self._stedi_raw)
            app.router.add_post(f"{OPTUM}/{path}/", self._optum)
            app.router.add_get(f"{OPTUM}/{path}/healthcheck", self._health)
        for path in TOKEN_PATHS.values():
            app.router.add_post(path, self._token)
        for name in ("coverages", "claim-statuses"):
            app.router.add_post(f"{AVAILITY}/{name}", self._availity)
            app.router.add_get(f"{AVAILITY}/{name}/{{id}}", self._look)
        self._site = Site(app)

    async def start(self, tls: ssl.SSLContext, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        port, self.origin = await self._site.start(host, port, tls)
        return port

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        await self._site.stop()

    def set_fault(self, name: str, at: str = "question") -> None:
        """Fail as `name` from the next request on, at one of PLACES."""
        if name not in self.FAULTS or at not in PLACES:
            raise ValueError(f"no such fault: {name} at {at}")
        self._site.turn(self._fault, name)
        self._fault, self._at = name, at

    def revoke(self) -> None:
        """No token given out so far counts any more."""
        self.granted.clear()

    def sample(self) -> Json:
        """An answer as it would be sent."""
        return network(
            Asked(is_claim=False, npi=NPI, member=MEMBER, echo="x"), self._says(), traced=True
        )

    def _says(self) -> Says:
        return Says(self._text, self._fault, self.aaa, self.category, self.live)

    async def _stedi(self, request: web.Request) -> web.StreamResponse:
        return await self._by_key(request, self._network)

    async def _stedi_raw(self, request: web.Request) -> web.StreamResponse:
        return await self._by_key(request, self._x12)

    async def _by_key(self, request: web.Request, answer: Any) -> web.StreamResponse:
        broken = await self._broken(request, "question")
        if broken is not None:
            return broken
        if request.headers.get("Authorization") != self.api_key:
            return self._sent(403, {"code": "ACCESS_DENIED", "message": self._text})
        told: web.StreamResponse = answer(request, await self._question(request))
        return told

    def _x12(self, _request: web.Request, body: Json) -> web.StreamResponse:
        heard = hear(body["x12"])
        answers, says = Answers(heard, self._text), self._says()
        asked = Asked(heard.number == "276", heard.npi, heard.member, heard.token)
        token = "SOMEBODYELSES" if says.fault == "foreign" else None
        if asked.is_claim:
            x12 = answers.status(tuple(f"{code}:65" for code in says.categories()), token)
        else:
            rejected = says.rejected(asked)
            aaa = None if rejected is None else (rejected[0], f"Y**{rejected[1]}*R")
            x12 = answers.eligibility(aaa, token)
            if says.fault == "no_benefits":
                x12 = x12.replace("~EB*1**30~EB*C*IND*30***23*500~", "~EB*V~REF*SY*1~")
        return self._sent(200, {"x12": x12, "meta": {"traceId": self._text}})

    def _network(self, _request: web.Request, body: Json) -> web.StreamResponse:
        asked = self._asked(body, body.get("submitterTransactionIdentifier", ""))
        return self._sent(200, network(asked, self._says(), traced=True))

    async def _optum(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request, "question")
        if broken is not None:
            return broken
        if not self._admits(request):
            return self._sent(401, {"error": "invalid_token", "message": self._text})
        body = await self._question(request)
        asked = self._asked(body, body["controlNumber"])
        return self._sent(200, network(asked, self._says(), traced=False))

    async def _health(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request, "health")
        if broken is not None:
            return broken
        unwell = self._fault == "unwell" and self._at == "health"
        return self._sent(200, {"status": "down" if unwell else "ok", "version": self._text})

    async def _token(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request, "token")
        if broken is not None:
            return broken
        form = {name: value for name, (value,) in parse_qs(await request.text()).items()}
        self.forms.append(form)
        fault = self._fault if self._at == "token" else "none"
        known = (form.get("client_id"), form.get("client_secret")) == self.client
        if not known or fault == "invalid_client":
            told = {"error": "invalid_client", "error_description": self._text}
            return self._sent(401, told)
        token = secrets.token_urlsafe(24)
        product = "optum" if request.path.startswith(OPTUM) else "availity"
        scope = form.get("scope", "")
        granted: Json = {
            "access_token": token,
            "token_type": "Bearer",
            "expires_in": LIVES_S[product],
            "scope": scope.split()[0] if fault == "reduced" else scope,
        }
        if fault == "no_token":
            del granted["access_token"]
        self.granted.add(token)
        return self._sent(200, granted)

    async def _availity(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request, "question")
        if broken is not None:
            return broken
        if not self._admits(request):
            return self._sent(401, {"userMessage": self._text, "statusCode": 401})
        form = {name: value for name, (value,) in parse_qs(await request.text()).items()}
        self._heard(request, form)
        is_claim = request.path.endswith("claim-statuses")
        if is_claim and request.headers.get("X-HTTP-Method-Override") != "GET":
            return self._sent(400, {"userMessage": self._text, "statusCode": 400})
        npi = form.get("providers.npi", form.get("providerNpi", ""))
        member = form.get("subscriber.memberId", form.get("memberId", ""))
        id_ = str(10_000 + len(self._waiting))
        asked = Asked(is_claim, npi, member, "")
        self._waiting[id_] = (asked, 0)
        if self.looks == 0:
            return self._mocked(200, coverage(id_, asked, self._says()))
        pending = {"id": id_, "status": "In Progress", "statusCode": "0", "note": self._text}
        told = {"claimStatuses": [pending], "count": 1} if is_claim else pending
        return self._mocked(202, told)

    async def _look(self, request: web.Request) -> web.StreamResponse:
        broken = await self._broken(request, "look")
        if broken is not None:
            return broken
        id_ = request.match_info["id"]
        if not self._admits(request) or id_ not in self._waiting:
            return self._sent(404, {"userMessage": self._text, "statusCode": 404})
        asked, looks = self._waiting[id_]
        self._waiting[id_] = (asked, looks + 1)
        if looks + 1 < self.looks or self._fault == "pending":
            return self._mocked(202, {"id": id_, "statusCode": "R1", "status": self._text})
        return self._mocked(200, coverage(id_, asked, self._says()))

    def _mocked(self, status: int, document: Json) -> web.Response:
        mock = self.live == (self._fault == "wrong_mode")
        return self._sent(status, document, {"X-Api-Mock-Response": "true"} if mock else {})

    def _admits(self, request: web.Request) -> bool:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        return kind == "Bearer" and token in self.granted

    async def _question(self, request: web.Request) -> Json:
        body: Json = json.loads(await request.read())
        self._heard(request, body)
        return body

    def _heard(self, request: web.Request, body: Json) -> None:
        self.questions.append(body)
        self.fields.append({name.lower(): text for name, text in request.headers.items()})

    def _asked(self, body: Json, echo: str) -> Asked:
        is_claim = "providers" in body
        provider = body["providers"][0] if is_claim else body["provider"]
        tracking = body["encounter"].get("trackingNumber", "")
        return Asked(is_claim, provider["npi"], body["subscriber"]["memberId"], echo, tracking)

    async def _broken(self, request: web.Request, at: str) -> web.StreamResponse | None:
        """Failures of the way; counts the request."""
        self.requests[at] += 1
        fault = self._fault if self._at == at else "none"
        if fault in ("hang", "slow"):
            with contextlib.suppress(TimeoutError):
                limit = self.slow_ms / 1000 if fault == "slow" else None
                await asyncio.wait_for(self._site.released.wait(), limit)
        if fault.isdigit():
            fields = {}
            if fault in ("409", "429") and self.retry_after is not None:
                fields["Retry-After"] = self.retry_after
            code = "TOO_MANY_REQUESTS" if fault == "429" else "REJECTED"
            told = {"code": code, "message": self._text, "statusCode": int(fault)}
            return self._sent(int(fault), told, fields)
        if fault == "html200":
            page = f"<!doctype html><p>Request blocked for {self._text}"
            return web.Response(text=page, content_type="text/html")
        if fault == "not_json":
            return web.Response(body=b'{"x":' + self._text.encode(), content_type=_JSON)
        if fault == "truncated":
            response = web.StreamResponse(headers={"Content-Length": "4000"})
            await response.prepare(request)
            await response.write(self._text.encode())
            if request.transport is not None:
                request.transport.close()
            return response
        return None

    def _sent(
        self, status: int, document: Json, fields: dict[str, str] | None = None
    ) -> web.Response:
        told = {"X-Patient": self._text, **(fields or {})}
        body = json.dumps(document).encode()
        return web.Response(status=status, body=body, content_type=_JSON, headers=told)
