"""The pagerduty channel against a simulated Events API with its own deduplication."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channel import Channel, Receipt, Verdict
from alerts.channels.pagerduty import KIND
from alerts.outbox import DeliveryReason, Message, message_id
from alerts.render import MAINTENANCE_TYPE, MaintenanceStep, render_maintenance
from tests.support import ticket_messages as messages
from tests.support.every_message import every_message
from tests.support.pagerduty import FakePagerDuty
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.soak import longer

SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 202)
UNTOLD = Receipt(Verdict.SENT, DeliveryReason.UNTOLD)


@asynccontextmanager
async def desk(
    timeout: str = "5s", **spec: Any
) -> AsyncIterator[tuple[Channel, FakePagerDuty, Receiver]]:
    fake = FakePagerDuty(messages.SECRET.decode().strip())
    async with receiving(fake.handle) as receiver:
        config = KIND.parse(
            {"routing_key": "file:/key", "url": receiver.url, "timeout": timeout, **spec}
        )
        async with KIND.open(config, messages.env()) as channel:
            yield channel, fake, receiver


async def test_an_incident_is_one_alert_from_its_opening_to_its_end() -> None:
    told = (
        messages.OPENED,
        messages.RAISED,
        messages.ACKNOWLEDGED,
        messages.RECOVERED,
        messages.RESOLVED,
        messages.CLOSED,
    )
    states: list[list[str]] = []
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            receipt = await channel.deliver(one)
            assert receipt == (UNTOLD if len(states) == 3 else SENT)
            states.append([alert.state for alert in fake.alerts])
    assert states == [
        ["triggered"],
        ["triggered"],
        ["acknowledged"],
        ["acknowledged"],
        ["resolved"],
        ["resolved"],
    ]
    assert fake.alerts[0].key == f"st-elsewhere.ehr.availability.{messages.NOW}.desk"


async def test_what_is_sent_is_what_the_events_api_wants() -> None:
    async with desk() as (channel, fake, _):
        await channel.deliver(messages.message(messages.OPENED))
    (body,) = fake.bodies
    details = body["payload"].pop("custom_details")
    assert body == {
        "routing_key": "R0UT1NGKEY000000000000000000TEST",
        "dedup_key": f"st-elsewhere.ehr.availability.{messages.NOW}.desk",
        "event_action": "trigger",
        "client": "Wardwatch",
        "payload": {
            "summary": "P1 Electronic health record: down",
            "source": "ehr",
            "severity": "critical",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "component": "ehr",
            "class": "availability",
        },
        "links": [],
    }
    assert details["Category"] == "3 of 4. Care is affected and there is no usable workaround."


async def test_however_often_an_answer_is_lost_there_is_one_alert() -> None:
    opened = messages.message(messages.OPENED)
    async with desk() as (channel, fake, receiver):
        for _ in range(longer(50)):
            receiver.script.append("drop")
            receipt = await channel.deliver(opened)
            assert receipt == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
        assert await channel.deliver(opened) == SENT
    assert [(alert.key[-4:], alert.state) for alert in fake.alerts] == [("desk", "triggered")]


async def test_a_reopening_after_the_end_is_a_new_alert_of_the_same_key() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REOPENED)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
    assert [alert.state for alert in fake.alerts] == ["resolved", "triggered"]
    assert len({alert.key for alert in fake.alerts}) == 1


async def test_a_services_acknowledgement_calls_nobody_and_stops_no_escalation_there() -> None:
    opened, heard, raised = messages.story(messages.OPENED, messages.BY_SERVICE, messages.RAISED)
    async with desk() as (channel, fake, _):
        assert await channel.deliver(opened) == SENT
        assert await channel.deliver(heard) == UNTOLD
        assert [alert.state for alert in fake.alerts] == ["triggered"]
        fake.alerts[0].state = "resolved"
        assert await channel.deliver(heard) == UNTOLD
        assert [alert.state for alert in fake.alerts] == ["resolved"]
        assert await channel.deliver(raised) == SENT
    assert [alert.state for alert in fake.alerts] == ["resolved", "triggered"]


async def test_what_a_person_resolved_there_pages_nobody_when_the_system_recovers() -> None:
    opened, recovered, resolved = messages.story(
        messages.OPENED, messages.RECOVERED, messages.RESOLVED
    )
    async with desk() as (channel, fake, _):
        assert await channel.deliver(opened) == SENT
        fake.alerts[0].state = "resolved"
        assert await channel.deliver(recovered) == UNTOLD
        assert await channel.deliver(resolved) == SENT
    assert [alert.state for alert in fake.alerts] == ["resolved"]


async def test_what_comes_due_after_the_end_is_shown_by_itself_and_over_at_once() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
    assert [alert.state for alert in fake.alerts] == ["resolved", "resolved"]
    assert fake.alerts[1].key == f"st-elsewhere_ehr_availability_{messages.NOW}_desk_3"


@pytest.mark.parametrize("end", [messages.MERGED, messages.FALSE_POSITIVE, messages.CLOSED])
async def test_what_people_settle_is_resolved(end: Any) -> None:
    async with desk() as (channel, fake, _):
        for one in messages.story(messages.OPENED, end):
            await channel.deliver(one)
    assert [alert.state for alert in fake.alerts] == ["resolved"]


async def test_a_past_outage_found_late_and_a_test_are_shown_and_over_at_once() -> None:
    async with desk() as (channel, fake, _):
        await channel.deliver(messages.message(messages.FOUND_LATE))
        await channel.deliver(messages.a_test())
    assert [alert.state for alert in fake.alerts] == ["resolved", "resolved"]
    assert fake.alerts[1].payloads[0]["severity"] == "info"


@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("403", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        ("500", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 500, 7_000)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        ("lost", Receipt(Verdict.RETRY, DeliveryReason.NETWORK)),
        ("long", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
    ],
)
async def test_an_answer_gives_a_receipt(step: str, receipt: Receipt) -> None:
    async with desk() as (channel, _, receiver):
        receiver.headers["retry-after"] = "7"
        receiver.script.append(step)
        assert await channel.deliver(messages.message(messages.OPENED)) == receipt


async def test_a_receiver_that_hangs_is_a_timeout() -> None:
    async with desk("200ms") as (channel, _, receiver):
        receiver.script.append("hang")
        receipt = await channel.deliver(messages.message(messages.OPENED))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


async def test_nothing_of_a_reply_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    async with desk() as (channel, _, receiver):
        receiver.script += ["500", "nonsense"]
        told = [await channel.deliver(messages.message(messages.OPENED)) for _ in range(2)]
    assert CANARY not in repr(told) + caplog.text


async def test_a_key_that_was_cut_off_is_a_wrong_secret_and_no_verdict_on_the_page() -> None:
    async with desk() as (channel, fake, receiver):
        cut = replace(messages.env(), read_secret=lambda _: messages.SECRET[:20])
        config = KIND.parse({"routing_key": "file:/key", "url": receiver.url})
        async with KIND.open(config, cut) as other:
            told = await other.deliver(messages.message(messages.OPENED))
        assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
        assert await channel.deliver(messages.message(messages.OPENED)) == SENT
    assert len(fake.bodies) == 1


async def test_a_key_they_do_not_know_is_a_wrong_secret_and_no_verdict_on_the_page() -> None:
    async with desk() as (channel, fake, _):
        fake.routing_key = "R0UT1NGKEY0000000000000000000NEW"
        told = await channel.deliver(messages.message(messages.OPENED))
        assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET, 400)
        assert fake.alerts == []


async def test_of_a_change_event_it_is_the_same() -> None:
    async with desk(changes="true") as (channel, fake, _):
        fake.routing_key = "R0UT1NGKEY0000000000000000000NEW"
        (began, *_rest) = [
            one
            for one in every_message(messages.config())
            if messages.event(one)["type"] == MAINTENANCE_TYPE
        ]
        told = await channel.deliver(began)
    assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET, 400)
    assert fake.changes == []


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"routing_key": "R0UT1NG"}, "routing_key"),
        ({"url": "http://events.example.org"}, "url"),
        ({"url": "https://user:word@events.example.org"}, "url"),
        ({"url": "https://events.example.org/?key=1"}, "url"),
        ({"severity": "info"}, "severity"),
        ({"timeout": "61s"}, "timeout"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, str], where: str) -> None:
    with pytest.raises(ValidationError) as found:
        KIND.parse({"routing_key": "file:/key", **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]


async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm() -> None:
    opened = messages.message(messages.OPENED)
    event = json.loads(opened.body)
    event["data"]["system"]["name"] = "SSN 123-45-6789"
    alarms: list[str] = []
    fake = FakePagerDuty(messages.SECRET.decode().strip())
    heard = replace(messages.env(), alarm=lambda place, *_: alarms.append(place.value))
    async with receiving(fake.handle) as receiver:
        config = KIND.parse({"routing_key": "file:/key", "url": receiver.url})
        async with KIND.open(config, heard) as channel:
            told = replace(opened, body=json.dumps(event).encode())
            assert await channel.deliver(told) == SENT
    assert alarms == ["letter"]
    assert "123-45-6789" not in json.dumps(fake.bodies)
    assert fake.alerts[0].payloads[0]["summary"] == "P1 ehr: down"


def maintenance(step: MaintenanceStep = MaintenanceStep.BEGAN) -> Message:
    sequence = 1 if step is MaintenanceStep.BEGAN else 2
    key = f"maintenance_window.upgrade.{messages.NOW}"
    name = message_id("st-elsewhere", key, "desk", sequence)
    body = render_maintenance(
        messages.config(),
        step,
        "upgrade",
        ("ehr", "portal"),
        message_id=name,
        receiver="desk",
        start=messages.NOW,
        end=messages.NOW + 7_200_000,
    )
    return Message(name, "st-elsewhere", key, "desk", sequence, body, messages.NOW, messages.NOW)


async def test_maintenance_is_a_change_event_that_notifies_nobody() -> None:
    async with desk(changes="true") as (channel, fake, receiver):
        assert await channel.deliver(maintenance()) == SENT
        assert await channel.deliver(maintenance(MaintenanceStep.ENDED)) == SENT
    assert receiver.requests == [("POST", "/v2/change/enqueue")] * 2
    assert fake.alerts == []
    began, ended = fake.changes
    assert began == {
        "routing_key": "R0UT1NGKEY000000000000000000TEST",
        "payload": {
            "summary": "Maintenance begins: Electronic health record, Patient portal",
            "source": "St Elsewhere Health",
            "timestamp": "2026-01-01T00:00:00.000Z",
            "custom_details": {
                "Systems": "Electronic health record, Patient portal",
                "Window": "upgrade",
                "From": "2025-12-31 18:00 CST (2026-01-01 00:00 UTC)",
                "Until": "2025-12-31 20:00 CST (2026-01-01 02:00 UTC)",
            },
        },
        "links": [],
    }
    assert ended["payload"]["summary"].startswith("Maintenance is over: Electronic health record")
    assert ended["payload"]["timestamp"] == "2026-01-01T02:00:00.000Z"


async def test_a_change_whose_answer_is_lost_is_told_again_for_pagerduty_knows_no_key_of_it() -> (
    None
):
    async with desk(changes="true") as (channel, fake, receiver):
        receiver.script.append("drop")
        receipt = await channel.deliver(maintenance())
        assert receipt == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
        assert await channel.deliver(maintenance()) == SENT
    assert len(fake.changes) == 2


async def test_where_changes_are_not_wanted_any_more_nothing_is_sent() -> None:
    async with desk() as (channel, fake, receiver):
        assert await channel.deliver(maintenance()) == UNTOLD
    assert (fake.changes, receiver.requests) == ([], [])
