"""People an OpenID provider vouches for: what is kept of them, and their accounts.

Who it is, is issuer and subject, for names are given again to others. Roles are the provider's
matter: each login overwrites them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from collector.access import directory
from collector.access.actors import Kind, Status
from collector.access.directory import joined, listed
from collector.access.oidc_errors import OpenIdCode, OpenIdError
from collector.access.records import Act, Note, begin, record
from collector.access.rules import new_id_refused
from collector.store.access_tables import accounts
from probes.roles import Role

BY = {"by": "oidc"}
"""In the rows about these accounts: their actor is the account, but the provider decided."""


@dataclass(frozen=True, slots=True)
class Vouched:
    """All that is kept of a login: no name, no address. `wanted_id`: what the account may be
    called if that is free.
    """

    issuer: str
    subject: str
    wanted_id: str | None
    roles: frozenset[Role]


def roles_of(groups: Any, table: Mapping[str, Iterable[Role]]) -> frozenset[Role]:
    """What a groups claim grants: a list of texts, or one text; anything else grants nothing."""
    named = [groups] if isinstance(groups, str) else groups if isinstance(groups, list) else []
    return frozenset(role for g in named if isinstance(g, str) for role in table.get(g, ()))


def wanted_id(name: Any) -> str | None:
    """`preferred_username` in lower case where an account may be called so."""
    text = name.lower() if isinstance(name, str) else ""
    return text if new_id_refused(text) is None else None


def provision(conn: Connection, org: str, clock: Callable[[], int], vouched: Vouched) -> str:
    """The id of the account, made at the first login; OpenIdError(DISABLED)."""
    now = begin(conn, org, clock)
    c = accounts.c
    query = select(*directory.COLUMNS).where(
        c.org == org, c.issuer == vouched.issuer, c.subject == vouched.subject
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return _first(conn, org, vouched, now)
    found = directory.account_of(row)
    if found.status is Status.DISABLED:
        raise OpenIdError(OpenIdCode.DISABLED)
    if found.roles != vouched.roles:
        directory.change(conn, org, found.id, roles=joined(vouched.roles))
        roles = {"roles": listed(vouched.roles), "before": listed(found.roles)}
        record(conn, org, [Note(Act.ROLES, found.id, {"account": found.id, **roles, **BY})], now)
    return found.id


def _first(conn: Connection, org: str, vouched: Vouched, now: int) -> str:
    account = _free(conn, org, vouched)
    person = (Kind.PERSON, vouched.roles, Status.ACTIVE)
    note = directory.add(conn, org, account, account, *person, now)
    directory.change(conn, org, account, issuer=vouched.issuer, subject=vouched.subject)
    record(conn, org, [Note(note.kind, note.actor, {**note.data, **BY})], now)
    return account


def _free(conn: Connection, org: str, vouched: Vouched) -> str:
    """The wanted id, or one of the identity itself; longer where somebody is called that."""
    whole = hashlib.sha256(f"{vouched.issuer}|{vouched.subject}".encode()).hexdigest()
    wanted = [] if vouched.wanted_id is None else [vouched.wanted_id]
    names = [*wanted, *(f"person-{whole[:length]}" for length in range(12, 56))]
    taken = select(accounts.c.id).where(accounts.c.org == org, accounts.c.id.in_(names))
    used = set(conn.execute(taken).scalars())
    return next(name for name in names if name not in used)
