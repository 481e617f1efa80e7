"""One line of the table: a figure of ours beside a peer's, as a ratio with a goal."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `peer` in `unit`; `beside` names the peer. `at_least`: the ratio is to reach the
    goal; otherwise it is not to exceed it. `more`: whatever else was seen.
    """

    name: str
    ours: float
    beside: str
    peer: float
    unit: str
    goal: float
    at_least: bool = False
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float:
        return self.ours / self.peer

    @property
    def met(self) -> bool:
        return self.ratio >= self.goal if self.at_least else self.ratio <= self.goal

    def document(self) -> dict[str, Any]:
        found = asdict(self) | {"ratio": round(self.ratio, 4), "met": self.met}
        return found | {"ours": round(self.ours, 2), "peer": round(self.peer, 2)}

    def cells(self) -> tuple[str, ...]:
        goal = f"{'>=' if self.at_least else '<='} {self.goal:g}"
        figures = (f"{self.ours:,.1f}", self.beside, f"{self.peer:,.1f}", self.unit)
        return (self.name, *figures, f"{self.ratio:.3f}", goal, "yes" if self.met else "NO")
