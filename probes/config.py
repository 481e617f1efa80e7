"""The operator's file as frozen values: what may be written and what it means.

Pure: reading and positions live in `probes/configfile.py`. Scalars arrive as text, durations
leave as milliseconds, percentages stay text with an exact ratio.
"""

from __future__ import annotations

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
)

from probes import times


def _duration(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value  # milliseconds, as the canonical form has them; in a file a scalar is text
    if not isinstance(value, str):
        raise ValueError("write a duration with its unit, such as 30s, 10m, 4h or 1h30m")
    return times.parse_duration(value)


def _datetime(value: object) -> datetime:
    if not isinstance(value, str):
        raise ValueError("write a date and a time, such as 2026-01-05T02:00")
    return times.parse_datetime(value)


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


def _id(value: str) -> str:
    if not (value and value[0] != "-" and len(value) <= 63):
        raise ValueError("an id is 1 to 63 of a-z, 0-9 and -, not starting with -")
    if not all(c in "abcdefghijklmnopqrstuvwxyz0123456789-" for c in value):
        raise ValueError("an id is 1 to 63 of a-z, 0-9 and -, not starting with -")
    return value


Id = Annotated[str, AfterValidator(_id)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=120), AfterValidator(_name)]
Duration = Annotated[int, BeforeValidator(_duration)]
PositiveDuration = Annotated[int, BeforeValidator(_duration), Field(gt=0)]
Instant = Annotated[datetime, BeforeValidator(_datetime)]
LocalTime = Annotated[datetime, BeforeValidator(_datetime), AfterValidator(_local)]
Percent = Annotated[str, AfterValidator(_percent)]
Zone = Annotated[str, AfterValidator(_zone)]
SecretRef = Annotated[str, StringConstraints(pattern=r"^(file:/\S+|env:[A-Za-z_][A-Za-z0-9_]*)$")]


class Model(BaseModel):
    """Closed and frozen: an unknown key is an error, a loaded value never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=False)


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
    name: Name
    timezone: Zone

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)


class Policy(Model):
    """Defaults of semantics 5; durations in milliseconds once loaded."""

    degraded_after: Duration = 600_000
    blind_after: Duration = 600_000
    recover_for: Duration = 300_000
    reopen_within: Duration = 1_800_000
    raise_after: Duration = 1_800_000


class Site(Model):
    name: Name
    users: Annotated[int, Field(ge=0)] | None = None


class Agent(Model):
    site: Id
    key: Annotated[str, StringConstraints(pattern=r"^ed25519:[A-Za-z0-9+/]{43}=$")] | None = None


class Training(Model):
    privacy: str | None = None
    security: str | None = None
    role: str | None = None
    deidentification: str | None = None
    refresher_until: str | None = None


class Contact(Model):
    name: Name
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
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$")] | None = None
    training: Training | None = None


class Workaround(Model):
    name: Name
    valid_for: PositiveDuration | None = None
    requires: tuple[Id, ...] = ()


class Impact(Model):
    class_: Annotated[ImpactClass, Field(alias="class")]
    service: ServiceClass = ServiceClass.GENERAL
    workaround: Workaround | None = None


class Slo(Model):
    target: Percent
    minimum: Percent = "99.5"
    formula: Literal["contract-v1", "whole-period-v1"] = "contract-v1"
    scope: Literal["organization", "worst_site", "user_weighted"] = "organization"


class Group(Model):
    need: Annotated[int, Field(ge=1)]


class System(Model):
    name: Name
    impact: Impact
    effective_from: LocalTime | None = None
    slo: Slo | None = None
    depends_on: tuple[Id, ...] = ()
    groups: Mapping[Id, Group] = {}
    runbook: Annotated[str, StringConstraints(pattern=r"^https?://\S+$")] | None = None


class InGroup(Model):
    group: Id


class Confirm(Model):
    down: Annotated[int, Field(ge=1, le=100)] = 2
    up: Annotated[int, Field(ge=1, le=100)] = 1


class Quorum(Model):
    need: Annotated[int, Field(ge=1)] | None = None


class Check(Model):
    system: Id
    kind: Annotated[str, StringConstraints(min_length=1)]
    every: PositiveDuration
    timeout: PositiveDuration
    from_: Annotated[tuple[Id, ...] | None, Field(alias="from")] = None
    role: Literal["critical", "supporting"] | InGroup = "critical"
    confirm: Confirm = Confirm()
    quorum: Quorum = Quorum()
    spec: Mapping[str, Any] = {}

    @property
    def hold_ms(self) -> int:
        """How long a result speaks for the time after it (semantics 2.1)."""
        return 2 * self.every + self.timeout


class Act(Model):
    by: Id
    at: Instant
    ref: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None


class Window(Model):
    id: Id
    systems: Annotated[tuple[Id, ...], Field(min_length=1)]
    start: LocalTime
    end: LocalTime
    timezone: Zone
    rrule: str | None = None
    exdate: tuple[LocalTime, ...] = ()
    expect_down: Duration | None = None
    proposed: Act
    approval: Act | None = None
    cancelled: Act | None = None
    finished: tuple[Act, ...] = ()


class Baa(Model):
    covered: bool
    plan: Name | None = None
    ref: str | None = None
    verified_by: Id | None = None
    until: str | None = None


class Channel(BaseModel):
    """Fields beside `kind` and `baa` belong to the channel kind, which parses them itself."""

    model_config = ConfigDict(extra="allow", frozen=True)
    kind: Annotated[str, StringConstraints(min_length=1)]
    baa: Baa | None = None


class Route(Model):
    families: tuple[Literal["availability", "access", "blind", "feed", "expiry", "budget"], ...]
    min_priority: Literal["P1", "P2", "P3", "P4"] = "P4"
    to: Annotated[tuple[Id, ...], Field(min_length=1)]


class Config(Model):
    """One whole file."""

    version: Literal["1"]
    organization: Organization
    policy: Policy = Policy()
    sites: Mapping[Id, Site]
    agents: Mapping[Id, Agent]
    contacts: Mapping[Id, Contact] = {}
    systems: Mapping[Id, System]
    checks: Mapping[Id, Check]
    maintenance: tuple[Window, ...] = ()
    channels: Mapping[Id, Channel] = {}
    routes: tuple[Route, ...] = ()

    def agents_of(self, check_id: str) -> tuple[str, ...]:
        """The agents assigned to a check, in file order: its `from`, or every agent."""
        named = self.checks[check_id].from_
        return tuple(self.agents) if named is None else named

    def checks_of(self, system_id: str) -> tuple[str, ...]:
        return tuple(c for c, check in self.checks.items() if check.system == system_id)

    def ms(self, value: datetime) -> int:
        """UTC milliseconds; a time without zone is in the organization's zone."""
        return times.to_ms(value, self.organization.zone)
