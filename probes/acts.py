"""What people do beside the operator's file: acts on windows, and corrections after the fact.

Values only. The journal holds them as rows; `collector/acts.py` reads those.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from probes.config_windows import Window


class ActKind(StrEnum):
    """Kinds of journal rows about a window."""

    PROPOSED = "window.proposed"
    APPROVED = "window.approved"
    CANCELLED = "window.cancelled"
    FINISHED = "window.finished"


@dataclass(frozen=True, slots=True)
class WindowAct:
    """One recorded act. `at` (UTC ms) is the later of the claimed and the recorded time.

    `digest` names the exact content proposed or approved; `window` is there for a proposal only.
    """

    kind: ActKind
    id: str
    by: str
    at: int
    ref: str | None = None
    digest: str | None = None
    window: Window | None = None


class CorrectionKind(StrEnum):
    """Kinds of journal rows about a correction."""

    REQUESTED = "correction.requested"
    APPROVED = "correction.approved"


class CorrectAs(StrEnum):
    """What the time is to count as."""

    EXCLUDED = "excluded"
    UP = "up"
    DOWN = "down"


class CorrectionReason(StrEnum):
    """Why time is corrected: a closed list, for what people type freely is no evidence."""

    MAINTENANCE_NOT_RECORDED = "maintenance_not_recorded"
    CUSTOMER_NETWORK = "customer_network"
    CUSTOMER_POWER = "customer_power"
    CUSTOMER_REFUSED_CHANGE = "customer_refused_change"
    THIRD_PARTY = "third_party"
    FORCE_MAJEURE = "force_majeure"
    URGENT_SECURITY_CHANGE = "urgent_security_change"
    PROBE_AT_FAULT = "probe_at_fault"
    NOT_SEEN_BY_PROBES = "not_seen_by_probes"


@dataclass(frozen=True, slots=True)
class Signed:
    """Who, when (UTC ms, as an act's), and the number of a change or ticket."""

    by: str
    at: int
    ref: str | None = None


@dataclass(frozen=True, slots=True)
class Correction:
    """A request to count `[start, end)` of a system differently; nothing counts unapproved."""

    id: str
    system: str
    start: int
    end: int
    counts_as: CorrectAs
    reason: CorrectionReason
    requested: Signed
    approved: Signed | None = None

    def known(self, now: int) -> Correction | None:
        """As recorded before `now`; None when it was not yet requested."""
        if self.requested.at >= now:
            return None
        if self.approved is not None and self.approved.at >= now:
            return replace(self, approved=None)
        return self
