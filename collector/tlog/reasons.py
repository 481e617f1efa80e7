"""Why logs begin anew."""

from __future__ import annotations

from enum import StrEnum


class RestartReason(StrEnum):
    """What ended the old ones."""

    RESTORED = "restored"
    COMPROMISED = "compromised"
    RENAMED = "renamed"
