"""Logging in: one answer for whatever is wrong, waiting after failures, and floods."""

from __future__ import annotations

import asyncio

import pytest

from collector.access import logins
from collector.access.actors import By, Kind
from collector.access.passwords import Passwords
from collector.access.policy import permissions_of
from collector.access.refusals import AccessError
from tests.support.rounds import START
from tests.unit.access.desk import DAY, PASSWORD, Desk, P, R, refused
from tests.unit.access.test_passwords import SlowHasher

WRONG = "four loud words here"
DUMMY_FACTOR = "A" * 32


async def test_a_login_opens_a_session_of_the_account(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR, R.VIEWER)
    after = await desk.last_row()
    secret = await desk.login("olaf")
    assert secret.startswith("wws_")
    actor = await desk.access.actor_of_session(secret)
    assert actor is not None
    roles = {R.OPERATOR, R.VIEWER}
    assert (actor.account, actor.kind, actor.roles) == ("olaf", Kind.PERSON, frozenset(roles))
    assert (actor.by, actor.permissions) == (By.SESSION, permissions_of(roles))
    assert len(actor.csrf) == 43
    data = {"account": "olaf", "by": "session", "id": actor.credential, "proof": "password"}
    assert await desk.rows(after) == [("access.login", "olaf", data)]
    (account,) = await desk.access.accounts()
    assert account.seen_at == START + 30_000


async def test_a_login_for_a_token_needs_no_session(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    minted = await desk.access.login_for_token("olaf", PASSWORD, desk.code("olaf"), None, DAY)
    assert minted.expires_at == START + 30_000 + DAY
    actor = await desk.access.actor_of_token(minted.secret)
    assert actor is not None
    assert (actor.account, actor.by, actor.credential) == ("olaf", By.LOGIN, minted.id)
    assert actor.permissions == permissions_of({R.VIEWER})
    scopes = sorted(p.value for p in permissions_of({R.VIEWER}))
    assert await desk.rows(after) == [
        (
            "access.login",
            "olaf",
            {"account": "olaf", "by": "token", "id": minted.id, "proof": "password"},
        ),
        (
            "access.token.created",
            "olaf",
            {
                "account": "olaf",
                "id": minted.id,
                "scopes": scopes,
                "expires_at": minted.expires_at,
            },
        ),
    ]


async def test_a_token_that_nobody_can_have_uses_up_no_code(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    code, after = desk.code("olaf"), await desk.last_row()
    for_token = desk.access.login_for_token
    async with refused("access.scope_not_held"):
        await for_token("olaf", PASSWORD, code, [P.WHAT_IF_RUN], DAY)
    async with refused("access.lifetime", longest_ms=90 * DAY):
        await for_token("olaf", PASSWORD, code, [P.SELF], 91 * DAY)
    assert await desk.rows(after) == []
    minted = await for_token("olaf", PASSWORD, code, [P.SELF], 90 * DAY)
    actor = await desk.access.actor_of_token(minted.secret)
    assert actor is not None
    assert actor.permissions == {P.SELF}


async def test_a_code_works_once(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    code = desk.code("olaf")
    await desk.access.login("olaf", PASSWORD, code)
    async with refused("access.login_failed"):
        await desk.access.login("olaf", PASSWORD, code)
    after = await desk.rows(await desk.last_row() - 1)
    data = {"account": "olaf", "failures": 1, "retry_at": START + 30_000, "why": "code"}
    assert after == [("access.login.failed", "system", data)]


async def test_of_two_who_show_the_same_code_at_once_one_enters(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    code = desk.code("olaf")
    tries = (desk.access.login("olaf", PASSWORD, code) for _ in range(2))
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert sorted(type(one).__name__ for one in came) == ["AccessError", "str"]


async def test_the_code_one_enrolled_with_does_not_log_in(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    async with refused("access.login_failed"):
        await desk.access.login("olaf", PASSWORD, desk.code("olaf", -1))
    await desk.access.login("olaf", PASSWORD, desk.code("olaf"))


async def everybody(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    await desk.person("gone", R.VIEWER)
    await desk.access.disable(admin, "gone")
    await desk.service("robot", R.VIEWER)
    await desk.access.invitation(None, "new", [R.VIEWER], Kind.PERSON)
    desk.factors |= dict.fromkeys(("robot", "new", "nobody", "no id!\0"), DUMMY_FACTOR)


IN_VAIN: tuple[tuple[str, str, int, str | None], ...] = (
    ("olaf", WRONG, 0, "password"),
    ("olaf", WRONG, 5, "password"),
    ("olaf", "", 0, "password"),
    ("olaf", PASSWORD * 1_000, 0, "password"),
    ("olaf", PASSWORD, 2, "code"),
    ("olaf", PASSWORD, -2, "code"),
    ("gone", PASSWORD, 0, "account"),
    ("new", PASSWORD, 0, "account"),
    ("robot", PASSWORD, 0, "account"),
    ("nobody", PASSWORD, 0, None),
    ("no id!\0", PASSWORD, 0, None),
)
"""Account, password, by how many steps the code is off, and what the journal says of it."""


async def test_whatever_is_wrong_is_answered_alike_and_costs_one_hash(desk: Desk) -> None:
    await everybody(desk)
    for account, password, steps, why in IN_VAIN:
        after, before = await desk.last_row(), desk.hasher.verified
        async with refused("access.login_failed"):
            await desk.access.login(account, password, desk.code(account, steps))
        assert desk.hasher.verified == before + 1
        expected = []
        if why is not None:
            data = {"account": account, "failures": 1, "retry_at": START + desk.now, "why": why}
            expected = [("access.login.failed", "system", data)]
        assert await desk.rows(after) == expected
        if account == "olaf":
            await desk.login("olaf")


async def test_what_no_account_is_called_is_not_written_anywhere(desk: Desk) -> None:
    """People type their password where the name belongs."""
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    for _ in range(9):
        with pytest.raises(AccessError):
            await desk.access.login("hunter-2-and-more", PASSWORD, "123456")
    assert await desk.rows(after) == []
    assert [account.id for account in await desk.access.accounts()] == ["olaf"]


async def waits(desk: Desk, account: str, tries: int) -> list[int]:
    """Seconds to wait after each failure, waiting exactly so long in between."""
    found = []
    for _ in range(tries):
        async with refused("access.login_failed"):
            await desk.access.login(account, WRONG, "123456")
        try:
            await desk.access.login(account, WRONG, "123456")
        except AccessError as error:
            if error.code == "access.throttled":
                found.append(int(error.detail["retry_after_s"]))
                desk.later(found[-1] * 1_000 - 1)
                async with refused("access.throttled", retry_after_s=1):
                    await desk.access.login(account, WRONG, "123456")
                desk.later(1)
    return found


async def test_failures_make_wait_the_same_whether_there_is_an_account_or_not(desk: Desk) -> None:
    await everybody(desk)
    for account in ("olaf", "robot", "nobody"):
        before = desk.hasher.verified
        # Two tries each for the first four failures; the fifth is the first to make wait.
        assert await waits(desk, account, 2) == []
        assert await waits(desk, account, 10) == [2, 4, 8, 16, 32, 64, 128, 256, 512, 900]
        assert desk.hasher.verified == before + 14


async def test_a_throttled_try_verifies_and_writes_nothing_even_if_right(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    for _ in range(5):
        async with refused("access.login_failed"):
            await desk.access.login("olaf", WRONG, desk.code("olaf"))
    verified = desk.hasher.verified
    for _ in range(20):
        async with refused("access.throttled", retry_after_s=2):
            await desk.access.login("olaf", PASSWORD, desk.code("olaf"))
    assert desk.hasher.verified == verified
    at = START + 30_000
    assert await desk.rows(after) == [
        (
            "access.login.failed",
            "system",
            {"account": "olaf", "failures": n, "retry_at": at + wait, "why": "password"},
        )
        for n, wait in [(1, 0), (2, 0), (3, 0), (4, 0), (5, 2_000)]
    ]
    desk.later(2_000)
    await desk.access.login("olaf", PASSWORD, desk.code("olaf"))


async def test_a_login_forgives_the_failures_before_it(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    for _ in range(2):
        for _ in range(4):
            async with refused("access.login_failed"):
                await desk.access.login("olaf", WRONG, desk.code("olaf"))
        await desk.login("olaf")


async def test_failures_at_once_count_no_more_than_one_after_another(desk: Desk) -> None:
    """Nine get past the first look at the account together; only five of them are counted."""
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    tries = (desk.access.login("olaf", WRONG, "123456") for _ in range(9))
    came = await asyncio.gather(*tries, return_exceptions=True)
    codes = sorted(one.code for one in came if isinstance(one, AccessError))
    assert codes == ["access.login_failed"] * 5 + ["access.throttled"] * 4
    assert len(await desk.rows(after)) == 5


async def test_a_clock_that_was_ahead_locks_nobody_out(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    desk.later(10 * DAY)
    for _ in range(5):
        async with refused("access.login_failed"):
            await desk.access.login("olaf", WRONG, "123456")
    desk.later(-9 * DAY)
    await desk.access.login("olaf", PASSWORD, desk.code("olaf"))


async def test_a_flood_runs_one_hash_at_a_time_and_the_rest_is_told_at_once(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    verified = desk.hasher.verified
    tries = (desk.access.login(f"nobody-{n}", PASSWORD, "123456") for n in range(100))
    came = await asyncio.gather(*tries, return_exceptions=True)
    failed = [one for one in came if isinstance(one, AccessError)]
    codes = {one.code: one.detail for one in failed}
    assert codes["access.login_failed"] == {}
    assert codes.get("access.busy", {"retry_after_s": 1}) == {"retry_after_s": 1}
    assert len(failed) == 100
    ran = sum(one.code == "access.login_failed" for one in failed)
    assert (desk.hasher.most, desk.hasher.verified - verified) == (1, ran)


async def test_a_flood_beyond_the_queue_is_busy_and_leaves_nothing(
    desk: Desk, passwords: Passwords
) -> None:
    await desk.person("olaf", R.VIEWER)
    after = await desk.last_row()
    passwords._hasher = slow = SlowHasher()
    held = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(9)]
    await asyncio.sleep(0)
    tries = (desk.access.login("olaf", WRONG, "123456") for _ in range(100))
    came = await asyncio.gather(*tries, return_exceptions=True)
    codes = [one.code for one in came if isinstance(one, AccessError)]
    assert codes == ["access.busy"] * 100
    assert await desk.rows(after) == []
    slow.free.set()
    await asyncio.gather(*held)
    passwords._hasher = desk.hasher
    await desk.login("olaf")


async def test_a_password_that_was_another_when_it_was_checked_does_not_enter(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    before = await desk.store.read(logins.find, desk.org, "olaf")
    assert before is not None
    await desk.enrolled(await desk.access.reset(None, "olaf"), "olaf", "other quiet words")
    now = await desk.store.read(logins.find, desk.org, "olaf")
    assert now is not None
    step = desk.clock.now_ms() // 30_000

    async def entered(known: logins.Known) -> bool:
        tried = logins.Tried(known, password_right=True, step=step)
        at = await desk.store.write(
            logins.finish, desk.org, desk.clock.now_ms, tried, lambda *_: []
        )
        return at is not None

    assert [await entered(known) for known in (before, now)] == [False, True]


async def test_a_password_that_was_reset_meanwhile_does_not_enter(
    desk: Desk, passwords: Passwords
) -> None:
    """The hash takes its time; what it was checked against may be gone when it is done."""
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    slow = SlowHasher()
    passwords._hasher = slow
    held = asyncio.create_task(passwords.hash(PASSWORD))
    await asyncio.to_thread(slow.begun.wait, 30)
    login = asyncio.create_task(desk.access.login("olaf", PASSWORD, desk.code("olaf")))
    while passwords._worker._work_queue.qsize() == 0:
        await asyncio.sleep(0.001)
    await desk.access.reset(admin, "olaf")
    slow.free.set()
    async with refused("access.login_failed"):
        await login
    await held
