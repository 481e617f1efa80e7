"""How people reach the collector and log in, as the operator's file gives it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field

from probes.config_words import Issuer, Model, Name, Origin, Proxy, SecretRef, Word
from probes.roles import Role


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError("openid must be among the scopes")
    return value


class OpenIdProvider(Model):
    issuer: Issuer
    """Address of the provider exactly as its discovery document has it; https unless this host."""
    client_id: Word
    """Name of the collector at the provider."""
    client_secret: SecretRef | None = None
    """Its secret there; left out: a public client, which PKCE protects alone."""
    groups_claim: Word = "groups"
    """Claim of the ID token, or else of userinfo, that lists a person's groups."""
    roles: Annotated[
        Mapping[Name, Annotated[tuple[Role, ...], Field(min_length=1)]], Field(min_length=1)
    ]
    """Group of the provider to roles here: `viewer`, `operator`, `approver`, `clinical`, `auditor`, `admin`."""
    scopes: Annotated[tuple[Word, ...], AfterValidator(_scopes)] = ("openid", "profile", "groups")
    """What is asked for, `openid` among it; left out: `openid`, `profile`, `groups`."""


class Access(Model):
    public_url: Origin | None = None
    """How browsers reach the collector: scheme, host and port; https unless this host."""
    proxies: tuple[Proxy, ...] = ()
    """Reverse proxies, by address or network, whose X-Forwarded-For and -Proto are believed."""
    oidc: OpenIdProvider | None = None
    """Login with the organization's OpenID Connect provider; needs `public_url`."""
