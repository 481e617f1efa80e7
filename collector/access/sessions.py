"""Logged-in browsers: opened, found by their cookie, ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, or_, select, update

from collector.access import directory
from collector.access.actors import Actor, By, Kind, Status
from collector.access.credentials import SESSION, RandomBytes, hashed, mint, name
from collector.access.directory import COLUMNS, account_of
from collector.access.policy import permissions_of
from collector.access.records import Act, Note, begin, record
from collector.access.refusals import AccessError
from collector.store.access_tables import accounts, sessions

IDLE_MS = 30 * 60_000
LONGEST_MS = 12 * 3_600_000
TOUCH_MS = 60_000
"""How old a sign of use becomes before it is written again."""


@dataclass(frozen=True, slots=True)
class New:
    """A session to be: `hash` is of what goes into the cookie."""

    id: str
    hash: str = field(repr=False)
    csrf: str = field(repr=False)


def mint_new(random_bytes: RandomBytes) -> tuple[str, New]:
    """The secret for the cookie, and what is kept of it."""
    secret, csrf = mint(SESSION, random_bytes), mint("", random_bytes)
    return secret, New(name(random_bytes), hashed(secret), csrf)


@dataclass(frozen=True, slots=True)
class Found:
    actor: Actor
    stale: bool
    """Is it time to write that it is in use?"""


def find(conn: Connection, org: str, hash_: str, now: int) -> Found | None:
    """Whose session this is, while it lasts and its owner is active."""
    query = (
        select(sessions.c.id.label("session"), sessions.c.csrf, sessions.c.expires_at, *COLUMNS)
        .add_columns(sessions.c.seen_at.label("used_at"))
        .join(accounts, (accounts.c.org == sessions.c.org) & (accounts.c.id == sessions.c.account))
        .where(sessions.c.org == org, sessions.c.hash == hash_)
    )
    row = conn.execute(query).one_or_none()
    if row is None or now >= row.expires_at or now >= row.used_at + IDLE_MS:
        return None
    owner = account_of(row)
    if owner.status is not Status.ACTIVE:
        return None
    permissions = permissions_of(owner.roles)
    actor = Actor(owner.id, owner.kind, owner.roles, permissions, By.SESSION, row.session, row.csrf)
    return Found(actor, now - row.used_at > TOUCH_MS)


def touch(conn: Connection, org: str, hash_: str, now: int) -> None:
    """It is in use. One row and no other lock, so nothing can wait for it in a circle."""
    conn.execute(
        update(sessions)
        .where(sessions.c.org == org, sessions.c.hash == hash_, sessions.c.seen_at < now)
        .values(seen_at=now)
    )


def opened(conn: Connection, org: str, account: str, now: int, new: New, proof: str) -> list[Note]:
    """Add a session, and forget those that are over; the rows about it."""
    over = or_(sessions.c.expires_at <= now, sessions.c.seen_at <= now - IDLE_MS)
    conn.execute(delete(sessions).where(sessions.c.org == org, over))
    conn.execute(
        insert(sessions).values(
            org=org,
            hash=new.hash,
            id=new.id,
            account=account,
            csrf=new.csrf,
            created_at=now,
            seen_at=now,
            expires_at=now + LONGEST_MS,
        )
    )
    data = {"account": account, "by": By.SESSION.value, "id": new.id, "proof": proof}
    return [Note(Act.LOGIN, account, data)]


def open_vouched(
    conn: Connection, org: str, clock: Callable[[], int], account: str, new: New
) -> None:
    """For whom an OpenID provider vouched; AccessError unless it is an active person."""
    now = begin(conn, org, clock)
    owner = directory.find(conn, org, account)
    if owner is None or owner.status is not Status.ACTIVE or owner.kind is not Kind.PERSON:
        raise AccessError("access.login_failed")
    directory.change(conn, org, account, seen_at=now)
    record(conn, org, opened(conn, org, account, now, new, "openid"), now)


def end(conn: Connection, org: str, clock: Callable[[], int], account: str, session: str) -> None:
    """Log out; nothing when the session is over already."""
    now = begin(conn, org, clock)
    mine = (sessions.c.account == account, sessions.c.id == session)
    if conn.execute(delete(sessions).where(sessions.c.org == org, *mine)).rowcount:
        data = {"account": account, "id": session}
        record(conn, org, [Note(Act.LOGOUT, account, data)], now)


def end_all(conn: Connection, org: str, clock: Callable[[], int], by: str, account: str) -> None:
    now = begin(conn, org, clock)
    directory.existing(conn, org, account)
    record(conn, org, ended(conn, org, by, account), now)


def ended(conn: Connection, org: str, by: str, account: str) -> list[Note]:
    """End all sessions of an account; the rows about it, one each."""
    mine = (sessions.c.org == org, sessions.c.account == account)
    ids = conn.execute(select(sessions.c.id).where(*mine).order_by(sessions.c.id)).scalars().all()
    conn.execute(delete(sessions).where(*mine))
    return [Note(Act.LOGOUT, by, {"account": account, "id": one}) for one in ids]
