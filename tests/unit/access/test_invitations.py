"""One-time links: enrolling, the first admin, and starting anew after something was lost."""

from __future__ import annotations

import asyncio

from collector.access.actors import Account, Kind, Status
from collector.access.passwords import Passwords
from tests.support.rounds import START
from tests.unit.access.desk import DAY, HOUR, PASSWORD, Desk, P, R, refused
from tests.unit.access.test_accounts import vouched
from tests.unit.access.test_passwords import SlowHasher


async def invited(desk: Desk, account: str = "olaf") -> str:
    """A code whose second factor is known to the desk."""
    code = await desk.access.invitation(None, account, [R.VIEWER], Kind.PERSON)
    assert code is not None
    desk.factors[account] = (await desk.access.begin(code)).secret
    return code


async def test_an_invitation_says_whose_it_is_and_what_the_authenticator_needs(desk: Desk) -> None:
    code = await invited(desk)
    begun = await desk.access.begin(code)
    assert begun == await desk.access.begin(code)
    assert (begun.account, len(begun.secret)) == ("olaf", 32)
    assert begun.uri == (
        f"otpauth://totp/St.%20Elsewhere:olaf?secret={begun.secret}&issuer=St.%20Elsewhere"
    )
    assert begun.secret not in repr(begun)


async def test_who_enrols_is_active_and_can_log_in(desk: Desk) -> None:
    code = await invited(desk)
    after = await desk.last_row()
    assert await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf")) == "olaf"
    assert await desk.rows(after) == [("access.enrolled", "olaf", {"account": "olaf"})]
    viewer = frozenset({R.VIEWER})
    assert await desk.access.accounts() == (
        Account("olaf", Kind.PERSON, viewer, Status.ACTIVE, START, None, None),
    )
    desk.later(30_000)
    await desk.login("olaf")


async def test_a_code_of_an_invitation_works_once(desk: Desk) -> None:
    code = await invited(desk)
    await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))
    async with refused("access.invitation_invalid"):
        await desk.access.begin(code)
    async with refused("access.invitation_invalid"):
        await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))


async def test_of_two_who_enrol_at_once_one_does(desk: Desk) -> None:
    code = await invited(desk)
    shown, other = desk.code("olaf"), PASSWORD + " too"
    both = (desk.access.enrol(code, "olaf", word, shown) for word in (PASSWORD, other))
    came = await asyncio.gather(*both, return_exceptions=True)
    assert sorted(str(one) for one in came) == ["access.invitation_invalid", "olaf"]
    kinds = [kind for kind, _, _ in await desk.rows()]
    assert kinds.count("access.enrolled") == 1


async def test_an_invitation_is_over_after_a_day_to_the_millisecond(desk: Desk) -> None:
    code = await invited(desk)
    desk.later(24 * HOUR - 1)
    await desk.access.begin(code)
    desk.later(1)
    async with refused("access.invitation_invalid"):
        await desk.access.begin(code)
    async with refused("access.invitation_invalid"):
        await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))


async def test_an_invitation_that_ends_while_the_password_is_hashed_is_over(
    desk: Desk, passwords: Passwords
) -> None:
    code = await invited(desk)
    desk.later(24 * HOUR - 1)
    passwords._hasher = slow = SlowHasher()
    task = asyncio.create_task(desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf")))
    await asyncio.to_thread(slow.begun.wait, 30)
    desk.later(1)
    slow.free.set()
    async with refused("access.invitation_invalid"):
        await task


NO_INVITATION = [
    "",
    "wwi_",
    "wwi_" + "A" * 43,
    "wwt_" + "A" * 43,
    "wwi_" + "A" * 42 + "\0",
    "\ud800",
]


async def test_what_is_no_invitation_is_none(desk: Desk) -> None:
    await invited(desk)
    for text in NO_INVITATION:
        async with refused("access.invitation_invalid"):
            await desk.access.begin(text)


async def test_what_is_wrong_is_said_and_the_invitation_is_kept(desk: Desk) -> None:
    code = await invited(desk)
    after = await desk.last_row()
    weak = "a password has 15 to 128 characters; a few words will do"
    async with refused("access.weak_password", reason=weak):
        await desk.access.enrol(code, "olaf", "short", desk.code("olaf"))
    inside = "a password does not contain the account's id"
    async with refused("access.weak_password", reason=inside):
        await desk.access.enrol(code, "olaf", "olaf and other words", desk.code("olaf"))
    for typed in (desk.code("olaf", 2), desk.code("olaf", -2), ""):
        async with refused("access.wrong_code"):
            await desk.access.enrol(code, "olaf", PASSWORD, typed)
    async with refused("access.invitation_invalid"):
        await desk.access.enrol(code, "vera", PASSWORD, desk.code("olaf"))
    assert await desk.rows(after) == []
    await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))


async def test_who_enrols_in_a_flood_is_asked_to_come_again(
    desk: Desk, passwords: Passwords
) -> None:
    code = await invited(desk)
    passwords._hasher = slow = SlowHasher()
    held = [asyncio.create_task(passwords.hash(PASSWORD)) for _ in range(9)]
    await asyncio.sleep(0)
    async with refused("access.busy", retry_after_s=1):
        await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))
    slow.free.set()
    await asyncio.gather(*held)
    await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))


async def test_the_first_link_makes_an_admin_who_chooses_an_id(desk: Desk) -> None:
    code = await desk.access.first_link()
    assert code is not None
    begun = await desk.access.begin(code)
    assert begun.account is None
    assert begun.uri.startswith("otpauth://totp/St.%20Elsewhere:admin?")
    assert await desk.enrolled(code, "ada") == "ada"
    expires_at = START + 24 * HOUR
    assert await desk.rows() == [
        ("access.invited", "system", {"roles": ["admin"], "expires_at": expires_at}),
        (
            "access.account.created",
            "ada",
            {"account": "ada", "kind": "person", "roles": ["admin"]},
        ),
        ("access.enrolled", "ada", {"account": "ada"}),
    ]
    assert (await desk.actor("ada")).may(P.ACCOUNTS_MANAGE)
    assert await desk.access.first_link() is None


async def test_a_second_first_link_takes_the_place_of_the_first(desk: Desk) -> None:
    first, second = await desk.access.first_link(), await desk.access.first_link()
    assert first is not None
    assert second is not None
    async with refused("access.invitation_invalid"):
        await desk.access.begin(first)
    await desk.enrolled(second, "ada")


NOT_TO_BE_CHOSEN = {
    "": "access.bad_id",
    "Ada": "access.bad_id",
    "system": "access.bad_id",
    "mrn-12345678": "access.bad_id",
    "olaf": "access.account_exists",
    "robot": "access.account_exists",
}


async def test_an_id_that_cannot_be_chosen_keeps_the_link(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    await desk.service("robot", R.VIEWER)
    link = await desk.access.first_link()
    assert link is not None
    desk.factors["ada"] = (await desk.access.begin(link)).secret
    after = await desk.last_row()
    for chosen, code in NOT_TO_BE_CHOSEN.items():
        async with refused(code):
            await desk.access.enrol(link, chosen, PASSWORD, desk.code("ada"))
    assert await desk.rows(after) == []
    assert await desk.access.enrol(link, "ada", PASSWORD, desk.code("ada")) == "ada"


async def test_there_is_a_first_link_until_an_admin_can_log_in(desk: Desk) -> None:
    await desk.person("olaf", R.OPERATOR)
    await desk.access.invitation(None, "bea", [R.ADMIN], Kind.PERSON)
    assert await desk.access.first_link() is not None
    await desk.person("ada", R.ADMIN)
    assert await desk.access.first_link() is None
    async with refused("access.last_admin"):
        await desk.access.reset(None, "ada")
    assert await desk.access.first_link() is None


async def test_the_glass_can_be_broken_with_an_admin_there(desk: Desk) -> None:
    await desk.admin()
    after, now = await desk.last_row(), START + desk.now
    code = await desk.access.new_admin_link()
    data = {"roles": ["admin"], "expires_at": now + 24 * HOUR}
    assert await desk.rows(after) == [("access.invited", "system", data)]
    await desk.enrolled(code, "bea")
    assert (await desk.actor("bea")).may(P.ACCOUNTS_MANAGE)


async def test_after_a_reset_nothing_old_opens_the_account(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.person("olaf", R.VIEWER)
    secret = await desk.login("olaf")
    olaf = await desk.access.actor_of_session(secret)
    assert olaf is not None
    minted = await desk.access.create_token(olaf, "olaf", [P.SELF], DAY)
    after, now = await desk.last_row(), START + desk.now
    code = await desk.access.reset(admin, "olaf")
    assert await desk.rows(after) == [
        ("access.account.reset", "ada", {"account": "olaf", "expires_at": now + 24 * HOUR}),
        ("access.logout", "ada", {"account": "olaf", "id": olaf.credential}),
        ("access.token.revoked", "ada", {"account": "olaf", "id": minted.id}),
    ]
    assert await desk.access.actor_of_session(secret) is None
    assert await desk.access.actor_of_token(minted.secret) is None
    async with refused("access.login_failed"):
        await desk.access.login("olaf", PASSWORD, desk.code("olaf"))
    old = desk.factors["olaf"]
    await desk.enrolled(code, "olaf", "other quiet words")
    assert desk.factors["olaf"] != old
    async with refused("access.login_failed"):
        await desk.login("olaf")
    await desk.login("olaf", "other quiet words")
    assert await desk.access.actor_of_token(minted.secret) is None


async def test_a_reset_takes_the_place_of_an_invitation_that_was_lost(desk: Desk) -> None:
    lost = await invited(desk)
    code = await desk.access.reset(None, "olaf")
    async with refused("access.invitation_invalid"):
        await desk.access.begin(lost)
    await desk.enrolled(code, "olaf")


async def test_enrolling_anew_forgives_failures(desk: Desk) -> None:
    await desk.person("olaf", R.VIEWER)
    for _ in range(5):
        async with refused("access.login_failed"):
            await desk.access.login("olaf", "no such words", "123456")
    code = await desk.access.reset(None, "olaf")
    desk.later(-29_999)
    begun = await desk.access.begin(code)
    desk.factors["olaf"] = begun.secret
    await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))
    await desk.access.login("olaf", PASSWORD, desk.code("olaf", 1))


async def test_services_and_who_is_disabled_are_not_reset(desk: Desk) -> None:
    admin = await desk.admin()
    await desk.service("robot", R.VIEWER)
    await desk.person("olaf", R.VIEWER)
    await desk.access.disable(admin, "olaf")
    after = await desk.last_row()
    async with refused("access.not_a_person"):
        await desk.access.reset(admin, "robot")
    async with refused("access.account_inactive"):
        await desk.access.reset(admin, "olaf")
    assert await desk.rows(after) == []


async def test_an_invitation_of_who_came_in_another_way_is_over(desk: Desk) -> None:
    code = await invited(desk)
    await desk.store.write(vouched, desk.org, "olaf")
    async with refused("access.invitation_invalid"):
        await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))


async def test_an_invitation_of_who_is_disabled_is_over(desk: Desk) -> None:
    admin = await desk.admin()
    code = await invited(desk)
    await desk.access.disable(admin, "olaf")
    async with refused("access.invitation_invalid"):
        await desk.access.enrol(code, "olaf", PASSWORD, desk.code("olaf"))
