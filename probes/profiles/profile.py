"""What is known of a vendor's FHIR servers, as data. Pure.

Collected from what vendors and their customers publish; nothing of it was tried against a vendor's
server, only against the simulator that plays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from probes.budgets import Budget
from probes.contract import Outcome
from probes.reasons import Reason


@dataclass(frozen=True, slots=True)
class VendorCode:
    """A code of `OperationOutcome.issue.details.coding`; without an outcome it changes nothing."""

    meaning: str
    outcome: Outcome | None = None
    reason: Reason = Reason.FHIR_OUTCOME


Codes = Mapping[str, VendorCode]


@dataclass(frozen=True, slots=True)
class Profile:
    """`record_codes`: issue codes that speak of one record, though they come with a 5xx. `budget` is
    our own choice where the vendor publishes none. `ask`: what to settle before the first check.
    """

    name: str
    title: str
    accept: str = "application/fhir+json"
    budget: Budget | None = None
    codes: Codes = field(default_factory=dict)
    record_codes: frozenset[str] = frozenset()
    quirks: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()


def throttled(meaning: str) -> VendorCode:
    return VendorCode(meaning, Outcome.DEGRADED, Reason.HTTP_THROTTLED)


def ours(meaning: str, reason: Reason = Reason.FHIR_OUTCOME) -> VendorCode:
    """Alive, and it refuses us or what we ask for."""
    return VendorCode(meaning, Outcome.MISCONFIGURED, reason)
