"""Accounts changed by who rules them. `by` is the account that does it, or `system`."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection, select

from collector.access import directory, invitations, rules, sessions, tokens
from collector.access.actors import Account, Kind, Status
from collector.access.directory import existing, joined, listed
from collector.access.policy import Role
from collector.access.records import Act, Note, begin, record
from collector.access.refusals import AccessError
from collector.store.access_tables import accounts

Clock = Callable[[], int]


def create(
    conn: Connection,
    org: str,
    clock: Clock,
    by: str,
    account: str,
    kind: Kind,
    roles: frozenset[Role],
    new: invitations.New,
) -> None:
    """A service is active at once, with nothing to log in with; a person gets an invitation."""
    now = begin(conn, org, clock)
    _refuse(rules.new_id_refused(account) or rules.roles_refused(kind, roles))
    status = Status.ACTIVE if kind is Kind.SERVICE else Status.INVITED
    notes = [directory.add(conn, org, by, account, kind, roles, status, now)]
    if kind is Kind.PERSON:
        expires_at = invitations.put(conn, org, by, account, now, new)
        data = {"account": account, "roles": listed(roles), "expires_at": expires_at}
        notes.append(Note(Act.INVITED, by, data))
    record(conn, org, notes, now)


def reset(
    conn: Connection, org: str, clock: Clock, by: str, account: str, new: invitations.New
) -> None:
    """Another invitation; whatever opened this account opens nothing any more.

    It was lost, and who lost it cannot say to whom.
    """
    now = begin(conn, org, clock)
    found = existing(conn, org, account)
    if found.kind is not Kind.PERSON:
        raise AccessError("access.not_a_person")
    if found.issuer is not None:
        raise AccessError("access.of_provider")
    if found.status is Status.DISABLED:
        raise AccessError("access.account_inactive")
    _keep_one_admin(conn, org, found)
    expires_at = invitations.put(conn, org, by, account, now, new)
    directory.change(
        conn, org, account, status=Status.INVITED.value, password=None, totp_secret=None
    )
    notes = [
        Note(Act.RESET, by, {"account": account, "expires_at": expires_at}),
        *_shut_out(conn, org, by, account, now),
    ]
    record(conn, org, notes, now)


def set_roles(
    conn: Connection, org: str, clock: Clock, by: str, account: str, roles: frozenset[Role]
) -> None:
    now = begin(conn, org, clock)
    found = existing(conn, org, account)
    if found.issuer is not None:
        raise AccessError("access.of_provider")
    _refuse(rules.roles_refused(found.kind, roles))
    if Role.ADMIN not in roles:
        _keep_one_admin(conn, org, found)
    if roles == found.roles:
        return
    directory.change(conn, org, account, roles=joined(roles))
    data = {"account": account, "roles": listed(roles), "before": listed(found.roles)}
    record(conn, org, [Note(Act.ROLES, by, data)], now)


def disable(conn: Connection, org: str, clock: Clock, by: str, account: str) -> None:
    """Nothing opens it until it is enabled; its tokens never will again."""
    now = begin(conn, org, clock)
    found = existing(conn, org, account)
    if account == by:
        raise AccessError("access.oneself")
    _keep_one_admin(conn, org, found)
    if found.status is Status.DISABLED:
        return
    directory.change(conn, org, account, status=Status.DISABLED.value)
    invitations.drop(conn, org, account, now)
    notes = [
        Note(Act.DISABLED, by, {"account": account}),
        *_shut_out(conn, org, by, account, now),
    ]
    record(conn, org, notes, now)


def enable(conn: Connection, org: str, clock: Clock, by: str, account: str) -> None:
    """As it was; a person who never enrolled needs an invitation again."""
    now = begin(conn, org, clock)
    found = existing(conn, org, account)
    if found.status is not Status.DISABLED:
        return
    opens = found.kind is Kind.SERVICE or _has_login(conn, org, account)
    status = Status.ACTIVE if opens else Status.INVITED
    directory.change(conn, org, account, status=status.value)
    record(conn, org, [Note(Act.ENABLED, by, {"account": account})], now)


def _shut_out(conn: Connection, org: str, by: str, account: str, now: int) -> list[Note]:
    ended = sessions.ended(conn, org, by, account)
    return ended + tokens.revoked(conn, org, by, account, now)


def _keep_one_admin(conn: Connection, org: str, account: Account) -> None:
    rules_now = Role.ADMIN in account.roles and account.status is Status.ACTIVE
    if rules_now and not directory.ruled(conn, org, without=account.id):
        raise AccessError("access.last_admin")


def _has_login(conn: Connection, org: str, account: str) -> bool:
    query = select(accounts.c.password, accounts.c.subject)
    row = conn.execute(query.where(accounts.c.org == org, accounts.c.id == account)).one()
    return row.password is not None or row.subject is not None


def _refuse(code: str | None) -> None:
    if code is not None:
        raise AccessError(code)
