"""Acts of two people on one incident of category 3, at the instant 100."""

from __future__ import annotations

from typing import Any

from alerts.people import Act, ActKind, Facts, Standing, standing

ANN, BOB = "ann", "bob"
CLOCK = 100


def facts(**changes: Any) -> Facts:
    return Facts(**({"recovered_at": None, "resolved": False, "category": 3} | changes))


def act(kind: ActKind, by: str = ANN, at: int = CLOCK, **more: Any) -> Act:
    """An acknowledgement of a person lasts 30, a category holds for 120."""
    if kind is ActKind.ACKNOWLEDGED and not more.get("by_service"):
        more.setdefault("until", at + 30)
    if kind is ActKind.RAISED:
        more.setdefault("review_by", at + 120)
    return Act(kind, by, at, **more)


def stands(*acts: Act, at: int = CLOCK, **changes: Any) -> Standing:
    return standing(facts(**changes), acts, at)
