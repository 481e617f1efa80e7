"""Dead messages that a person has sent again or put away: decided and recorded in one transaction."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.channel import Guarantee
from alerts.channels import registry
from alerts.outbox import Left, Message
from alerts.receivers import everybody
from collector import journal
from collector.journal import Fact, Row, canonical
from collector.store.redrive import clear, dead_of, mendable, redrive
from probes.config import Config

KIND = "outbox.redriven"
CLEARED = "outbox.cleared"
MOST = 500
"""Messages at once."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """These ids or, where None, all of the receiver that may be sent again."""

    by: str
    ids: Sequence[str] | None
    receiver: str | None


@dataclass(frozen=True, slots=True)
class Done:
    """`rows` are the journal's, with the message each is about. `more`: call again."""

    rows: Sequence[tuple[int, Message]]
    left: Sequence[tuple[Message, Left]]
    more: bool


def apart(config: Config) -> frozenset[str]:
    """Receivers who keep no ticket that an older message could set back: people, by letter."""
    return frozenset(
        name
        for name, one in everybody(config).items()
        if registry.load(config.channels[one.channel].kind).guarantee is Guarantee.SEND
    )


def record(
    conn: Connection, org: str, wanted: Wanted, config: Config, clock: Callable[[], int]
) -> Done | None:
    """None, and nothing done, when one of the ids is unknown. `clock` (UTC ms) is read when
    others who act are done.
    """
    journal.hold(conn, org)
    now = journal.following(journal.last_recorded(conn, org), clock())
    by_themselves = apart(config)
    ids = list(wanted.ids or ())
    if wanted.receiver is not None:
        ids = mendable(conn, org, wanted.receiver, MOST + 1, apart=by_themselves)
    found = redrive(conn, org, ids[:MOST], now, channels=everybody(config), apart=by_themselves)
    if len(found) < len(set(ids[:MOST])):
        return None
    return _recorded(conn, org, KIND, wanted.by, found, now, more=len(ids) > MOST)


def record_clearing(
    conn: Connection, org: str, wanted: Wanted, clock: Callable[[], int]
) -> Done | None:
    """As `record`: nobody has them sent, and they are no longer listed or counted. Of a receiver all
    of its dead ones, whatever a later one has told.
    """
    journal.hold(conn, org)
    now = journal.following(journal.last_recorded(conn, org), clock())
    ids = list(wanted.ids or ())
    if wanted.receiver is not None:
        ids = dead_of(conn, org, wanted.receiver, MOST + 1)
    found = clear(conn, org, ids[:MOST], now)
    if len(found) < len(set(ids[:MOST])):
        return None
    return _recorded(conn, org, CLEARED, wanted.by, found, now, more=len(ids) > MOST)


def _recorded(
    conn: Connection,
    org: str,
    kind: str,
    by: str,
    found: Sequence[tuple[Message, Left | None]],
    now: int,
    *,
    more: bool,
) -> Done:
    done = [message for message, why in found if why is None]
    numbers = journal.append(conn, org, [_fact(kind, by, one, now) for one in done], now)
    return Done(
        rows=list(zip(numbers, done, strict=True)),
        left=[(message, why) for message, why in found if why is not None],
        more=more,
    )


def message_of(row: Row) -> tuple[str, str]:
    """(incident key, message id) of a row of `KIND`."""
    data = json.loads(row.data)
    return data["incident"], data["message"]


def _fact(kind: str, by: str, message: Message, now: int) -> Fact:
    """`reason` and `status` say why it was dead."""
    about = {
        "message": message.id,
        "incident": message.incident_key,
        "receiver": message.receiver,
        "sequence": message.seq,
        "reason": None if message.reason is None else message.reason.value,
        "status": message.status,
    }
    return Fact(kind, now, canonical(about), by)
