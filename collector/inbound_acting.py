"""What a receiver tells of an incident, judged and recorded in one transaction.

A service may acknowledge and nothing else (`alerts/permitted.py`): whatever else is told is a row
that says so, and changes nothing. Each event of an incident of ours is such a row.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sqlalchemy import Connection

from alerts.inbound import Effect, Heard, Told, incident_of, is_shortened, judged
from alerts.people import Act, ActKind
from collector import journal
from collector.incident_acting import Wanted, record
from collector.incident_acts import fact_of
from collector.journal import Fact, canonical
from collector.standings import read_stood
from collector.store import incidents
from probes.tripwire import Pattern

KIND = "inbound.heard"
CAUTIONED = f"incident.{ActKind.CAUTIONED.value}"
MOST = 500
"""Rows of one incident and channel: who may tell us fills neither the journal nor others' place."""
CAUTION_MS = 3_600_000
"""After a ticket was told of the tripwire's hit it is not told again for so long."""
SHORT_CHARS = 100
"""The shortest field in which a receiver holds our key."""


def by(channel: str) -> str:
    """The account an act is recorded under; no person's has a dot."""
    return f"channel.{channel}"


def take(
    conn: Connection,
    org: str,
    channel: str,
    heard: Heard,
    patterns: Sequence[Pattern],
    clock: Callable[[], int],
    salt: Callable[[int], bytes],
    *,
    noted: bool,
) -> Effect:
    """`patterns`: of the tripwire, in what was sent along; where the channel's tickets are `noted`,
    the ticket is told. `clock` is UTC ms.
    """
    if not heard.key:
        return Effect.NOTHING
    journal.hold(conn, org)
    key = _key(conn, org, channel, heard.key)
    at = journal.following(journal.last_recorded(conn, org), clock())
    found = [] if key is None else read_stood(conn, org, at, key=key)
    if key is None or not found:
        return Effect.UNKNOWN
    if heard.told is Told.WROTE and not patterns:
        return Effect.NOTHING
    past = incidents.read_events_of(conn, org, [key], [KIND, CAUTIONED]).get(key, ())
    mine = [row for row in past if row.actor == by(channel)]
    rows = [row for row in mine if row.kind == KIND]
    if len(rows) >= MOST:
        return Effect.CROWDED
    event = None if heard.event is None else heard.event.encode()
    if event is not None and any(event in row.data for row in rows):
        return Effect.REPEATED
    effect = judged(heard.told, found[0].standing)
    if effect is Effect.ACKNOWLEDGED:
        wanted = Wanted(ActKind.ACKNOWLEDGED, by(channel), by_service=True, safety=False)
        record(conn, org, key, wanted, clock, salt)
        at = journal.following(journal.last_recorded(conn, org), clock())
    version = found[0].row.version
    facts = [_heard(key, version, channel, heard, effect, patterns, at)]
    cautioned = (row.at for row in mine if row.kind == CAUTIONED)
    if patterns and noted and at - max(cautioned, default=-CAUTION_MS) >= CAUTION_MS:
        facts.append(fact_of(key, version, _caution(channel, at)))
    numbers = journal.append(conn, org, facts, at)
    incidents.link_events(conn, org, [(key, number) for number in numbers])
    return effect


def _key(conn: Connection, org: str, channel: str, text: str) -> str | None:
    key = incident_of(text, org, channel)
    if key is not None or len(text) != SHORT_CHARS:
        return key
    is_open = (row.incident.key for row in incidents.read_incidents(conn, org, is_open=True))
    return next((k for k in is_open if is_shortened(text, k, org, channel, SHORT_CHARS)), None)


def _heard(
    key: str,
    version: int,
    channel: str,
    heard: Heard,
    effect: Effect,
    patterns: Sequence[Pattern],
    at: int,
) -> Fact:
    data = {
        "channel": channel,
        "effect": effect.value,
        "event": heard.event,
        "key": key,
        "patterns": [pattern.value for pattern in patterns],
        "told": heard.told.value,
        "version": version,
    }
    return Fact(KIND, at, canonical(data), by(channel))


def _caution(channel: str, at: int) -> Act:
    return Act(ActKind.CAUTIONED, by(channel), at, by_service=True, receiver=channel)
