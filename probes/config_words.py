"""What a scalar of the operator's file may be, and what is made of it. Pure.

Scalars arrive as text, durations leave as milliseconds, percentages stay text with an exact ratio.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from fractions import Fraction
from typing import Annotated
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

from probes import addresses, amounts, opening, times

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


def words(read: Callable[[str], object]) -> AfterValidator:
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


def _ping_url(value: str) -> str:
    if value.startswith(("file:", "env:")) and not SECRET.fullmatch(value):
        raise ValueError("write an address, file:/path or env:NAME")
    if not SECRET.fullmatch(value):
        addresses.web_address(value)
    return value


def receiver_id(value: str) -> str:
    """An id, or two with a dot between them: a contact by a personal channel."""
    for part in value.split(".", 1):
        _id(part)
    return value


def _id(value: str) -> str:
    if not _ID.fullmatch(value):
        raise ValueError("an id is 1 to 63 of a-z, 0-9 and -, not starting with -")
    return value


Id = Annotated[str, AfterValidator(_id)]
ReceiverId = Annotated[str, AfterValidator(receiver_id)]
"""A channel, or `CHANNEL.CONTACT`."""
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
TimeOfDay = Annotated[str, words(opening.clock)]
Date = Annotated[str, AfterValidator(_date)]
Ref = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
SecretRef = Annotated[str, StringConstraints(pattern=f"^({SECRET.pattern})$")]
Word = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,255}$")]
"""Printable ASCII without blanks, as names of a protocol are."""
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
MAIL_ADDRESS = rf"^{_ATOM}(\.{_ATOM})*@{_LABEL}(\.{_LABEL})*$"
MailAddress = Annotated[str, StringConstraints(max_length=254, pattern=MAIL_ADDRESS)]
"""As mail servers take it: ASCII."""
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
