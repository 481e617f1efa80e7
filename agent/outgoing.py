"""What goes to the collector next: after a silence the newest first, then the backlog, oldest
first, and new ones between. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from agent.spool import Spool
from agent.spoolindex import Entry, Place


@dataclass(frozen=True, slots=True)
class Choice:
    """Where the next envelope stands; `fresh` when it was taken as the newest."""

    spool: Spool
    entry: Entry
    fresh: bool

    def behind(self, passed: Place | None) -> Place | None:
        """Where the backlog goes on when this one stays: the newest is not of it."""
        return passed if self.fresh else self.entry.place


class Order:
    """The newest batch tells what holds now; the backlog only what was."""

    def __init__(self) -> None:
        self._told: Place | None = None
        self._backlog_next = False

    def next(self, spools: Sequence[Spool], passed: Place | None) -> Choice | None:
        """Of spools in the order of age, the last of which is written. `passed`: the backlog goes on
        behind it.
        """
        written = spools[-1]
        newest = written.index.newest(written.chain.epoch)
        if newest is not None and not self._is_news(newest):
            newest = None
        old = _behind(spools, passed)
        if old is not None and (newest is None or self._backlog_next or old[1] == newest):
            return Choice(*old, fresh=False)
        return None if newest is None else Choice(written, newest, fresh=True)

    def answered(self, choice: Choice) -> None:
        """The collector said something about it: taken or refused."""
        self._backlog_next = choice.fresh
        if choice.entry.epoch == choice.spool.chain.epoch and self._is_news(choice.entry):
            self._told = choice.entry.place

    def unanswered(self) -> None:
        """Silence: what comes after it begins with the newest."""
        self._backlog_next = False

    def _is_news(self, entry: Entry) -> bool:
        told = self._told
        return told is None or told[0] != entry.epoch or told[1] < entry.first


def _behind(spools: Sequence[Spool], passed: Place | None) -> tuple[Spool, Entry] | None:
    waiting = list(spools)
    if passed is not None:
        for at, spool in enumerate(spools):
            if spool.index.has_epoch(passed[0]):
                found = spool.index.after(passed)
                if found is not None:
                    return spool, found
                waiting = list(spools[at + 1 :])
                break
    for spool in waiting:
        oldest = spool.index.oldest()
        if oldest is not None:
            return spool, oldest
    return None
