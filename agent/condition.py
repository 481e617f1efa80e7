"""What is wrong with this agent itself, in words of a closed list. Pure: measurements are arguments.

It is told, in `/healthz` and as a metric; it takes no result back (`fault.py` does, by what
happened to that very attempt).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from probes.batch import CLOCK_ERROR_LIMIT_MS


class Trouble(StrEnum):
    CLOCK = "clock"
    CONFIG = "config"
    """Of `firstconfig.py`: nothing is measured yet."""
    CPU = "cpu"
    DISK = "disk"
    FILES = "files"
    LAG = "lag"
    MEMORY = "memory"
    NETWORK = "network"
    OVERLOAD = "overload"
    UPLINK = "uplink"


MEANINGS: dict[Trouble, str] = {
    Trouble.CLOCK: "The clock's error exceeds 2 s: results are unknown.",
    Trouble.CONFIG: "No config has come yet: nothing is checked.",
    Trouble.CPU: "The process uses 90 % of a core or more.",
    Trouble.DISK: "Less than 64 MiB are left where the state folder is.",
    Trouble.FILES: "Fewer than 32 file descriptors are left.",
    Trouble.LAG: "The process was held up for more than 500 ms within the last minute.",
    Trouble.MEMORY: "Less than 64 MiB of the host's memory are available.",
    Trouble.NETWORK: "No canary target answers.",
    Trouble.OVERLOAD: "Slots were missed within the last minute.",
    Trouble.UPLINK: "Nothing was delivered for a minute though something waits.",
}

MINUTE_MS = 60_000
BUSY = 0.9
LEFT_BYTES = 64 * 1024 * 1024
LEFT_FILES = 32


@dataclass(frozen=True, slots=True)
class Vitals:
    """One measurement. `*_ago_ms` are None where it never happened, `*_left` where unbounded."""

    clock_error_ms: int = 0
    cpu: float = 0.0
    """Share of one core since the measurement before."""
    disk_left: int | None = None
    files_left: int | None = None
    stalled_ago_ms: int | None = None
    memory_left: int | None = None
    network_lost: bool = False
    missed_ago_ms: int | None = None
    silent_ms: int | None = None
    """Since the last delivery, or the start; None while nothing waits."""


def troubles(vitals: Vitals) -> tuple[Trouble, ...]:
    """In alphabetical order; empty when all is well."""
    found = {
        Trouble.CLOCK: vitals.clock_error_ms > CLOCK_ERROR_LIMIT_MS,
        Trouble.CPU: vitals.cpu >= BUSY,
        Trouble.DISK: _scarce(vitals.disk_left, LEFT_BYTES),
        Trouble.FILES: _scarce(vitals.files_left, LEFT_FILES),
        Trouble.LAG: _lately(vitals.stalled_ago_ms),
        Trouble.MEMORY: _scarce(vitals.memory_left, LEFT_BYTES),
        Trouble.NETWORK: vitals.network_lost,
        Trouble.OVERLOAD: _lately(vitals.missed_ago_ms),
        Trouble.UPLINK: (vitals.silent_ms or 0) >= MINUTE_MS,
    }
    return tuple(trouble for trouble, is_so in found.items() if is_so)


def _scarce(left: int | None, least: int) -> bool:
    return left is not None and left < least


def _lately(ago_ms: int | None) -> bool:
    return ago_ms is not None and ago_ms < MINUTE_MS
