"""Signing in to ServiceNow by OAuth 2.0, simulated in front of one of its simulated services."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from aiohttp import web

TOKEN = "/oauth_token.do"
CLIENT_ID = "be3aeb583ace210011c15b24a43e25d8"


@dataclass
class FakeSignIn:
    """Takes forms alone. Asked again while a token is valid, it gives the same one for another
    `lifespan_s`. A refresh token gives a token and stays what it was.
    """

    service: Callable[[web.Request], Awaitable[web.StreamResponse]]
    secret: str
    now_ms: Callable[[], int]
    refresh_token: str | None = None
    """Signs in by it alone, where there is one."""
    lifespan_s: int = 1_799
    token: str | None = None
    ends_at: int = 0
    forms: list[dict[str, str]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if request.path == TOKEN:
            return await self._sign_in(request)
        known = self.token is not None and self.now_ms() < self.ends_at
        if not known or request.headers.get("authorization") != f"Bearer {self.token}":
            told = {"message": "User is not authenticated", "detail": "Required to log in"}
            return web.json_response({"error": told, "status": "failure"}, status=401)
        return await self.service(request)

    async def _sign_in(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST" or request.content_type != "application/x-www-form-urlencoded":
            return web.json_response({"error": "server_error"}, status=400)
        form = {name: str(value) for name, value in (await request.post()).items()}
        self.forms.append(form)
        wanted = {"client_id": CLIENT_ID, "client_secret": self.secret}
        if self.refresh_token is None:
            wanted |= {"grant_type": "client_credentials"}
        else:
            wanted |= {"grant_type": "refresh_token", "refresh_token": self.refresh_token}
        if form != wanted:
            told = {"error_description": "access_denied", "error": "server_error"}
            return web.json_response(told, status=401)
        now = self.now_ms()
        if self.token is None or now >= self.ends_at:
            self.token = f"token-{len(self.forms)}"
        self.ends_at = now + self.lifespan_s * 1000
        return web.json_response(
            {
                "access_token": self.token,
                "scope": "useraccount",
                "token_type": "Bearer",
                "expires_in": self.lifespan_s,
            }
        )
