"""Accounts: made, given roles, disabled and enabled; and what of them stays."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from sqlalchemy import Connection, update

from collector import journal
from collector.access.actors import Account, Kind, Status
from collector.access.policy import Role
from collector.store.access_tables import accounts
from tests.support.rounds import START
from tests.unit.access.desk import DAY, HOUR, PASSWORD, Desk, P, R, refused


def vouched(conn: Connection, org: str, account: str) -> None:
    """As an account is whose owner an OpenID provider vouches for."""
    conn.execute(
        update(accounts)
        .where(accounts.c.org == org, accounts.c.id == account)
        .values(issuer="https://id.example.org", subject="s-1", password=None, status="active")
    )


async def statuses(desk: Desk) -> dict[str, str]:
    return {account.id: account.status.value for account in await desk.access.accounts()}


async def test_an_invited_person_is_there_before_they_come(desk: Desk) -> None:
    admin = await desk.admin()
    after, now = await desk.last_row(), START + desk.now
    code = await desk.access.invitation(admin, "olaf", [R.VIEWER, R.OPERATOR], Kind.PERSON)
    assert code is not None
    assert code.startswith("wwi_")
    roles = ["operator", "viewer"]
    assert await desk.rows(after) == [
        (
            "access.account.created",
            "ada",
            {"account": "olaf", "kind": "person", "roles": roles},
        ),
        (
            "access.invited",
            "ada",
            {"account": "olaf", "roles": roles, "expires_at": now + 24 * HOUR},
        ),
    ]
    (ada, olaf) = await desk.access.accounts()
    assert ada.id == "ada"
    expected = frozenset({R.OPERATOR, R.VIEWER})
    assert olaf == Account("olaf", Kind.PERSON, expected, Status.INVITED, now, None, None)


async def test_a_service_is_active_at_once_and_gets_no_invitation(desk: Desk) -> None:
    admin = await desk.admin()
    after = await desk.last_row()
    assert await desk.access.invitation(admin, "robot", [R.VIEWER], Kind.SERVICE) is None
    data = {"account": "robot", "kind": "service", "roles": ["viewer"]}
    assert await desk.rows(after) == [("access.account.created", "ada", data)]
    assert await statuses(desk) == {"ada": "active", "robot": "active"}


async def test_who_acts_at_the_host_is_the_system(desk: Desk) -> None:
    await desk.service("robot", R.VIEWER)
    assert [actor for _, actor, _ in await desk.rows()] == ["system"]


@dataclass(frozen=True)
class Case:
    account: str
    roles: frozenset[Role]
    kind: Kind
    code: str


def case(account: str, kind: Kind, code: str, *roles: Role) -> Case:
    return Case(account, frozenset(roles), kind, code)


IMPOSSIBLE = (
    case("olaf", Kind.PERSON, "access.account_exists", R.VIEWER),
    case("olaf", Kind.SERVICE, "access.account_exists", R.VIEWER),
    case("Vera", Kind.PERSON, "access.bad_id", R.VIEWER),
    case("system", Kind.PERSON, "access.bad_id", R.VIEWER),
    case("vera", Kind.PERSON, "access.roles_empty"),
    case("vera", Kind.PERSON, "access.roles_conflict", R.ADMIN, R.APPROVER),
    case("vera", Kind.SERVICE, "access.service_roles", R.ADMIN),
)


async def test_an_account_that_cannot_be_is_refused_and_leaves_nothing(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR)
    after = await desk.last_row()
    for one in IMPOSSIBLE:
        async with refused(one.code):
            await desk.access.invitation(None, one.account, one.roles, one.kind)
    assert await desk.rows(after) == []
    assert await statuses(desk) == {"olaf": "active"}


async def test_only_an_admin_rules_accounts(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR, R.AUDITOR, R.APPROVER, R.CLINICAL)
    await desk.person("vera", R.VIEWER)
    olaf, after = await desk.actor("olaf"), await desk.last_row() + 1
    await desk.login("vera")
    async with refused("access.not_permitted"):
        await desk.access.invitation(olaf, "new", [R.VIEWER], Kind.PERSON)
    async with refused("access.not_permitted"):
        await desk.access.reset(olaf, "vera")
    async with refused("access.not_permitted"):
        await desk.access.set_roles(olaf, "vera", [R.OPERATOR])
    async with refused("access.not_permitted"):
        await desk.access.disable(olaf, "vera")
    async with refused("access.not_permitted"):
        await desk.access.enable(olaf, "vera")
    assert await desk.rows(after) == []


async def test_who_is_not_there_cannot_be_changed(desk: Desk) -> None:
    admin = await desk.admin()
    after = await desk.last_row()
    for account in ("nobody", "no id!\0"):
        async with refused("access.unknown_account"):
            await desk.access.reset(admin, account)
        async with refused("access.unknown_account"):
            await desk.access.set_roles(admin, account, [R.VIEWER])
        async with refused("access.unknown_account"):
            await desk.access.disable(admin, account)
        async with refused("access.unknown_account"):
            await desk.access.enable(admin, account)
    assert await desk.rows(after) == []


async def test_other_roles_are_recorded_with_those_before(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    await desk.access.set_roles(admin, "olaf", [R.OPERATOR, R.CLINICAL])
    await desk.access.set_roles(admin, "olaf", [R.CLINICAL, R.OPERATOR])
    data = {"account": "olaf", "roles": ["clinical", "operator"], "before": ["viewer"]}
    assert await desk.rows(after) == [("access.account.roles", "ada", data)]


NOT_TO_BE_GIVEN = (
    case("olaf", Kind.PERSON, "access.roles_empty"),
    case("olaf", Kind.PERSON, "access.roles_conflict", R.ADMIN, R.APPROVER),
    case("ada", Kind.PERSON, "access.roles_conflict", R.ADMIN, R.APPROVER),
    case("ada", Kind.PERSON, "access.last_admin", R.OPERATOR),
    case("robot", Kind.SERVICE, "access.service_roles", R.CLINICAL),
    case("robot", Kind.SERVICE, "access.service_roles", R.ADMIN),
    case("oda", Kind.PERSON, "access.of_provider", R.OPERATOR),
)


async def test_roles_that_cannot_be_are_refused_and_nothing_changes(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.OPERATOR)
    await desk.person("oda", R.OPERATOR)
    await desk.store.write(vouched, desk.org, "oda")
    await desk.service("robot", R.VIEWER)
    after, before = await desk.last_row(), await desk.access.accounts()
    for one in NOT_TO_BE_GIVEN:
        async with refused(one.code):
            await desk.access.set_roles(admin, one.account, one.roles)
    assert (await desk.rows(after), await desk.access.accounts()) == ([], before)


async def test_the_provider_keeps_how_its_people_log_in(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("oda", R.OPERATOR)
    await desk.store.write(vouched, desk.org, "oda")
    async with refused("access.of_provider"):
        await desk.access.reset(admin, "oda")


async def test_an_admin_may_go_when_another_stays(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("bea", R.ADMIN)
    await desk.access.set_roles(admin, "ada", [R.VIEWER])
    bea = await desk.actor("bea")
    async with refused("access.last_admin"):
        await desk.access.set_roles(bea, "bea", [R.VIEWER])
    async with refused("access.last_admin"):
        await desk.access.disable(None, "bea")


@pytest.mark.parametrize("state", ["invited", "disabled", "vouched"])
async def test_who_counts_as_the_other_admin(desk: Desk, state: str) -> None:
    """Only one who can log in now, with a password or through a provider."""
    admin = await desk.admin()
    if state == "invited":
        await desk.access.invitation(admin, "bea", [R.ADMIN], Kind.PERSON)
    else:
        await desk.person("bea", R.ADMIN)
    if state == "disabled":
        await desk.access.disable(admin, "bea")
    if state == "vouched":
        await desk.store.write(vouched, desk.org, "bea")
        await desk.access.disable(None, "ada")
    else:
        async with refused("access.last_admin"):
            await desk.access.disable(None, "ada")


async def test_disabling_shuts_out_at_once(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    secret = await desk.login("olaf")
    olaf = await desk.access.actor_of_session(secret)
    assert olaf is not None
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    after = await desk.last_row()
    await desk.access.disable(admin, "olaf")
    assert await desk.access.actor_of_session(secret) is None
    assert await desk.access.actor_of_token(minted.secret) is None
    async with refused("access.login_failed"):
        await desk.access.login("olaf", PASSWORD, desk.code("olaf"))
    await desk.access.disable(admin, "olaf")
    assert (await desk.rows(after))[:-1] == [
        ("access.account.disabled", "ada", {"account": "olaf"}),
        ("access.logout", "ada", {"account": "olaf", "id": olaf.credential}),
        ("access.token.revoked", "ada", {"account": "olaf", "id": minted.id}),
    ]


async def test_enabling_brings_the_password_back_and_nothing_else(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    secret = await desk.login("olaf")
    olaf = await desk.access.actor_of_session(secret)
    assert olaf is not None
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    await desk.access.disable(admin, "olaf")
    after = await desk.last_row()
    await desk.access.enable(admin, "olaf")
    await desk.access.enable(admin, "olaf")
    assert await desk.rows(after) == [("access.account.enabled", "ada", {"account": "olaf"})]
    assert await desk.access.actor_of_session(secret) is None
    assert await desk.access.actor_of_token(minted.secret) is None
    await desk.login("olaf")


async def test_who_never_enrolled_is_invited_again_after_enabling(desk: Desk) -> None:
    admin = await desk.admin()
    code = await desk.access.invitation(admin, "olaf", [R.VIEWER], Kind.PERSON)
    assert code is not None
    await desk.service("robot", R.VIEWER)
    for account in ("olaf", "robot"):
        await desk.access.disable(admin, account)
    assert await statuses(desk) == {"ada": "active", "olaf": "disabled", "robot": "disabled"}
    for account in ("olaf", "robot"):
        await desk.access.enable(admin, account)
    assert await statuses(desk) == {"ada": "active", "olaf": "invited", "robot": "active"}
    async with refused("access.invitation_invalid"):
        await desk.access.begin(code)


async def test_nobody_disables_themselves(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("bea", R.ADMIN)
    async with refused("access.oneself"):
        await desk.access.disable(admin, "ada")


async def test_rows_keep_their_order_when_the_host_clock_is_set_back(desk: Desk) -> None:
    await desk.service("one", R.VIEWER)
    desk.later(-HOUR)
    await desk.service("two", R.VIEWER)
    rows = await desk.store.read(journal.rows, desk.org)
    assert [(row.at - START, row.recorded_at - START) for row in rows] == [(0, 0), (1, 1)]
    found = [account.created_at - START for account in await desk.access.accounts()]
    assert found == [0, -HOUR]
