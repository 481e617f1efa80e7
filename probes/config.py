"""The operator's file as frozen values: what may be written and what it means.

Pure: reading and positions live in `probes/configfile.py`. Scalars arrive as text, durations
leave as milliseconds, percentages stay text with an exact ratio.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from fractions import Fraction
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from probes import addresses, times
from probes.roles import Role

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_LONGEST_MS = 3650 * 86_400_000
_UNITS = r"^([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$"


def _duration(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value  # milliseconds, as the canonical form has them; in a file a scalar is text
    ms = times.parse_duration(value if isinstance(value, str) else "")
    if ms > _LONGEST_MS:
        raise ValueError("a duration is at most 3650d")
    return ms


def _datetime(value: object) -> datetime:
    at = times.parse_datetime(value if isinstance(value, str) else "")
    if not 1970 <= at.year <= 9000:
        raise ValueError("the year lies from 1970 to 9000")
    return at


def _local(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("write wall-clock time without an offset; the zone is named beside it")
    return value


def _percent(value: str) -> str:
    whole, _, part = value.partition(".")
    if not (whole.isdigit() and (part.isdigit() or part == "") and len(part) <= 4):
        raise ValueError('write a percentage with at most four decimals, such as "99.95"')
    if not 0 < Fraction(value) <= 100:
        raise ValueError("a percentage lies above 0 and at most at 100")
    return value


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not an IANA time zone, such as America/Chicago") from None
    return value


def _name(value: str) -> str:
    if not value.isprintable() or value != value.strip():
        raise ValueError("a name is one line of printable text without outer blanks")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError("openid must be among the scopes")
    return value


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("an id is 1 to 63 of a-z, 0-9 and -, not starting with -")
    return value


Id = Annotated[str, AfterValidator(_id)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_name)]
# The schema says what a file holds, not what is made of it.
_DurationText = WithJsonSchema({"type": "string", "pattern": _UNITS, "minLength": 2})
_TimeText = WithJsonSchema({"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T"})
Duration = Annotated[int, BeforeValidator(_duration), _DurationText]
PositiveDuration = Annotated[int, BeforeValidator(_duration), Field(gt=0), _DurationText]
Instant = Annotated[datetime, BeforeValidator(_datetime), _TimeText]
LocalTime = Annotated[datetime, BeforeValidator(_datetime), AfterValidator(_local), _TimeText]
# An editor reads 99.95 as a number where we read text.
Percent = Annotated[str, AfterValidator(_percent), WithJsonSchema({"type": ["string", "number"]})]
Zone = Annotated[str, AfterValidator(_zone)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
SecretRef = Annotated[str, StringConstraints(pattern=r"^(file:/\S+|env:[A-Za-z_][A-Za-z0-9_]*)$")]
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
"""Printable ASCII without blanks, as names of a protocol are."""
Origin = Annotated[str, AfterValidator(addresses.origin)]
Issuer = Annotated[str, AfterValidator(addresses.issuer)]
Proxy = Annotated[str, AfterValidator(addresses.network)]


class Model(BaseModel):
    """Closed and frozen: an unknown key is an error, a loaded value never changes."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=False, use_attribute_docstrings=True
    )


class ImpactClass(StrEnum):
    ADMINISTRATIVE = "administrative"
    CLINICAL = "clinical"
    POINT_OF_CARE = "point_of_care"


class ServiceClass(StrEnum):
    CRITICAL_CLINICAL = "critical_clinical"
    BILLING = "billing"
    GENERAL = "general"


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


class Policy(Model):
    """Defaults of semantics 5; durations in milliseconds once loaded."""

    degraded_after: Duration = 600_000
    """How long degraded opens an incident."""
    blind_after: Duration = 600_000
    """How long unknown opens an incident."""
    recover_for: Duration = 300_000
    """How long up makes an incident recovered."""
    reopen_within: Duration = 1_800_000
    """A new failure this soon after recovery is the same incident."""
    raise_after: Duration = 1_800_000
    """How long degraded without a workaround raises category 2 to 3."""
    ack_timeout: PositiveDuration = 1_800_000
    """How long a person's acknowledgement lasts."""
    review_within: PositiveDuration = 7_200_000
    """How long a person's category holds; never past the workaround's `valid_for`."""


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
    """`ed25519:` and its public key in base64; without it nothing of it is accepted."""


class Training(Model):
    privacy: str | None = None
    """Date of the last HIPAA privacy training."""
    security: str | None = None
    """Date of the last security training."""
    role: str | None = None
    """Date of the last role training."""
    deidentification: str | None = None
    """Date of the last training in de-identification."""
    refresher_until: str | None = None
    """Date by which all must be renewed."""


class Contact(Model):
    name: Name
    """Shown to people."""
    role: Literal[
        "support",
        "engineering",
        "incident_commander",
        "clinical_liaison",
        "clinical_leadership",
        "legal_compliance",
        "integration_owner",
        "csm",
    ]
    """What the person answers for."""
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    """Where to write."""
    training: Training | None = None
    """Dates of training."""


class Workaround(Model):
    name: Name
    """Shown to people."""
    valid_for: PositiveDuration | None = None
    """How long it carries from the incident's start; left out: without end."""
    requires: tuple[Id, ...] = ()
    """Systems that must be up or degraded for it to be usable."""


class Impact(Model):
    class_: Annotated[ImpactClass, Field(alias="class")]
    """What care feels when it fails; makes the category."""
    service: ServiceClass = ServiceClass.GENERAL
    """Chooses the response clock."""
    workaround: Workaround | None = None
    """The documented way to go on without it."""


class Slo(Model):
    target: Percent
    """The contract's target in percent, at most four decimals."""
    minimum: Percent = "99.5"
    """The minimum acceptable, in percent."""
    formula: Literal["contract-v1", "whole-period-v1"] = "contract-v1"
    """How maintenance counts (semantics 3)."""
    scope: Literal["organization", "worst_site", "user_weighted"] = "organization"
    """Which number the verdict judges."""


class Group(Model):
    need: Annotated[int, Field(ge=1)]
    """How many members must work."""


class System(Model):
    name: Name
    """Shown to people."""
    impact: Impact
    """What its failure means."""
    effective_from: LocalTime | None = None
    """Wall-clock time from which it is monitored; left out: when first recorded."""
    slo: Slo | None = None
    """Targets; left out: no verdict."""
    depends_on: tuple[Id, ...] = ()
    """Systems whose failure explains this one's; attaches incidents."""
    groups: Mapping[Id, Group] = {}
    """Redundancy groups that checks join with `role: {group: NAME}`."""
    runbook: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None
    """Address of the instructions, put into messages."""


class InGroup(Model):
    group: Id
    """A group of the check's system."""


class Confirm(Model):
    down: Annotated[int, Field(ge=1, le=100)] = 2
    """Failing runs in a row that make an outage."""
    up: Annotated[int, Field(ge=1, le=100)] = 1
    """Good runs in a row that end it."""


class Quorum(Model):
    need: Annotated[int, Field(ge=1)] | None = None
    """Fresh agents and sites needed to judge; left out: half of them, rounded up."""


class Check(Model):
    system: Id
    """The system it speaks for."""
    kind: Annotated[str, StringConstraints(min_length=1)]
    """The probe kind."""
    every: PositiveDuration
    """Time from slot to slot."""
    timeout: PositiveDuration
    """Limit of a whole run, not above `every`."""
    from_: Annotated[tuple[Id, ...] | None, Field(alias="from")] = None
    """Agents that run it; left out: every agent."""
    role: Literal["critical", "supporting"] | InGroup = "critical"
    """How it counts for its system: critical, supporting or in a group."""
    confirm: Confirm = Confirm()
    """Runs in a row that confirm a change."""
    quorum: Quorum = Quorum()
    """How many must have fresh results."""
    spec: Mapping[str, Any] = {}
    """Settings of the kind, see its page."""

    @property
    def hold_ms(self) -> int:
        """How long a result speaks for the time after it (semantics 2.1)."""
        return 2 * self.every + self.timeout


class Act(Model):
    by: Id
    """Who."""
    at: Instant
    """When; without offset in the organization's zone."""
    ref: Ref | None = None
    """Number of a change or ticket."""


class Window(Model):
    id: Id
    """One namespace for all windows."""
    systems: Annotated[tuple[Id, ...], Field(min_length=1)]
    """What it covers."""
    start: LocalTime
    """First local start."""
    end: LocalTime
    """First local end."""
    timezone: Zone
    """IANA zone of its wall-clock times."""
    rrule: str | None = None
    """RFC 5545 rule: DAILY, WEEKLY, MONTHLY or YEARLY; UNTIL in UTC."""
    exdate: tuple[LocalTime, ...] = ()
    """Local starts that do not take place."""
    expect_down: Duration | None = None
    """How long down stays quiet inside it."""
    proposed: Act
    """Who asked for it."""
    approval: Act | None = None
    """Who approved it; somebody else, before it starts, or it excludes nothing."""
    cancelled: Act | None = None
    """Occurrences that start from then on do not count."""
    finished: tuple[Act, ...] = ()
    """Ends the running occurrence early."""


class Baa(Model):
    covered: bool
    """Is the receiver covered by a business associate agreement?"""
    plan: Name | None = None
    """The plan it covers."""
    ref: str | None = None
    """Where the agreement is filed."""
    verified_by: Id | None = None
    """Who looked."""
    until: str | None = None
    """Date it ends."""


class Channel(BaseModel):
    """Fields beside `kind` and `baa` belong to the channel kind, which parses them itself."""

    model_config = ConfigDict(extra="allow", frozen=True, use_attribute_docstrings=True)
    kind: Annotated[str, StringConstraints(min_length=1)]
    """The channel kind; its own settings stand beside it, see its page."""
    baa: Baa | None = None
    """The agreement with the receiver."""


class Route(Model):
    families: tuple[Literal["availability", "access", "blind", "feed", "expiry", "budget"], ...]
    """Families of incidents it carries."""
    min_priority: Literal["P1", "P2", "P3", "P4"] = "P4"
    """Least urgent priority it carries."""
    to: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Channels, all of them."""


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


class Config(Model):
    """One whole file."""

    version: Annotated[Literal["1"], WithJsonSchema({"enum": [1, "1"]})]
    """Format of this file, `1`."""
    organization: Organization
    """Whose systems these are."""
    policy: Policy = Policy()
    """Times that open and close incidents."""
    sites: Mapping[Id, Site]
    """Places with agents, by id."""
    agents: Mapping[Id, Agent]
    """Agents, by id."""
    contacts: Mapping[Id, Contact] = {}
    """People and roles, by id."""
    systems: Mapping[Id, System]
    """What is judged, by id."""
    checks: Mapping[Id, Check]
    """What is probed, by id."""
    maintenance: tuple[Window, ...] = ()
    """Planned windows."""
    access: Annotated[Access | None, Field(exclude_if=lambda value: value is None)] = None
    """How people reach the collector and log in."""
    channels: Mapping[Id, Channel] = {}
    """Receivers of incidents, by id."""
    routes: tuple[Route, ...] = ()
    """Which incidents go where."""

    def agents_of(self, check_id: str) -> tuple[str, ...]:
        """The agents assigned to a check, in file order: its `from`, or every agent."""
        named = self.checks[check_id].from_
        return tuple(self.agents) if named is None else named

    def checks_of(self, system_id: str) -> tuple[str, ...]:
        return tuple(c for c, check in self.checks.items() if check.system == system_id)

    def ms(self, value: datetime) -> int:
        """UTC milliseconds; a time without zone is in the organization's zone."""
        return times.to_ms(value, self.organization.zone)
