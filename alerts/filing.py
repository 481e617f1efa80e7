"""One message to a receiver that is asked for our key: look, do what `lookup.py` says, say how it went.
And later: look again, and mend what `reconcile.py` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Protocol, TypeVar

import aiohttp
import msgspec

from alerts.calls import FailedError, Reply
from alerts.channel import Receipt, Verdict
from alerts.lookup import Found, Move, bounded_key, plan
from alerts.outbox import DeliveryReason
from alerts.reconcile import Adoption, Last, Looked, May, Mend, Remedy
from alerts.reconcile import plan as mending
from alerts.ticket import Stage, Ticket

T = TypeVar("T")
DOUBLE_S = 5.0
"""For one double: shorter than a whole attempt, so that one that hangs holds up no message."""
Short = Annotated[str, msgspec.Meta(max_length=255)]
"""A word of a reply that is compared, and dropped."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is written to a ticket, in one call or several. `note` is for staff, never a customer."""

    note: str | None
    move: Move | None = None
    rank: bool = False


class Desk(Protocol):
    """A receiver during one attempt; each method raises FailedError when that is over."""

    def level(self, ticket: Ticket) -> int:
        """How serious it is in the receiver's scale, lower is more serious."""
        ...

    async def find(self, ticket: Ticket) -> tuple[Reply, Sequence[Found]]:
        """Tickets that have our key, oldest first: none that only resembles it."""
        ...

    async def create(self, ticket: Ticket) -> Reply:
        """A new ticket, open; what is said stands in it."""
        ...

    def created(self, reply: Reply) -> Found: ...

    async def change(self, found: Found, ticket: Ticket, change: Change) -> Reply | None:
        """None where the receiver has nothing to write it to."""
        ...


async def file(desk: Desk, ticket: Ticket) -> Receipt:
    """Asked anew in each attempt: what an attempt made whose answer was lost is found by the next."""
    try:
        reply, found = await desk.find(ticket)
    except FailedError as error:
        raise asked(error) from None
    work = plan(found, ticket, desk.level(ticket))
    if work.create:
        reply = await desk.create(ticket)
        if work.move is not None:
            change = Change(None, work.move)
            reply = await desk.change(desk.created(reply), ticket, change) or reply
    elif work.keep is not None:
        change = Change(ticket.text, work.move, work.rank)
        reply = await desk.change(work.keep, ticket, change) or reply
        await _resolve_doubles(desk, ticket, work.keep, work.doubles)
    return reply.sent


async def _resolve_doubles(
    desk: Desk, ticket: Ticket, keep: Found, doubles: Sequence[Found]
) -> None:
    """What was to be said is said by now. A double that cannot be resolved, for whatever reason, fails
    the attempt only where nothing more will be said; else the next message of the incident, or who
    compares tickets, finds it.
    """
    try:
        for double in doubles:
            async with asyncio.timeout(DOUBLE_S):
                await desk.change(double, ticket, _twice(keep))
    except (FailedError, aiohttp.ClientError, OSError):  # a TimeoutError is an OSError
        if ticket.stage in (Stage.DONE, Stage.TOLD):
            raise


def _twice(keep: Found) -> Change:
    return Change(f"Filed twice: the work goes on in {keep.name}.", Move.RESOLVE)


async def look(sign_in: Callable[[], Desk], ticket: Ticket, last: Last, may: May) -> Looked:
    """`ticket` is of the last message that the receiver took. Compare, ask whether we may, mend."""
    desk = sign_in()
    try:
        reply, found = await desk.find(ticket)
    except FailedError as error:
        raise asked(error) from None
    mend = mending(ticket, found, desk.level(ticket), last)
    if not mend.writes or not await may(mend):
        return Looked(reply.sent, mend, tuple(found), done=False)
    reply = await _mend(desk, ticket, mend) or reply
    return Looked(reply.sent, mend, tuple(found), done=True)


@dataclass(frozen=True, slots=True)
class Held:
    """A ticket by its name. `key`: ours or another's that it has; empty: none."""

    id: str
    key: str


class Marking(Protocol):
    """A receiver during one attempt, whose tickets can be given our key."""

    key_chars: int

    async def held(self, name: str, key: str) -> tuple[Reply, Held | None]:
        """The ticket that people call so; `key` is what is looked for."""
        ...

    async def mark(self, held: Held, key: str) -> Reply: ...


async def adopt(
    sign_in: Callable[[], Marking], name: str, key: str, may: Callable[[], Awaitable[bool]]
) -> Adoption:
    """Put our key on a ticket that has none."""
    desk = sign_in()
    bounded = bounded_key(key, desk.key_chars)
    try:
        _, held = await desk.held(name, bounded)
    except FailedError as error:
        raise asked(error) from None
    if held is None:
        return Adoption.UNKNOWN
    if held.key:
        return Adoption.ADOPTED if held.key == bounded else Adoption.TAKEN
    if not await may():
        return Adoption.OVERTAKEN
    await desk.mark(held, bounded)
    return Adoption.ADOPTED


def number_in(name: str) -> str:
    """`12` of `#12` and of `#INC-12`, as people call what addresses have as a number."""
    return "".join(one for one in name if one in "0123456789")


async def _mend(desk: Desk, ticket: Ticket, mend: Mend) -> Reply | None:
    if mend.create:
        made = ticket if mend.before is None else _after(ticket, mend.before)
        reply = await desk.create(made)
        if mend.move is not None:
            await desk.change(desk.created(reply), ticket, Change(None, mend.move))
        return reply
    keep = mend.keep
    if keep is None:
        return None
    last: Reply | None = None
    if mend.move is not None or mend.rank or mend.remedy is Remedy.ADOPTED:
        last = await desk.change(keep, ticket, Change(ticket.text, mend.move, mend.rank))
    failed: FailedError | None = None
    for double in mend.doubles:
        try:
            last = await desk.change(double, ticket, _twice(keep))
        except FailedError as error:  # one that cannot be resolved keeps no other open
            failed = error
    if failed is not None:
        raise failed
    return last


def _after(ticket: Ticket, before: Found) -> Ticket:
    return replace(ticket, rows=(*ticket.rows, ("Goes on from", before.name)))


def asked(error: FailedError) -> FailedError:
    """Of a question: what is said of it is no verdict on the message, so no page is given up for it.
    A project that we may not see, or a field that was renamed, is 400 in a search.
    """
    if error.receipt.verdict is not Verdict.DEAD:
        return error
    return FailedError(Receipt(Verdict.RETRY, DeliveryReason.STATUS, error.receipt.status))


def described(ticket: Ticket, chars: int) -> str:
    """What a new ticket says, with where to look further."""
    more = f"\nWardwatch: {ticket.link}" if ticket.link else ""
    return f"{ticket.text[: chars - len(more)]}{more}"


def read(reply: Reply, shape: type[T]) -> T:
    """What is used of a reply; FailedError where it does not have that shape."""
    try:
        return msgspec.convert(reply.value, shape)
    except msgspec.ValidationError:
        raise unreadable(reply) from None


def unreadable(reply: Reply) -> FailedError:
    return FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, reply.status))
