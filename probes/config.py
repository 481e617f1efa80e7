"""The operator's file as frozen values: what may be written and what it means.

Pure: reading and positions live in `probes/configfile.py`. Scalars arrive as text, durations
leave as milliseconds, percentages stay text with an exact ratio.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from probes import addresses, amounts, opening, times
from probes.roles import Role

_ID = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
SECRET = re.compile(r"file:/\S+|env:[A-Za-z_][A-Za-z0-9_]*")
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


def _words(read: Callable[[str], object]) -> AfterValidator:
    """Text that `read` can read, in lower case; it raises ValueError with what to write."""

    def check(value: str) -> str:
        read(value)
        return value.lower()

    return AfterValidator(check)


def _date(value: str) -> str:
    try:
        day = date.fromisoformat(value)
    except ValueError:
        day = None
    if day is None or day.isoformat() != value or not 1970 <= day.year <= opening.LAST_YEAR:
        raise ValueError("write a date, such as 2026-12-24")
    return value


def _scopes(value: tuple[str, ...]) -> tuple[str, ...]:
    if "openid" not in value:
        raise ValueError("openid must be among the scopes")
    return value


def _ping_url(value: str) -> str:
    if value.startswith(("file:", "env:")) and not SECRET.fullmatch(value):
        raise ValueError("write an address, file:/path or env:NAME")
    if not SECRET.fullmatch(value):
        addresses.web_address(value)
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
ResponseTime = Annotated[str, AfterValidator(amounts.normal)]
"""Text that `amounts.parse` reads: a duration, `8bh` or `1bd`."""
TimeOfDay = Annotated[str, _words(opening.clock)]
Date = Annotated[str, AfterValidator(_date)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
SecretRef = Annotated[str, StringConstraints(pattern=f"^({SECRET.pattern})$")]
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
"""Printable ASCII without blanks, as names of a protocol are."""
Origin = Annotated[str, AfterValidator(addresses.origin)]
Issuer = Annotated[str, AfterValidator(addresses.issuer)]
Proxy = Annotated[str, AfterValidator(addresses.network)]
PingUrl = Annotated[str, AfterValidator(_ping_url)]
"""An address, or a reference to one: whoever knows the address of a dead-man's switch can hold it."""


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


class Target(Model):
    """A time to answer and, before it, one to be warned."""

    warn: ResponseTime | None = None
    """When to warn; left out: no warning."""
    breach: ResponseTime
    """When an answer is due."""


class Respond(Model):
    """Response clocks of semantics 5, from detection; the earlier is due."""

    critical_clinical: ResponseTime = "2h"
    """Time to answer for a system with `service: critical_clinical`."""
    billing: ResponseTime = "4h"
    """Time to answer for a system with `service: billing`."""
    general: ResponseTime = "1bd"
    """Time to answer for a system with `service: general`."""
    P1: Target = Target(warn="1h", breach="4h")
    """Priority P1; left out: warn 1h, breach 4h."""
    P2: Target = Target(warn="4bh", breach="8bh")
    """Priority P2; left out: warn 4bh, breach 8bh."""
    P3: Target = Target(breach="24h")
    """Priority P3; left out: breach 24h."""
    P4: Target = Target(breach="72h")
    """Priority P4; left out: breach 72h."""


class Horizons(Model):
    """How long before something expires, a certificate for one, an incident has which priority."""

    P4: PositiveDuration = 30 * 86_400_000
    """Opens an incident, of priority P4."""
    P3: PositiveDuration = 7 * 86_400_000
    """Makes its priority P3; not longer than `P4`."""
    P2: PositiveDuration = 86_400_000
    """Makes its priority P2; not longer than `P3`."""

    @model_validator(mode="after")
    def _nearer(self) -> Horizons:
        if not self.P2 <= self.P3 <= self.P4:
            raise ValueError("a more urgent horizon is not longer: P2, then P3, then P4")
        return self


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
    liaison_within: PositiveDuration = 3_600_000
    """By when the clinical liaison is told of category 3, from the instant it is reached."""
    safety_within: PositiveDuration = 900_000
    """By when clinical leadership and legal are told of category 4, from the act that sets it."""
    workaround_ahead: PositiveDuration = 1_800_000
    """How long before a workaround's `valid_for` ends the clinical liaison is told."""
    report_within: PositiveDuration = 172_800_000
    """By when the report of a P1 incident is due, from its resolution."""
    report_overdue: PositiveDuration = 259_200_000
    """From when on the report is overdue."""
    expiry: Annotated[Horizons, Field(exclude_if=lambda value: value == Horizons())] = Horizons()
    """How long before it expires a certificate is whose priority; left out: 30d, 7d, 24h."""
    respond: Annotated[Respond, Field(exclude_if=lambda value: value == Respond())] = Respond()
    """Times to answer: durations, or business hours and days such as 8bh and 1bd."""

    @model_validator(mode="after")
    def _report(self) -> Policy:
        if self.report_overdue < self.report_within:
            raise ValueError("report_overdue comes not before report_within")
        return self


class TimeRange(Model):
    start_time: TimeOfDay
    """First minute, from 00:00."""
    end_time: TimeOfDay
    """First minute that is not part of it, up to 24:00; a day that runs over midnight is two."""

    @model_validator(mode="after")
    def _forward(self) -> TimeRange:
        if opening.clock(self.start_time) >= opening.clock(self.end_time):
            raise ValueError(
                "end_time lies after start_time, on the same day; write two over midnight"
            )
        return self


class Hours(Model):
    """Alertmanager's `time_interval`: what is given holds together, what is left out always."""

    times: Annotated[tuple[TimeRange, ...], Field(min_length=1)] | None = None
    """Times of day; left out: all day."""
    weekdays: (
        Annotated[tuple[Annotated[str, _words(opening.weekdays)], ...], Field(min_length=1)] | None
    ) = None
    """Weekdays or ranges of them, such as `monday:friday`; left out: every day."""
    days_of_month: (
        Annotated[tuple[Annotated[str, _words(opening.days_of_month)], ...], Field(min_length=1)]
        | None
    ) = None
    """Days or ranges of them, negative ones from the month's end; left out: every day."""
    months: (
        Annotated[tuple[Annotated[str, _words(opening.months)], ...], Field(min_length=1)] | None
    ) = None
    """Months or ranges of them, by name or number; left out: every month."""
    years: (
        Annotated[tuple[Annotated[str, _words(opening.years)], ...], Field(min_length=1)] | None
    ) = None
    """Years or ranges of them; left out: every year."""
    location: Zone | None = None
    """IANA zone of these times; left out: the organization's."""

    @property
    def rule(self) -> opening.Opening:
        """The same, read."""
        times = [(t.start_time, t.end_time) for t in self.times or ()] or [("00:00", "24:00")]
        return opening.Opening(
            times=tuple(sorted((opening.clock(a), opening.clock(b)) for a, b in times)),
            weekdays=tuple(map(opening.weekdays, self.weekdays or ())),
            days_of_month=tuple(map(opening.days_of_month, self.days_of_month or ())),
            months=tuple(map(opening.months, self.months or ())),
            years=tuple(map(opening.years, self.years or ())),
        )

    @model_validator(mode="after")
    def _for_ever(self) -> Hours:
        year = self.rule.closed_year()
        if year == opening.FIRST_YEAR:
            raise ValueError("these hours never open")
        if year is not None:
            raise ValueError(f"hours must open in every year; these never do in {year}")
        return self


OFFICE = Hours(
    times=(TimeRange(start_time="09:00", end_time="17:00"),), weekdays=("monday:friday",)
)
"""The business hours of a file that names none."""


COUNTRY = r"^[A-Z]{2,3}$"


class Holidays(Model):
    country: Annotated[str, StringConstraints(pattern=COUNTRY)] | None = None
    """ISO 3166 code of the country whose public holidays count; left out: only `also`."""
    subdivision: Annotated[str, StringConstraints(pattern=r"^[ -~]{1,40}$")] | None = None
    """Its state, as ISO 3166-2 has it after the country."""
    also: tuple[Date, ...] = ()
    """Dates that are holidays here."""
    except_: Annotated[tuple[Date, ...], Field(alias="except")] = ()
    """Dates that are none here."""


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
    """`ed25519:` and its public key in base64; left out: it enrols with a key of its own."""


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

    @property
    def is_for_customers(self) -> bool:
        """Its readers only depend on systems; they get no notices."""
        return (self.model_extra or {}).get("audience") == "customer"


class Route(Model):
    families: tuple[Literal["availability", "access", "blind", "feed", "expiry", "budget"], ...]
    """Families of incidents it carries."""
    min_priority: Literal["P1", "P2", "P3", "P4"] = "P4"
    """Least urgent priority it carries."""
    to: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Channels, all of them."""


class Notices(Model):
    """Left out: whoever the routes name for P1."""

    clinical_liaison: tuple[Id, ...] = ()
    """Channels of the clinical liaison: category 3, a workaround that ends, outages found late."""
    clinical_leadership: tuple[Id, ...] = ()
    """Channels of clinical leadership: category 4 and the reminders of its MDR clocks."""
    legal_compliance: tuple[Id, ...] = ()
    """Channels of legal and compliance: category 4 and the reminders of its MDR clocks."""


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


class Heartbeat(Model):
    url: PingUrl
    """Receiver outside: https unless this host, or `file:` or `env:` where the address is a secret."""
    every: Annotated[PositiveDuration, Field(ge=1_000, le=3_600_000)] = 60_000
    """How often, from 1s to 1h; the receiver should wait three times as long, and a minute."""
    secret: SecretRef | None = None
    """Where the signing secret is, as of a webhook; left out: not signed."""


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
    hours: Annotated[Hours | None, Field(exclude_if=lambda value: value is None)] = None
    """Business hours, as Alertmanager writes them; left out: Monday to Friday, 09:00 to 17:00."""
    holidays: Annotated[Holidays | None, Field(exclude_if=lambda value: value is None)] = None
    """Days without business hours; left out: none."""
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
    heartbeat: Annotated[Heartbeat | None, Field(exclude_if=lambda value: value is None)] = None
    """Sign of life to a receiver outside, which calls for help when it stops; left out: none."""
    channels: Mapping[Id, Channel] = {}
    """Receivers of incidents, by id."""
    routes: tuple[Route, ...] = ()
    """Which incidents go where."""
    notices: Annotated[Notices | None, Field(exclude_if=lambda value: value is None)] = None
    """Who gets the notices that nothing stops, by role; left out: whom the routes name for P1."""

    def agents_of(self, check_id: str) -> tuple[str, ...]:
        """The agents assigned to a check, in file order: its `from`, or every agent."""
        named = self.checks[check_id].from_
        return tuple(self.agents) if named is None else named

    def checks_of(self, system_id: str) -> tuple[str, ...]:
        return self._checks_by_system.get(system_id, ())

    @cached_property
    def _checks_by_system(self) -> Mapping[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for name, check in self.checks.items():
            found.setdefault(check.system, []).append(name)
        return {system: tuple(names) for system, names in found.items()}

    def __copy__(self) -> Self:
        """A copy is made to change something: it finds its checks anew."""
        copied = super().__copy__()
        copied.__dict__.pop("_checks_by_system", None)
        return copied

    def ms(self, value: datetime) -> int:
        """UTC milliseconds; a time without zone is in the organization's zone."""
        return times.to_ms(value, self.organization.zone)
