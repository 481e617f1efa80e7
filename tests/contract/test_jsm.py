"""The jsm channel against a simulated interface that works requests off late and out of order."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channel import Channel, ChannelEnv, Receipt, Verdict
from alerts.channels.jsm import KIND, alert
from alerts.outbox import DeliveryReason
from alerts.ticket import ticket
from tests.support import patient_words
from tests.support import ticket_messages as messages
from tests.support.jsm import FakeJsm, Waits
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.soak import longer

KEY = "4513b7ea-3b91-438f-b7e4-0123456789ab"
ALIAS = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"
SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 202)
LOST = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


def env(fake: FakeJsm, key: str = KEY) -> ChannelEnv:
    return replace(
        messages.env(), clock=Waits(messages.NOW, fake), read_secret=lambda _: key.encode()
    )


@asynccontextmanager
async def desk(
    key: str = KEY, timeout_ms: int = 5_000
) -> AsyncIterator[tuple[Channel, FakeJsm, Receiver]]:
    fake = FakeJsm(KEY)
    async with receiving(fake.handle) as receiver:
        entry = KIND.parse({"key": "file:/key", "url": receiver.url})
        config = entry.model_copy(update={"timeout": timeout_ms})
        async with KIND.open(config, env(fake, key)) as channel:
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
    states = []
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
            fake.settle()
            states.append([(one.state, len(one.notes)) for one in fake.alerts])
    assert states == [
        [("open", 0)],
        [("open", 1)],
        [("acknowledged", 2)],
        [("acknowledged", 3)],
        [("closed", 4)],
        [("closed", 4)],
    ]


async def test_messages_that_come_at_once_do_not_overtake_each_other() -> None:
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
        fake.settle()
    assert [one.state for one in fake.alerts] == ["closed"]


async def test_what_is_sent_is_what_the_interface_wants() -> None:
    async with desk() as (channel, fake, receiver):
        await channel.deliver(messages.message(messages.OPENED))
        await channel.deliver(messages.message(messages.RESOLVED, 2))
    (_, body), (_, end) = fake.bodies
    details = body.pop("details")
    text = body.pop("description")
    assert body == {
        "message": "P1 Electronic health record: down",
        "alias": ALIAS,
        "entity": "ehr",
        "source": "Wardwatch",
        "priority": "P1",
        "tags": ["wardwatch", "availability"],
    }
    assert text.startswith("Electronic health record: down\nA new incident.\n")
    assert (details["category"], details["Trouble"]) == ("3", "down")
    assert receiver.requests == [("POST", "/v2/alerts"), ("POST", f"/v2/alerts/{ALIAS}/close")]
    assert end["source"] == "Wardwatch"
    assert end["note"].startswith("Electronic health record: over (was down)\n")


def test_what_is_too_long_for_the_receiver_is_clipped() -> None:
    made = ticket(messages.message(messages.OPENED))
    rows = tuple((f"Row {n}", "x" * 600) for n in range(40))
    body = alert(replace(made, rows=rows, headline="y" * 200))
    assert (len(body["message"]), len(body["description"])) == (130, 15_000)
    assert list(body["details"])[:2] == ["category", "Row 0"]
    assert sum(map(len, (*body["details"], *body["details"].values()))) <= 8_000


async def test_however_often_an_answer_is_lost_there_is_one_alert() -> None:
    opened, acknowledged = messages.story(messages.OPENED, messages.ACKNOWLEDGED)
    async with desk() as (channel, fake, receiver):
        for _ in range(longer(50)):
            receiver.script.append("drop")
            assert await channel.deliver(opened) == LOST
            fake.settle()
        assert await channel.deliver(opened) == SENT
        for _ in range(longer(5)):
            receiver.script += ["well", "drop"]
            assert await channel.deliver(acknowledged) == LOST
    fake.settle()
    assert [one.state for one in fake.alerts] == ["acknowledged"]


async def test_a_reopening_after_the_end_is_a_new_alert_of_the_same_alias() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REOPENED)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            await channel.deliver(one)
        fake.settle()
    assert [(one.alias, one.state) for one in fake.alerts] == [(ALIAS, "closed"), (ALIAS, "open")]


async def test_a_services_acknowledgement_is_a_note_and_makes_no_alert() -> None:
    opened, heard = messages.story(messages.OPENED, messages.BY_SERVICE)
    async with desk() as (channel, fake, _):
        await channel.deliver(opened)
        await channel.deliver(heard)
        fake.settle()
        assert [(one.state, len(one.notes)) for one in fake.alerts] == [("open", 1)]
        fake.alerts[0].state = "closed"
        await channel.deliver(heard)
        fake.settle()
    assert [one.state for one in fake.alerts] == ["closed"]


async def test_what_a_person_closed_stays_closed_when_the_system_recovers() -> None:
    opened, recovered, resolved = messages.story(
        messages.OPENED, messages.RECOVERED, messages.RESOLVED
    )
    async with desk() as (channel, fake, _):
        await channel.deliver(opened)
        fake.settle()
        fake.alerts[0].state = "closed"
        await channel.deliver(recovered)
        await channel.deliver(resolved)
        fake.settle()
    assert [one.state for one in fake.alerts] == ["closed"]


async def test_what_comes_due_after_the_end_is_shown_by_itself_and_over_at_once() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            assert await channel.deliver(one) == SENT
        fake.settle()
    assert [one.state for one in fake.alerts] == ["closed", "closed"]
    assert fake.alerts[1].alias == f"st-elsewhere_ehr_availability_{messages.NOW}_desk_3"


@pytest.mark.parametrize("end", [messages.MERGED, messages.FALSE_POSITIVE])
async def test_what_people_settle_is_closed(end: Any) -> None:
    async with desk() as (channel, fake, _):
        for one in messages.story(messages.OPENED, end):
            await channel.deliver(one)
        fake.settle()
    assert [one.state for one in fake.alerts] == ["closed"]


async def test_a_past_outage_found_late_and_a_test_are_shown_and_over_at_once() -> None:
    async with desk() as (channel, fake, _):
        assert await channel.deliver(messages.message(messages.FOUND_LATE)) == SENT
        assert await channel.deliver(messages.a_test()) == SENT
        fake.settle()
    assert [(one.priority, one.state) for one in fake.alerts] == [
        ("P1", "closed"),
        ("P4", "closed"),
    ]


@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("403", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)),
        ("422", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 422)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        ("503", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503, 7_000)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        ("lost", LOST),
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


@pytest.mark.parametrize(("key", "status"), [("none", 422), (KEY[::-1], 401)])
async def test_a_wrong_key_is_tried_again(key: str, status: int) -> None:
    async with desk(key) as (channel, _, _):
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.AUTH, status)


async def test_a_receiver_that_hangs_is_a_timeout() -> None:
    async with desk(timeout_ms=200) as (channel, _, receiver):
        receiver.script.append("hang")
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm() -> None:
    fake = FakeJsm(KEY)
    async with receiving(fake.handle) as receiver:
        spec = {"key": "file:/key", "url": receiver.url}
        assert await patient_words.deliver(KIND, spec, env(fake)) == ["letter"]
    assert patient_words.NAME not in json.dumps(fake.bodies)
    assert fake.bodies[0][1]["message"] == "P1 ehr: down"


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"key": KEY}, "key"),
        ({"url": "http://api.atlassian.com"}, "url"),
        ({"priority": "P1"}, "priority"),
        ({"timeout": "61s"}, "timeout"),
        ({"timeout": "4s"}, "timeout"),  # all but the first message would be out of time
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, str], where: str) -> None:
    with pytest.raises(ValidationError) as found:
        KIND.parse({"key": "file:/key", **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]
