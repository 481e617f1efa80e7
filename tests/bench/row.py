"""One line of the table: a figure of ours beside a peer's, as a ratio with a goal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

NEAR = 0.05
"""How far from a pace somebody may be who has held it, as a share of it."""


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `peer` in `unit`; `beside` names the peer. `at_least`: the ratio is to reach the
    goal; otherwise it is not to exceed it. `more`: whatever else was seen. `off_pace` names who
    did other work than was agreed: such a row compares nothing and is not met.
    """

    name: str
    ours: float
    beside: str
    peer: float
    unit: str
    goal: float
    at_least: bool = False
    more: dict[str, Any] = field(default_factory=dict)
    off_pace: tuple[str, ...] = ()

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def met(self) -> bool:
        if self.off_pace:
            return False
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def document(self) -> dict[str, Any]:
        found = asdict(self) | {"ratio": round(self.ratio, 4), "met": self.met}
        return found | {"ours": round(self.ours, 2), "peer": round(self.peer, 2)}

    def cells(self) -> tuple[str, ...]:
        goal = f"{'>=' if self.at_least else '<='} {self.goal:g}"
        figures = (f"{self.ours:,.1f}", self.beside, f"{self.peer:,.1f}", self.unit)
        met = f"NO: {', '.join(self.off_pace)}" if self.off_pace else "yes" if self.met else "NO"
        return (self.name, *figures, f"{self.ratio:.3f}", goal, met)


def off_pace(pace: float, rates: Mapping[str, Iterable[float]]) -> tuple[str, ...]:
    """Who was too slow or too fast in any round, each with the rate that was farthest off."""
    worst = {name: max(found, key=lambda rate: abs(rate - pace)) for name, found in rates.items()}
    return tuple(
        f"{name} {rate:.0f}/s of {pace:.0f}/s"
        for name, rate in worst.items()
        if not abs(rate - pace) <= pace * NEAR
    )
