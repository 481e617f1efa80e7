"""Sessions: how long they last, and what ends them."""

from __future__ import annotations

from sqlalchemy import Connection, select

from collector.access.actors import Kind
from collector.store.access_tables import sessions
from tests.unit.access.desk import HOUR, MINUTE, Desk, R, refused


def seen(conn: Connection, org: str) -> list[int]:
    return list(conn.execute(select(sessions.c.seen_at).where(sessions.c.org == org)).scalars())


NO_SESSION = ["", "wws_", "wws_" + "A" * 43, "wwt_" + "A" * 43, "wws_" + "A" * 42 + "\0", "\ud800"]


async def test_what_is_no_session_is_nobody(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    await desk.login("olaf")
    for text in NO_SESSION:
        assert await desk.access.actor_of_session(text) is None


async def test_a_session_is_over_half_an_hour_after_its_last_use(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    secret = await desk.access.login("olaf", "four quiet words here", desk.code("olaf"))
    desk.later(30 * MINUTE - 1)
    assert await desk.access.actor_of_session(secret) is not None
    desk.later(30 * MINUTE)
    assert await desk.access.actor_of_session(secret) is None


async def test_a_session_in_use_is_over_half_a_day_after_it_was_opened(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    secret = await desk.access.login("olaf", "four quiet words here", desk.code("olaf"))
    for _ in range(12 * 3 - 1):
        desk.later(20 * MINUTE)
        assert await desk.access.actor_of_session(secret) is not None
    desk.later(20 * MINUTE - 1)
    assert await desk.access.actor_of_session(secret) is not None
    desk.later(1)
    assert await desk.access.actor_of_session(secret) is None


async def test_use_is_written_at_most_once_a_minute(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    secret = await desk.access.login("olaf", "four quiet words here", desk.code("olaf"))
    opened = desk.clock.now_ms()
    written = []
    for later in (0, 60_000, 1, 60_000, 1):
        desk.later(later)
        await desk.access.actor_of_session(secret)
        written += await desk.store.read(seen, desk.org)
    assert [at - opened for at in written] == [0, 0, 60_001, 60_001, 120_002]


async def test_logging_out_ends_this_session_only(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    one, other = await desk.login("olaf"), await desk.login("olaf")
    actor = await desk.access.actor_of_session(one)
    assert actor is not None
    after = await desk.last_row()
    await desk.access.logout(actor)
    assert await desk.access.actor_of_session(one) is None
    assert await desk.access.actor_of_session(other) is not None
    await desk.access.logout(actor)
    data = {"account": "olaf", "id": actor.credential}
    assert await desk.rows(after) == [("access.logout", "olaf", data)]


async def test_all_sessions_of_an_account_end_together(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    secrets = [await desk.login("olaf"), await desk.login("olaf")]
    actors = [await desk.access.actor_of_session(secret) for secret in secrets]
    ids = sorted(actor.credential for actor in actors if actor)
    after = await desk.last_row()
    await desk.access.end_sessions("olaf", admin)
    assert [await desk.access.actor_of_session(secret) for secret in secrets] == [None, None]
    assert await desk.rows(after) == [
        ("access.logout", "ada", {"account": "olaf", "id": one}) for one in ids
    ]


async def test_sessions_are_ended_by_their_owner_the_host_or_an_admin(desk: Desk) -> None:
    await desk.admin()
    await desk.person("olaf", R.VIEWER)
    await desk.person("vera", R.VIEWER)
    olaf, vera = await desk.actor("olaf"), await desk.actor("vera")
    async with refused("access.not_permitted"):
        await desk.access.end_sessions("olaf", vera)
    async with refused("access.unknown_account"):
        await desk.access.end_sessions("nobody")
    after = await desk.last_row()
    await desk.access.end_sessions("olaf", olaf)
    await desk.access.end_sessions("vera")
    await desk.access.end_sessions("vera")
    assert await desk.rows(after) == [
        ("access.logout", "olaf", {"account": "olaf", "id": olaf.credential}),
        ("access.logout", "system", {"account": "vera", "id": vera.credential}),
    ]


async def test_who_is_vouched_for_gets_a_session(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    actor = await desk.access.actor_of_session(await desk.access.open_session("olaf"))
    assert actor is not None
    data = {"account": "olaf", "by": "session", "id": actor.credential, "proof": "openid"}
    assert await desk.rows(after) == [("access.login", "olaf", data)]


async def test_only_an_active_person_is_vouched_for(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("gone", R.VIEWER)
    await desk.access.disable(admin, "gone")
    await desk.service("robot", R.VIEWER)
    await desk.access.invitation(None, "new", [R.VIEWER], Kind.PERSON)
    after = await desk.last_row()
    for account in ("gone", "robot", "new", "nobody", "no id!\0"):
        async with refused("access.login_failed"):
            await desk.access.open_session(account)
    assert await desk.rows(after) == []


async def test_a_session_has_the_roles_its_owner_has_now(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    secret = await desk.login("olaf")
    await desk.access.set_roles(admin, "olaf", [R.AUDITOR])
    actor = await desk.access.actor_of_session(secret)
    assert actor is not None
    assert actor.roles == {R.AUDITOR}


async def test_sessions_that_are_over_are_forgotten_at_the_next_login(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    await desk.login("olaf")
    desk.later(HOUR)
    await desk.login("olaf")
    assert len(await desk.store.read(seen, desk.org)) == 1
