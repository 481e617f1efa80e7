"""What people do beside the operator's file: acts on windows, corrections after the fact, and
overrides of who is on duty.

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


class OverrideKind(StrEnum):
    """Kinds of journal rows about who is on duty."""

    MADE = "rota.override"
    CANCELLED = "rota.override_cancelled"


@dataclass(frozen=True, slots=True)
class RotaOverride:
    """A contact is on duty in a schedule over `[start, end)`, UTC ms, whatever its layers say.

    `id` is that of its journal row. Nobody was on duty by it before it was made, and nobody is
    after it was cancelled: what was so at an instant is never changed later.
    """

    id: int
    schedule: str
    person: str
    start: int
    end: int
    made: Signed
    cancelled: Signed | None = None

    @property
    def begins(self) -> int:
        return max(self.start, self.made.at)

    @property
    def ends(self) -> int:
        return self.end if self.cancelled is None else min(self.end, self.cancelled.at)

    def known(self, now: int) -> RotaOverride | None:
        """As recorded before `now`; None when it was not yet made."""
        if self.made.at >= now:
            return None
        if self.cancelled is not None and self.cancelled.at >= now:
            return replace(self, cancelled=None)
        return self
