"""Answers of a clearinghouse or payer as values: 271, 277, 999 and TA1. Total: any bytes give one.

Of what came remain codes from closed lists, and whether something was there; names, numbers and
amounts of people are never taken out. What answers somebody else's question is dropped whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.x12 import (
    MAX_BYTES,
    Fault,
    Group,
    Interchange,
    Segment,
    Transaction,
    X12Error,
    element,
    read,
)
from probes.wire.x12_question import Asks, Numbers

Verdict = tuple[Outcome, Reason]

FOREIGN: Verdict = (Outcome.DEGRADED, Reason.X12_FOREIGN_ANSWER)
MALFORMED: Verdict = (Outcome.DOWN, Reason.X12_MALFORMED)
NOT_X12: Verdict = (Outcome.DOWN, Reason.X12_NOT_X12)
TRUNCATED: Verdict = (Outcome.DOWN, Reason.X12_TRUNCATED)
WRONG_ANSWER: Verdict = (Outcome.DOWN, Reason.X12_WRONG_ANSWER)

_FAULTS = {
    Fault.NOT_X12: NOT_X12,
    Fault.TRUNCATED: TRUNCATED,
    Fault.TOO_LONG: (Outcome.MISCONFIGURED, Reason.HTTP_TOO_LARGE),
}

T4 = 904
"""The number that stands for AAA03 `T4`, the one code that is none."""
AAA_CODES = frozenset({4, 15, *range(33, 36), *range(41, 81), 97, T4})
"""AAA03 of 005010X279A1; any other is `None`."""
TA1_NOTES = frozenset(range(32))


class Loop(StrEnum):
    """Where in a 271 an AAA stands tells whose it is."""

    CLEARINGHOUSE = "2000A"
    """Before the payer is named: whoever we are connected to."""
    PAYER = "2100A"
    PROVIDER = "2100B"
    MEMBER = "2100C"
    """The subscriber or the dependent (2100D), and what is asked of them (2110)."""


class FollowUp(Enum):
    """AAA04, as the number that a fact has."""

    C = 1
    """Correct and resubmit."""
    N = 2
    """Resubmission not allowed."""
    P = 3
    """Resubmit the original."""
    R = 4
    """Resubmission allowed."""
    S = 5
    """Do not resubmit; passed to a third party."""
    W = 6
    """Wait 30 days."""
    X = 7
    """Wait 10 days."""
    Y = 8
    """Do not resubmit; they hold it and will answer."""


class Category(StrEnum):
    """STC01-1 of a 277 by what it says of who answers."""

    ANSWERED = "answered"
    """A, D, F, P or R: the payer looked, whatever it found."""
    E0 = "E0"
    E1 = "E1"
    E2 = "E2"
    E3 = "E3"
    E4 = "E4"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One AAA. `code`: AAA03 as a number, None when it is in no list; `valid`: AAA01, our request
    was valid all the same (Y), so it is theirs.
    """

    loop: Loop
    code: int | None
    valid: bool | None = None
    follow_up: FollowUp | None = None


@dataclass(frozen=True, slots=True)
class Interim:
    """An acknowledgement came instead of an answer: TA1 or 999. `note` is TA105."""

    accepted: bool
    is_ta1: bool
    note: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """Of our own question. `has_benefits`: EB01 is there and says more than that it cannot be
    processed.
    """

    rejections: tuple[Rejection, ...] = ()
    has_benefits: bool = False
    categories: tuple[Category, ...] = ()
    interim: Interim | None = None


def aaa_code(text: str) -> int | None:
    """AAA03, or the same code as an interface in JSON has it."""
    if text == "T4":
        return T4
    if not (text.isascii() and text.isdigit() and len(text) <= 2):
        return None
    return int(text) if int(text) in AAA_CODES else None


def category(text: str) -> Category | None:
    """STC01-1 at the beginning of a text, or alone."""
    code = text[:2].upper()
    if code in _CATEGORIES:
        return Category(code)
    return Category.ANSWERED if code[:1] in _ANSWERED and code[1:].isalnum() else None


def follow_up(text: str) -> FollowUp | None:
    """AAA04."""
    return FollowUp.__members__.get(text)


def read_answer(
    data: bytes, asks: Asks, run: Numbers, max_bytes: int = MAX_BYTES
) -> Answer | Verdict:
    """The answer to the question of that run, or why there is none in these bytes."""
    try:
        interchanges = read(data, max_bytes)
    except X12Error as error:
        return _FAULTS.get(error.fault, MALFORMED)
    groups = [group for found in interchanges for group in found.groups]
    sets = [one for group in groups for one in group.transactions]
    right = [
        (one, group) for group in groups for one in group.transactions if one.name == asks.answer
    ]
    if right:
        return _whole(right, asks, run)
    if any(one.name == "999" for one in sets):
        return _acknowledged([one for one in sets if one.name == "999"], asks, run)
    return WRONG_ANSWER if sets else _noted(interchanges, run)


def _whole(found: list[tuple[Transaction, Group]], asks: Asks, run: Numbers) -> Answer | Verdict:
    (answer, group), *others = found
    if others or not _is_ours(answer, run):
        return FOREIGN
    segments = answer.segments
    if not (element(segments[0], 3) or group.guide).startswith(asks.guide[:10]):
        return WRONG_ANSWER
    if asks is Asks.CLAIM_STATUS:
        return Answer(categories=tuple(_categories(segments)))
    told = {element(one, 1) for one in segments if one[0] == "EB"}
    return Answer(tuple(_rejections(segments)), bool(told - {"", "V"}))


def _is_ours(found: Transaction, run: Numbers) -> bool:
    """Our trace where one is (TRN01 `2`), else BHT03. Whatever speaks of a member has our trace; an
    AAA of clearinghouse or payer has no place for one.
    """
    traces = {element(one, 2) for one in found.segments if one[:2] == ("TRN", "2")}
    if traces:
        return run.token in traces  # others are of those it came through
    named = next((element(one, 3) for one in found.segments if one[0] == "BHT"), "")
    if named:
        return named == run.token
    return not any(
        one[0] in {"EB", "STC"} or (one[0] == "HL" and element(one, 3) in {"22", "23"})
        for one in found.segments
    )


def _rejections(segments: Iterable[Segment]) -> Iterator[Rejection]:
    loop = Loop.CLEARINGHOUSE
    for one in segments:
        if one[0] == "HL":
            loop = _LEVELS.get(element(one, 3), Loop.MEMBER)
        elif one[0] == "NM1" and loop is Loop.CLEARINGHOUSE:
            loop = Loop.PAYER
        elif one[0] == "AAA":
            valid = {"Y": True, "N": False}.get(element(one, 1))
            yield Rejection(loop, aaa_code(element(one, 3)), valid, follow_up(element(one, 4)))


_LEVELS = {"20": Loop.CLEARINGHOUSE, "21": Loop.PROVIDER}
_ANSWERED = frozenset("ADFPR")
_CATEGORIES = frozenset(Category) - {Category.ANSWERED}


def _categories(segments: Iterable[Segment]) -> Iterator[Category]:
    for one in segments:
        if one[0] == "STC":
            # The first component: whatever separates them is no letter and no digit.
            known = category(element(one, 1))
            if known is not None:
                yield known


def _acknowledged(found: list[Transaction], asks: Asks, run: Numbers) -> Answer | Verdict:
    """AK1 names the group we sent, AK9 says what became of it; IK5 of the set inside."""
    if len(found) > 1:
        return FOREIGN
    by_name = {one[0]: one for one in found[0].segments}
    group, outcome = by_name.get("AK1"), by_name.get("AK9")
    if group is None or outcome is None:
        return MALFORMED
    if (element(group, 1), _number(element(group, 2))) != (asks.function, run.control):
        return FOREIGN
    codes = {element(outcome, 1), *(element(s, 1) for s in found[0].segments if s[0] == "IK5")}
    if not codes <= _OUTCOMES:
        return MALFORMED
    return Answer(interim=Interim(codes <= _ACCEPTED, is_ta1=False))


_ACCEPTED = frozenset({"A", "E"})
_OUTCOMES = _ACCEPTED | {"M", "P", "R", "W", "X"}


def _noted(interchanges: Iterable[Interchange], run: Numbers) -> Answer | Verdict:
    notes = [one for found in interchanges for one in found.notes if one[0] == "TA1"]
    if not notes:
        return WRONG_ANSWER
    if len(notes) > 1 or _number(element(notes[0], 1)) != run.control:
        return FOREIGN
    if element(notes[0], 4) not in {"A", "E", "R"}:
        return MALFORMED
    note = _number(element(notes[0], 5))
    accepted = element(notes[0], 4) != "R"
    return Answer(interim=Interim(accepted, is_ta1=True, note=note if note in TA1_NOTES else None))


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
