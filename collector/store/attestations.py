"""Attestations asked for, made and refused: one row each, never taken back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    LargeBinary,
    Row,
    Select,
    Table,
    Text,
    func,
    select,
    update,
)

from collector.store import leases
from collector.store.leases import Lease
from collector.store.tables import metadata

attestations = Table(
    "attestations",
    metadata,
    Column("org", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("id", Text, nullable=False),
    Column("period", Text, nullable=False),
    Column("period_start", BigInteger, nullable=False),
    Column("period_end", BigInteger, nullable=False),
    Column("systems", Text, nullable=False),
    Column("asked_by", Text, nullable=False),
    Column("asked_at", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("stage", Text, nullable=False),
    Column("done", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("reason", Text),
    Column("same_as", Text),
    Column("revision", BigInteger),
    Column("supersedes", LargeBinary),
    Column("issued_at", BigInteger),
    Column("epoch", BigInteger),
    Column("from_size", BigInteger),
    Column("to_size", BigInteger),
    Column("sha256", LargeBinary),
    Column("statement", LargeBinary),
    Column("fingerprint", LargeBinary),
    Column("length", BigInteger),
    Column("file", Text),
    Column("verdicts", Text),
    Column("looked_to", BigInteger),
    Column("newer", BigInteger),
)
"""`statement` is the SHA-256 of `statement.json`, `sha256` that of the whole bundle, `fingerprint`
that of its evidence and figures: two with one fingerprint say the same. `newer`: the evidence log
has, before index `looked_to`, what came since and is of its period."""


class State(StrEnum):
    """What has become of one."""

    ASKED = "asked"
    """It waits, or is being made."""
    ISSUED = "issued"
    UNCHANGED = "unchanged"
    """It would say what `same_as` says: nothing was issued."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Issued:
    """What is known of a bundle. Sizes are of the evidence log's `epoch`. Digests are SHA-256; `verdicts` by system."""

    revision: int
    supersedes: bytes | None
    issued_at: int
    epoch: int
    from_size: int
    to_size: int
    sha256: bytes
    statement: bytes
    fingerprint: bytes
    length: int
    file: str
    verdicts: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class Attestation:
    """Of `[start, end)`, UTC ms. `stage`, `done` and `total` say how far it is; `reason` why it was
    refused; `issued` is there once it is.
    """

    number: int
    id: str
    period: str
    start: int
    end: int
    systems: tuple[str, ...]
    asked_by: str
    asked_at: int
    state: State
    stage: str
    done: int
    total: int
    reason: str | None = None
    same_as: str | None = None
    issued: Issued | None = None
    looked_to: int = 0
    newer: bool = False


@dataclass(frozen=True, slots=True)
class Wanted:
    """`systems` by id, sorted."""

    period: str
    start: int
    end: int
    systems: tuple[str, ...]


def ask(conn: Connection, org: str, wanted: Wanted, by: str, at: int, stage: str) -> Attestation:
    """One more; whoever calls holds the journal, so that none is asked for twice."""
    last = select(func.max(attestations.c.number)).where(attestations.c.org == org)
    number = (conn.execute(last).scalar() or 0) + 1
    conn.execute(
        attestations.insert().values(
            org=org,
            number=number,
            id=f"{wanted.period.lower()}-{number}",
            period=wanted.period,
            period_start=wanted.start,
            period_end=wanted.end,
            systems=json.dumps(wanted.systems),
            asked_by=by,
            asked_at=at,
            state=State.ASKED.value,
            stage=stage,
            done=0,
            total=0,
        )
    )
    (made,) = _read(conn, _all(org).where(attestations.c.number == number))
    return made


def every(conn: Connection, org: str) -> list[Attestation]:
    """In the order they were asked for."""
    return _read(conn, _all(org))


def named(conn: Connection, org: str, id_: str) -> Attestation | None:
    return next(iter(_read(conn, _all(org).where(attestations.c.id == id_))), None)


def of(conn: Connection, org: str, wanted: Wanted) -> list[Attestation]:
    """Those of the same time and systems, in the order they were asked for."""
    same = _all(org).where(
        attestations.c.period_start == wanted.start,
        attestations.c.period_end == wanted.end,
        attestations.c.systems == json.dumps(wanted.systems),
    )
    return _read(conn, same)


def next_asked(conn: Connection, org: str) -> Attestation | None:
    """The one to be made now: what an earlier process began comes first."""
    asked = _all(org).where(attestations.c.state == State.ASKED.value).limit(1)
    return next(iter(_read(conn, asked)), None)


def progress(conn: Connection, org: str, number: int, stage: str, done: int, total: int) -> None:
    _set(conn, org, number, stage=stage, done=done, total=total)


def refuse(conn: Connection, org: str, number: int, reason: str) -> None:
    _set(conn, org, number, state=State.REFUSED.value, reason=reason)


def unchanged(
    conn: Connection, org: str, lease: Lease, number: int, same_as: Attestation, size: int
) -> None:
    """Nor is there anything newer, up to a size of the log. FencedError when the lease is lost."""
    leases.guard(conn, org, lease)
    _set(conn, org, number, state=State.UNCHANGED.value, same_as=same_as.id)
    looked(conn, org, same_as.number, size, newer=False)


def issue(conn: Connection, org: str, number: int, made: Issued) -> None:
    _set(
        conn,
        org,
        number,
        state=State.ISSUED.value,
        revision=made.revision,
        supersedes=made.supersedes,
        issued_at=made.issued_at,
        epoch=made.epoch,
        from_size=made.from_size,
        to_size=made.to_size,
        sha256=made.sha256,
        statement=made.statement,
        fingerprint=made.fingerprint,
        length=made.length,
        file=made.file,
        verdicts=json.dumps(made.verdicts, sort_keys=True),
        looked_to=made.to_size,
        newer=0,
    )


def looked(conn: Connection, org: str, number: int, to: int, *, newer: bool) -> None:
    """Of an issued one: how far the log was looked through for what came since."""
    conn.execute(
        update(attestations)
        .where(attestations.c.org == org, attestations.c.number == number)
        .values(looked_to=to, newer=int(newer))
    )


def _set(conn: Connection, org: str, number: int, **values: Any) -> None:
    """Only of one that is still asked for: what is decided stays decided."""
    conn.execute(
        update(attestations)
        .where(
            attestations.c.org == org,
            attestations.c.number == number,
            attestations.c.state == State.ASKED.value,
        )
        .values(**values)
    )


def _all(org: str) -> Select[Any]:
    return select(attestations).where(attestations.c.org == org).order_by(attestations.c.number)


def _read(conn: Connection, query: Select[Any]) -> list[Attestation]:
    return [_attestation(row) for row in conn.execute(query)]


def _attestation(row: Row[Any]) -> Attestation:
    return Attestation(
        row.number,
        row.id,
        row.period,
        row.period_start,
        row.period_end,
        tuple(json.loads(row.systems)),
        row.asked_by,
        row.asked_at,
        State(row.state),
        row.stage,
        row.done,
        row.total,
        row.reason,
        row.same_as,
        _issued(row) if row.state == State.ISSUED.value else None,
        row.looked_to or 0,
        bool(row.newer),
    )


def _issued(row: Row[Any]) -> Issued:
    return Issued(
        row.revision,
        None if row.supersedes is None else bytes(row.supersedes),
        row.issued_at,
        row.epoch,
        row.from_size,
        row.to_size,
        bytes(row.sha256),
        bytes(row.statement),
        bytes(row.fingerprint),
        row.length,
        row.file,
        json.loads(row.verdicts),
    )


def newest_issued(found: Sequence[Attestation]) -> Attestation | None:
    """Of those of one time and set of systems: the one that is superseded by none."""
    return next((one for one in reversed(found) if one.issued is not None), None)
