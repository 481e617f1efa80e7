"""What runs that cost money have spent, in one small file of the state folder.

It is on disk before the run begins, so a kill or a power cut costs a run that was counted and not
made, never one that was made and not counted. A disk that cannot be written spends nothing; a file
that cannot be understood spends nothing until the next UTC day, by the wall clock of that moment: torn
while the clock was set back, it forgets the days from then to the true one.
"""

from __future__ import annotations

import logging
from functools import partial
from typing import Annotated

import msgspec

from agent.keptfile import KeptFile
from agent.onethread import Hand
from probes import ledger
from probes.clock import Clock
from probes.envelope import Count
from probes.reasons import Reason

log = logging.getLogger("wardwatch.agent")

NAME = "spent.json"
"""In the state folder."""
VERSION = 1

Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class _Kept(msgspec.Struct, forbid_unknown_fields=True):
    """`closed`: up to the end of that day nobody knows what was spent, for a file before this one
    could not be understood on it.
    """

    version: int
    spent: dict[str, dict[Day, Count]]
    closed: Day | None = None


class KeptLedger:
    """A Ledger. One process a state folder (`disk.StateLock`), so the file is read once."""

    def __init__(self, file: KeptFile, clock: Clock, hand: Hand) -> None:
        self._file = file
        self._clock = clock
        self._hand = hand
        self._kept: _Kept | None = None

    async def spend(self, check: str, per_day: int) -> Reason | None:
        return await self._hand(partial(self._spend, check, per_day))

    def _spend(self, check: str, per_day: int) -> Reason | None:
        today = ledger.day_of(self._clock.now_ms())
        try:
            kept = self._kept or self._read(today)
            if kept.closed is not None and today <= kept.closed:
                return Reason.AGENT_UNCOUNTED
            days = ledger.counted(kept.spent.get(check, {}), today, per_day)
            if days is None:
                return Reason.AGENT_DAILY_CAP
            self._write(_Kept(VERSION, {**kept.spent, check: days}, kept.closed))
        except OSError as error:
            log.error("ledger.not_written errno=%d", error.errno or 0)  # noqa: TRY400 - no foreign text
            return Reason.AGENT_UNCOUNTED
        return None

    def _read(self, today: str) -> _Kept:
        data = self._file.read()
        kept = _Kept(VERSION, {}) if data is None else _decoded(data)
        if kept is None:
            log.error("ledger.unreadable")
            # Written at once: a start later today must not believe that nothing was spent.
            kept = _Kept(VERSION, {}, today)
            self._write(kept)
        self._kept = kept
        return kept

    def _write(self, kept: _Kept) -> None:
        self._file.write(msgspec.json.encode(kept))
        self._kept = kept


def _decoded(data: bytes) -> _Kept | None:
    try:
        kept = msgspec.json.decode(data, type=_Kept)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return kept if kept.version == VERSION else None
