"""One-time links: they give a person a password and a second factor, and make the first admin."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, insert, or_, select

from collector.access import directory, rules, totp
from collector.access.actors import Kind, Status
from collector.access.credentials import INVITATION, RandomBytes, hashed, mint
from collector.access.policy import Role
from collector.access.records import Act, Note, begin, record
from collector.access.refusals import AccessError
from collector.journal import SYSTEM
from collector.store.access_tables import invitations

LIFETIME_MS = 24 * 3_600_000
FIRST_ROLES = frozenset({Role.ADMIN})


@dataclass(frozen=True, slots=True)
class New:
    """An invitation to be, by the hash of its code."""

    hash: str = field(repr=False)
    totp_secret: str = field(repr=False)


def mint_new(random_bytes: RandomBytes) -> tuple[str, New]:
    """The code to hand over, and what is kept of it."""
    code = mint(INVITATION, random_bytes)
    return code, New(hashed(code), totp.new_secret(random_bytes))


@dataclass(frozen=True, slots=True)
class Enrolment:
    """What the enrolling person puts into the authenticator. No `account`: they choose its id."""

    account: str | None
    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Proof:
    """What somebody who enrols has chosen, and the time step of the code they showed."""

    password: str = field(repr=False)
    """Encoded hash."""
    totp_step: int


@dataclass(frozen=True, slots=True)
class Invitation:
    account: str | None
    totp_secret: str = field(repr=False)


def find(conn: Connection, org: str, hash_: str, now: int) -> Invitation | None:
    """What this code is good for: nothing once used or expired, or the account is not waiting."""
    query = select(
        invitations.c.account, invitations.c.totp_secret, invitations.c.expires_at
    ).where(invitations.c.org == org, invitations.c.hash == hash_)
    row = conn.execute(query).one_or_none()
    if row is None or now >= row.expires_at:
        return None
    if row.account is not None:
        account = directory.find(conn, org, row.account)
        if account is None or account.status is not Status.INVITED:
            return None
    return Invitation(row.account, row.totp_secret)


def put(conn: Connection, org: str, by: str, account: str | None, now: int, new: New) -> int:
    """Add an invitation in the place of older ones of the same account; when it expires."""
    drop(conn, org, account, now)
    conn.execute(
        insert(invitations).values(
            org=org,
            hash=new.hash,
            account=account,
            created_by=by,
            expires_at=now + LIFETIME_MS,
            totp_secret=new.totp_secret,
        )
    )
    return now + LIFETIME_MS


def drop(conn: Connection, org: str, account: str | None, now: int) -> None:
    """Forget the invitations of an account, or of nobody yet, and all that have expired."""
    same = or_(invitations.c.account.is_not_distinct_from(account), invitations.c.expires_at <= now)
    conn.execute(delete(invitations).where(invitations.c.org == org, same))


def put_first(
    conn: Connection, org: str, clock: Callable[[], int], new: New, *, always: bool
) -> bool:
    """A link that makes an admin, unless there is one already; `always` breaks the glass."""
    now = begin(conn, org, clock)
    if not always and directory.ruled(conn, org):
        return False
    expires_at = put(conn, org, SYSTEM, None, now, new)
    data = {"roles": directory.listed(FIRST_ROLES), "expires_at": expires_at}
    record(conn, org, [Note(Act.INVITED, SYSTEM, data)], now)
    return True


def enrol(
    conn: Connection, org: str, clock: Callable[[], int], hash_: str, chosen: str, proof: Proof
) -> str:
    """Use the invitation up; the id of the account that is active now. AccessError."""
    now = begin(conn, org, clock)
    found = find(conn, org, hash_, now)
    if found is None:
        raise AccessError("access.invitation_invalid")
    conn.execute(delete(invitations).where(invitations.c.org == org, invitations.c.hash == hash_))
    notes: list[Note] = []
    account = found.account
    if account is None:
        account = chosen
        refused = rules.new_id_refused(account)
        if refused is not None:
            raise AccessError(refused)
        notes.append(
            directory.add(
                conn, org, account, account, Kind.PERSON, FIRST_ROLES, Status.INVITED, now
            )
        )
    directory.change(
        conn,
        org,
        account,
        status=Status.ACTIVE.value,
        password=proof.password,
        totp_secret=found.totp_secret,
        totp_step=proof.totp_step,
        failures=0,
        retry_at=0,
    )
    record(conn, org, [*notes, Note(Act.ENROLLED, account, {"account": account})], now)
    return account
