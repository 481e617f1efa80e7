"""Tickets found of an incident against the last message that the receiver took: what is to be mended. Pure.

Semantics 7: open incidents are compared with open tickets, both ways. What the last message said is
what the receiver should show; while another waits in the outbox, that one has the word.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeAlias, runtime_checkable

from alerts.channel import Receipt
from alerts.lookup import Found, Move, Standing, ended, first
from alerts.outbox import Message
from alerts.people import ActKind, IncidentState
from alerts.ticket import Stage, Ticket
from alerts.transitions import TransitionKind

FIRST_MS = 300_000
"""How long after a message its ticket is looked at; an index that lags longer is waited for."""
EVERY_MS = 900_000
"""How often then, while the incident goes on."""
AFTER_MS = (300_000, 1_200_000, 3_600_000, 21_600_000, 86_400_000)
"""How long after the last message of an incident that is over: for doubles that come to light late."""
GRACE_MS = 3_600_000
"""A look that comes later than this, as after a day without a collector, is no longer made."""
MOST_MADE = 3
"""So often a ticket is made again between two messages: one that we never see is lost in our eyes only,
as where we may no longer read what we write. Of so many incidents at most, where none shows.
"""
LONGEST_MS = 21_600_000
"""The longest wait: who undoes again and again what was mended is asked less and less often."""
RAISES = frozenset({TransitionKind.RAISED.value, ActKind.RAISED.value})
"""Steps that say a higher priority."""
GOING_ON = frozenset({IncidentState.OPEN, IncidentState.ACKNOWLEDGED, IncidentState.RECOVERED})


class Remedy(StrEnum):
    """What is done with the tickets of an incident."""

    MISSING = "missing"
    """There is none, and those that were made again do not show, either: a person has to look."""
    NOTHING = "nothing"
    """They are as the last message left them."""
    LEFT = "left"
    """People decided otherwise, and that stands: they took it up again after the end, or ended it
    when the trouble was over.
    """
    CREATED = "created"
    """There was none any more."""
    FOLLOWED = "followed"
    """It was closed for good while the incident goes on: a new one names it."""
    REOPENED = "reopened"
    """It was resolved while the incident goes on."""
    RESOLVED = "resolved"
    """It was open though the incident is over."""
    RAISED = "raised"
    """It had a lower priority than the last message said."""
    ADOPTED = "adopted"
    """People's own ticket has our key: it stays, and those we made are resolved."""
    DOUBLES = "doubles"
    """Others of our key were open beside it; they are resolved."""


QUIET = frozenset({Remedy.NOTHING, Remedy.LEFT, Remedy.MISSING})
"""Nothing is written."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last message of an incident to a receiver, beside its text.

    `speaks`: the incident tells of itself: it is neither silent nor said by another. `fresh`: nobody
    has looked since that message. `unseen`: all was said before the receiver's index showed a ticket,
    so the end may have reached none. `made`: how many were made again since that message. `sees`:
    the receiver has shown us tickets lately, or there is no sign yet that it never will.
    """

    speaks: bool = True
    fresh: bool = True
    unseen: bool = False
    made: int = 0
    sees: bool = True


@dataclass(frozen=True, slots=True)
class Mend:
    """`keep` is written to and moved; or, where `create`, a new one is made. `before`: the one that is
    closed for good, which a new one names.
    """

    remedy: Remedy
    keep: Found | None = None
    create: bool = False
    move: Move | None = None
    rank: bool = False
    doubles: tuple[Found, ...] = ()
    before: Found | None = None

    @property
    def writes(self) -> bool:
        return self.remedy not in QUIET


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found, oldest first, and what was done, or would be. `receipt` is of the last call;
    `done` is False where nothing was to be written, or nobody let us.
    """

    receipt: Receipt
    mend: Mend
    found: tuple[Found, ...]
    done: bool


May: TypeAlias = Callable[[Mend], Awaitable[bool]]
"""Asked before anything is written: is the word still ours?"""


@runtime_checkable
class Reconciles(Protocol):
    """A channel whose receiver can be asked what it has of our key."""

    @property
    def index_delay(self) -> int:
        """How long a ticket may stay hidden from a search, ms."""
        ...

    async def reconcile(self, message: Message, last: Last, may: May) -> Looked | Receipt:
        """Compare and mend; a receipt where the receiver did not let us."""
        ...


@runtime_checkable
class Retells(Protocol):
    """A channel whose receiver forgets what it is not told again."""

    async def retell(self, messages: Sequence[Message]) -> Receipt:
        """Each the last of its incident: the state is told again, in one go."""
        ...


class Adoption(StrEnum):
    """What came of putting our key on a ticket that people made."""

    ADOPTED = "adopted"
    UNKNOWN = "unknown"
    """The receiver has no such ticket, or shows us none."""
    TAKEN = "taken"
    """It has another key: another program's, or that of another incident."""
    OVERTAKEN = "overtaken"
    """We may not write any more."""


@runtime_checkable
class Adopts(Protocol):
    """A channel that can put our key on a ticket that people made."""

    async def adopt(
        self, name: str, key: str, may: Callable[[], Awaitable[bool]]
    ) -> Adoption | Receipt:
        """`name`: as people there call it; `key`: of all our messages of an incident to it."""
        ...


def plan(ticket: Ticket, found: Sequence[Found], level: int, last: Last) -> Mend:
    """`found`: all tickets of our key, oldest first; `level` of `ticket`, the last that was said."""
    opened = [one for one in found if one.is_open]
    if ticket.stage in (Stage.DONE, Stage.TOLD):
        return _of_over(found, opened, last)
    if opened:
        return _of_open(opened, ticket, level, last)
    return _of_ended(found, ticket, last)


def _of_open(opened: Sequence[Found], ticket: Ticket, level: int, last: Last) -> Mend:
    keep = first(opened)
    doubles = tuple(one for one in opened if one is not keep)
    said_so = last.fresh and ticket.step_code in RAISES
    rank = said_so and keep.level is not None and level < keep.level
    if doubles:
        remedy = Remedy.DOUBLES if keep.ours else Remedy.ADOPTED
    else:
        remedy = Remedy.RAISED if rank else Remedy.NOTHING
    return Mend(remedy, keep, rank=rank, doubles=doubles)


def _of_ended(found: Sequence[Found], ticket: Ticket, last: Last) -> Mend:
    """Nothing is open there, though the incident is."""
    if ticket.stage is Stage.RECOVERED or not last.speaks:
        return Mend(Remedy.LEFT if found else Remedy.NOTHING)
    keep = ended(found)
    if keep is not None:
        return Mend(Remedy.REOPENED, keep, move=Move.REOPEN)
    if last.made >= MOST_MADE or not (found or last.sees):
        return Mend(Remedy.LEFT if found else Remedy.MISSING)
    move = Move.ACKNOWLEDGE if ticket.stage is Stage.ACKNOWLEDGED else None
    if found:
        return Mend(Remedy.FOLLOWED, create=True, move=move, before=found[-1])
    return Mend(Remedy.CREATED, create=True, move=move)


def _of_over(found: Sequence[Found], opened: Sequence[Found], last: Last) -> Mend:
    """The end was told: what is still new was hidden from it. What somebody works on was taken up
    again, unless the end cannot have reached it.
    """
    held = [one for one in opened if one.standing is Standing.TAKEN and not last.unseen]
    rest = [one for one in opened if one not in held]
    if not rest:
        return Mend(Remedy.LEFT if held else Remedy.NOTHING)
    anchor = first(held) if held else ended(found)
    if anchor is not None:
        return Mend(Remedy.DOUBLES, anchor, doubles=tuple(rest))
    keep = first(rest)
    doubles = tuple(one for one in rest if one is not keep)
    return Mend(Remedy.RESOLVED, keep, move=Move.RESOLVE, doubles=doubles)


def next_look(
    taken_at: int, looked_at: int | None, mends: int, now: int, *, over: bool, lag: int
) -> int | None:
    """When the tickets of a pair are looked at next; None: never again.

    `taken_at`: when the receiver took the last message; `looked_at`: when somebody last looked since,
    None: nobody did; `mends`: how often something was mended since. `lag` is the index delay.
    """
    if not over:
        if looked_at is None:
            return taken_at + max(FIRST_MS, lag)
        return looked_at + max(lag, min(EVERY_MS << min(mends, 10), LONGEST_MS))
    since = max(taken_at if looked_at is None else looked_at, now - GRACE_MS)
    return next((at for d in AFTER_MS if (at := taken_at + max(d, lag)) > since), None)
