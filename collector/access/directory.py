"""Accounts as the store has them: found, listed, added; and how their words are written."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from collector.access.actors import Account, Kind, Status
from collector.access.policy import Permission, Role
from collector.access.records import Act, Note
from collector.access.refusals import AccessError
from collector.access.rules import is_id
from collector.store.access_tables import accounts

COLUMNS = (
    accounts.c.id,
    accounts.c.kind,
    accounts.c.roles,
    accounts.c.status,
    accounts.c.created_at,
    accounts.c.seen_at,
    accounts.c.issuer,
)


def listed(words: Iterable[StrEnum]) -> list[str]:
    """A set of words as the journal has it: in order."""
    return sorted(word.value for word in words)


def joined(words: Iterable[StrEnum]) -> str:
    """A set of words as a column has it."""
    return " ".join(listed(words))


def roles_of(column: str) -> frozenset[Role]:
    return frozenset(map(Role, column.split()))


def scopes_of(column: str) -> frozenset[Permission]:
    return frozenset(map(Permission, column.split()))


def account_of(row: Row[*tuple[Any, ...]]) -> Account:
    """From a row that has `COLUMNS`."""
    kind, status = Kind(row.kind), Status(row.status)
    return Account(
        row.id, kind, roles_of(row.roles), status, row.created_at, row.seen_at, row.issuer
    )


def find(conn: Connection, org: str, account: str) -> Account | None:
    if not is_id(account):
        return None
    query = select(*COLUMNS).where(accounts.c.org == org, accounts.c.id == account)
    row = conn.execute(query).one_or_none()
    return None if row is None else account_of(row)


def existing(conn: Connection, org: str, account: str) -> Account:
    """AccessError when there is none."""
    found = find(conn, org, account)
    if found is None:
        raise AccessError("access.unknown_account")
    return found


def everybody(conn: Connection, org: str) -> tuple[Account, ...]:
    """All accounts of the organization by id, whatever their status."""
    query = select(*COLUMNS).where(accounts.c.org == org).order_by(accounts.c.id)
    return tuple(map(account_of, conn.execute(query)))


def ruled(conn: Connection, org: str, without: str = "") -> bool:
    """Is there an active admin, besides one, who has something to log in with?"""
    query = select(accounts.c.roles).where(
        accounts.c.org == org,
        accounts.c.id != without,
        accounts.c.kind == Kind.PERSON.value,
        accounts.c.status == Status.ACTIVE.value,
        or_(accounts.c.password.is_not(None), accounts.c.subject.is_not(None)),
    )
    return any(Role.ADMIN in roles_of(row.roles) for row in conn.execute(query))


def add(
    conn: Connection,
    org: str,
    by: str,
    account: str,
    kind: Kind,
    roles: frozenset[Role],
    status: Status,
    now: int,
) -> Note:
    """With nothing to log in with; the row about it. AccessError when the id is taken."""
    if find(conn, org, account) is not None:
        raise AccessError("access.account_exists")
    conn.execute(
        insert(accounts).values(
            org=org,
            id=account,
            kind=kind.value,
            roles=joined(roles),
            status=status.value,
            created_at=now,
            totp_step=0,
            failures=0,
            retry_at=0,
        )
    )
    data = {"account": account, "kind": kind.value, "roles": listed(roles)}
    return Note(Act.CREATED, by, data)


def change(conn: Connection, org: str, account: str, **values: str | int | None) -> None:
    """Give columns of one account other values."""
    conn.execute(
        update(accounts).where(accounts.c.org == org, accounts.c.id == account).values(**values)
    )
