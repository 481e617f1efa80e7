"""How often Python looks for garbage in cycles, and when the C library gives memory back."""

from __future__ import annotations

import ctypes
import gc

YOUNG, MIDDLE, OLD = 500_000, 20, 50
"""New objects before a look at them, and looks before the older ones are looked at, too."""


def look_seldom() -> None:
    """What a collector holds lives long and is in few cycles: at Python's own pace, looking
    through all of it took a third of an evaluation in which thousands of systems change.
    """
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def give_back() -> None:
    """Let the host have what is free: glibc keeps a heap for each thread, and after a backlog an
    eighth of the process was nothing else. Other C libraries do so by themselves.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
