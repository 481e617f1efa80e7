"""What root makes in a folder of the agent's user belongs to that user: else the agent, started the
next time, could not read its own key.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def hand_over(number: int, folder: Path) -> None:
    """`number` is open on what was just made in `folder`. Where root may not give, it stays root's."""
    if os.geteuid() == 0:
        owner = folder.stat()
        with contextlib.suppress(PermissionError):
            os.fchown(number, owner.st_uid, owner.st_gid)
