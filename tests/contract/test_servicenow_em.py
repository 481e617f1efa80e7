"""The servicenow_em channel against a simulated Event Management with its own deduplication."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import encode_basic_auth, web
from pydantic import ValidationError

from alerts.channel import Channel, Receipt, Verdict
from alerts.channels.servicenow_em import KIND, records
from alerts.outbox import DeliveryReason
from alerts.ticket import ticket
from tests.support import patient_words
from tests.support import ticket_messages as messages
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.servicenow_events import FakeEventManagement
from tests.support.soak import longer

SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)
PASSWORD = messages.SECRET.decode().strip()
SPEC = {"user": "wardwatch", "password": "file:/password", "timeout": "5s"}


@asynccontextmanager
async def desk(**spec: Any) -> AsyncIterator[tuple[Channel, FakeEventManagement, Receiver]]:
    fake = FakeEventManagement(encode_basic_auth("wardwatch", PASSWORD))
    async with receiving(fake.handle) as receiver:
        config = KIND.parse({"url": receiver.url, **SPEC, **spec})
        async with KIND.open(config, messages.env()) as channel:
            yield channel, fake, receiver


async def test_an_incident_is_one_alert_from_its_opening_to_its_end() -> None:
    told = (
        messages.OPENED,
        messages.ACKNOWLEDGED,
        messages.RECOVERED,
        messages.RESOLVED,
        messages.REOPENED,
        messages.CLOSED,
    )
    states = []
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
            states.append([(alert.state, alert.severity) for alert in fake.alerts])
    assert states == [
        [("Open", "1")],
        [("Open", "1")],
        [("Open", "1")],
        [("Closed", "0")],
        [("Reopen", "1")],
        [("Closed", "0")],
    ]


async def test_what_is_sent_is_what_event_management_wants() -> None:
    async with desk() as (channel, fake, _):
        await channel.deliver(messages.message(messages.OPENED))
        await channel.deliver(messages.message(messages.RESOLVED, 2))
    (event,) = fake.bodies[0]["records"]
    more = json.loads(event.pop("additional_info"))
    text = event.pop("description")
    assert event == {
        "source": "Wardwatch",
        "event_class": "St Elsewhere Health",
        "node": "ehr",
        "type": "availability",
        "message_key": f"st-elsewhere.ehr.availability.{messages.NOW}.desk",
        "severity": "1",
        "resolution_state": "New",
        "time_of_event": "2026-01-01 00:00:00",
    }
    assert text.startswith("P1 Electronic health record: down\nA new incident.\n")
    assert (more["priority"], more["category"], more["Trouble"]) == ("P1", "3", "down")
    assert more["Category"] == "3 of 4. Care is affected and there is no usable workaround."
    (end,) = fake.bodies[1]["records"]
    assert (end["severity"], end["resolution_state"]) == ("0", "Closing")
    assert end["message_key"] == event["message_key"]


async def test_what_is_too_long_for_the_receiver_is_still_whole_json() -> None:
    made = ticket(messages.message(messages.OPENED))
    rows = tuple((f"Row {n}", "x" * 300) for n in range(40))
    (event,) = records(replace(made, rows=rows), messages.NOW)
    more = json.loads(event["additional_info"])
    assert len(event["description"]) == 4000
    assert len(event["additional_info"]) <= 4000
    assert (more["category"], "Row 0" in more, "Row 39" in more) == ("3", True, False)


async def test_however_often_an_answer_is_lost_there_is_one_alert() -> None:
    opened = messages.message(messages.OPENED)
    async with desk() as (channel, fake, receiver):
        for _ in range(longer(50)):
            receiver.script.append("drop")
            receipt = await channel.deliver(opened)
            assert receipt == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
        assert await channel.deliver(opened) == SENT
    assert [alert.state for alert in fake.alerts] == ["Open"]


async def test_what_comes_due_after_the_end_is_shown_by_itself_and_over_at_once() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
    assert [alert.state for alert in fake.alerts] == ["Closed", "Closed"]
    assert fake.alerts[1].key == f"st-elsewhere_ehr_availability_{messages.NOW}_desk_3"


@pytest.mark.parametrize("end", [messages.MERGED, messages.FALSE_POSITIVE])
async def test_what_people_settle_is_closed(end: Any) -> None:
    async with desk() as (channel, fake, _):
        for one in messages.story(messages.OPENED, end):
            await channel.deliver(one)
    assert [alert.state for alert in fake.alerts] == ["Closed"]


async def test_a_past_outage_found_late_and_a_test_are_shown_and_over_at_once() -> None:
    async with desk() as (channel, fake, _):
        assert await channel.deliver(messages.message(messages.FOUND_LATE)) == SENT
        assert await channel.deliver(messages.a_test()) == SENT
    assert [[event["severity"] for event in alert.events] for alert in fake.alerts] == [
        ["1", "0"],
        ["4", "0"],
    ]
    assert [alert.state for alert in fake.alerts] == ["Closed", "Closed"]


@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("403", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        ("500", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 500, 7_000)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("nonsense", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
    ],
)
async def test_an_answer_gives_a_receipt(
    step: str, receipt: Receipt, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk() as (channel, _, receiver):
        receiver.headers["retry-after"] = "7"
        receiver.script.append(step)
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == receipt
    assert CANARY not in repr(told) + caplog.text


async def test_an_error_that_is_answered_with_200_is_no_delivery() -> None:
    async def refuse(_request: web.Request) -> web.StreamResponse:
        return web.json_response({"error": {"message": CANARY}, "status": "failure"})

    async with receiving(refuse) as receiver:
        config = KIND.parse({"url": receiver.url, **SPEC})
        async with KIND.open(config, messages.env()) as channel:
            told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)


async def test_a_wrong_login_and_a_receiver_that_hangs_are_tried_again() -> None:
    opened = messages.message(messages.OPENED)
    async with desk(user="somebody", timeout="200ms") as (channel, fake, receiver):
        wrong = await channel.deliver(opened)
        receiver.script.append("hang")
        slow = await channel.deliver(opened)
    assert wrong == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
    assert slow == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
    assert fake.alerts == []


async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm() -> None:
    async with desk() as (_, fake, receiver):
        assert await patient_words.deliver(KIND, {"url": receiver.url, **SPEC}) == ["letter"]
    assert patient_words.NAME not in json.dumps(fake.bodies)
    assert fake.bodies[0]["records"][0]["description"].startswith("P1 ehr: down\n")


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"url": "http://hospital.service-now.com"}, "url"),
        ({"url": "https://hospital.service-now.com/?a=1"}, "url"),
        ({"user": "two words"}, "user"),
        ({"user": "DOMAIN:ward"}, "user"),
        ({"password": "secret"}, "password"),
        ({"severity": "1"}, "severity"),
        ({"timeout": "61s"}, "timeout"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, str], where: str) -> None:
    with pytest.raises(ValidationError) as found:
        KIND.parse({"url": "https://hospital.service-now.com", **SPEC, **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]
