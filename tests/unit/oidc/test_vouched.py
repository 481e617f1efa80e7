"""Accounts of people an OpenID provider vouches for, on both engines."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Connection, insert, select, update

from collector import journal
from collector.access.oidc_errors import OpenIdError
from collector.access.policy import Permission, permissions_of
from collector.access.rules import is_id
from collector.access.vouched import Vouched, provision, roles_of, wanted_id
from collector.journal import Fact
from collector.store.access_tables import accounts
from collector.store.store import Store
from probes.roles import Role

ORG = "st-elsewhere"
ISSUER = "https://login.example.org/realms/hospital"
CORA = Vouched(ISSUER, "subject-1", "cora", frozenset({Role.OPERATOR}))
CORA_BY_HASH = "person-cd7fcf4d7b4d"  # SHA-256 of https://.../hospital|subject-1


def at(now: int) -> Callable[[], int]:
    return lambda: now


def account(conn: Connection, id_: str) -> dict[str, Any]:
    row = conn.execute(select(accounts).where(accounts.c.org == ORG, accounts.c.id == id_))
    return dict(row.one()._mapping)


def add(conn: Connection, id_: str) -> None:
    """A local account, or one of another provider."""
    row = {"org": ORG, "id": id_, "kind": "person", "roles": "viewer", "status": "active"}
    numbers = {"created_at": 1, "totp_step": 0, "failures": 0, "retry_at": 0}
    conn.execute(insert(accounts).values(**row, **numbers))


def disable(conn: Connection, id_: str) -> None:
    conn.execute(update(accounts).where(accounts.c.id == id_).values(status="disabled"))


def told(conn: Connection) -> list[tuple[str, str, int, Any]]:
    rows = journal.rows(conn, ORG)
    return [(row.kind, row.actor, row.recorded_at, json.loads(row.data)) for row in rows]


async def test_the_first_login_makes_an_account_and_the_journal_says_so(store: Store) -> None:
    assert await store.write(provision, ORG, at(5_000), CORA) == "cora"
    assert await store.read(account, "cora") == {
        "org": ORG,
        "id": "cora",
        "kind": "person",
        "roles": "operator",
        "status": "active",
        "created_at": 5_000,
        "seen_at": None,
        "issuer": ISSUER,
        "subject": "subject-1",
        "password": None,
        "totp_secret": None,
        "totp_step": 0,
        "failures": 0,
        "retry_at": 0,
    }
    data = {"account": "cora", "kind": "person", "roles": ["operator"], "by": "oidc"}
    assert await store.read(told) == [("access.account.created", "cora", 5_000, data)]


async def test_the_next_login_is_the_same_account_whatever_the_name_is_now(store: Store) -> None:
    await store.write(provision, ORG, at(5_000), CORA)
    renamed = Vouched(ISSUER, "subject-1", "cora-married", CORA.roles)
    assert await store.write(provision, ORG, at(6_000), renamed) == "cora"
    assert await store.write(provision, ORG, at(7_000), CORA) == "cora"
    assert len(await store.read(told)) == 1


async def test_the_same_name_of_another_subject_or_issuer_is_another_account(
    store: Store,
) -> None:
    await store.write(provision, ORG, at(5_000), CORA)
    other = Vouched(ISSUER, "subject-2", "cora", CORA.roles)
    foreign = Vouched("https://other.example.org", "subject-1", "cora", CORA.roles)
    ids = [await store.write(provision, ORG, at(6_000), v) for v in (other, foreign)]
    assert ids == ["person-16382ada4d37", "person-cce3fc8a1f65"]
    assert [await store.write(provision, ORG, at(7_000), v) for v in (other, foreign)] == ids


async def test_who_has_no_usable_name_is_called_by_a_hash(store: Store) -> None:
    nameless = Vouched(ISSUER, "subject-1", None, CORA.roles)
    assert await store.write(provision, ORG, at(5_000), nameless) == CORA_BY_HASH


async def test_an_account_of_that_name_that_was_here_before_is_never_taken_over(
    store: Store,
) -> None:
    await store.write(add, "cora")
    await store.write(add, CORA_BY_HASH)
    assert await store.write(provision, ORG, at(5_000), CORA) == f"{CORA_BY_HASH}b"
    assert (await store.read(account, "cora"))["issuer"] is None


async def test_each_login_overwrites_the_roles_and_the_journal_tells_a_change(
    store: Store,
) -> None:
    await store.write(provision, ORG, at(5_000), CORA)
    both = Vouched(ISSUER, "subject-1", "cora", frozenset({Role.APPROVER, Role.ADMIN}))
    for now in (6_000, 7_000):
        await store.write(provision, ORG, at(now), both)
    assert (await store.read(account, "cora"))["roles"] == "admin approver"
    roles = {"roles": ["admin", "approver"], "before": ["operator"]}
    data = {"account": "cora", **roles, "by": "oidc"}
    assert (await store.read(told))[1:] == [("access.account.roles", "cora", 6_000, data)]
    assert Permission.MAINTENANCE_APPROVE not in permissions_of(both.roles)


async def test_a_disabled_account_is_refused_and_stays_as_it_was(store: Store) -> None:
    await store.write(provision, ORG, at(5_000), CORA)
    await store.write(disable, "cora")
    before = await store.read(account, "cora")
    promoted = Vouched(ISSUER, "subject-1", "cora", frozenset({Role.ADMIN}))
    with pytest.raises(OpenIdError, match=r"^oidc\.disabled$"):
        await store.write(provision, ORG, at(6_000), promoted)
    assert await store.read(account, "cora") == before
    assert len(await store.read(told)) == 1


async def test_a_clock_set_back_does_not_reorder_the_journal(store: Store) -> None:
    def earlier(conn: Connection) -> None:
        journal.append(conn, ORG, [Fact("test.fact", 9_000, b"{}")], 9_000)

    await store.write(earlier)
    await store.write(provision, ORG, at(5_000), CORA)
    assert [row[2] for row in await store.read(told)] == [9_000, 9_001]


@pytest.mark.parametrize(
    ("name", "id_"),
    [
        ("cora", "cora"),
        ("Cora-2", "cora-2"),
        ("SYSTEM", None),
        ("mrn-4711", None),
        ("123-45-6789", None),
        ("jane.roe@example.org", None),
        ("jane roe", None),
        ("-cora", None),
        ("cora\n", None),
        ("\u212aate", "kate"),  # the Kelvin sign, which lower case makes a plain k
        ("", None),
        (None, None),
        (7, None),
        (["cora"], None),
    ],
)
def test_a_name_is_wanted_where_it_is_an_id_and_of_no_patient(name: Any, id_: str | None) -> None:
    assert wanted_id(name) == id_


@given(st.text())
def test_whatever_is_wanted_is_an_id(name: str) -> None:
    found = wanted_id(name)
    assert found is None or is_id(found)


def test_groups_grant_what_the_table_says_and_nothing_by_their_form() -> None:
    table = {"ops": (Role.OPERATOR,), "chiefs": (Role.CLINICAL, Role.APPROVER)}
    assert roles_of(["ops", "chiefs", "ops"], table) == {
        Role.OPERATOR,
        Role.CLINICAL,
        Role.APPROVER,
    }
    assert roles_of("chiefs", table) == {Role.CLINICAL, Role.APPROVER}
    for nothing in (None, [], ["Ops"], {"ops": 1}, [["ops"]], 7, True):
        assert roles_of(nothing, table) == frozenset()
