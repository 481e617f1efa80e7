"""What people do to an incident, as values, and what it stands at because of it. Pure.

The rules derive an incident from the truth (`policy.py`); people's acts are laid over it here and
never change it. What the contract leaves open is decided in `collector/SEMANTICS.md`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from alerts.transitions import SELF_RESOLVING


class IncidentState(StrEnum):
    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RECOVERED = "recovered"
    RESOLVED = "resolved"
    CLOSED = "closed"
    MERGED = "merged"
    FALSE_POSITIVE = "false_positive"


class ActKind(StrEnum):
    """`REOPENED` is the rules' own: it ends what people said of the time before. `CAUTIONED` is of a
    receiver; all else people do.
    """

    ACKNOWLEDGED = "acknowledged"
    NOTED = "noted"
    RAISED = "category_set"
    """A category set by a person, up or down; `raised` is what the rules do."""
    RESOLVED = "resolved"
    CLOSED = "closed"
    FALSE_POSITIVE = "false_positive"
    MERGED = "merged"
    RULED = "ruled"
    """Whose fault a rejection by all was."""
    CAUTIONED = "cautioned"
    """What somebody wrote into a ticket looked like a patient's: the ticket is told so, no other."""
    REOPENED = "reopened"


class CategoryReason(StrEnum):
    """Why a person sets a category: a closed list, for free text is no evidence."""

    WIDER_IMPACT = "wider_impact"
    NARROWER_IMPACT = "narrower_impact"
    WORKAROUND_FAILED = "workaround_failed"
    WORKAROUND_WORKS = "workaround_works"
    SAFETY_RULED_OUT = "safety_ruled_out"
    PATIENT_HARMED = "patient_harmed"
    PATIENT_AT_RISK = "patient_at_risk"
    CARE_DELAYED = "care_delayed"
    WRONG_INFORMATION = "wrong_information"


class Ruling(StrEnum):
    """Whose fault it was that a system rejected the monitoring from everywhere."""

    OURS = "ours"
    THEIRS = "theirs"


PATIENT_SAFETY = 4
"""The category that only a person sets."""
SAFETY_REASONS = frozenset(
    {
        CategoryReason.PATIENT_HARMED,
        CategoryReason.PATIENT_AT_RISK,
        CategoryReason.CARE_DELAYED,
        CategoryReason.WRONG_INFORMATION,
    }
)
"""Reasons of category 4; the others are of 1 to 3."""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the journal for a text that is kept apart; `sha256` is of salt and text."""

    sha256: str
    length: int


@dataclass(frozen=True, slots=True)
class Act:
    """One act on one incident, `at` UTC ms. Beside kind, account and instant it holds:

    an acknowledgement `until` (None for a service's); a category its `reason`, `review_by` and,
    for category 4, `aware_on` (ISO date); a merge the key it goes `into`; a `ruling` whose fault a
    rejection by all was; a note, a resolution, a closure or a ruling what stands for its text; a
    caution the `receiver` it is for.
    """

    kind: ActKind
    by: str
    at: int
    by_service: bool = False
    until: int | None = None
    category: int | None = None
    reason: CategoryReason | None = None
    review_by: int | None = None
    aware_on: str | None = None
    into: str | None = None
    typed: Typed | None = None
    ruling: Ruling | None = None
    receiver: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """The incident as the rules have recorded it. `resolved`: they resolved it themselves."""

    recovered_at: int | None
    resolved: bool
    category: int


@dataclass(frozen=True, slots=True)
class Standing:
    """An incident at an instant, acts and all.

    `category` is the one in force, `rules_category` what the rules alone reached.
    `acknowledged`, `category_set`, `ruled` and the endings are the acts that stand; a person's
    acknowledgement that has run out stands no more. `merged_into` is a key.
    """

    state: IncidentState
    category: int
    rules_category: int
    acknowledged: Act | None = None
    category_set: Act | None = None
    resolved: Act | None = None
    closed: Act | None = None
    false_positive: Act | None = None
    merged: Act | None = None
    ruled: Act | None = None
    notes: int = 0

    @property
    def merged_into(self) -> str | None:
        return None if self.merged is None else self.merged.into


def standing(facts: Facts, acts: Iterable[Act], now: int) -> Standing:
    """`acts` in the order they were recorded; a timer due exactly at `now` has not fired."""
    found = Standing(IncidentState.OPEN, facts.category, facts.category)
    for act in acts:
        found = _after(found, act)
    if found.acknowledged is not None and not lasts(found.acknowledged, now):
        found = replace(found, acknowledged=None)
    category = category_in_force(facts.category, found.category_set, now)
    return replace(found, category=category, state=_state(facts, found))


def lasts(acknowledgement: Act, now: int) -> bool:
    """A service's neither stops anything nor runs out."""
    return acknowledgement.until is None or now <= acknowledgement.until


_ENDED_BY_REOPENING = ("acknowledged", "resolved", "closed", "false_positive", "merged")
_STANDS_AS = {
    ActKind.RAISED: "category_set",
    ActKind.RESOLVED: "resolved",
    ActKind.CLOSED: "closed",
    ActKind.FALSE_POSITIVE: "false_positive",
    ActKind.MERGED: "merged",
    ActKind.RULED: "ruled",
}


def _after(found: Standing, act: Act) -> Standing:
    if act.kind is ActKind.REOPENED:
        ended: dict[str, Any] = dict.fromkeys(_ENDED_BY_REOPENING)
        return replace(found, **ended)
    if act.kind is ActKind.CAUTIONED:
        return found
    if act.kind is ActKind.NOTED:
        return replace(found, notes=found.notes + 1)
    if act.kind is ActKind.ACKNOWLEDGED:
        held = found.acknowledged
        by_person = held is not None and not held.by_service and lasts(held, act.at)
        return found if act.by_service and by_person else replace(found, acknowledged=act)
    if act.category == PATIENT_SAFETY:
        # Harm that shows late: whoever may resolves it anew.
        found = replace(found, resolved=None, closed=None, merged=None, false_positive=None)
    changed: dict[str, Any] = {_STANDS_AS[act.kind]: act}
    return replace(found, **changed)


def category_in_force(rules: int, act: Act | None, now: int) -> int:
    """A person's until `review_by`, included; from then on the higher of theirs and the rules'."""
    if act is None or act.category is None:
        return rules
    holds = act.review_by is not None and now <= act.review_by
    return act.category if holds else max(act.category, rules)


def _state(facts: Facts, found: Standing) -> IncidentState:
    if found.merged is not None:
        return IncidentState.MERGED
    if found.false_positive is not None:
        return IncidentState.FALSE_POSITIVE
    if facts.recovered_at is None:
        held = found.acknowledged
        by_person = held is not None and not held.by_service
        return IncidentState.ACKNOWLEDGED if by_person else IncidentState.OPEN
    if found.closed is not None:
        return IncidentState.CLOSED
    person = found.category_set
    waits = person is not None and (person.category or 0) > SELF_RESOLVING
    by_itself = facts.resolved and not waits
    ended = found.resolved is not None or by_itself
    return IncidentState.RESOLVED if ended else IncidentState.RECOVERED
