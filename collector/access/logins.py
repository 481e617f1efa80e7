"""Logins: what one is checked against, and what comes of it."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from collector.access import directory, sessions, throttle, tokens
from collector.access.actors import Account, By, Kind, Status
from collector.access.directory import COLUMNS, account_of
from collector.access.records import Act, Note, begin, record
from collector.access.refusals import AccessError
from collector.access.rules import is_id
from collector.journal import SYSTEM
from collector.store.access_tables import accounts


@dataclass(frozen=True, slots=True)
class Known:
    """An account with what proves it. `totp_step`: the newest whose code was used."""

    account: Account
    password: str | None = field(repr=False)
    totp_secret: str | None = field(repr=False)
    totp_step: int
    failures: int
    retry_at: int

    @property
    def opens(self) -> bool:
        """Can anybody log in to it here, with whatever they know?"""
        enrolled = self.password is not None and self.totp_secret is not None
        person = self.account.kind is Kind.PERSON
        return enrolled and person and self.account.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Tried:
    """What was found of a try: against which hash, was it right, and of which step was the code."""

    known: Known
    password_right: bool
    step: int | None


Enter = Callable[[Connection, Account, int], list[Note]]
"""What a login that succeeds opens, at an instant (UTC ms), and the rows about it."""


def find(conn: Connection, org: str, account: str) -> Known | None:
    if not is_id(account):
        return None
    query = select(
        *COLUMNS,
        accounts.c.password,
        accounts.c.totp_secret,
        accounts.c.totp_step,
        accounts.c.failures,
        accounts.c.retry_at,
    ).where(accounts.c.org == org, accounts.c.id == account)
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    return Known(
        account_of(row), row.password, row.totp_secret, row.totp_step, row.failures, row.retry_at
    )


def finish(
    conn: Connection, org: str, clock: Callable[[], int], tried: Tried, enter: Enter
) -> int | None:
    """Enter, and say when (UTC ms); or count the failure and return None.

    Others may have tried meanwhile: AccessError, and nothing is written, when so many failed that
    this one does not count. A code that another login used is used.
    """
    now = begin(conn, org, clock)
    account = tried.known.account.id
    known = find(conn, org, account)
    if known is None:
        return None
    refuse_early(known.retry_at, now)
    why = _why_not(known, tried)
    if why is not None:
        _failed(conn, org, known, now, why)
        return None
    notes = enter(conn, known.account, now)
    directory.change(conn, org, account, totp_step=tried.step, failures=0, retry_at=0, seen_at=now)
    record(conn, org, notes, now)
    return now


def nobody(conn: Connection, org: str, clock: Callable[[], int]) -> int:
    """Changes nothing, in a transaction as long as one that counts a failure; its instant."""
    return begin(conn, org, clock)


def refuse_early(retry_at: int, now: int) -> None:
    """AccessError while no try counts."""
    left = throttle.wait_ms(retry_at, now)
    if left:
        raise AccessError("access.throttled", retry_after_s=-(-left // 1_000))


def a_session(org: str, new: sessions.New) -> Enter:
    return lambda conn, account, now: sessions.opened(conn, org, account.id, now, new, "password")


def a_token(org: str, new: tokens.New) -> Enter:
    def enter(conn: Connection, account: Account, now: int) -> list[Note]:
        made = tokens.added(conn, org, account.id, account, now, new, login=True)
        data = {"account": account.id, "by": By.TOKEN.value, "id": new.id, "proof": "password"}
        return [Note(Act.LOGIN, account.id, data), made]

    return enter


def _why_not(known: Known, tried: Tried) -> str | None:
    if not known.opens:
        return "account"
    verified = known.password is not None and hmac.compare_digest(
        known.password, tried.known.password or ""
    )
    if not (tried.password_right and verified):
        return "password"
    if tried.step is None or tried.step <= known.totp_step:
        return "code"
    return None


def _failed(conn: Connection, org: str, known: Known, now: int, why: str) -> None:
    failures = known.failures + 1
    retry_at = throttle.retry_at(failures, now)
    account = known.account.id
    directory.change(conn, org, account, failures=failures, retry_at=retry_at)
    data = {"account": account, "failures": failures, "retry_at": retry_at, "why": why}
    record(conn, org, [Note(Act.LOGIN_FAILED, SYSTEM, data)], now)
