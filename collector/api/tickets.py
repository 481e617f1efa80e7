"""Receivers' tickets against our incidents: compared and mended now, and people's own ones adopted."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints
from typing_extensions import TypedDict

from alerts.channel import Receipt
from alerts.lookup import TICKET
from alerts.outbox import DeliveryReason
from alerts.reconcile import Adoption, Looked
from collector import mends, standings
from collector.access.policy import Permission
from collector.api.cursors import cursor, place
from collector.api.parts import Parts
from collector.api.problems import DeniedError, InvalidError
from collector.api.reading import Word
from collector.api.routes import Call, Nothing, Route
from collector.comparing import Compared, Comparing
from probes.clock import NS_PER_MS
from probes.config_words import Id, Model
from probes.yamlfile import Problem

BEGIN_MS = 3_000
"""How long a call goes on to ask for one more incident; the rest is the next call's."""
EACH_S = 5.0
"""Of one comparison: whoever waits for it does not wait longer."""


class Reconciling(Model):
    channel: Id | None = None
    """Left out: every channel that can be asked."""
    dry_run: bool = False
    """Nothing is written; what would be done is told."""
    cursor: Annotated[str, Field(max_length=500)] | None = None
    """`next` of the part before."""


class Adopting(Model):
    incident: Word
    """Its key."""
    receiver: Id
    """A channel of the config."""
    ticket: Annotated[str, StringConstraints(pattern=f"^(?:{TICKET})$", max_length=40)]
    """As people there call it, such as `INC0010023`, `OPS-7` or `#12`."""


class TicketSeen(TypedDict):
    """`name` is null where the receiver calls it otherwise than we repeat; `ours`: we made it."""

    name: str | None
    standing: Literal["new", "taken", "resolved", "closed"]
    ours: bool


class Comparison(TypedDict):
    """`outcome` is what was done, or would be; `doubles` how many are resolved with it. `reason` and
    `status` are of a receiver that did not let us.
    """

    incident: str
    receiver: str
    outcome: str
    doubles: int
    tickets: list[TicketSeen]
    reason: DeliveryReason | None
    status: int | None


class Comparisons(TypedDict):
    comparisons: list[Comparison]
    next: str | None


class Adopted(TypedDict):
    """`adoption`: `adopted`, or why not; null where the receiver did not let us."""

    adoption: Adoption | None
    reason: DeliveryReason | None
    status: int | None


async def reconcile_tickets(call: Call[Nothing, Reconciling]) -> Comparisons:
    """Compare incidents with the tickets of receivers now, and mend what differs."""
    said, parts = call.body, call.parts
    chosen = [said.channel] if said.channel is not None else sorted(parts.comparing)
    asked = {name: _comparing(parts, name, "channel") for name in chosen}
    after = place(said.cursor, str, str)
    begun = parts.clock.monotonic_ns()
    found: list[Comparison] = []
    for name, comparing in asked.items():
        for entry in await comparing.pairs():
            here = (name, entry.pair.key)
            if after is not None and here <= after:
                continue
            if found and parts.clock.monotonic_ns() - begun > BEGIN_MS * NS_PER_MS:
                last = found[-1]
                return {
                    "comparisons": found,
                    "next": cursor((last["receiver"], last["incident"])),
                }
            done = await comparing.compare(
                entry, None, by=call.who.account, writes=not said.dry_run, limit_s=EACH_S
            )
            found.append(_shown(name, done))
    return {"comparisons": found, "next": None}


async def adopt_ticket(call: Call[Nothing, Adopting]) -> Adopted:
    """Put the key of an incident on a ticket that people made: messages go there from then on."""
    said, parts = call.body, call.parts
    comparing = _comparing(parts, said.receiver, "receiver")
    if await parts.store.read(standings.read_one, parts.org, said.incident, parts.now()) is None:
        raise DeniedError(404, "api.unknown_incident")
    done = await comparing.adopt(said.incident, said.ticket, call.who.account)
    if done is None:
        raise _wrong("receiver", "this receiver cannot be given our key from here")
    receipt = done if isinstance(done, Receipt) else None
    return {
        "adoption": None if isinstance(done, Receipt) else done,
        "reason": None if receipt is None else receipt.reason,
        "status": None if receipt is None else receipt.status,
    }


def _comparing(parts: Parts, name: str, field: str) -> Comparing:
    if name not in parts.comparing:
        there_are = ", ".join(sorted(parts.comparing)) or "none"
        raise _wrong(
            field, f"no channel of this name whose tickets can be asked for; there are: {there_are}"
        )
    return parts.comparing[name]


def _wrong(field: str, message: str) -> InvalidError:
    return InvalidError([Problem("", 1, field, message)])


def _shown(receiver: str, done: Compared) -> Comparison:
    looked = done.result if isinstance(done.result, Looked) else None
    failure = done.failure
    return {
        "incident": done.pair.key,
        "receiver": receiver,
        "outcome": done.outcome,
        "doubles": 0 if looked is None else len(looked.mend.doubles),
        "tickets": [
            {"name": mends.named(one), "standing": one.standing.value, "ours": one.ours}
            for one in (() if looked is None else looked.found)
        ],
        "reason": None if failure is None else failure.reason,
        "status": None if failure is None else failure.status,
    }


ROUTES = (
    Route(
        "POST",
        "/api/v1/tickets/reconcile",
        Permission.OUTBOX_REDRIVE,
        reconcile_tickets,
        Comparisons,
        Nothing,
        Reconciling,
    ),
    Route(
        "POST",
        "/api/v1/tickets/adopt",
        Permission.INCIDENTS_ACT,
        adopt_ticket,
        Adopted,
        Nothing,
        Adopting,
    ),
)
