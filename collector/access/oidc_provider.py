"""What an OpenID provider publishes, its endpoints and keys, kept for an hour."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from collector.access.oidc_errors import OpenIdCode, OpenIdError
from collector.access.oidc_http import Answer, Exchange, UnansweredError
from collector.access.oidc_token import ProviderKey, keys_of
from probes.addresses import web_address
from probes.clock import NS_PER_MS, Clock

KEPT_MS = 3_600_000
REFETCH_MS = 30_000
"""How long keys are kept at least: tokens with made-up key names must not make us ask again."""
RETRY_MS = 5_000
"""Where it gave no answer just now, people who wait in line do not each wait for the deadline."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """`basic`: the client secret goes in a header, else in the form. `names_itself`: answers
    carry `iss` (RFC 9207), so one without it is not the provider's.
    """

    authorization: str
    token: str
    keys: str
    userinfo: str | None
    basic: bool
    names_itself: bool


class Provider:
    """OpenIdError(UNREACHABLE or ISSUER) when what it publishes cannot be had or used."""

    def __init__(self, issuer: str, exchange: Exchange, clock: Clock) -> None:
        self._issuer = issuer
        self._exchange = exchange
        self._clock = clock
        self._lock = asyncio.Lock()
        self._endpoints: tuple[int, Endpoints] | None = None
        self._keys: tuple[int, tuple[ProviderKey, ...]] | None = None
        self._failed: int | None = None

    async def endpoints(self) -> Endpoints:
        async with self._lock:
            if self._endpoints is None or self._age(self._endpoints[0]) >= KEPT_MS:
                place = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
                found = _endpoints(self._issuer, await self._published(place))
                self._endpoints = (self._clock.monotonic_ns(), found)
            return self._endpoints[1]

    async def keys(self, *, anew: bool = False) -> tuple[ProviderKey, ...]:
        """Its signing keys; `anew`: fetched again if those at hand are older than 30 s."""
        place = (await self.endpoints()).keys
        async with self._lock:
            limit = REFETCH_MS if anew else KEPT_MS
            if self._keys is None or self._age(self._keys[0]) >= limit:
                found = keys_of(await self._published(place))
                self._keys = (self._clock.monotonic_ns(), found)
            return self._keys[1]

    def _age(self, since_ns: int) -> int:
        return (self._clock.monotonic_ns() - since_ns) // NS_PER_MS

    async def _published(self, url: str) -> Mapping[str, Any]:
        if self._failed is not None and self._age(self._failed) < RETRY_MS:
            raise OpenIdError(OpenIdCode.UNREACHABLE)
        try:
            answer = await self._exchange.ask(url)
        except UnansweredError:
            answer = Answer(0, {})
        if answer.status != 200:
            self._failed = self._clock.monotonic_ns()
            raise OpenIdError(OpenIdCode.UNREACHABLE)
        return answer.body


def _endpoints(issuer: str, document: Mapping[str, Any]) -> Endpoints:
    """Of a discovery document; the issuer in it must be the configured one to the letter."""
    if document.get("issuer") != issuer:
        raise OpenIdError(OpenIdCode.ISSUER)
    methods = document.get("token_endpoint_auth_methods_supported")
    userinfo = document.get("userinfo_endpoint")
    return Endpoints(
        authorization=_address(document.get("authorization_endpoint")),
        token=_address(document.get("token_endpoint")),
        keys=_address(document.get("jwks_uri")),
        userinfo=None if userinfo is None else _address(userinfo),
        # left out, it means client_secret_basic
        basic=not isinstance(methods, list) or "client_secret_basic" in methods,
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
    )


def _address(value: Any) -> str:
    try:
        web_address(value if isinstance(value, str) else "")
    except ValueError:
        raise OpenIdError(OpenIdCode.UNREACHABLE) from None
    return str(value)
