"""Salesforce, simulated: the token endpoint for signed JWTs, and cases by external id."""

from __future__ import annotations

import base64
import itertools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

FIELD = "Wardwatch_Incident__c"
STATUSES = ("New", "Working", "Escalated", "Closed")
WRITABLE = {"Subject", "Description", "Priority", "Origin", "Status"}
OURS = "005Hs00000Wardwatch"
"""The account we sign in as."""
COMMENTS = "/services/data/v64.0/sobjects/CaseComment"
CASES = re.compile(r"/services/data/v64\.0/sobjects/Case/([^/]+)(?:/([^/]+))?")
TOKEN = "/services/oauth2/token"  # an address


@dataclass
class Case:
    id: str
    key: str
    fields: dict[str, str]
    comments: list[str] = field(default_factory=list)
    owner: str = OURS
    """Id of a user or a queue."""

    @property
    def status(self) -> str:
        return self.fields["Status"]

    def shown(self) -> dict[str, Any]:
        return {
            "attributes": {"type": "Case"},
            "Id": self.id,
            "CaseNumber": self.id[-8:],
            "CreatedDate": f"2026-01-01T00:00:00.{self.id[-3:]}+0000",
            "IsClosed": self.status == "Closed",
            "Status": self.status,
            "Priority": self.fields.get("Priority"),
            "Origin": self.fields.get("Origin"),
            "OwnerId": self.owner,
            "CreatedById": OURS,
        }


@dataclass
class FakeSalesforce:
    """Each login is a new token; those in `tokens` are taken. Tests `add` cases of people or of a field
    that is not unique.
    """

    public: RSAPublicKey
    now_s: int
    url: str = ""
    client_id: str = "3MVG9consumer"
    user: str = "wardwatch@hospital.example.org"
    cases: list[Case] = field(default_factory=list)
    bodies: list[dict[str, str]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    logins: int = 0
    expires_in: int | None = None
    limited: bool = False
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == TOKEN:
            return self._sign_in(dict(await request.post()))
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        if token not in self.tokens:
            return _wrong(401, "INVALID_SESSION_ID")
        if self.limited:
            return _wrong(403, "REQUEST_LIMIT_EXCEEDED")
        return await self._of_cases(request)

    async def _of_cases(self, request: web.Request) -> web.Response:
        if (request.method, request.path) == ("POST", COMMENTS):
            return self._comment(await request.json())
        match = CASES.fullmatch(request.path)
        if match is None or (match[2] and match[1] != FIELD):
            return _wrong(404, "NOT_FOUND")
        key = match[2]
        found = [case for case in self.cases if (case.key == key if key else case.id == match[1])]
        if len(found) > 1:
            addresses = [f"/services/data/v64.0/sobjects/Case/{case.id}" for case in found]
            return web.json_response(addresses, status=300)
        if request.method == "PATCH":
            return self._write(found, key, await request.json())
        return web.json_response(found[0].shown()) if found else _wrong(404, "NOT_FOUND")

    def add(self, key: str, status: str = "New") -> Case:
        case = Case(
            f"500Hs00001{next(self.numbers):08d}", key, {"Status": status, "Origin": "Monitoring"}
        )
        self.cases.append(case)
        return case

    def _comment(self, body: dict[str, Any]) -> web.Response:
        found = next((case for case in self.cases if case.id == body["ParentId"]), None)
        whole = set(body) == {"ParentId", "CommentBody", "IsPublished"}
        if found is None or not whole or body["IsPublished"] is not False:
            return _wrong(400, "INVALID_FIELD")
        if not 0 < len(body["CommentBody"].encode()) <= 4000:
            return _wrong(400, "STRING_TOO_LONG")
        found.comments.append(body["CommentBody"])
        made = {"id": "00aHs0000000001", "success": True, "errors": []}
        return web.json_response(made, status=201)

    def _write(self, found: list[Case], key: str | None, body: dict[str, str]) -> web.Response:
        self.bodies.append(body)
        too_long = len(body.get("Subject", "")) > 255 or len(body.get("Description", "")) > 32_000
        if not set(body) <= WRITABLE or body.get("Status", "New") not in STATUSES or too_long:
            return _wrong(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST")
        if not found and key is None:
            return _wrong(404, "NOT_FOUND")
        case = found[0] if found else self.add(key or "")
        case.fields |= body
        if found:
            return web.Response(status=204)
        return web.json_response({"id": case.id, "success": True, "errors": []}, status=201)

    def _sign_in(self, form: dict[str, Any]) -> web.Response:
        self.logins += 1
        if form.get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer":
            return web.json_response({"error": "unsupported_grant_type"}, status=400)
        if not self._believes(form.get("assertion", "")):
            return web.json_response({"error": "invalid_grant"}, status=400)
        token = f"00D!token{self.logins}"
        self.tokens.add(token)
        lasts = {} if self.expires_in is None else {"expires_in": self.expires_in}
        told = {"access_token": token, "instance_url": "https://elsewhere.example.org"}
        return web.json_response({**told, "token_type": "Bearer", **lasts})

    def _believes(self, assertion: str) -> bool:
        signed, _, signature = assertion.rpartition(".")
        try:
            self.public.verify(
                _decoded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
            )
        except InvalidSignature:
            return False
        header, claims = (json.loads(_decoded(part)) for part in signed.split("."))
        return bool(
            header["alg"] == "RS256"
            and claims["iss"] == self.client_id
            and claims["sub"] == self.user
            and claims["aud"] == self.url
            and self.now_s < claims["exp"] <= self.now_s + 180
        )


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def _wrong(status: int, code: str) -> web.Response:
    return web.json_response([{"errorCode": code, "message": "no"}], status=status)
