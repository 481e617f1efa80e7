"""What freshservice and freshdesk send, to the field; what they have in common with other channels
stands in test_lookup_channels.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels import freshdesk, freshservice
from alerts.freshworks import markup
from alerts.lookup import Standing
from alerts.outbox import DeliveryReason
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.entries import complaints
from tests.support.receiver import receiving

SERVICE, DESK = (
    next(case for case in CASES if case.kind is kind)
    for kind in (freshservice.KIND, freshdesk.KIND)
)
both = pytest.mark.parametrize("case", [SERVICE, DESK], ids=["freshservice", "freshdesk"])
KEY = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"
SUBJECT = "[Wardwatch] Electronic health record: availability, since 2025-12-31 18:00 CST"
TOLD = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED, messages.REOPENED)


async def test_what_is_sent_is_what_freshservice_wants() -> None:
    spec = {"workspace": "3", "group": "21", "fields": {"site": "North"}}
    async with desk(SERVICE, spec) as (channel, fake, _):
        await tell(channel, *messages.story(*TOLD))
    search, made, _, note, taken, _, _, resolved, _, _, reopened = fake.calls
    assert (search.method, search.path, search.query) == (
        "GET",
        "/api/v2/tickets/filter",
        {"query": f"\"wardwatch_key:'{KEY}'\"", "page": "1", "workspace_id": "3"},
    )
    text = made.body.pop("description")
    assert text.startswith("Electronic health record: down<br>A new incident.<br><br>System: ")
    assert (made.method, made.path, made.body) == (
        "POST",
        "/api/v2/tickets",
        {
            "subject": SUBJECT,
            "email": "wardwatch@example.org",
            "status": 2,
            "priority": 4,
            "urgency": 2,
            "impact": 3,
            "custom_fields": {"site": "North", "wardwatch_key": KEY},
            "tags": ["wardwatch"],
            "group_id": 21,
            "workspace_id": 3,
        },
    )
    assert "<br>Somebody has taken it on.<br>" in note.body.pop("body")
    assert (note.method, note.path, note.body) == (
        "POST",
        "/api/v2/tickets/1/notes",
        {"private": True},
    )
    assert (taken.method, taken.path, taken.body) == ("PUT", "/api/v2/tickets/1", {"status": 8})
    assert (resolved.body, reopened.body) == ({"status": 4}, {"status": 2})


async def test_what_is_sent_is_what_freshdesk_wants() -> None:
    async with desk(DESK) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED))
    search, made = fake.calls
    assert (search.method, search.path, search.query) == (
        "GET",
        "/api/v2/search/tickets",
        {"query": f"\"cf_wardwatch_key:'{KEY}'\"", "page": "1"},
    )
    del made.body["description"]
    assert (made.method, made.path, made.body) == (
        "POST",
        "/api/v2/tickets",
        {
            "subject": SUBJECT,
            "email": "wardwatch@example.org",
            "status": 2,
            "priority": 4,
            "custom_fields": {"cf_wardwatch_key": KEY},
            "tags": ["wardwatch"],
        },
    )


def test_lines_are_html_and_nothing_in_them_is_markup() -> None:
    assert markup('R&D <b>"x"</b>\nTwo') == "R&amp;D &lt;b&gt;&quot;x&quot;&lt;/b&gt;<br>Two"


@pytest.mark.parametrize(
    ("category", "urgency", "impact"), [(4, 3, 3), (3, 2, 3), (2, 2, 2), (1, 1, 1)]
)
async def test_urgency_and_impact_follow_the_category(
    category: int, urgency: int, impact: int
) -> None:
    async with desk(SERVICE) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED, category=category))
    assert (fake.calls[1].body["urgency"], fake.calls[1].body["impact"]) == (urgency, impact)


async def test_a_category_that_a_person_sets_is_written_though_the_priority_is_the_same() -> None:
    async with desk(SERVICE) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED, 1, category=3))
        await tell(channel, messages.message(messages.CATEGORY_SET, 2, category=4))
    (record,) = fake.shelf.records
    assert (record["priority"], record["urgency"], record["impact"]) == (4, 3, 3)


@both
async def test_without_a_status_for_it_an_acknowledgement_is_a_note_alone(case: Any) -> None:
    opened, acknowledged = messages.story(messages.OPENED, messages.ACKNOWLEDGED)
    async with desk(case, {"statuses": {}}) as (channel, fake, _):
        await tell(channel, acknowledged)
        assert [call.method for call in fake.calls] == ["GET", "POST"]
        await tell(channel, opened, acknowledged)
        assert [one["status"] for one in fake.shelf.records] == [2]
        assert len(fake.shelf.records[0]["notes"]) == 2


@both
async def test_a_key_written_as_a_login_is_a_wrong_secret_and_asks_nothing(case: Any) -> None:
    env = replace(messages.env(), read_secret=lambda _: b"k3y:X\n")
    fake = case.fake()
    async with receiving(fake.handle) as receiver:
        config = case.kind.parse({**case.spec, "url": receiver.url})
        async with case.kind.open(config, env) as channel:
            receipt = await channel.deliver(messages.message(messages.OPENED))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    assert fake.calls == []


@both
async def test_the_pages_of_a_filter_are_read_to_their_end(case: Any) -> None:
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    async with desk(case) as (channel, fake, _):
        fake.shelf.lag = 100
        await tell(channel, *[opened] * 32)
        fake.shelf.lag = 0
        await tell(channel, raised)
        states = [fake.standing(one) for one in fake.shelf.records]
    assert states == [Standing.NEW, *[Standing.RESOLVED] * 31]


@both
@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"api_key": "hunter2"}, "api_key: String should match pattern"),
        ({"email": "a b"}, "email: String should match pattern"),
        ({"url": "http://desk.example.org"}, "url: Value error, write https"),
        ({"key_field": "a:'b"}, "key_field: String should match pattern"),
        ({"group": "0"}, "group: Input should be greater than 0"),
        ({"statuses": {"resolved": "four"}}, "statuses.resolved: Input should be a valid integer"),
        ({"statuses": {"done": "4"}}, "statuses.done: Extra inputs are not permitted"),
        ({"urgency": "1"}, "urgency: Extra inputs are not permitted"),
        ({"timeout": "61s"}, "timeout: Input should be less than or equal to 60000"),
    ],
)
def test_a_wrong_entry_names_the_field(case: Any, spec: dict[str, Any], complaint: str) -> None:
    given = {"url": "https://desk.example.org", **case.spec, **spec}
    assert complaints(case.kind, given).startswith(complaint)


def test_a_workspace_is_freshservices_alone() -> None:
    given = {"url": "https://desk.example.org", **DESK.spec, "workspace": "3"}
    assert complaints(DESK.kind, given) == "workspace: Extra inputs are not permitted"
