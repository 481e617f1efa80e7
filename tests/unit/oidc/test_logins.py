"""Logins under way, on both engines."""

from __future__ import annotations

import asyncio

from collector.access.oidc_logins import Login, begin, take
from collector.store.store import Store

ORG = "st-elsewhere"
FIRST = Login("s1", "b1", "n1", "v1", 2_000)
SECOND = Login("s2", "b2", "n2", "v2", 2_001)


async def test_a_login_is_taken_once_as_it_was_kept(store: Store) -> None:
    assert await store.write(begin, ORG, FIRST, 1_000)
    assert await store.write(begin, ORG, SECOND, 1_000)
    assert await store.write(take, "another-org", "s1") is None
    assert await store.write(take, ORG, "s1") == FIRST
    assert await store.write(take, ORG, "s1") is None
    assert await store.write(take, ORG, "s2") == SECOND


async def test_of_many_who_take_it_at_once_one_is_given_it(store: Store) -> None:
    await store.write(begin, ORG, FIRST, 1_000)
    taken = await asyncio.gather(*(store.write(take, ORG, "s1") for _ in range(8)))
    assert [login for login in taken if login is not None] == [FIRST]


async def test_a_new_login_removes_those_at_the_end_of_their_time(store: Store) -> None:
    for login in (FIRST, SECOND):
        await store.write(begin, ORG, login, 1_000)
    await store.write(begin, ORG, Login("s3", "b3", "n3", "v3", 9_000), 2_000)
    assert await store.write(take, ORG, "s1") is None
    assert await store.write(take, ORG, "s2") == SECOND
