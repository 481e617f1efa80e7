"""What is asked of a payer in real time, and the X12 that asks it: 270 (005010X279A1), 276 (005010X212).

Pure values in, bytes out. The envelope: X12.5, ISA is 106 bytes; the counts and control numbers of
GE, SE and IEA agree with their beginnings.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from probes import times
from probes.wire.hl7 import control_id

ELEMENT, REPETITION, COMPONENT, TERMINATOR = "*^:~"
_HALF_DAY_MS = 43_200_000
_CONTROLS = 10**8
"""A tenth of a second each: they come again after 115 days."""
_ST = "0001"

Segment = tuple[str, ...]


class Asks(StrEnum):
    """A question by the number of its transaction set."""

    ELIGIBILITY = "270"
    CLAIM_STATUS = "276"

    @property
    def answer(self) -> str:
        """ST01 of the right answer."""
        return "271" if self is Asks.ELIGIBILITY else "277"

    @property
    def function(self) -> str:
        """GS01 of the question."""
        return "HS" if self is Asks.ELIGIBILITY else "HR"

    @property
    def guide(self) -> str:
        """GS08 and ST03 of the question, and of its answer."""
        return "005010X279A1" if self is Asks.ELIGIBILITY else "005010X212"


@dataclass(frozen=True, slots=True)
class Payer:
    """NM1 PR: `id` is the payer's identification (PI) at whoever we are connected to."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Provider:
    """NM1 1P: an organization."""

    npi: str
    name: str


@dataclass(frozen=True, slots=True)
class Member:
    """NM1 IL and DMG: an agreed fake, or one that the payer publishes for tests."""

    id: str
    last_name: str
    first_name: str
    born: date


@dataclass(frozen=True, slots=True)
class Claim:
    """Which claim is asked about. `charge` is text as X12 writes amounts, such as `100` or `99.5`;
    `number` is the payer's own (REF 1K).
    """

    service_date: date
    charge: str | None = None
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What one check asks, the same at each run. `claim` belongs to CLAIM_STATUS."""

    asks: Asks
    payer: Payer
    provider: Provider
    member: Member
    service_type: str = "30"
    """EQ01; 30 is the health benefit plan."""
    claim: Claim | None = None
    production: bool = False
    """ISA15 is P."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """What tells one run from all others."""

    control: int
    """ISA13 and GS06, 1 to 999999999."""
    token: str
    """TRN02 and BHT03, 20 letters and digits."""
    request_id: UUID
    """Of the request around the X12, such as PayloadID."""
    at_ms: int


@dataclass(frozen=True, slots=True)
class Party:
    """ISA05 and ISA06, or ISA07 and ISA08. `application`: GS02 or GS03 where it differs."""

    qualifier: str
    id: str
    application: str | None = None

    @property
    def code(self) -> str:
        return self.application or self.id


@dataclass(frozen=True, slots=True)
class Envelope:
    sender: Party
    receiver: Party
    originator: str = "9WARDWATCH"
    """TRN03, ten characters; 9 says that we chose it."""


def numbers(at_ms: int, chance: int) -> Numbers:
    """Of a run at that instant. `chance`: 128 random bits.

    Nine digits are few: the last is random, the others count tenths of a second, so that a number
    comes again only after 115 days, or when two agents ask within the same tenth, one time in ten.
    """
    tenths = at_ms // 100 % _CONTROLS
    return Numbers(
        (tenths * 10 + chance % 10) or 1,
        control_id(at_ms, chance),
        UUID(int=chance, version=4),
        at_ms,
    )


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of one run."""

    question: Question
    run: Numbers


def luhn(npi: str) -> int:
    """The check digit that belongs behind the first nine digits of an NPI (prefix 80840)."""
    total = 0
    for place, digit in enumerate(reversed("80840" + npi[:9])):
        twice = int(digit) * (1 if place % 2 else 2)
        total += twice // 10 + twice % 10
    return -total % 10


def write(question: Question, run: Numbers, envelope: Envelope) -> bytes:
    """The interchange that asks it."""
    at = _local(run)
    body = _eligibility if question.asks is Asks.ELIGIBILITY else _claim_status
    inner = body(question, run, envelope, at)
    asks, control = question.asks, str(run.control)
    head = ("ST", str(asks), _ST, asks.guide)
    segments = [
        (
            *("GS", asks.function, envelope.sender.code, envelope.receiver.code),
            *(f"{at:%Y%m%d}", f"{at:%H%M}", control, "X", asks.guide),
        ),
        head,
        *inner,
        ("SE", str(len(inner) + 2), _ST),
        ("GE", "1", control),
        ("IEA", "1", f"{run.control:09d}"),
    ]
    text = _isa(question, run, envelope, at) + "".join(_written(one) for one in segments)
    return text.encode("ascii")


def _isa(question: Question, run: Numbers, envelope: Envelope, at: datetime) -> str:
    """Every element as wide as X12.5 says; ISA14 asks for no TA1 where all is well."""
    fields = (
        *("ISA", "00", " " * 10, "00", " " * 10),
        *(f"{envelope.sender.qualifier:<2}", f"{envelope.sender.id:<15}"),
        *(f"{envelope.receiver.qualifier:<2}", f"{envelope.receiver.id:<15}"),
        *(f"{at:%y%m%d}", f"{at:%H%M}", REPETITION, "00501", f"{run.control:09d}"),
        *("0", "P" if question.production else "T", COMPONENT),
    )
    return ELEMENT.join(fields) + TERMINATOR


def _eligibility(
    question: Question, run: Numbers, envelope: Envelope, at: datetime
) -> tuple[Segment, ...]:
    member = question.member
    return (
        ("BHT", "0022", "13", run.token, f"{at:%Y%m%d}", f"{at:%H%M}"),
        ("HL", "1", "", "20", "1"),
        _payer(question),
        ("HL", "2", "1", "21", "1"),
        _provider(question),
        ("HL", "3", "2", "22", "0"),
        ("TRN", "1", run.token, envelope.originator),
        _member(question),
        ("DMG", "D8", f"{member.born:%Y%m%d}"),
        ("DTP", "291", "D8", f"{at:%Y%m%d}"),
        ("EQ", question.service_type),
    )


def _claim_status(
    question: Question, run: Numbers, envelope: Envelope, at: datetime
) -> tuple[Segment, ...]:
    member, claim = question.member, question.claim
    if claim is None:
        raise ValueError("the status of which claim?")
    return (
        ("BHT", "0010", "13", run.token, f"{at:%Y%m%d}", f"{at:%H%M}"),
        ("HL", "1", "", "20", "1"),
        _payer(question),
        ("HL", "2", "1", "21", "1"),
        ("NM1", "41", "2", question.provider.name, "", "", "", "", "46", envelope.sender.code),
        ("HL", "3", "2", "19", "1"),
        _provider(question),
        ("HL", "4", "3", "22", "0"),
        ("DMG", "D8", f"{member.born:%Y%m%d}"),
        _member(question),
        ("TRN", "1", run.token),
        *([("REF", "1K", claim.number)] if claim.number is not None else []),
        *([("AMT", "T3", claim.charge)] if claim.charge is not None else []),
        ("DTP", "472", "D8", f"{claim.service_date:%Y%m%d}"),
    )


def _payer(question: Question) -> Segment:
    return ("NM1", "PR", "2", question.payer.name, "", "", "", "", "PI", question.payer.id)


def _provider(question: Question) -> Segment:
    return ("NM1", "1P", "2", question.provider.name, "", "", "", "", "XX", question.provider.npi)


def _member(question: Question) -> Segment:
    member = question.member
    return ("NM1", "IL", "1", member.last_name, member.first_name, "", "", "", "MI", member.id)


def _local(run: Numbers) -> datetime:
    """X12 has no zones, and payers reject dates that are still to come (TA1 014, AAA 63). At 12 h
    behind UTC every day has begun that is written.
    """
    return times.from_ms(run.at_ms - _HALF_DAY_MS)


def _written(segment: Segment) -> str:
    return ELEMENT.join(segment).rstrip(ELEMENT) + TERMINATOR
