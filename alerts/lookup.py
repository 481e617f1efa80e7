"""What is to be done with the tickets a receiver has of our key. Pure.

For receivers that file by no key of ours but can be asked for it (`lookup`, semantics 7). What people
chose there stands: a ticket only goes forward (taken, resolved), and is opened again only where our
incident was.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from alerts.people import ActKind
from alerts.ticket import DUES, Stage, Ticket
from alerts.transitions import TransitionKind

_DIGEST_CHARS = 32
TICKET = r"#?[A-Z]{0,10}-?[0-9]{1,18}|[A-Z][A-Z0-9_]{1,20}-[0-9]{1,18}"
"""How tickets are called: what a receiver names otherwise is repeated nowhere else."""
_OVER = (Stage.DONE, Stage.TOLD)
CAUTION = ActKind.CAUTIONED.value
REOPENINGS = frozenset({TransitionKind.REOPENED.value, ActKind.RAISED.value})
"""Steps that open a resolved ticket again: the trouble is back, or a person set the category of an
incident that is open, as category 4 opens again what people had ended.
"""


class Standing(StrEnum):
    """What a ticket stands at in the receiver."""

    NEW = "new"
    """Open, and nobody has taken it."""
    TAKEN = "taken"
    """Open, in whatever state people have put it."""
    RESOLVED = "resolved"
    """Over; it can be opened again."""
    CLOSED = "closed"
    """Over for good."""


class Move(StrEnum):
    """Where a ticket goes from where it stands."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True)
class Found:
    """A ticket of our key. `level` is how serious the receiver has it, lower is more serious, in the
    channel's own scale; None where it cannot be told. `ours`: we made it, as far as the receiver
    tells; else people made it and put our key on it.
    """

    id: str
    """As it stands in addresses."""
    name: str
    """As people there call it."""
    standing: Standing
    level: int | None = None
    ours: bool = True

    @property
    def is_open(self) -> bool:
        return self.standing in (Standing.NEW, Standing.TAKEN)


@dataclass(frozen=True, slots=True)
class Work:
    """`create` a ticket or write to `keep`, and move it; then resolve the `doubles` of `keep`."""

    create: bool = False
    keep: Found | None = None
    move: Move | None = None
    rank: bool = False
    """The receiver's priority is to be written, too."""
    doubles: tuple[Found, ...] = ()


def plan(found: Sequence[Found], ticket: Ticket, level: int) -> Work:
    """`found`: all the receiver shows of our key, oldest first; `level` of the ticket.

    Several open ones were made while the receiver's index lagged: one stays (`first`).
    """
    opened = [one for one in found if one.is_open]
    if opened:
        keep = first(opened)
        return _of_open(keep, tuple(one for one in opened if one is not keep), ticket, level)
    if ticket.stage in _OVER:
        return _of_over(found, ticket)
    return _of_ended(found, ticket, level)


def first(found: Sequence[Found]) -> Found:
    """Which of several stays: one that people made before ours, then the oldest."""
    return next((one for one in found if not one.ours), found[0])


def ended(found: Sequence[Found]) -> Found | None:
    """Of those that are over the one that can be opened again. Several were resolved as doubles of the
    first; after one that is closed for good comes another, which follows it.
    """
    resolved: list[Found] = []
    following: list[Found] = []
    for one in found:
        if one.standing is Standing.CLOSED:
            following = []
        elif one.standing is Standing.RESOLVED:
            resolved.append(one)
            following.append(one)
    return first(following or resolved) if resolved else None


def _of_open(keep: Found, doubles: tuple[Found, ...], ticket: Ticket, level: int) -> Work:
    if ticket.stage in _OVER:
        # Its end was told before: who works on it since, perhaps reopened it, is reminded and no more.
        reminds = ticket.step_code in DUES or ticket.step_code == CAUTION
        reminded = reminds and keep.standing is Standing.TAKEN
        return Work(keep=keep, move=None if reminded else Move.RESOLVE, doubles=doubles)
    takes = ticket.stage is Stage.ACKNOWLEDGED and keep.standing is Standing.NEW
    move = Move.ACKNOWLEDGE if takes else None
    return Work(keep=keep, move=move, rank=_ranks(keep, ticket, level), doubles=doubles)


def _of_over(found: Sequence[Found], ticket: Ticket) -> Work:
    """What is over and was never shown is shown as over, if nothing was said of it before; so is
    what comes due after the end and has no ticket to stand in.
    """
    resolved = ended(found)
    if resolved is not None:
        return Work(keep=resolved)
    unheard = not found and (ticket.stage is Stage.TOLD or ticket.sequence == 1)
    if unheard or ticket.step_code in DUES:
        return Work(create=True, move=Move.RESOLVE)
    return Work()


def _of_ended(found: Sequence[Found], ticket: Ticket, level: int) -> Work:
    """Nothing is open there, though the incident is."""
    reopens = ticket.step_code in REOPENINGS
    keep = ended(found)
    if keep is not None:
        if not reopens:
            return Work(keep=keep)  # people resolved it: they are told, and it stays so
        return Work(keep=keep, move=Move.REOPEN, rank=_ranks(keep, ticket, level))
    if ticket.step_code == CAUTION:
        return Work()  # of what was written into a ticket, and there is none any more
    over = ticket.stage is Stage.RECOVERED and ticket.step_code not in DUES
    if found and over and not reopens:
        return Work()  # closed by people, and the trouble is over
    taken = ticket.stage is Stage.ACKNOWLEDGED
    return Work(create=True, move=Move.ACKNOWLEDGE if taken else None)


def _ranks(keep: Found, ticket: Ticket, level: int) -> bool:
    """Only upwards, as people there may have raised it; whatever it is when a person here set it."""
    if ticket.step_code == ActKind.RAISED.value:
        return True
    return keep.level is not None and level < keep.level


def bounded_key(key: str, chars: int) -> str:
    """The key itself, or its beginning and its digest where a receiver's field is too short."""
    if len(key) <= chars:
        return key
    digest = hashlib.sha256(key.encode()).hexdigest()[:_DIGEST_CHARS]
    return f"{key[: chars - _DIGEST_CHARS - 1]}-{digest}"
