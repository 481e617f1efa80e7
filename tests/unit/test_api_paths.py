"""Whatever stands in an address: it names something, or it is not found."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

import pytest
from yarl import URL

from collector.access.policy import Permission, Role
from collector.api.cursors import cursor
from collector.api.table import ROUTES
from collector.store.store import Store
from tests.support.known import bearer
from tests.support.planning import Desk, a_desk

EVERYTHING = bearer("all-1", *(role for role in Role if role is not Role.ADMIN))
ADMIN = bearer("admin-1", Role.ADMIN)
OTHER_EVERYTHING = bearer("all-2", *(role for role in Role if role is not Role.ADMIN))
OTHER_ADMIN = bearer("admin-2", Role.ADMIN)
"""So many questions of one account would be too many."""
ODD = ("%00", "ehr%00", "%0A", "%ED%A0%80", "%E2%80%AE", "%FF", "9" * 400, "%F0%9F%92%89", "-1")
"""NUL, a line's end, half a character, a change of direction, no UTF-8, a long number, an emoji."""


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        yield opened


async def test_an_odd_id_is_a_problem_of_who_asks_and_of_nobody_else(desk: Desk) -> None:
    asked = 0
    for number, route in enumerate(ROUTES):
        if "{" not in route.path:
            continue
        for odd in ODD:
            before, _, rest = route.path.partition("{")
            _, _, after = rest.partition("}")
            url = URL(f"{desk.client.make_url(before)}{odd}{after}", encoded=True)
            sent: dict[str, str] | None = None if route.method == "GET" else {}
            everything = (EVERYTHING, OTHER_EVERYTHING)[number % 2]
            who = ADMIN if "/accounts/" in route.path else everything
            who = OTHER_ADMIN if route.needs is Permission.AGENTS_MANAGE else who
            response = await desk.client.session.request(route.method, url, headers=who, json=sent)
            body = json.loads(await response.read())
            assert 400 <= response.status < 500, (route.path, odd, body)
            if odd in ("%00", "ehr%00", "%0A"):
                assert (response.status, body["code"]) == (404, "http.404"), (route.path, odd)
            asked += 1
    assert asked >= 12 * len(ODD)


CURSORS = (
    cursor((2**63, "x")),
    cursor((2**63 - 1, "x")),
    cursor((-(2**63), "x")),
    cursor((1, "\x00")),
    cursor((1, "\ud800")),
    cursor((2**63 - 1,)),
    cursor((2**64,)),
    cursor(("\x00",)),
    cursor(("\ud800",)),
    "%00",
    "%ED%A0%80",
)


async def test_an_odd_cursor_is_a_problem_of_who_asks_or_the_end(desk: Desk) -> None:
    ranged = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
    for path in (
        "sites?",
        "systems?",
        "checks?",
        "incidents?",
        "agents?",
        "contacts?",
        "journal?",
        f"outages?{ranged}&",
        f"systems/ehr/states?{ranged}&",
    ):
        for made in CURSORS:
            url = URL(f"{desk.client.make_url('/api/v1/')}{path}cursor={made}", encoded=True)
            response = await desk.client.session.get(url, headers=EVERYTHING)
            assert response.status in (200, 400), (path, made, await response.text())
