"""What acts by API must be: whole and in JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector.store.store import Store
from probes.addresses import is_loopback
from tests.support.planning import Desk, a_desk, person, plan


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        yield opened


async def test_a_rule_that_is_read_in_two_ways_is_not_proposed(small: Desk) -> None:
    status, body = await small.post(
        "maintenance", {"windows": [plan(rrule="FREQ=MONTHLY;BYDAY=MO,2WE")]}
    )
    assert (status, body["code"]) == (400, "api.body")
    assert [(p["path"], p["message"]) for p in body["problems"]] == [
        ("windows[0].rrule", "BYDAY has plain days or numbered ones: write two windows for SU,2WE")
    ]
    assert await small.facts() == []


async def test_all_problems_of_all_windows_are_listed_and_nothing_is_recorded(small: Desk) -> None:
    good = plan()
    bad = plan(
        id="MRN 1",
        systems=["ehr2"],
        start="2026-01-02",
        timezone="CST6",
        rrule="FREQ=HOURLY",
        colour="red",
        approval={"by": "approver-1", "at": "2025-12-31T00:00:00Z"},
    )
    status, body = await small.post("maintenance", {"windows": [good, bad]})
    assert (status, body["code"]) == (400, "api.body")
    assert [(p["path"], p["message"]) for p in body["problems"]] == [
        ("windows[1].approval", "an act of its own; a proposal holds what and when"),
        ("windows[1].approval.at", "approved before it was proposed"),
        ("windows[1].colour", "unknown key"),
        ("windows[1].id", "an id is 1 to 63 of a-z, 0-9 and -, not starting with -"),
        (
            "windows[1].id",
            "this looks like a patient's identifier; names and ids leave by every channel",
        ),
        ("windows[1].rrule", "FREQ is DAILY, WEEKLY, MONTHLY or YEARLY"),
        ("windows[1].start", "write a date and a time, such as 2026-01-05T02:00"),
        ("windows[1].systems[0]", "there is no system of this id under systems; did you mean ehr?"),
        ("windows[1].timezone", "not an IANA time zone, such as America/Chicago"),
    ]
    assert await small.facts() == []


@pytest.mark.parametrize(
    ("data", "paths"),
    [
        ([], [""]),
        ({}, ["windows"]),
        ({"windows": []}, ["windows"]),
        ({"windows": [{}], "replace": "yes", "colour": 1}, ["replace", "colour"]),
        ({"by": "change-1", "windows": [{}]}, ["by"]),
    ],
)
async def test_a_body_that_is_no_proposal_names_each_field(
    small: Desk, data: Any, paths: list[str]
) -> None:
    status, body = await small.post("maintenance", data)
    assert (status, body["code"]) == (400, "api.body")
    assert [p["path"] for p in body["problems"]] == paths


@pytest.mark.parametrize("raw", [b"", b"{", b'{"by":"a","by":"b"}', b"[" * 100_000])
async def test_a_body_that_is_no_json_is_refused(small: Desk, raw: bytes) -> None:
    response = await small.client.post(
        "/api/v1/maintenance",
        data=raw,
        headers={"Content-Type": "application/json"} | person("change-1"),
    )
    assert (response.status, (await response.json(content_type=None))["code"]) == (400, "api.body")


async def test_an_id_is_proposed_once(small: Desk) -> None:
    body = {"windows": [plan(), plan(end="2026-01-02T05:00")]}
    status, answer = await small.post("maintenance", body)
    assert status == 400
    assert [p["path"] for p in answer["problems"]] == ["windows[1].id"]


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("maintenance/none/approve", {"digest": "0" * 64}),
        ("maintenance/none/cancel", {}),
        ("maintenance/none/finish", {}),
    ],
)
async def test_acts_on_an_unknown_window_are_404(
    small: Desk, path: str, data: dict[str, Any]
) -> None:
    assert await small.refused(path, data, by="approver-1") == (404, "window.unknown")


ACTS = [
    "maintenance",
    "maintenance/upgrade/approve",
    "maintenance/upgrade/cancel",
    "maintenance/upgrade/finish",
    "corrections",
    "corrections/c1/approve",
]


async def test_acts_are_json_and_nothing_else(small: Desk) -> None:
    for path in ACTS:
        refused = await small.refused(path, {}, by="approver-1", **{"Content-Type": "text/plain"})
        assert refused == (415, "http.415")


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::ffff:10.0.0.7", False),
        ("0.0.0.0", False),  # noqa: S104 - it is asked, not listened on
        ("::", False),
        ("10.0.0.7", False),
        ("localhost.example.org", False),
    ],
)
def test_only_loopback_is_loopback(host: str, loopback: bool) -> None:  # noqa: FBT001 - a table
    assert is_loopback(host) is loopback
