"""API tokens: what they may do, how long, and who makes and revokes them."""

from __future__ import annotations

from collector.access.actors import By, Kind
from collector.access.policy import permissions_of
from tests.support.rounds import START
from tests.unit.access.desk import DAY, PASSWORD, Desk, P, R, refused

NO_TOKEN = ["", "wwt_", "wwt_" + "A" * 43, "wws_" + "A" * 43, "wwt_" + "A" * 42 + "\0", "\ud800"]


async def test_what_is_no_token_is_nobody(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    await desk.token(await desk.actor("olaf"), "olaf", [P.SYSTEMS_READ])
    for text in NO_TOKEN:
        assert await desk.access.actor_of_token(text) is None


async def test_a_token_acts_as_its_owner_within_its_scopes(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR)
    after = await desk.last_row() + 1
    scopes = frozenset({P.SYSTEMS_READ, P.MAINTENANCE_PROPOSE})
    actor = await desk.token(await desk.actor("olaf"), "olaf", scopes)
    assert (actor.account, actor.kind, actor.roles) == (
        "olaf",
        Kind.PERSON,
        frozenset({R.OPERATOR}),
    )
    assert (actor.by, actor.permissions, actor.csrf) == (By.TOKEN, scopes, "")
    data = {
        "account": "olaf",
        "id": actor.credential,
        "scopes": ["maintenance.propose", "systems.read"],
        "expires_at": START + desk.now + DAY,
    }
    assert await desk.rows(after) == [("access.token.created", "olaf", data)]


async def test_a_token_loses_what_its_owner_loses_and_gains_nothing(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.OPERATOR)
    minted = await desk.access.create_token(
        await desk.actor("olaf"), "olaf", [P.SYSTEMS_READ, P.WHAT_IF_RUN], DAY
    )
    for roles, expected in [
        ([R.AUDITOR], {P.SYSTEMS_READ}),
        ([R.OPERATOR, R.AUDITOR], {P.SYSTEMS_READ, P.WHAT_IF_RUN}),
    ]:
        await desk.access.set_roles(admin, "olaf", roles)
        actor = await desk.access.actor_of_token(minted.secret)
        assert actor is not None
        assert actor.permissions == expected


async def test_a_token_is_over_when_it_expires_to_the_millisecond(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    olaf = await desk.actor("olaf")
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], 5_000)
    assert minted.expires_at == START + desk.now + 5_000
    desk.later(4_999)
    assert await desk.access.actor_of_token(minted.secret) is not None
    desk.later(1)
    assert await desk.access.actor_of_token(minted.secret) is None


async def test_use_is_written_at_most_once_a_minute(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    olaf = await desk.actor("olaf")
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    made, written = desk.clock.now_ms(), []
    (unused,) = await desk.access.tokens()
    assert unused.last_used_at is None
    for later in (7, 60_000, 1):
        desk.later(later)
        await desk.access.actor_of_token(minted.secret)
        (token,) = await desk.access.tokens()
        assert token.last_used_at is not None
        written.append(token.last_used_at - made)
    assert written == [7, 7, 60_008]


async def test_a_person_makes_tokens_for_themselves_and_an_admin_for_services(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.OPERATOR)
    await desk.service("robot", R.OPERATOR)
    olaf = await desk.actor("olaf")
    actor = await desk.token(admin, "robot", [P.MAINTENANCE_PROPOSE], 366 * DAY)
    assert (actor.account, actor.kind) == ("robot", Kind.SERVICE)
    (_, by, data) = (await desk.rows(await desk.last_row() - 1))[0]
    assert (by, data["account"]) == ("ada", "robot")
    after = await desk.last_row()
    for who, owner in [(admin, "olaf"), (olaf, "ada"), (olaf, "robot"), (olaf, "nobody")]:
        async with refused("access.not_permitted"):
            await desk.access.create_token(who, owner, [P.SYSTEMS_READ], DAY)
    async with refused("access.unknown_account"):
        await desk.access.create_token(admin, "nobody", [P.SYSTEMS_READ], DAY)
    async with refused("access.lifetime", longest_ms=90 * DAY):
        await desk.access.create_token(olaf, "olaf", [P.SYSTEMS_READ], 90 * DAY + 1)
    async with refused("access.lifetime", longest_ms=366 * DAY):
        await desk.access.create_token(admin, "robot", [P.SYSTEMS_READ], 366 * DAY + 1)
    async with refused("access.scopes_empty"):
        await desk.access.create_token(olaf, "olaf", [], DAY)
    async with refused("access.scope_not_held"):
        await desk.access.create_token(olaf, "olaf", [P.ACCOUNTS_READ], DAY)
    assert await desk.rows(after) == []


async def test_a_token_makes_no_token_that_can_do_more(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR)
    olaf = await desk.actor("olaf")
    token = await desk.token(olaf, "olaf", [P.SELF, P.SYSTEMS_READ])
    async with refused("access.log_in_first"):
        await desk.access.create_token(token, "olaf", [P.SYSTEMS_READ], DAY)
    scopes = [P.SELF, P.SYSTEMS_READ]
    made = await desk.access.login_for_token("olaf", PASSWORD, desk.code("olaf"), scopes, DAY)
    login = await desk.access.actor_of_token(made.secret)
    assert login is not None
    async with refused("access.scope_not_held"):
        await desk.access.create_token(login, "olaf", [P.SELF, P.RESULTS_READ], DAY)
    same = await desk.token(login, "olaf", [P.SELF, P.SYSTEMS_READ])
    assert (same.permissions, same.by) == (frozenset({P.SELF, P.SYSTEMS_READ}), By.TOKEN)


async def test_an_account_has_at_most_fifty_tokens_that_are_good(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR)
    olaf = await desk.actor("olaf")
    made = [await desk.access.create_token(olaf, "olaf", [P.SELF], DAY) for _ in range(50)]
    async with refused("access.too_many_tokens"):
        await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    await desk.access.revoke_token(olaf, made[0].id)
    await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)


async def test_no_token_is_made_for_who_is_disabled(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.service("robot", R.VIEWER)
    await desk.access.disable(admin, "robot")
    async with refused("access.account_inactive"):
        await desk.access.create_token(admin, "robot", [P.SYSTEMS_READ], DAY)


async def test_tokens_are_listed_without_their_secret(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    await desk.service("robot", R.VIEWER)
    made = START + desk.now
    first = await desk.access.create_token(admin, "robot", [P.SELF, P.AGENTS_READ], DAY)
    desk.later(5)
    second = await desk.access.create_token(admin, "ada", [P.SELF], DAY)
    await desk.access.revoke_token(admin, second.id)
    found: list[object] = [
        (t.id, t.account, t.scopes, t.created_at, t.expires_at, t.last_used_at, t.revoked_at)
        for t in await desk.access.tokens()
    ]
    both, own = frozenset({P.SELF, P.AGENTS_READ}), frozenset({P.SELF})
    robots = (first.id, "robot", both, made, made + DAY, None, None)
    adas = (second.id, "ada", own, made + 5, made + 5 + DAY, None, made + 5)
    assert found == [robots, adas]
    assert [t.id for t in await desk.access.tokens("robot")] == [first.id]
    for nobodys in ("olaf", "nobody", "no id!\0"):
        assert await desk.access.tokens(nobodys) == ()
    assert first.secret not in repr((first, await desk.access.tokens()))


async def test_a_revoked_token_is_nobody_and_revoking_again_is_fine(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    olaf = await desk.actor("olaf")
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    after = await desk.last_row()
    await desk.access.revoke_token(olaf, minted.id)
    desk.later(1_000)
    await desk.access.revoke_token(olaf, minted.id)
    assert await desk.access.actor_of_token(minted.secret) is None
    data = {"account": "olaf", "id": minted.id}
    assert await desk.rows(after) == [("access.token.revoked", "olaf", data)]


async def test_tokens_are_revoked_by_their_owner_or_an_admin(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.OPERATOR)
    await desk.person("vera", R.VIEWER)
    olaf, vera = await desk.actor("olaf"), await desk.actor("vera")
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    for who, token in [
        (vera, minted.id),
        (olaf, "nothing"),
        (admin, "nothing"),
        (vera, "\ud800"),
        (vera, "0" * 16),
    ]:
        async with refused("access.unknown_token"):
            await desk.access.revoke_token(who, token)
    after = await desk.last_row()
    await desk.access.revoke_token(admin, minted.id)
    data = {"account": "olaf", "id": minted.id}
    assert await desk.rows(after) == [("access.token.revoked", "ada", data)]


async def test_logging_out_with_a_token_revokes_it(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    olaf = await desk.actor("olaf")
    token = await desk.token(olaf, "olaf", [P.SYSTEMS_READ])
    after = await desk.last_row()
    await desk.access.logout(token)
    data = {"account": "olaf", "id": token.credential}
    assert await desk.rows(after) == [("access.token.revoked", "olaf", data)]
    assert permissions_of({R.VIEWER}) >= token.permissions
