"""A token at a token endpoint for a signed JWT (RFC 7523 2.1), kept until it ends."""

from __future__ import annotations

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from alerts.calls import GONE, NEEDS_LOGIN, REFUSALS, Calls, FailedError
from alerts.channel import ChannelEnv, Receipt, Verdict
from alerts.outbox import DeliveryReason
from probes.assertion import UnusableKeyError, load_key

GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFETIME_S = 120
"""Of the JWT: servers take up to three minutes, so this leaves one to a clock of ours that is ahead."""
EARLY_MS = 60_000
"""A token with a known end is not used in its last minute."""
_TOKEN = re.compile(r"[!-~]{1,16384}")
DENIED = frozenset({*REFUSALS, *NEEDS_LOGIN, GONE})
"""No verdict on the message: it has not been sent yet."""


@dataclass(frozen=True, slots=True)
class Grant:
    """Who asks, and where. `key` is the reference of a private RSA key, PEM."""

    endpoint: str
    audience: str
    client_id: str
    user: str
    key: str


class Tokens:
    """The token of one channel; attempts that run at once share it and what it takes to get it."""

    def __init__(self, grant: Grant, env: ChannelEnv, calls: Calls) -> None:
        self._grant = grant
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

    async def _ask(self, now_ms: int) -> tuple[str, int | None]:
        signed = signed_jwt(read_key(self._env.read_secret, self._grant.key), self._grant, now_ms)
        reply = await self._calls.call(
            "POST",
            self._grant.endpoint,
            form={"grant_type": GRANT, "assertion": signed},
            also=DENIED,
        )
        if reply.status in DENIED:
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.AUTH, reply.status))
        told = reply.value if isinstance(reply.value, dict) else {}
        token, lasts = told.get("access_token"), told.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.fullmatch(token):
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, reply.status))
        if not isinstance(lasts, int):
            return token, None
        return token, now_ms + lasts * 1000 - EARLY_MS


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
