"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc

YOUNG = 10_000


def settle() -> None:
    """Call when all is open. What start-up made stays, and looking through it takes longer than a
    probe; what runs make is in few cycles.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
