"""How often Python looks for garbage in cycles."""

from __future__ import annotations

import gc

YOUNG, MIDDLE, OLD = 500_000, 20, 50
"""New objects before a look at them, and looks before the older ones are looked at, too."""


def look_seldom() -> None:
    """What a collector holds lives long and is in few cycles: at Python's own pace, looking
    through all of it took a third of an evaluation in which thousands of systems change.
    """
    gc.set_threshold(YOUNG, MIDDLE, OLD)
