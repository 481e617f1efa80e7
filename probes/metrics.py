"""The metric catalogue: every series Wardwatch exposes, in one place.

`/metrics` of agent and collector, the documentation and the dashboards are checked against it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` as it appears in the exposition (counters with `_total`)."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str
    where: Literal["agent", "collector"]


METRICS: tuple[Metric, ...] = ()
