"""One message to a receiver that is asked for our key: look, do what `lookup.py` says, say how it went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Protocol, TypeVar

import msgspec

from alerts.calls import FailedError, Reply
from alerts.channel import Receipt, Verdict
from alerts.lookup import Found, Move, plan
from alerts.outbox import DeliveryReason
from alerts.ticket import Stage, Ticket

T = TypeVar("T")
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
    """What was to be said is said by now. A double that cannot be resolved fails the attempt only
    where nothing more will be said; else the next message of the incident finds it.
    """
    note = f"Filed twice: the work goes on in {keep.name}."
    for double in doubles:
        try:
            await desk.change(double, ticket, Change(note, Move.RESOLVE))
        except FailedError:
            if ticket.stage in (Stage.DONE, Stage.TOLD):
                raise
            return


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
