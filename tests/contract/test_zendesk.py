"""What the zendesk channel sends, to the field; what it has in common stands in test_lookup_channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels.zendesk import KIND, once
from alerts.outbox import DeliveryReason
from alerts.ticket import ticket
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, WORD, basic, desk, tell
from tests.support.entries import complaints
from tests.support.zendesk import FakeZendesk

CASE = next(case for case in CASES if case.kind is KIND)
KEY = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"
LOST = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


async def test_what_is_sent_is_what_the_support_api_wants() -> None:
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED, messages.REOPENED)
    async with desk(CASE, {"group": "360001"}) as (channel, fake, _):
        await tell(channel, *messages.story(*told))
    search, made, _, taken, _, solved, _, reopened = fake.calls
    assert (search.method, search.path, search.query) == (
        "GET",
        "/api/v2/tickets",
        {"external_id": KEY},
    )
    text = made.body["ticket"]["comment"].pop("body")
    assert text.startswith("Electronic health record: down\nA new incident.\n\nSystem: ")
    assert (made.method, made.path, made.body) == (
        "POST",
        "/api/v2/tickets",
        {
            "ticket": {
                "subject": (
                    "[Wardwatch] Electronic health record: availability, since 2025-12-31 18:00 CST"
                ),
                "comment": {"public": False},
                "type": "incident",
                "priority": "urgent",
                "external_id": KEY,
                "tags": ["wardwatch"],
                "group_id": 360001,
            }
        },
    )
    assert taken.body["ticket"]["comment"].pop("body").splitlines()[1] == (
        "Somebody has taken it on."
    )
    assert (taken.method, taken.path, taken.body) == (
        "PUT",
        "/api/v2/tickets/1",
        {"ticket": {"comment": {"public": False}, "status": "open"}},
    )
    assert solved.body["ticket"]["status"] == "solved"
    assert reopened.body["ticket"]["status"] == "open"


async def test_while_a_key_is_remembered_a_lost_answer_makes_no_double_however_a_search_lags() -> (
    None
):
    opened = messages.message(messages.OPENED)
    fake = FakeZendesk(basic("agent@example.org/token", WORD))
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, receiver):
        fake.shelf.lag = 1_000
        for _ in range(5):
            receiver.script += ["well", "drop"]
            assert await channel.deliver(opened) == LOST
        await tell(channel, opened)
    assert len(fake.shelf.records) == 1


def test_the_key_of_a_creation_is_its_messages_own_and_another_for_another_body() -> None:
    first = ticket(messages.message(messages.OPENED))
    second = ticket(messages.message(messages.OPENED, 2))
    assert once(first, {"a": 1}) == once(first, {"a": 1})
    assert len({once(first, {"a": 1}), once(first, {"a": 2}), once(second, {"a": 1})}) == 3
    assert len(once(first, {})) == 64


async def test_a_reopening_of_a_closed_ticket_is_a_ticket_of_its_own() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REOPENED, messages.RESOLVED)
    fake = FakeZendesk(basic("agent@example.org/token", WORD))
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, _):
        opened, resolved, reopened, again = messages.story(*told)
        await tell(channel, opened, resolved)
        fake.shelf.records[0]["status"] = "closed"
        await tell(channel, reopened, again)
    assert [one["status"] for one in fake.shelf.records] == ["closed", "solved"]


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"token": "hunter2"}, "token: String should match pattern"),
        ({"user": "a:b"}, "user: String should match pattern"),
        ({"user": "a b"}, "user: String should match pattern"),
        ({"url": "http://desk.example.org"}, "url: Value error, write https"),
        ({"group": "0"}, "group: Input should be greater than 0"),
        ({"tags": ["two words"]}, "tags.0: String should match pattern"),
        ({"priority": "high"}, "priority: Extra inputs are not permitted"),
        ({"timeout": "61s"}, "timeout: Input should be less than or equal to 60000"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, Any], complaint: str) -> None:
    given = {"url": "https://desk.example.org", **CASE.spec, **spec}
    assert complaints(KIND, given).startswith(complaint)
