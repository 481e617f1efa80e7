"""Sites and contacts as the operator's file has them."""

from __future__ import annotations

from typing import Any

import pytest

from collector.access.policy import Role
from collector.store.store import Store
from tests.support.known import VIEWER, bearer
from tests.support.paging import in_parts
from tests.support.planning import Desk, a_desk
from tests.support.rounds import config, document

OPERATOR = bearer("operator-1", Role.OPERATOR)
NORTH = {
    "id": "north",
    "name": "North Campus",
    "timezone": "America/Denver",
    "users": 300,
    "agents": ["north-1"],
}
SOUTH = {
    "id": "south",
    "name": "South Campus",
    "timezone": "America/Chicago",
    "users": None,
    "agents": ["south-1"],
}
CONTACTS = [
    {
        "id": "csm",
        "name": "Customer success",
        "role": "csm",
        "email": None,
        "reach": [],
        "training": None,
        "trained": [
            {"kind": kind, "state": "missing", "done": None, "until": None}
            for kind in ("privacy", "security", "role", "deidentification")
        ],
    },
    {
        "id": "desk",
        "name": "Service desk",
        "role": "support",
        "email": "desk@example.org",
        "reach": [],
        "training": {
            "privacy": "2025-03-01",
            "security": None,
            "role": None,
            "deidentification": None,
            "refresher_until": "2026-03-01",
        },
        "trained": [
            {"kind": "privacy", "state": "soon", "done": "2025-03-01", "until": "2026-03-01"},
            {"kind": "security", "state": "missing", "done": None, "until": None},
            {"kind": "role", "state": "missing", "done": None, "until": None},
            {"kind": "deidentification", "state": "missing", "done": None, "until": None},
        ],
    },
]


def hospital() -> Any:
    sites = document()["sites"]
    sites["north"] |= {"timezone": "America/Denver", "users": 300}
    contacts = {
        "desk": {
            "name": "Service desk",
            "role": "support",
            "email": "desk@example.org",
            "training": {"privacy": "2025-03-01", "refresher_until": "2026-03-01"},
        },
        "csm": {"name": "Customer success", "role": "csm"},
    }
    return config(sites=sites, contacts=contacts)


@pytest.fixture
async def desk(sqlite_store: Store) -> Any:
    async with a_desk(sqlite_store, hospital()) as opened:
        yield opened


async def test_a_site_shows_its_zone_its_users_and_its_agents(desk: Desk) -> None:
    assert await desk.get("sites") == {"sites": [NORTH, SOUTH], "next": None}


async def test_contacts_are_shown_with_their_training(desk: Desk) -> None:
    assert await desk.get("contacts", OPERATOR) == {"contacts": CONTACTS, "next": None}


async def test_parts_of_one_are_the_whole(desk: Desk) -> None:
    assert await in_parts(desk, "sites", "sites") == [NORTH, SOUTH]
    assert await in_parts(desk, "contacts", "contacts", OPERATOR) == CONTACTS


async def test_a_viewer_reads_no_contacts(desk: Desk) -> None:
    assert await desk.problem("contacts") == (403, "access.denied")


async def test_who_has_the_answer_gets_304_and_no_body(desk: Desk) -> None:
    first = await desk.client.get("/api/v1/sites", headers=VIEWER)
    tag = first.headers["ETag"]
    again = await desk.client.get("/api/v1/sites", headers=VIEWER | {"If-None-Match": tag})
    assert (again.status, await again.read(), again.headers["ETag"]) == (304, b"", tag)
    other = await desk.client.get("/api/v1/sites", headers=VIEWER | {"If-None-Match": '"other"'})
    assert (other.status, await other.json()) == (200, {"sites": [NORTH, SOUTH], "next": None})
