"""Who hears of incidents, as the operator's file gives it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

from probes.config_words import Date, Id, Model, Name, PingUrl, PositiveDuration, SecretRef

PAGERDUTY = "pagerduty"
ALERTMANAGER = "alertmanager"
PAGERS = frozenset({PAGERDUTY, "jsm"})
"""Kinds of receivers that call people by themselves, Alertmanager aside: that is told who pages."""
_YES = TypeAdapter(bool)


class Baa(Model):
    covered: bool
    """Is the receiver covered by a business associate agreement?"""
    plan: Name | None = None
    """The plan it covers."""
    ref: str | None = None
    """Where the agreement is filed."""
    verified_by: Id | None = None
    """Who looked."""
    until: Date | None = None
    """Last day of the agreement."""


class NotHeardError(Exception):
    """An entry has `inbound`, and receivers of its kind have no webhook to us."""


class Inbound(Model):
    """What the receiver tells us, by its webhook to `/inbound/NAME` of the collector."""

    secret: SecretRef
    """Where the secret is that the receiver signs with or sends; several words while it changes."""


PERSONAL = frozenset({"email"})
"""Kinds of channels that can tell each contact apart, by its address."""


class Channel(BaseModel):
    """Fields beside `kind`, `baa` and `inbound` belong to the channel kind, which parses them itself."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    kind: Annotated[str, StringConstraints(min_length=1)]
    """The channel kind; its own settings stand beside it, see its page."""
    baa: Baa | None = None
    """The agreement with the receiver."""
    inbound: Annotated[Inbound | None, Field(exclude_if=lambda value: value is None)] = None
    """People at the receiver acknowledge and resolve by its webhook; left out: it is not heard."""

    @property
    def is_for_customers(self) -> bool:
        """Its readers only depend on systems; they get no notices."""
        return (self.model_extra or {}).get("audience") == "customer"

    @property
    def shows_changes(self) -> bool:
        """It is told of maintenance that begins and ends."""
        written = (self.model_extra or {}).get("changes", False)
        return self.kind == PAGERDUTY and _YES.validate_python(written)

    @property
    def is_personal(self) -> bool:
        return self.kind in PERSONAL

    @property
    def has_receiver(self) -> bool:
        """One of a personal kind may be there for contacts alone."""
        return not self.is_personal or bool((self.model_extra or {}).get("to"))


class Route(Model):
    families: tuple[Literal["availability", "access", "blind", "feed", "expiry", "budget"], ...]
    """Families of incidents it carries."""
    min_priority: Literal["P1", "P2", "P3", "P4"] = "P4"
    """Least urgent priority it carries."""
    to: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Channels, all of them."""
    escalate: Annotated[Id | None, Field(exclude_if=lambda value: value is None)] = None
    """The policy under `escalation` by which more people are told until somebody takes it on."""


class Notices(Model):
    """Left out: the contacts of the role that have `reach`, else whoever the routes name for P1."""

    clinical_liaison: tuple[Id, ...] = ()
    """Channels of the clinical liaison: category 3, a workaround that ends, outages found late."""
    clinical_leadership: tuple[Id, ...] = ()
    """Channels of clinical leadership: category 4 and the reminders of its MDR clocks."""
    legal_compliance: tuple[Id, ...] = ()
    """Channels of legal and compliance: category 4 and the reminders of its MDR clocks."""


class SecureChannel(Model):
    """Named to whoever writes what looks like a patient's into a ticket or a chat."""

    name: Name
    """What people here call the place where patient information belongs."""
    contact: Id
    """Whom to ask, one of the contacts."""


class Heartbeat(Model):
    url: PingUrl
    """Receiver outside: https unless this host, or `file:` or `env:` where the address is a secret."""
    every: Annotated[PositiveDuration, Field(ge=1_000, le=3_600_000)] = 60_000
    """How often, from 1s to 1h; the receiver should wait three times as long, and a minute."""
    secret: SecretRef | None = None
    """Where the signing secret is, as of a webhook; left out: not signed."""
