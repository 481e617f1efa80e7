"""`make soak` runs the same searches and kill loops, longer."""

from __future__ import annotations

import os

SOAKING = os.environ.get("WARDWATCH_SOAK") == "1"
LONGER = 20


def longer(count: int) -> int:
    """`count` in `make test`, twenty times as many in `make soak`."""
    return count * LONGER if SOAKING else count
