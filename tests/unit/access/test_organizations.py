"""Two organizations in one database: what opens one opens nothing of the other."""

from __future__ import annotations

from collector.access.passwords import Passwords
from collector.store.store import Store
from tests.unit.access.desk import DAY, PASSWORD, Desk, P, R, a_desk, refused


async def both(shared: Store, passwords: Passwords) -> tuple[Desk, Desk]:
    """The same people in both, with passwords and second factors of their own."""
    one = a_desk(shared, passwords)
    other = a_desk(shared, passwords)
    for desk, password in ((one, PASSWORD), (other, PASSWORD + " elsewhere")):
        await desk.person("ada", R.ADMIN, password=password)
        await desk.person("olaf", R.VIEWER, password=password)
    return one, other


async def test_a_session_or_token_of_one_is_nothing_in_the_other(
    shared: Store, passwords: Passwords
) -> None:
    one, other = await both(shared, passwords)
    session = await one.login("olaf")
    olaf = await one.access.actor_of_session(session)
    assert olaf is not None
    token = (await one.access.create_token(olaf, "olaf", [P.SELF], DAY)).secret
    assert await one.access.actor_of_token(token) is not None
    assert await other.access.actor_of_session(session) is None
    assert await other.access.actor_of_token(token) is None


async def test_a_password_and_code_of_one_log_in_to_one(
    shared: Store, passwords: Passwords
) -> None:
    one, other = await both(shared, passwords)
    async with refused("access.login_failed"):
        await other.access.login("olaf", PASSWORD, one.code("olaf"))
    async with refused("access.login_failed"):
        await other.access.login("olaf", PASSWORD + " elsewhere", one.code("olaf"))
    await one.login("olaf")
    await other.login("olaf", PASSWORD + " elsewhere")


async def test_an_invitation_of_one_is_nothing_in_the_other(
    shared: Store, passwords: Passwords
) -> None:
    one, other = await both(shared, passwords)
    code = await one.access.reset(None, "olaf")
    async with refused("access.invitation_invalid"):
        await other.access.begin(code)
    link = await one.access.new_admin_link()
    async with refused("access.invitation_invalid"):
        await other.access.begin(link)
    await other.access.new_admin_link()
    await one.access.begin(link)


async def test_what_is_done_in_one_leaves_the_other_as_it_was(
    shared: Store, passwords: Passwords
) -> None:
    one, other = await both(shared, passwords)
    session = await other.login("olaf", PASSWORD + " elsewhere")
    olaf = await other.access.actor_of_session(session)
    assert olaf is not None
    minted = await other.access.create_token(olaf, "olaf", [P.SELF], DAY)
    before, rows = await other.access.accounts(), await other.rows()
    admin = await one.actor("ada")
    async with refused("access.unknown_token"):
        await one.access.revoke_token(admin, minted.id)
    await one.access.end_sessions("olaf")
    await one.access.set_roles(admin, "olaf", [R.AUDITOR])
    await one.access.reset(admin, "olaf")
    await one.access.disable(admin, "olaf")
    await one.access.enable(admin, "olaf")
    one.later(DAY)
    await one.login("ada")
    assert await one.access.tokens() == ()
    assert (await other.access.accounts(), await other.rows()) == (before, rows)
    assert await other.access.actor_of_session(session) == olaf
    assert await other.access.actor_of_token(minted.secret) is not None


async def test_an_admin_of_one_is_none_for_the_other(shared: Store, passwords: Passwords) -> None:
    one = a_desk(shared, passwords)
    other = a_desk(shared, passwords)
    await one.person("ada", R.ADMIN)
    assert await one.access.first_link() is None
    assert await other.access.first_link() is not None
    assert await other.access.accounts() == ()
