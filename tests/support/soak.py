"""`make soak` runs the same searches and kill loops, longer; mutation testing runs them shorter."""

from __future__ import annotations

import os

SOAKING = os.environ.get("WARDWATCH_SOAK") == "1"
LONGER = 20
FEW = int(os.environ.get("WARDWATCH_EXAMPLES", "0"))
"""Examples of a search at most, the same in every run; 0 for no such limit."""


def longer(count: int) -> int:
    """`count` in `make test`, twenty times as many in `make soak`, few where that was asked for."""
    if FEW:
        return min(count, FEW)
    return count * LONGER if SOAKING else count
