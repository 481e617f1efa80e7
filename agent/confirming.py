"""Which checks this agent has seen go down for certain, by their own `confirm` (semantics 2.2). Pure.

Of this agent alone, without quorum: for the time in which nobody else can be asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probes.contract import Outcome


@dataclass(frozen=True, slots=True)
class Rule:
    """Of one check; `hold_ms` as in semantics 2.1."""

    system: str
    down: int
    up: int
    hold_ms: int


@dataclass(frozen=True, slots=True)
class Failing:
    """Confirmed down since its first failing result; `cause` is the reason of the confirming one."""

    since_ms: int
    cause: str


@dataclass(slots=True)
class _Heard:
    failing: Failing | None = None
    first_ms: int = 0
    """Of the run of failing results; meaningless while `bad` is 0."""
    bad: int = 0
    good: int = 0
    held_ms: int | None = None
    """Until when the newest judged or misconfigured result holds."""


class Confirming:
    """`take` results in order of time; `failing` and `well` are what is certain so far."""

    def __init__(self) -> None:
        self._rules: Mapping[str, Rule] | None = None
        self._heard: dict[str, _Heard] = {}

    def follow(self, rules: Mapping[str, Rule]) -> None:
        """The checks of interest from now on; what is known of those that stay is kept."""
        self._rules = dict(rules)
        self._heard = {name: self._heard.get(name, _Heard()) for name in rules}

    def take(self, check: str, at_ms: int, outcome: Outcome, reason: str) -> bool:
        """Whether what is certain of this check changed."""
        rule = (self._rules or {}).get(check)
        if rule is None or outcome is Outcome.UNKNOWN:
            return False
        heard = self._heard[check]
        if heard.held_ms is not None and at_ms > heard.held_ms:
            heard.bad = heard.good = 0  # a gap: a run goes on only without one
        heard.held_ms = at_ms + rule.hold_ms
        before = (heard.failing, self.is_well(check))
        if outcome is Outcome.DOWN:
            _down(heard, rule, at_ms, reason)
        elif outcome.good:
            heard.good, heard.bad = heard.good + 1, 0
            if heard.good >= rule.up:
                heard.failing = None
        return before != (heard.failing, self.is_well(check))

    def failing(self) -> dict[str, Failing]:
        """By check, those that are confirmed down."""
        return {name: one.failing for name, one in self._heard.items() if one.failing is not None}

    def is_well(self, check: str) -> bool | None:
        """Seen good as often as a recovery needs, since a failure or the start? None: not followed."""
        rule = (self._rules or {}).get(check)
        return None if rule is None else self._heard[check].good >= rule.up

    def system_of(self, check: str) -> str:
        return (self._rules or {})[check].system


def _down(heard: _Heard, rule: Rule, at_ms: int, reason: str) -> None:
    heard.good = 0
    if heard.bad == 0:
        heard.first_ms = at_ms
    heard.bad += 1
    if heard.failing is None and heard.bad >= rule.down:
        heard.failing = Failing(heard.first_ms, reason)
