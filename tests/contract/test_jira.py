"""What the jira channel sends, to the field; what it has in common stands in test_lookup_channels."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels.jira import KIND
from alerts.jira_shapes import document, plain
from alerts.lookup import Standing
from alerts.outbox import DeliveryReason
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, WORD, basic, desk, tell
from tests.support.entries import complaints
from tests.support.jira import FakeJira

CASE = next(case for case in CASES if case.kind is KIND)
LOGIN = basic("ward@example.org", WORD)
KEY = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"


def test_lines_are_a_document_of_paragraphs() -> None:
    assert document("One\nTwo\n\nThree\n") == {
        "type": "doc",
        "version": 1,
        "content": [
            {
                "type": "paragraph",
                "content": [
                    {"type": "text", "text": "One"},
                    {"type": "hardBreak"},
                    {"type": "text", "text": "Two"},
                ],
            },
            {"type": "paragraph", "content": [{"type": "text", "text": "Three"}]},
        ],
    }


async def test_what_is_sent_is_what_rest_v3_wants() -> None:
    fields = {"fields": {"components": [{"name": "EHR"}]}}
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk(CASE, fields) as (channel, fake, _):
        await tell(channel, opened, resolved)
    search, made, _, offered, comment, moved = fake.calls
    assert (search.method, search.path, search.body) == (
        "POST",
        "/rest/api/3/search/jql",
        {
            "jql": f'project = "OPS" AND labels = "{KEY}" ORDER BY key ASC',
            "fields": ["labels", "status", "priority"],
            "maxResults": 100,
        },
    )
    text = made.body["fields"].pop("description")
    assert text["content"][0]["content"][0]["text"] == "Electronic health record: down"
    assert (made.method, made.path, made.body) == (
        "POST",
        "/rest/api/3/issue",
        {
            "fields": {
                "components": [{"name": "EHR"}],
                "project": {"key": "OPS"},
                "issuetype": {"name": "Incident"},
                "summary": (
                    "[Wardwatch] Electronic health record: availability, since 2025-12-31 18:00 CST"
                ),
                "labels": ["wardwatch", KEY],
                "priority": {"name": "Highest"},
            }
        },
    )
    assert (offered.method, offered.path) == ("GET", "/rest/api/3/issue/OPS-1/transitions")
    assert (comment.path, comment.body["properties"]) == (
        "/rest/api/3/issue/OPS-1/comment",
        [{"key": "sd.public.comment", "value": {"internal": True}}],
    )
    assert (moved.method, moved.path, moved.body) == (
        "POST",
        "/rest/api/3/issue/OPS-1/transitions",
        {"transition": {"id": "13"}},
    )


async def test_a_data_center_is_asked_in_its_own_version_with_plain_text_and_a_bearer() -> None:
    fake = FakeJira(f"Bearer {WORD}", cloud=False)
    spec = {"edition": "data_center", "token": "file:/token", "project": "OPS"}
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED)
    async with desk(replace(CASE, fake=lambda: fake, spec=spec)) as (channel, _, _):
        await tell(channel, *messages.story(*told))
    assert [fake.standing(one) for one in fake.shelf.records] == [Standing.RESOLVED]
    assert fake.calls[0].path == "/rest/api/2/search"
    assert fake.calls[1].body["fields"]["description"].startswith("Electronic health record: down")


def test_a_data_centers_text_holds_no_markup_that_mentions_shows_or_hides() -> None:
    said = "Lab [~admin] {color} !a.png! | C:\\x: down\nWardwatch: https://w.example.org/i/a-b_c"
    assert plain(said) == (
        "Lab \\[~admin\\] \\{color\\} \\!a.png\\! \\| C:\\\\x: down\n"
        "Wardwatch: https://w.example.org/i/a-b_c"
    )


async def test_a_data_center_is_sent_no_markup_of_a_name() -> None:
    fake = FakeJira(f"Bearer {WORD}", cloud=False)
    spec = {"edition": "data_center", "token": "file:/token", "project": "OPS"}
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    event = json.loads(opened.body)
    event["data"]["system"]["name"] = "Lab [~admin]"
    named = [replace(one, body=json.dumps(event).encode()) for one in (opened, raised)]
    async with desk(replace(CASE, fake=lambda: fake, spec=spec)) as (channel, _, _):
        await tell(channel, *named)
    made, note = [call.body for call in fake.calls if "/search" not in call.path]
    assert made["fields"]["description"].startswith("Lab \\[~admin\\]: down")
    assert note["body"].startswith("Lab \\[~admin\\]: down")
    assert made["fields"]["summary"].startswith("[Wardwatch] Lab [~admin]")


async def test_the_pages_of_a_search_are_read_to_their_end() -> None:
    fake = FakeJira(LOGIN, page=1)
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, _):
        fake.shelf.lag = 2
        await tell(channel, opened, opened, opened)
        fake.shelf.lag = 0
        await tell(channel, raised)
    assert [fake.standing(one).value for one in fake.shelf.records] == ["new", *["resolved"] * 2]


async def test_a_transition_is_found_by_its_name_or_its_status_in_the_order_configured() -> None:
    spec = {"transitions": {"resolve": ["Nowhere", "fiNISH"], "acknowledge": ["Back"]}}
    async with desk(CASE, spec) as (channel, fake, _):
        told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED)
        await tell(channel, *messages.story(*told))
    moves = [
        call.body["transition"]["id"]
        for call in fake.calls
        if call.body and "transition" in call.body
    ]
    assert moves == ["11", "13"]


async def test_of_several_ways_the_first_is_taken_and_a_name_before_a_status() -> None:
    ways = {"Cancel": "Done", "Finish": "Done", "Done": "Done"}
    for name, way in (("Done", "13"), ("Finish", "12")):
        spec = {"transitions": {"resolve": [name]}}
        case = replace(CASE, fake=partial(FakeJira, LOGIN, offered=ways))
        async with desk(case, spec) as (channel, fake, _):
            await tell(channel, *messages.story(messages.OPENED, messages.RESOLVED))
        assert fake.calls[-1].body == {"transition": {"id": way}}


async def test_a_workflow_without_acknowledgement_leaves_the_issue_where_it_is() -> None:
    fake = FakeJira(LOGIN, offered={"Finish": "Done"})
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, _):
        await tell(channel, *messages.story(messages.OPENED, messages.ACKNOWLEDGED))
    assert fake.shelf.records[0]["status"] == "To Do"
    assert len(fake.shelf.records[0]["notes"]) == 1


async def test_a_workflow_without_a_way_to_the_end_is_told_and_nothing_is_written() -> None:
    fake = FakeJira(LOGIN, offered={"Start": "In Progress"})
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, _):
        await tell(channel, opened)
        receipt = await channel.deliver(resolved)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)
    assert fake.shelf.records[0]["notes"] == []


async def test_an_issue_that_cannot_be_opened_again_is_followed_by_a_new_one() -> None:
    fake = FakeJira(LOGIN, offered={"Finish": "Done"})
    told = (messages.OPENED, messages.RESOLVED, messages.REOPENED, messages.RESOLVED)
    async with desk(replace(CASE, fake=lambda: fake)) as (channel, _, _):
        for n, one in enumerate(messages.story(*told)):
            await tell(channel, one)
            assert len(fake.shelf.records) == (1 if n < 2 else 2)
    assert [one["status"] for one in fake.shelf.records] == ["Done", "Done"]


async def test_a_resolution_is_set_where_the_transition_asks_for_one() -> None:
    fake = FakeJira(LOGIN, asks_resolution=True)
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    case = replace(CASE, fake=lambda: fake)
    async with desk(case) as (channel, _, _):
        await tell(channel, opened)
        receipt = await channel.deliver(resolved)
        assert receipt == Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)
        fake.shelf.records.clear()
    async with desk(case, {"resolution": "Fixed"}) as (channel, _, _):
        await tell(channel, opened, resolved)
    assert fake.shelf.records[0]["status"] == "Done"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"user": "ward:x@example.org"}, "user: String should match pattern"),
        ({"token": "hunter2"}, "token: String should match pattern"),
        ({"url": "https://jira.example.org/?x=1"}, "url: Value error, an address ends"),
        ({"user": None}, ": Value error, user belongs to the edition cloud"),
        ({"edition": "data_center"}, ": Value error, user belongs to the edition cloud"),
        ({"edition": "server"}, "edition: Input should be 'cloud' or 'data_center'"),
        ({"project": 'OPS" OR'}, "project: String should match pattern"),
        ({"priorities": {"P5": "Low"}}, "priorities.P5: Extra inputs are not permitted"),
        ({"transitions": {"resolve": []}}, "transitions.resolve: Tuple should have at least 1"),
        ({"fields": {"summary": "x"}}, ": Value error, the channel itself sees to summary"),
        ({"timeout": "61s"}, "timeout: Input should be less than or equal to 60000"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, Any], complaint: str) -> None:
    given = {"url": "https://jira.example.org", **CASE.spec, **spec}
    assert complaints(KIND, given).startswith(complaint)
