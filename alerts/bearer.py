"""A token of a token endpoint (RFC 6749), kept until it ends; and how one is asked for by a signed JWT (RFC 7523 2.1)."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from alerts.calls import GONE, NEEDS_LOGIN, REFUSALS, Calls, FailedError, Reply
from alerts.channel import ChannelEnv, Receipt, Verdict
from alerts.outbox import DeliveryReason
from probes.assertion import UnusableKeyError, load_key

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_S = 120
"""Of the JWT: servers take up to three minutes, so this leaves one to a clock of ours that is ahead."""
EARLY_MS = 60_000
"""A token with a known end is not used in its last minute."""
UNKNOWN_TOKEN = 401
_TOKEN = re.compile(r"[!-~]{1,16384}")
DENIED = frozenset({*REFUSALS, *NEEDS_LOGIN, GONE})
"""No verdict on the message: it has not been sent yet."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asks by a signed JWT. `key` is the reference of a private RSA key, PEM."""

    audience: str
    client_id: str
    user: str
    key: str


class Tokens:
    """The token of one channel; attempts that run at once share it and what it takes to get it."""

    def __init__(
        self, endpoint: str, form: Callable[[int], Mapping[str, str]], env: ChannelEnv, calls: Calls
    ) -> None:
        """`form` is what is asked at `endpoint`, given now (UTC ms); FailedError where it cannot be."""
        self._endpoint = endpoint
        self._form = form
        self._env = env
        self._calls = calls
        self._one_at_a_time = asyncio.Lock()
        self._token: str | None = None
        self._ends_at: int | None = None

    async def current(self, refused: str | None = None) -> str:
        """A token other than the one that was `refused`; FailedError where there is none."""
        async with self._one_at_a_time:
            now = self._env.clock.now_ms()
            ended = self._ends_at is not None and now >= self._ends_at
            if self._token is None or self._token == refused or ended:
                self._token = None
                self._token, self._ends_at = await self._ask(now)
            return self._token

    async def signed_in(
        self,
        ask: Callable[[Mapping[str, str], Collection[int]], Awaitable[Reply]],
        also: Collection[int] = (),
    ) -> Reply:
        """The reply to `ask(headers, statuses it is to give back)`. A token that is no longer known is
        replaced once; what is refused again is told.
        """
        token = await self.current()
        reply = await ask(_header(token), (UNKNOWN_TOKEN, *also))
        if reply.status == UNKNOWN_TOKEN:
            token = await self.current(refused=token)
            reply = await ask(_header(token), also)
        return reply

    async def _ask(self, now_ms: int) -> tuple[str, int | None]:
        form = self._form(now_ms)
        reply = await self._calls.call("POST", self._endpoint, form=form, also=DENIED)
        if reply.status in DENIED:
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.AUTH, reply.status))
        told = reply.value if isinstance(reply.value, dict) else {}
        token, lasts = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, reply.status))
        if not isinstance(lasts, int):
            return token, None
        return token, now_ms + lasts * 1000 - EARLY_MS


def _header(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


def by_signed_jwt(grant: Grant, env: ChannelEnv) -> Callable[[int], Mapping[str, str]]:
    """The form of `Tokens` for a grant."""

    def form(now_ms: int) -> Mapping[str, str]:
        signed = signed_jwt(read_key(env.read_secret, grant.key), grant, now_ms)
        return {"grant_type": GRANT, "assertion": signed}

    return form


def read_key(read_secret: Callable[[str], bytes], reference: str) -> RSAPrivateKey:
    """FailedError where it cannot be read, or is no private RSA key of 2048 bits or more."""
    try:
        private = load_key(read_secret(reference)).private
    except (OSError, KeyError, UnusableKeyError):
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.SECRET)) from None
    if not isinstance(private, RSAPrivateKey):
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.SECRET))
    return private


def signed_jwt(key: RSAPrivateKey, grant: Grant, now_ms: int) -> str:
    """RS256 (RFC 7518 3.3)."""
    claims = {
        "iss": grant.client_id,
        "sub": grant.user,
        "aud": grant.audience,
        "exp": now_ms // 1000 + LIFETIME_S,
    }
    signed = f"{_part({'alg': 'RS256', 'typ': 'JWT'})}.{_part(claims)}"
    return f"{signed}.{_base64url(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _part(value: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(value, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
