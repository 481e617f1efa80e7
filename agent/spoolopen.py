"""Opens the spool of a folder, or one in memory; says why an epoch begins."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from agent.disk import Disk, MemoryDisk
from agent.spool import Chain, Spool
from agent.spoolfiles import Files, Limits
from agent.spoolload import Loaded, load
from agent.spooltime import SpoolTime
from probes.clock import Clock

SKIPPED_RUNS = 1 << 32
"""Numbers left out where the newest ones could not be read."""


class Anew(StrEnum):
    """Why an epoch begins."""

    NOTHING_THERE = "nothing_there"
    UNREADABLE = "unreadable"
    OTHER_AGENT = "other_agent"
    NO_DISK = "no_disk"
    OLD_COPY = "old_copy"


@dataclass(frozen=True, slots=True)
class Opened:
    """`anew` says why the epoch is a new one; None when the chain goes on."""

    spool: Spool
    loaded: Loaded
    anew: Anew | None


def open_spool(
    disk: Disk,
    limits: Limits,
    clock: Clock,
    agent: tuple[str, str],
    new_epoch: Callable[[], str],
    synced: Callable[[int], None],
) -> Opened:
    """What is there, read; `begin` starts writing. `agent` is (org, agent). DiskError when the
    folder cannot be listed.
    """
    loaded = load(disk)
    known = loaded.chain
    anew: Anew | None = None
    if loaded.doubt:
        anew = Anew.UNREADABLE
        loaded.run += SKIPPED_RUNS
    elif known is None:
        anew = Anew.NOTHING_THERE
    elif (known.org, known.agent) != agent:
        anew = Anew.OTHER_AGENT
    if known is None or anew is not None:
        chain = Chain(*agent, new_epoch())
    else:
        chain = Chain(*agent, known.epoch, known.seq, known.last)
    time = SpoolTime(clock, loaded.stamp_ms, loaded.wall_ms)
    files = Files(disk, limits, clock, loaded.files, loaded.next_file, synced)
    return Opened(Spool(files, time, loaded, chain), loaded, anew)


def spool_in_memory(of: Spool, limits: Limits, epoch: str) -> Spool:
    """Goes on from a spool that cannot write, in an epoch of its own."""
    loaded = Loaded(run=of.run, covered=of.run, unsealed=of.open_runs)
    chain = Chain(of.chain.org, of.chain.agent, epoch)
    files = Files(MemoryDisk(), limits, of.time.clock, loaded.files, loaded.next_file, _not_counted)
    spool = Spool(files, of.time, loaded, chain)
    spool.begin()
    return spool


def _not_counted(_took_ns: int) -> None:
    """Memory syncs nothing."""
