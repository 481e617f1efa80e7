"""People an OpenID provider vouches for: what is kept of them, and their accounts.

Who it is, is issuer and subject, for names are given again to others. Roles are the provider's
matter: each login overwrites them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from collector import journal
from collector.access.actors import Kind
from collector.access.oidc_errors import OpenIdCode, OpenIdError
from collector.journal import SYSTEM, Fact
from collector.store import tables
from collector.store.access_tables import accounts
from probes.config import ID_PATTERN
from probes.configchecks import like_phi
from probes.roles import Role

CREATED = "access.account.created"
ROLES = "access.account.roles"


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
    """`preferred_username` in lower case where that is an id, of nobody else and of no patient."""
    text = name.lower() if isinstance(name, str) else ""
    usable = ID_PATTERN.fullmatch(text) is not None and text != SYSTEM and not like_phi(text)
    return text if usable else None


def provision(conn: Connection, org: str, vouched: Vouched, at: int) -> str:
    """The id of the account, made at the first login; OpenIdError(DISABLED). `at` is UTC ms."""
    journal.hold(conn, org)
    at = _following(conn, org, at)
    c = accounts.c
    roles = " ".join(sorted(vouched.roles))
    found = conn.execute(
        select(c.id, c.roles, c.status).where(
            c.org == org, c.issuer == vouched.issuer, c.subject == vouched.subject
        )
    ).one_or_none()
    if found is None:
        account = _free(conn, org, vouched)
        conn.execute(insert(accounts).values(org=org, id=account, **_new(vouched, roles, at)))
        _record(conn, org, CREATED, account, roles, at)
        return account
    if found.status == "disabled":
        raise OpenIdError(OpenIdCode.DISABLED)
    mine = (c.org == org, c.id == found.id)
    conn.execute(update(accounts).where(*mine).values(roles=roles, seen_at=at))
    if found.roles != roles:
        _record(conn, org, ROLES, found.id, roles, at)
    return str(found.id)


def _new(vouched: Vouched, roles: str, at: int) -> dict[str, Any]:
    return {
        "kind": Kind.PERSON.value,
        "roles": roles,
        "status": "active",
        "created_at": at,
        "seen_at": at,
        "issuer": vouched.issuer,
        "subject": vouched.subject,
        "totp_step": 0,
        "failures": 0,
        "retry_at": 0,
    }


def _record(conn: Connection, org: str, kind: str, account: str, roles: str, at: int) -> None:
    data = journal.canonical({"id": account, "roles": roles.split(" "), "by": "oidc"})
    journal.append(conn, org, [Fact(kind, at, data, account)], at)


def _free(conn: Connection, org: str, vouched: Vouched) -> str:
    """The wanted id, or one of the identity itself; longer where somebody is called that."""
    whole = hashlib.sha256(f"{vouched.issuer}|{vouched.subject}".encode()).hexdigest()
    wanted = [] if vouched.wanted_id is None else [vouched.wanted_id]
    names = [*wanted, *(f"person-{whole[:length]}" for length in range(12, 56))]
    taken = select(accounts.c.id).where(accounts.c.org == org, accounts.c.id.in_(names))
    used = set(conn.execute(taken).scalars())
    return next(name for name in names if name not in used)


def _following(conn: Connection, org: str, now: int) -> int:
    """The journal is ordered by its instants, so a host clock set back must not reorder it."""
    j = tables.journal.c
    newest = select(j.recorded_at).where(j.org == org).order_by(j.id.desc()).limit(1)
    last = conn.execute(newest).scalar_one_or_none()
    return now if last is None else max(now, last + 1)
