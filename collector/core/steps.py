"""What an explanation is made of: one step a rule, in values only; words come later."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Rule(StrEnum):
    """The clause of the semantics a step applies."""

    HOLD = "semantics 2.1"
    CONFIRMATION = "semantics 2.2"
    INTERMITTENCE = "semantics 2.3"
    QUORUM = "semantics 2.4"
    SYSTEM = "semantics 2.5"
    VERSIONS = "semantics 2, versions"
    AVAILABILITY = "semantics 3"
    MAINTENANCE = "semantics 4"
    INCIDENTS = "semantics 5"


class Reason(StrEnum):
    """Why a step says what it says; each has one sentence."""

    # versions
    IN_FORCE = "in_force"
    WAITED = "waited"
    WAITS = "waits"
    OVERTAKEN = "overtaken"
    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    # hold
    HELD = "held"
    GAP = "gap"
    SILENT = "silent"
    CONFLICT = "conflict"
    NO_INFORMATION = "no_information"
    # confirmation
    GOOD = "good"
    RECOVERED = "recovered"
    SHORT_RECOVERY = "short_recovery"
    OUTAGE = "outage"
    GAP_IN_OUTAGE = "gap_in_outage"
    NOTHING_HOLDS = "nothing_holds"
    BLIP = "blip"
    UNCONFIRMED_GAP = "unconfirmed_gap"
    UNCONFIRMED_YET = "unconfirmed_yet"
    REJECTED = "rejected"
    REJECTED_UNCONFIRMED = "rejected_unconfirmed"
    REJECTED_AFTER_GAP = "rejected_after_gap"
    # intermittence
    INTERMITTENT = "intermittent"
    # quorum
    TOO_FEW = "too_few"
    MAJORITY_DOWN = "majority_down"
    SOME_DOWN = "some_down"
    MAJORITY_DEGRADED = "majority_degraded"
    AGREED_UP = "agreed_up"
    # system and site
    CRITICAL = "critical"
    SUPPORTING = "supporting"
    MEMBER = "member"
    FEED = "feed"
    CRITICAL_DOWN = "critical_down"
    GROUP_DOWN = "group_down"
    CRITICAL_UNKNOWN = "critical_unknown"
    GROUP_UNKNOWN = "group_unknown"
    CRITICAL_DEGRADED = "critical_degraded"
    GROUP_DEGRADED = "group_degraded"
    SUPPORTING_WORSE = "supporting_worse"
    ALL_UP = "all_up"
    NOTHING_COUNTS = "nothing_counts"
    SUPPORTING_UNKNOWN = "supporting_unknown"
    OUTAGE_OPEN = "outage_open"
    # class
    BEFORE_RECORDED = "before_recorded"
    BEFORE_EFFECTIVE = "before_effective"
    NOT_IN_CONFIG = "not_in_config"
    AFTER_NOW = "after_now"
    WINDOW_EXCLUDES = "window_excludes"
    WINDOW_DOES_NOT = "window_does_not"
    EXCLUDED = "excluded"
    STATE = "state"
    # number
    COUNTS = "counts"
    RULED = "ruled"
    NUMBERS = "numbers"


class Subject(StrEnum):
    """What a step speaks of; a voice is one agent's word on one check."""

    VERSION = "version"
    VOICE = "voice"
    SITE_OF_CHECK = "site_of_check"
    CHECK = "check"
    SITE = "site"
    SYSTEM = "system"
    NUMBER = "number"


Value = int | str | None | tuple[str, ...]
"""An integer, an enumerated word, an id, or ids."""


@dataclass(frozen=True, slots=True)
class Step:
    """`verdict` is a state, a class or a column. `instants` are those of the results that decided
    it; `[start, end)` the time it speaks of; all UTC milliseconds. `facts` are counts and ids.
    """

    rule: Rule
    reason: Reason
    subject: Subject
    verdict: str | None
    check: str | None = None
    agent: str | None = None
    site: str | None = None
    instants: tuple[int, ...] = ()
    start: int | None = None
    end: int | None = None
    facts: Mapping[str, Value] = field(default_factory=dict)


class ContradictionError(Exception):
    """An explanation that would not say what the fold says; a defect of ours, never shown."""
