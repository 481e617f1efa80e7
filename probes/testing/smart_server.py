"""A simulated SMART authorization server that fails on command: discovery, tokens, and a key set.

It verifies client assertions for real, with joserfc: signature, kid, iss, sub, aud, exp, and that a
jti comes only once. The canaries it is given stand in every text it sends; its tokens are secrets.
"""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import ssl
import time
import warnings
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_plus

from aiohttp import web
from joserfc import jwt
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import KeySet

from probes.testing.site import Site

BASE_PATH = "/fhir/R4"
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
JWKS_PATH = "/wardwatch/jwks.json"
WINDOW_S = 300
"""How far ahead `exp` may be, and how long a jti is remembered."""
_JWT_BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass
class Client:
    """As registered: public keys as JWK, or a shared secret."""

    keys: list[dict[str, str]] = field(default_factory=list)
    secret: str | None = None
    scopes: str = "system/*.rs"


class Refused(Exception):  # noqa: N818 - an answer, not a defect
    """The error code of RFC 6749 5.2."""


class SmartServer:
    """Alone on a port (`start`), or as `routes` of another simulator, which sets `origin`.

    `asked` counts questions by "discovery", "token" and "jwks"; `granted` are the tokens given out.
    """

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "html200",
        "not_json",
        "404",
        "429",
        "500",
        "truncated",
        # the discovery document
        "no_token_endpoint",
        "http_token_endpoint",
        "deviant",
        "moved",
        # the token endpoint
        "400_html",
        "401_null",
        "error200",
        "server_error",
        "not_bearer",
        "no_token",
        "crlf_token",
        "reduced",
        "scope_untold",
        "wordy",
        # what we publish
        "no_keys",
        "exposed",
    )
    ERRORS: tuple[str, ...] = (
        "invalid_request",
        "invalid_client",
        "invalid_grant",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_scope",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.origin = ""
        self.clients: dict[str, Client] = {}
        self.published: list[dict[str, Any]] = []
        self.lifetime_s = 300
        self.skew_s = 0
        self.slow_ms = 200
        self.retry_after = "7"
        self.asked = {"discovery": 0, "token": 0, "jwks": 0}
        self.granted: dict[str, float] = {}
        self.refusals: list[str] = []
        self.seen: dict[str, float] = {}
        self._text = " ".join(canaries) or "none"
        self._fault, self._at = "none", "all"
        app = web.Application()
        app.router.add_routes(self.routes())
        self._site = Site(app)

    @property
    def base_url(self) -> str:
        return f"{self.origin}{BASE_PATH}"

    @property
    def token_url(self) -> str:
        return f"{self.origin}{TOKEN_PATH}"

    @property
    def jwks_url(self) -> str:
        return f"{self.origin}{JWKS_PATH}"

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{BASE_PATH}/.well-known/smart-configuration", self._discovery),
            web.post(TOKEN_PATH, self._token),
            web.get(JWKS_PATH, self._jwks),
        ]

    async def start(self, tls: ssl.SSLContext, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen, and return the port."""
        port, self.origin = await self._site.start(host, port, tls)
        return port

    def release(self) -> None:
        """Let hanging requests go."""
        self._site.released.set()

    async def stop(self) -> None:
        """Close everything, hanging requests too."""
        await self._site.stop()

    def set_fault(self, name: str, at: str = "all") -> None:
        """Fail as `name` from the next request on; `at` is "discovery", "token", "jwks" or "all".
        An error code of RFC 6749 is a fault of the token endpoint.
        """
        if name not in (*self.FAULTS, *self.ERRORS) or at not in ("all", *self.asked):
            raise ValueError(f"no such fault: {name} at {at}")
        self._site.turn(self._fault, name)
        self._fault, self._at = name, at

    def accepts(self, authorization: str | None) -> bool:
        """Is it a bearer token of ours that has not ended?"""
        kind, _, token = (authorization or "").partition(" ")
        return kind == "Bearer" and self.granted.get(token, 0) > self._now_s()

    def revoke(self) -> None:
        """No token given out so far counts any more."""
        self.granted.clear()

    def _now_s(self) -> float:
        return time.time() + self.skew_s

    async def _discovery(self, request: web.Request) -> web.StreamResponse:
        fault = self._asked("discovery")
        document: dict[str, Any] = {
            "token_endpoint": self.token_url,
            "grant_types_supported": ["client_credentials", "authorization_code"],
            "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic"],
            "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
            "code_challenge_methods_supported": ["S256"],
            "capabilities": ["client-confidential-asymmetric", "permission-v2"],
            "x-contact": self._text,
        }
        if fault == "no_token_endpoint":
            del document["token_endpoint"]
        elif fault == "http_token_endpoint":
            document["token_endpoint"] = self.token_url.replace("https://", "http://")
        elif fault == "moved":
            document["token_endpoint"] = f"{self.origin}/elsewhere/token"
        elif fault == "deviant":  # as servers in the field are
            methods = document.pop("token_endpoint_auth_methods_supported")
            document["token_endpoint_auth_methods"] = methods
            del document["token_endpoint_auth_signing_alg_values_supported"]
            document["code_challenge_methods_supported"] = ["S256", "plain"]
            document["grant_types_supported"] = "client_credentials"
        return await self._answer(request, fault, 200, document)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        fault = self._asked("token")
        form = {name: str(value) for name, value in (await request.post()).items()}
        try:
            granted = self._grant(request, form, fault)
        except Refused as refused:
            self.refusals.append(str(refused))
            status = 401 if str(refused) == "invalid_client" else 400
            return await self._answer(request, fault, status, self._error(str(refused)))
        if fault == "401_null":
            return await self._answer(request, fault, 401, self._error(None))
        if fault == "server_error":
            return await self._answer(request, fault, 400, self._error(fault))
        changed = {
            "error200": self._error("invalid_client"),
            "reduced": {**granted, "scope": "system/Location.rs"},
            "scope_untold": {name: text for name, text in granted.items() if name != "scope"},
            "no_token": {name: text for name, text in granted.items() if name != "access_token"},
            "not_bearer": {**granted, "token_type": "mac"},
            "crlf_token": {**granted, "access_token": f"abc\r\nX-Patient: {self._text}"},
            # right in its own way
            "wordy": {**granted, "token_type": "bEARER", "expires_in": str(self.lifetime_s)},
        }
        return await self._answer(request, fault, 200, changed.get(fault, granted))

    def _error(self, code: str | None) -> dict[str, Any]:
        return {"error": code, "error_description": self._text}

    def _grant(self, request: web.Request, form: dict[str, str], fault: str) -> dict[str, Any]:
        if fault in self.ERRORS:
            raise Refused(fault)
        if form.get("grant_type") != "client_credentials":
            raise Refused("unsupported_grant_type")
        client = self._client_of(request, form)
        scopes = form.get("scope", "").split()
        if not scopes or any(scope not in client.scopes.split() for scope in scopes):
            raise Refused("invalid_scope")
        token = secrets.token_urlsafe(24)
        self.granted[token] = self._now_s() + self.lifetime_s
        return {
            "access_token": token,
            "token_type": "bearer",
            "expires_in": self.lifetime_s,
            "scope": form["scope"],
            "x-note": self._text,
        }

    def _client_of(self, request: web.Request, form: dict[str, str]) -> Client:
        if form.get("client_assertion_type") == _JWT_BEARER:
            return self._by_assertion(form.get("client_assertion", ""))
        kind, _, encoded = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            pair = base64.b64decode(encoded).decode().partition(":")
            name, secret = unquote_plus(pair[0]), unquote_plus(pair[2])
        else:
            name, secret = form.get("client_id", ""), form.get("client_secret", "")
        client = self.clients.get(name)
        if client is None or client.secret is None or client.secret != secret:
            raise Refused("invalid_client")
        return client

    def _by_assertion(self, assertion: str) -> Client:
        """SMART Backend Services, "obtain access token", what the server shall check."""
        now_s = self._now_s()
        registered = {key["kid"]: client for client in self.clients.values() for key in client.keys}
        keys: list[dict[str, str | list[str]]] = [
            {**key} for client in self.clients.values() for key in client.keys
        ]
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SecurityWarning)
                token = jwt.decode(
                    assertion, KeySet.import_key_set({"keys": keys}), algorithms=["RS384", "ES384"]
                )
        except (JoseError, ValueError):
            raise Refused("invalid_client") from None
        claims = token.claims
        client = registered.get(token.header.get("kid", ""))
        jti, exp = claims.get("jti"), claims.get("exp")
        right = (
            token.header.get("typ") == "JWT"
            and claims.get("iss") == claims.get("sub")
            and client is not None
            and client is self.clients.get(claims.get("iss", ""))
            and claims.get("aud") == self.token_url
            and isinstance(exp, int)
            and now_s < exp <= now_s + WINDOW_S
            and claims.get("nbf", 0) <= now_s
            and claims.get("iat", 0) <= now_s
            and isinstance(jti, str)
            and self.seen.get(jti, 0) < now_s
        )
        if client is None or not right:
            raise Refused("invalid_client")
        self.seen[str(jti)] = now_s + WINDOW_S
        return client

    async def _jwks(self, request: web.Request) -> web.StreamResponse:
        fault = self._asked("jwks")
        keys = list(self.published)
        if fault == "exposed":
            keys.append({"kty": "RSA", "kid": "oops", "n": "AQAB", "e": "AQAB", "d": "AQAB"})
        body: dict[str, Any] = {"keys": keys, "x-note": self._text}
        if fault == "no_keys":
            del body["keys"]
        return await self._answer(request, fault, 200, body)

    def _asked(self, what: str) -> str:
        """Counts it; the fault that holds for it."""
        self.asked[what] += 1
        return self._fault if self._at in ("all", what) else "none"

    async def _answer(
        self, request: web.Request, fault: str, status: int, document: dict[str, Any]
    ) -> web.StreamResponse:
        body, media_type = json.dumps(document).encode(), "application/json"
        if fault == "hang":
            await self._site.released.wait()
        elif fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        elif fault in ("html200", "400_html", "404", "429", "500"):
            status = int(fault[:3]) if fault[0].isdigit() else 200
            body, media_type = f"<h1>{self._text}</h1>".encode(), "text/html"
        elif fault == "not_json":
            body = body[:-1] + self._text.encode()
        headers = {
            "Content-Type": media_type,
            "Date": formatdate(self._now_s(), usegmt=True),
            "X-Patient": self._text,
        }
        if status == 429:
            headers["Retry-After"] = self.retry_after
        if fault != "truncated":
            return web.Response(
                status=status, reason=f"Answer for {self._text}", body=body, headers=headers
            )
        response = web.StreamResponse(headers=headers)
        response.content_length = len(body)
        await response.prepare(request)
        await response.write(body[: len(body) // 2])
        if request.transport is not None:
            request.transport.close()
        return response
