"""What the servicenow channel sends, to the field; what it has in common stands in test_lookup_channels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from alerts.channels.servicenow import KIND
from alerts.lookup import Standing
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.entries import complaints
from tests.support.servicenow import FakeServiceNow

CASE = next(case for case in CASES if case.kind is KIND)
KEY = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"
TABLE = "/api/now/table/incident"
ID = f"{1:032x}"


async def test_what_is_sent_is_what_the_table_api_wants() -> None:
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED, messages.REOPENED)
    fields = {"fields": {"assignment_group": "Clinical Apps"}}
    async with desk(CASE, fields) as (channel, fake, _):
        await tell(channel, *messages.story(*told))
        search, made, _, taken, _, resolved, _, reopened = fake.calls
    assert (search.method, search.path, search.query) == (
        "GET",
        TABLE,
        {
            "sysparm_query": f"correlation_id={KEY}^ORDERBYsys_created_on^ORDERBYnumber",
            "sysparm_fields": "sys_id,number,state,impact,urgency,correlation_id,correlation_display",
            "sysparm_limit": "100",
        },
    )
    text = made.body.pop("description")
    assert text.startswith("Electronic health record: down\nA new incident.\n\nSystem: ")
    assert (made.method, made.path, made.body) == (
        "POST",
        TABLE,
        {
            "assignment_group": "Clinical Apps",
            "short_description": (
                "[Wardwatch] Electronic health record: availability, since 2025-12-31 18:00 CST"
            ),
            "impact": "1",
            "urgency": "2",
            "correlation_id": KEY,
            "correlation_display": "Wardwatch",
        },
    )
    assert taken.body.pop("work_notes").splitlines()[1] == "Somebody has taken it on."
    assert (taken.method, taken.path, taken.body) == ("PATCH", f"{TABLE}/{ID}", {"state": "2"})
    note = resolved.body.pop("work_notes")
    assert note.splitlines()[1] == "The incident is resolved."
    assert resolved.body == {
        "state": "6",
        "close_code": "Solution provided",
        "close_notes": note,
    }
    assert reopened.body["state"] == "2"


@pytest.mark.parametrize(
    ("category", "impact", "urgency"), [(4, "1", "1"), (3, "1", "2"), (2, "2", "2"), (1, "3", "3")]
)
async def test_impact_and_urgency_follow_the_category(
    category: int, impact: str, urgency: str
) -> None:
    async with desk(CASE) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED, category=category))
    body = fake.calls[1].body
    assert (body["impact"], body["urgency"], "priority" in body) == (impact, urgency, False)


async def test_an_instance_with_its_own_states_and_words_gets_them() -> None:
    spec = {
        "states": {"new": "10", "in_progress": "20", "resolved": "60", "closed": ["70"]},
        "resolution": {"close_code": "Monitoring", "close_notes": "See Wardwatch."},
    }
    states = {"10": Standing.NEW, "20": Standing.TAKEN, "60": Standing.RESOLVED}
    fake = FakeServiceNow(
        CASE.fake().logins,
        states=states | {"70": Standing.CLOSED},
        resolved="60",
        code="Monitoring",
    )
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED, messages.REOPENED)
    async with desk(replace(CASE, fake=lambda: fake), spec) as (channel, _, _):
        for one, state in zip(messages.story(*told), ("10", "20", "60", "20"), strict=True):
            await tell(channel, one)
            assert [record["state"] for record in fake.shelf.records] == [state]
        fake.shelf.records[0]["state"] = "70"
        await tell(channel, messages.message(messages.WARNED, 5))
    assert [record["state"] for record in fake.shelf.records] == ["70", "10"]
    assert fake.shelf.records[0]["close_notes"] == "See Wardwatch."


async def test_a_key_is_enough_to_sign_in() -> None:
    word = messages.SECRET.decode().strip()
    fake = FakeServiceNow((("x-sn-apikey", word),))
    case = replace(CASE, fake=lambda: fake, spec={"api_key": "env:KEY"})
    async with desk(case) as (channel, _, _):
        await tell(channel, messages.message(messages.OPENED))
    assert "authorization" not in fake.calls[0].headers


async def test_an_identifier_that_is_none_is_not_put_into_an_address() -> None:
    async with desk(CASE) as (channel, fake, receiver):
        await tell(channel, messages.message(messages.OPENED))
        fake.shelf.records[0]["sys_id"] = "../../../other"
        receipt = await channel.deliver(messages.message(messages.RAISED, 2))
    assert receipt.reason.value == "protocol"
    assert receiver.requests[-1][0] == "GET"


@pytest.mark.parametrize(
    ("spec", "complaint"),
    [
        ({"user": "DOMAIN:ward"}, "user: String should match pattern"),
        ({"password": "hunter2"}, "password: String should match pattern"),
        ({"url": "http://itsm.example.org"}, "url: Value error, write https"),
        ({"password": None}, ": Value error, user and password belong together"),
        ({"api_key": "env:KEY"}, ": Value error, write one way to sign in and no other"),
        ({"fields": {"priority": "1"}}, ": Value error, the channel itself sees to priority"),
        ({"fields": {"u-x": "1"}}, "fields.u-x.[key]: String should match pattern"),
        ({"states": {"resolved": "six"}}, "states.resolved: String should match pattern"),
        ({"states": {"closed": []}}, "states.closed: Tuple should have at least 1 item"),
        ({"severity": "1"}, "severity: Extra inputs are not permitted"),
        ({"timeout": "61s"}, "timeout: Input should be less than or equal to 60000"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, Any], complaint: str) -> None:
    given = {"url": "https://itsm.example.org", **CASE.spec, **spec}
    assert complaints(KIND, given).startswith(complaint)
