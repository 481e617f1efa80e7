"""The organization, its sites and agents, as the operator's file gives them."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints

from probes.config_words import Id, Model, Name, Zone

COLLECTOR = "collector"
"""The agent built into the collector."""


class Organization(Model):
    id: Id
    """Names the organization in batches, keys and the journal."""
    name: Name
    """Shown to people."""
    timezone: Zone
    """IANA zone of calendar months and of times written without offset."""

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Site(Model):
    name: Name
    """Shown to people."""
    users: Annotated[int, Field(ge=0)] | None = None
    """Weight of the site where `slo.scope` is `user_weighted`."""
    timezone: Zone | None = None
    """Zone its people read times in; left out: the organization's. No number depends on it."""


class Agent(Model):
    site: Id
    """The site it probes from."""
    key: Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")] | None = None
    """`ed25519:` and its public key in base64; left out: it enrols with a key, `collector` never."""
    operator: Annotated[Name | None, Field(exclude_if=lambda value: value is None)] = None
    """Who runs its host, as attestations name it; left out: the organization."""
