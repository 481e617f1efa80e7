"""A simulated OpenID provider on loopback that lies, stalls and forgets on request.

It has no people and no pages: whoever asks for a code is the same person. What a real provider
does is in `tests/e2e/test_oidc_provider.py`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import warnings
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

CANARY = "Jane Roe MRN 4711"
"""In whatever the provider says freely; nowhere else may it ever stand."""
RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
OTHER_RSA = RSAKey.generate_key(2048, {"kid": "rsa"})
EC = ECKey.generate_key("P-256", {"kid": "ec"})
ED = OKPKey.generate_key("Ed25519", {"kid": "ed"})


def part(value: bytes) -> bytes:
    return base64.urlsafe_b64encode(value).rstrip(b"=")


def unsigned(claims: dict[str, Any]) -> str:
    """Algorithm `none`."""
    return b".".join([part(b'{"alg":"none"}'), part(json.dumps(claims).encode()), b""]).decode()


def by_public_key(claims: dict[str, Any]) -> str:
    """HS256, with the provider's public RSA key as if it were a shared secret."""
    signed = part(b'{"alg":"HS256","kid":"rsa"}') + b"." + part(json.dumps(claims).encode())
    mac = hmac.digest(RSA.as_pem(private=False), signed, "sha256")
    return (signed + b"." + part(mac)).decode()


def by_key(key: Key, algorithm: str, kid: str | None) -> Callable[[dict[str, Any]], str]:
    header = {"alg": algorithm} if kid is None else {"alg": algorithm, "kid": kid}

    def sign(claims: dict[str, Any]) -> str:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)
            return jws.serialize_compact(header, json.dumps(claims), key, [algorithm])

    return sign


@dataclass
class SimulatedProvider:
    """`faults`: path to `hang`, `big`, `redirect`, `text`, `list`, `gzip` or a status; `claims` and
    `document` change what is said, None leaves a value out."""

    issuer: str = ""
    now_s: int = 0
    keys: list[Key] = field(default_factory=lambda: [RSA, EC, ED])
    sign: Callable[[dict[str, Any]], str] = field(
        default_factory=lambda: by_key(RSA, "RS256", "rsa")
    )
    claims: dict[str, Any] = field(default_factory=dict)
    document: dict[str, Any] = field(default_factory=dict)
    token: dict[str, Any] = field(default_factory=dict)
    userinfo: dict[str, Any] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    nonce: str = ""
    challenge: str = ""
    forms: list[dict[str, str]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def visit(self, url: str) -> dict[str, str]:
        """What a browser brings back from the provider's page: the query of the redirect."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        self.nonce, self.challenge = query["nonce"], query["code_challenge"]
        return {"state": query["state"], "code": "code-1", "iss": self.issuer}

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path)
        fault = self.faults.get(request.path, "")
        if fault:
            return await _fault(fault)
        found: dict[str, Any] = {
            "/hospital/.well-known/openid-configuration": self._document,
            "/keys": lambda: {"keys": [key.as_dict(private=False) for key in self.keys]},
            "/token": self._token,
            "/userinfo": lambda: {"sub": "subject-1", "name": CANARY, **self.userinfo},
        }
        self.headers.append(dict(request.headers))
        if request.method == "POST":
            form = {name: str(value) for name, value in (await request.post()).items()}
            self.forms.append(form)
            if form["code"] != "code-1" or s256(form["code_verifier"]) != self.challenge:
                return web.json_response({"error": CANARY}, status=400)
        return web.json_response(found[request.path]())

    def _document(self) -> dict[str, Any]:
        base = self.issuer.removesuffix("/hospital")
        return _without_none(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{base}/authorize?tenant=1",
                "token_endpoint": f"{base}/token",
                "jwks_uri": f"{base}/keys",
                "userinfo_endpoint": f"{base}/userinfo",
                **self.document,
            }
        )

    def _token(self) -> dict[str, Any]:
        claims = _without_none(
            {
                "iss": self.issuer,
                "sub": "subject-1",
                "aud": "wardwatch",
                "iat": self.now_s,
                "exp": self.now_s + 300,
                "nonce": self.nonce,
                "groups": ["ward-ops", "everybody"],
                "preferred_username": "Cora",
                "name": CANARY,
                "email": "jane.roe@example.org",
                **self.claims,
            }
        )
        made = {"token_type": "Bearer", "access_token": "at-1", "id_token": self.sign(claims)}
        return _without_none({**made, **self.token})


def s256(verifier: str) -> str:
    return part(hashlib.sha256(verifier.encode()).digest()).decode()


def _without_none(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


async def _fault(fault: str) -> web.StreamResponse:
    if fault == "hang":
        await asyncio.Event().wait()
    if fault == "big":
        return web.json_response({"keys": [], "filler": "x" * 300_000})
    if fault == "redirect":
        return web.Response(status=302, headers={"location": "/keys"})
    if fault == "text":
        return web.Response(text=CANARY)
    if fault == "list":
        return web.json_response([CANARY])
    if fault == "gzip":
        return web.Response(body=b"\x1f\x8b", headers={"content-encoding": "gzip"})
    return web.Response(status=int(fault), reason=CANARY, text=CANARY)


@asynccontextmanager
async def simulated_provider(now_ms: int) -> AsyncIterator[SimulatedProvider]:
    provider = SimulatedProvider(now_s=now_ms // 1000)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", provider.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    provider.issuer = f"http://127.0.0.1:{runner.addresses[0][1]}/hospital"
    try:
        yield provider
    finally:
        await runner.cleanup()
