"""What the API believes of who asks: the collector's own and the stand-in of tests do the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from collector.access.actors import By, Kind
from collector.access.policy import Permission, Role, permissions_of
from collector.api.asking import Knows
from collector.store.store import Store
from tests.support.collectors import a_collector
from tests.support.entering import PASSWORD
from tests.support.known import Known, token

Enter = Callable[[str, Role], Awaitable[tuple[str, str]]]
"""From an account and its role to the secrets of a token and of a session."""


@pytest.fixture(params=["collector", "stand-in"])
async def known(
    request: pytest.FixtureRequest, sqlite_store: Store
) -> AsyncIterator[tuple[Knows, Enter]]:
    if request.param == "stand-in":

        async def believed(account: str, role: Role) -> tuple[str, str]:
            return token(account, role), token(account, role)

        yield Known(), believed
        return
    async with a_collector(sqlite_store) as collector:

        async def entered(account: str, role: Role) -> tuple[str, str]:
            secret = await collector.token(account, role)
            person = await collector.person(f"{account}-2", role)
            session = await collector.access.login(person.account, PASSWORD, collector.code(person))
            return secret, session

        yield collector.access, entered


async def test_a_token_and_a_session_are_their_owners(known: tuple[Knows, Enter]) -> None:
    knows, enter = known
    secret, session = await enter("ann", Role.OPERATOR)
    by_token, by_session = (
        await knows.actor_of_token(secret),
        await knows.actor_of_session(session),
    )
    assert by_token is not None
    assert by_session is not None
    assert (by_token.account, by_token.kind, by_token.csrf) == ("ann", Kind.PERSON, "")
    assert by_token.by in (By.TOKEN, By.LOGIN)
    assert by_session.by is By.SESSION
    assert len(by_session.csrf) > 20
    for actor in (by_token, by_session):
        assert actor.roles == frozenset({Role.OPERATOR})
        assert actor.permissions == permissions_of({Role.OPERATOR})
        assert actor.may(Permission.MAINTENANCE_PROPOSE)
        assert not actor.may(Permission.MAINTENANCE_APPROVE)


@pytest.mark.parametrize("secret", ["", "x", "wwt_", "ann", "ann:", "ann:king", "\x00" * 50])
async def test_rubbish_is_nobody(known: tuple[Knows, Enter], secret: str) -> None:
    knows, _ = known
    assert await knows.actor_of_token(secret) is None
    assert await knows.actor_of_session(secret) is None
