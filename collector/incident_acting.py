"""What a person does to an incident, recorded: looked at, decided and written in one transaction.

The incident's own row stays as the rules wrote it: the evaluation goes on as if nobody had acted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from alerts.people import Act, ActKind, CategoryReason, Ruling
from alerts.permitted import decide
from alerts.terms import Terms, agreed, terms_of
from collector import incident_acts, journal, versions
from collector.standings import Stood, read_stood, stood
from collector.store import incidents, typed
from collector.store.incidents import Recorded

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Wanted:
    """`safety`: whoever acts may rule on patient safety. `text`: what they typed."""

    kind: ActKind
    by: str
    by_service: bool
    safety: bool
    category: int | None = None
    reason: CategoryReason | None = None
    aware_on: str | None = None
    into: str | None = None
    ruling: Ruling | None = None
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """`id` and `at` of the journal's row, and the incident after it."""

    id: int
    at: int
    stood: Stood


def record(
    conn: Connection,
    org: str,
    key: str,
    wanted: Wanted,
    clock: Callable[[], int],
    salt: Callable[[int], bytes],
) -> Done | None:
    """None when there is no such incident; IllegalActError leaves nothing behind.

    Others who act wait, so each sees what the one before did. `clock` (UTC ms) is read when the
    wait is over.
    """
    journal.hold(conn, org)
    at = journal.following(journal.last_recorded(conn, org), clock())
    found = read_stood(conn, org, at, key=key)
    if not found:
        return None
    before, now = found[0], found[0].standing
    target = read_stood(conn, org, at, key=wanted.into) if wanted.into is not None else []
    salted = salt(SALT_BYTES)
    act = decide(
        key,
        now,
        _act(_terms(conn, org, before), before.row, wanted, at, salted),
        safety=wanted.safety,
        causes=before.row.incident.causes,
        target=target[0].standing if target else None,
    )
    (number,) = journal.append(conn, org, [incident_acts.fact_of(key, before.row.version, act)], at)
    incidents.link_events(conn, org, [(key, number)])
    if wanted.text is not None:
        typed.add(conn, org, number, salted, wanted.text)
    return Done(number, at, stood(conn, org, [before.row], at)[0])


def _act(in_force: Terms, row: Recorded, wanted: Wanted, at: int, salt: bytes) -> Act:
    acknowledges = wanted.kind is ActKind.ACKNOWLEDGED and not wanted.by_service
    sets = wanted.kind is ActKind.RAISED
    return Act(
        wanted.kind,
        wanted.by,
        at,
        by_service=wanted.by_service,
        until=at + in_force.policy.ack_timeout if acknowledges else None,
        category=wanted.category,
        reason=wanted.reason,
        review_by=review_by(in_force, row.incident.started_at, at) if sets else None,
        aware_on=wanted.aware_on,
        into=wanted.into,
        ruling=wanted.ruling,
        typed=None if wanted.text is None else incident_acts.typed(salt, wanted.text),
    )


def review_by(in_force: Terms, started_at: int, at: int) -> int:
    """Until when a category set at `at` holds; before `at` where the workaround is over already."""
    workaround = in_force.impact.workaround
    latest = at + in_force.policy.review_within
    if workaround is None or workaround.valid_for is None:
        return latest
    return min(latest, started_at + workaround.valid_for)


def _terms(conn: Connection, org: str, one: Stood) -> Terms:
    """Those in force at the incident's start."""
    history = versions.history(journal.rows(conn, org, kind=versions.KINDS))
    incident = one.row.incident
    config = agreed(history, one.config, (), incident.system, incident.started_at)
    return terms_of(config, incident.system)
