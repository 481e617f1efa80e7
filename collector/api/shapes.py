"""Shapes that several answers share. Every answer is one of these types, word for word: the
OpenAPI document is made of them, and tests hold each answer against them.

Instants are RFC 3339 in UTC with milliseconds; percentages text with four decimals, cut off;
null where a number is undefined.
"""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from alerts.events import State

Instant = str
Percent = str | None


class Percents(TypedDict):
    known: Percent
    min: Percent
    max: Percent
    coverage: Percent


class Amounts(Percents):
    """Milliseconds by class, and what follows from them."""

    eligible_ms: int
    up_ms: int
    degraded_ms: int
    down_ms: int
    unknown_ms: int
    excluded_ms: int
    not_monitored_ms: int


class Outage(TypedDict):
    """`end` is null while it lasts; the bounds say how long it can have been (semantics 3)."""

    start: Instant
    end: Instant | None
    min_ms: int | None
    max_ms: int | None


class Period(TypedDict):
    start: Instant
    end: Instant
    now: Instant
    finished: bool


class InState(TypedDict):
    state: State
    since: Instant | None


class ProblemAt(TypedDict):
    """`path` names the parameter or field; "" is the whole body. `line` is of a file that was sent."""

    line: NotRequired[int]
    path: str
    message: str


class _Problem(TypedDict):
    type: Literal["about:blank"]
    title: str
    status: int
    code: str


class Problem(_Problem, total=False):
    """RFC 9457. `code` is stable, everything else may be reworded."""

    detail: str
    problems: list[ProblemAt]
    about: str
    """Id of the thing that stands in the way."""
    needs: str
    """The permission that was missing."""
    now_ms: int
    """The collector's clock, where the agent's is too far from it."""
    reason: str
    longest_ms: int
    closes_at: Instant
    """When a period that is open closes."""
    digest: str
    file: str
    place: str
    state: str
    """Of the incident, or the agent's key, that stands in the way."""
    needed: list[str]
    """In which of these states it is done."""
