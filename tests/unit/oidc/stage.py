"""One collector and a simulated provider, and a person who goes from one to the other."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import pytest

from collector.access.oidc import OpenId, Start
from collector.access.oidc_errors import OpenIdError
from collector.access.oidc_http import strict_clients
from collector.access.vouched import Vouched
from collector.store.store import Store
from probes.clock import ManualClock
from probes.config_access import OpenIdProvider
from tests.support.openid import SimulatedProvider

ORG = "st-elsewhere"
REDIRECT = "https://wardwatch.example.org/login/back"
CLIENTS = strict_clients()
FAULTS = ["big", "redirect", "text", "list", "gzip", "500"]
START_S = ManualClock().now_ms() // 1000
DISCOVERY = "/hospital/.well-known/openid-configuration"


@dataclass
class Stage:
    """One collector and its simulated provider."""

    openid: OpenId
    provider: SimulatedProvider
    clock: ManualClock
    store: Store

    async def login(self, **answer: str) -> Vouched:
        """From the first redirect to the end; `answer` adds to what the browser brings back."""
        start = await self.openid.start()
        return await self.back(start, **answer)

    async def back(self, start: Start, **answer: str) -> Vouched:
        query = self.provider.visit(start.url) | answer
        return await self.openid.finish(query, start.browser)

    async def refused(self, **answer: str) -> str:
        with pytest.raises(OpenIdError) as caught:
            await self.login(**answer)
        return str(caught.value)


def configured(issuer: str, **changes: Any) -> OpenIdProvider:
    return OpenIdProvider.model_validate(
        {
            "issuer": issuer,
            "client_id": "wardwatch",
            "client_secret": "file:/run/secrets/oidc",
            "roles": {"ward-ops": ["operator"], "admins": ["admin", "approver"]},
            **changes,
        }
    )


def opened(provider: SimulatedProvider, store: Store, clock: ManualClock, **changes: Any) -> OpenId:
    return OpenId(
        configured(provider.issuer, **changes),
        REDIRECT,
        store,
        ORG,
        clients=CLIENTS,
        clock=clock,
        random_bytes=os.urandom,
        secret=lambda ref: {"file:/run/secrets/oidc": b"a:b c\n"}[ref],
        deadline_s=5,
    )
