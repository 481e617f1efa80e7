"""The channels in force and what was agreed with their receivers: by API and command."""

from __future__ import annotations

import json
from typing import Any

import pytest

from collector.store.store import Store
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk, hospital

FULL = {
    "covered": True,
    "plan": "Enterprise",
    "ref": "contract 7",
    "verified_by": "admin-1",
    "until": "2026-06-30",
}
MAIL = {"kind": "email", "host": "mail.example.org", "from": "a@example.org"}
CHANNELS = {
    "wards": {**MAIL, "to": ["w@example.org"], "audience": "customer", "baa": {"covered": False}},
    "desk": {
        "kind": "webhook",
        "url": "https://hooks.example.org/T0PSECRETPATH",
        "secret": "file:/run/secrets/hook",
        "baa": FULL,
    },
    "pager": {"kind": "pagerduty", "routing_key": "file:/k", "baa": FULL | {"until": "2025-12-30"}},
    "spare": {"kind": "carrier-pigeon", "loft": "roof"},
}
ROUTES = [
    {"families": ["availability", "blind"], "min_priority": "P2", "to": ["desk", "pager"]},
    {"families": ["expiry"], "to": ["desk"]},
    {"families": ["availability"], "min_priority": "P1", "to": ["wards"]},
]
NOTICES = {"clinical_liaison": ["desk"], "legal_compliance": ["desk", "pager"]}
SHOWN = [
    {
        "id": "desk",
        "kind": "webhook",
        "guarantee": "keyed",
        "audience": "staff",
        "agreement": FULL | {"in_force": True},
        "routes": [
            {"families": ["availability", "blind"], "min_priority": "P2"},
            {"families": ["expiry"], "min_priority": "P4"},
        ],
        "notices": ["clinical_liaison", "legal_compliance"],
        "escalation": [],
        "reach": [],
    },
    {
        "id": "pager",
        "kind": "pagerduty",
        "guarantee": "keyed",
        "audience": "staff",
        "agreement": FULL | {"until": "2025-12-30", "in_force": False},
        "routes": [{"families": ["availability", "blind"], "min_priority": "P2"}],
        "notices": ["legal_compliance"],
        "escalation": [],
        "reach": [],
    },
    {
        "id": "spare",
        "kind": "carrier-pigeon",
        "guarantee": None,
        "audience": "staff",
        "agreement": None,
        "routes": [],
        "notices": [],
        "escalation": [],
        "reach": [],
    },
    {
        "id": "wards",
        "kind": "email",
        "guarantee": "send",
        "audience": "customer",
        "agreement": {
            "covered": False,
            "plan": None,
            "ref": None,
            "verified_by": None,
            "until": None,
            "in_force": False,
        },
        "routes": [{"families": ["availability"], "min_priority": "P1"}],
        "notices": [],
        "escalation": [],
        "reach": [],
    },
]
TABLE = [
    "Channels",
    "ID     KIND            GUARANTEE  AUDIENCE  AGREEMENT                                                                              CARRIES",
    "desk   webhook         keyed      staff     agreement in force, until 2026-06-30, contract 7, verified by admin-1, Enterprise      availability, blind from P2; expiry from P4; notices of clinical liaison; notices of legal compliance",
    "pager  pagerduty       keyed      staff     agreement ended, until 2025-12-30, contract 7, verified by admin-1, Enterprise         availability, blind from P2; notices of legal compliance",
    "spare  carrier-pigeon  -          staff     no agreement written down                                                              -",
    "wards  email           send       customer  not covered by an agreement                                                            availability from P1",
]


@pytest.fixture
async def desk(sqlite_store: Store) -> Any:
    used = hospital(channels=CHANNELS, routes=ROUTES, notices=NOTICES)
    async with a_desk(sqlite_store, used) as opened:
        yield opened


async def test_every_channel_is_shown_with_its_agreement_and_without_address_or_secret(
    desk: Desk,
) -> None:
    answer = await desk.get("channels")
    assert answer == {"channels": SHOWN, "next": None}
    assert not any(
        word in json.dumps(answer) for word in ("T0PSECRET", "file:", "@", "example.org")
    )


async def test_a_channel_that_only_a_ladder_or_a_contact_uses_is_not_shown_as_one_that_carries_nothing(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    spare = {"kind": "webhook", "url": "https://h.example.org", "secret": "file:/s"}
    used = hospital(
        channels={"mail": MAIL, "pager": spare, "desk": spare},
        contacts={
            "anna": {
                "name": "Anna",
                "role": "engineering",
                "email": "anna@example.org",
                "reach": ["mail"],
            }
        },
        escalation={
            "clinical": {
                "rungs": [
                    {"to": [{"role": "engineering"}]},
                    {"after": "15m", "to": [{"channel": "pager"}]},
                ]
            }
        },
        routes=[{"families": ["availability"], "to": ["desk"], "escalate": "clinical"}],
    )
    async with a_desk(sqlite_store, used) as desk:
        shown = {one["id"]: one for one in (await desk.get("channels"))["channels"]}
        assert await desk.command("channel", "list") == 0
    assert {name: (one["escalation"], one["reach"]) for name, one in shown.items()} == {
        "desk": ([], []),
        "mail": ([], ["anna"]),
        "pager": (["clinical"], []),
    }
    ends = {row.split()[0]: row.split("  ")[-1] for row in capsys.readouterr().out.splitlines()}
    assert ends["mail"] == "reaches anna"
    assert ends["pager"] == "escalation clinical"


async def test_a_file_without_notices_names_none(sqlite_store: Store) -> None:
    async with a_desk(sqlite_store, hospital()) as desk:
        (channel,) = (await desk.get("channels"))["channels"]
    assert (channel["id"], channel["agreement"], channel["notices"]) == ("desk", None, [])


async def test_they_come_in_parts(desk: Desk) -> None:
    first = await desk.get("channels?limit=3")
    rest = await desk.get(f"channels?limit=3&cursor={first['next']}", VIEWER)
    assert first["channels"] + rest["channels"] == SHOWN


async def test_the_command_prints_a_table_and_the_answer_as_json(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await desk.command("channel", "list") == 0
    assert [" ".join(x.split()) for x in capsys.readouterr().out.splitlines()] == [
        " ".join(x.split()) for x in TABLE
    ]
    assert await desk.command("channel", "list", "--json") == 0
    assert json.loads(capsys.readouterr().out)["channels"] == SHOWN
