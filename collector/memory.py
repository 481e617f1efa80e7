"""How often Python looks for garbage in cycles, and what the C library keeps and gives back."""

from __future__ import annotations

import ctypes
import gc

YOUNG, MIDDLE, OLD = 500_000, 20, 50
"""New objects before a look at them, and looks before the older ones are looked at, too."""
HEAPS = 2
M_ARENA_MAX = -8
"""As in glibc's malloc.h."""


def look_seldom() -> None:
    """What a collector holds lives long and is in few cycles: at Python's own pace, looking
    through all of it took a third of an evaluation in which thousands of systems change.
    """
    gc.set_threshold(YOUNG, MIDDLE, OLD)


def share_heaps() -> None:
    """Before there are threads. glibc makes a heap for each, of which nine parts in ten stayed
    empty: ours take turns anyway. Other C libraries have none of these.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, HEAPS)


def give_back() -> None:
    """Let the host have what is free: after a backlog an eighth of the process was nothing else.
    Other C libraries do so by themselves.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
