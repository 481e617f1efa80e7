"""What the kinds that visit an SFTP server share: the library, their reasons, one verdict of steps."""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Sequence
from types import ModuleType

from probes.contract import Outcome, Step
from probes.net import CONNECT_REASONS
from probes.reasons import Reason

log = logging.getLogger("wardwatch.agent")

SFTP_REASONS = CONNECT_REASONS | {
    Reason.OK,
    Reason.AGENT_CONFIG,
    Reason.AGENT_SECRET,
    Reason.SFTP_ALGORITHMS,
    Reason.SFTP_AUTH,
    Reason.SFTP_CLOSED,
    Reason.SFTP_FAILURE,
    Reason.SFTP_HOST_KEY,
    Reason.SFTP_NOT_SSH,
    Reason.SFTP_NO_BANNER,
    Reason.SFTP_NO_FOLDER,
    Reason.SFTP_NO_SFTP,
    Reason.SFTP_PERMISSION,
    Reason.SFTP_PROTOCOL,
    Reason.SFTP_TIMEOUT,
    Reason.SFTP_TOO_MANY,
}
"""What a visit can end with, whatever it is for."""
_WORST = (Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)


def need_library() -> None:
    """For `config check`; raises ModuleNotFoundError."""
    if importlib.util.find_spec("asyncssh") is None:
        raise ModuleNotFoundError(name="asyncssh")


async def visiting(kind: str) -> ModuleType | None:
    """`probes.sftp_visit`, which needs asyncssh; None without it, and the log says what to install.

    In a thread: asyncssh takes a third of a second the first time.
    """
    try:
        return await asyncio.to_thread(importlib.import_module, "probes.sftp_visit")
    except ModuleNotFoundError:
        log.error("kind.library_missing kind=%s extra=sftp", kind)  # noqa: TRY400 - a code says it
        return None


def verdict(steps: Sequence[Step]) -> tuple[Outcome, Reason]:
    """Of two that are as bad the first speaks: the other may follow from it."""
    outcome = next(one for one in _WORST if any(step.outcome is one for step in steps))
    return outcome, next(step.reason for step in steps if step.outcome is outcome)
