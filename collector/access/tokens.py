"""API tokens: made, found by their secret, listed, revoked."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, insert, or_, select, update

from collector.access import directory, rules
from collector.access.actors import Account, Actor, By, Status
from collector.access.credentials import TOKEN, RandomBytes, hashed, is_name, mint, name
from collector.access.directory import COLUMNS, account_of, joined, listed, scopes_of
from collector.access.policy import Permission, permissions_of
from collector.access.records import Act, Note, begin, record
from collector.access.refusals import AccessError
from collector.store.access_tables import accounts, tokens

KEPT_MS = 366 * 86_400_000
"""How long a token that is over is still listed."""
MOST = 50
"""Tokens of one account that are good at once."""
TOUCH_MS = 60_000
"""How old a sign of use becomes before it is written again."""


@dataclass(frozen=True, slots=True)
class Minted:
    """A new token; nobody ever sees `secret` again. `expires_at`: UTC ms."""

    id: str
    secret: str = field(repr=False)
    expires_at: int


@dataclass(frozen=True, slots=True)
class New:
    """A token to be, by the hash of its secret. No scopes: all that its owner may do."""

    id: str
    hash: str = field(repr=False)
    scopes: frozenset[Permission] | None
    lifetime_ms: int


def mint_new(
    random_bytes: RandomBytes, scopes: Iterable[Permission] | None, lifetime_ms: int
) -> tuple[str, New]:
    """The secret to show once, and what is kept of it."""
    secret = mint(TOKEN, random_bytes)
    wanted = None if scopes is None else frozenset(scopes)
    return secret, New(name(random_bytes), hashed(secret), wanted, lifetime_ms)


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; instants are UTC ms."""

    id: str
    account: str
    scopes: frozenset[Permission]
    created_at: int
    expires_at: int
    last_used_at: int | None
    revoked_at: int | None


@dataclass(frozen=True, slots=True)
class Found:
    actor: Actor
    stale: bool
    """Is it time to write that it is in use?"""


def find(conn: Connection, org: str, hash_: str, now: int) -> Found | None:
    """Who acts with this token, while it lasts and its owner is active."""
    query = (
        select(tokens.c.id.label("token"), tokens.c.scopes, tokens.c.last_used_at, *COLUMNS)
        .add_columns(tokens.c.by_login)
        .add_columns(tokens.c.expires_at, tokens.c.revoked_at)
        .join(accounts, (accounts.c.org == tokens.c.org) & (accounts.c.id == tokens.c.account))
        .where(tokens.c.org == org, tokens.c.hash == hash_)
    )
    row = conn.execute(query).one_or_none()
    if row is None or now >= row.expires_at or row.revoked_at is not None:
        return None
    owner = account_of(row)
    if owner.status is not Status.ACTIVE:
        return None
    permissions = permissions_of(owner.roles) & scopes_of(row.scopes)
    by = By.LOGIN if row.by_login else By.TOKEN
    actor = Actor(owner.id, owner.kind, owner.roles, permissions, by, row.token)
    return Found(actor, row.last_used_at is None or now - row.last_used_at > TOUCH_MS)


def touch(conn: Connection, org: str, hash_: str, now: int) -> None:
    """It is in use. One row and no other lock, so nothing can wait for it in a circle."""
    older = or_(tokens.c.last_used_at.is_(None), tokens.c.last_used_at < now)
    conn.execute(
        update(tokens)
        .where(tokens.c.org == org, tokens.c.hash == hash_, older)
        .values(last_used_at=now)
    )


def create(
    conn: Connection, org: str, clock: Callable[[], int], by: Actor, owner: str, new: New
) -> int:
    """Add a token of `owner`; when it expires. AccessError as `rules` has it."""
    now = begin(conn, org, clock)
    account = directory.find(conn, org, owner)
    if account is None:
        # Who may not make tokens for others does not learn who there is.
        managing = by.may(Permission.ACCOUNTS_MANAGE)
        raise AccessError("access.unknown_account" if managing else "access.not_permitted")
    refused = rules.maker_refused(by, account, new.scopes or ())
    if refused is not None:
        raise AccessError(refused)
    record(conn, org, [added(conn, org, by.account, account, now, new)], now)
    return now + new.lifetime_ms


def added(
    conn: Connection, org: str, by: str, owner: Account, now: int, new: New, *, login: bool = False
) -> Note:
    """Add a token; the row about it. AccessError when its owner cannot have such a one."""
    scopes = permissions_of(owner.roles) if new.scopes is None else new.scopes
    refused = rules.token_refused(owner, scopes, new.lifetime_ms)
    if refused == "access.lifetime":
        raise AccessError(refused, longest_ms=rules.LONGEST_TOKEN_MS[owner.kind])
    if refused is not None:
        raise AccessError(refused)
    mine = (tokens.c.org == org, tokens.c.account == owner.id)
    conn.execute(delete(tokens).where(*mine, tokens.c.expires_at <= now - KEPT_MS))
    good = (tokens.c.revoked_at.is_(None), tokens.c.expires_at > now)
    if conn.execute(select(func.count()).where(*mine, *good)).scalar_one() >= MOST:
        raise AccessError("access.too_many_tokens")
    expires_at = now + new.lifetime_ms
    conn.execute(
        insert(tokens).values(
            org=org,
            hash=new.hash,
            id=new.id,
            account=owner.id,
            scopes=joined(scopes),
            by_login=int(login),
            created_at=now,
            expires_at=expires_at,
        )
    )
    data = {
        "account": owner.id,
        "id": new.id,
        "scopes": listed(scopes),
        "expires_at": expires_at,
    }
    return Note(Act.TOKEN_CREATED, by, data)


def listing(conn: Connection, org: str, owner: str | None) -> tuple[Token, ...]:
    """Tokens of one account or of all, oldest first, those that are over too."""
    if owner is not None and not rules.is_id(owner):
        return ()
    query = select(tokens).where(tokens.c.org == org).order_by(tokens.c.created_at, tokens.c.id)
    if owner is not None:
        query = query.where(tokens.c.account == owner)
    return tuple(
        Token(
            row.id,
            row.account,
            scopes_of(row.scopes),
            row.created_at,
            row.expires_at,
            row.last_used_at,
            row.revoked_at,
        )
        for row in conn.execute(query)
    )


def revoke(conn: Connection, org: str, clock: Callable[[], int], by: Actor, token: str) -> None:
    """One's own, or with the right to rule accounts any; again is fine and changes nothing."""
    now = begin(conn, org, clock)
    if not is_name(token):
        raise AccessError("access.unknown_token")
    query = select(tokens.c.account, tokens.c.revoked_at)
    row = conn.execute(query.where(tokens.c.org == org, tokens.c.id == token)).one_or_none()
    others = by.may(Permission.ACCOUNTS_MANAGE)
    if row is None or not (others or row.account == by.account):
        # Whose it is, if it is one, is nobody else's business.
        raise AccessError("access.unknown_token")
    if row.revoked_at is None:
        record(conn, org, revoked(conn, org, by.account, row.account, now, token), now)


def revoked(
    conn: Connection, org: str, by: str, account: str, now: int, only: str | None = None
) -> list[Note]:
    """Revoke all tokens of an account, or one; the rows about it, one each."""
    live = [tokens.c.org == org, tokens.c.account == account, tokens.c.revoked_at.is_(None)]
    if only is not None:
        live.append(tokens.c.id == only)
    ids = conn.execute(select(tokens.c.id).where(*live).order_by(tokens.c.id)).scalars().all()
    conn.execute(update(tokens).where(*live).values(revoked_at=now))
    return [Note(Act.TOKEN_REVOKED, by, {"account": account, "id": one}) for one in ids]
