"""The channels slack and teams against simulated receivers that keep every message they get."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from alerts.channel import Channel, ChannelKind, Receipt, Verdict
from alerts.channels import slack, teams
from alerts.events import Cause
from alerts.outbox import DeliveryReason
from alerts.render import render_digest
from alerts.ticket import ticket
from tests.support import ticket_messages as messages
from tests.support.chat import Room
from tests.support.outages import an_outage
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.soak import longer

KINDS = pytest.mark.parametrize("kind", [slack.KIND, teams.KIND], ids=lambda kind: kind.name)
SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)
ROWS = [
    "System: Electronic health record",
    "Trouble: down",
    "Sites: no single one: the whole system",
    "For whom: the care of patients",
]


@asynccontextmanager
async def room(
    kind: ChannelKind[Any], timeout: str = "5s", **env: Any
) -> AsyncIterator[tuple[Channel, Room, Receiver]]:
    fake = Room()
    async with receiving(fake.handle) as receiver:
        address = f"{receiver.url}/hooks/T0?sig=abc\n".encode()
        known = {"read_secret": lambda _: address, **env}
        config = kind.parse({"url": "file:/hook", "timeout": timeout})
        async with kind.open(config, replace(messages.env(), **known)) as channel:
            yield channel, fake, receiver


async def test_slack_shows_plain_text_and_no_markup() -> None:
    async with room(slack.KIND) as (channel, fake, _):
        assert await channel.deliver(messages.message(messages.OPENED)) == SENT
    (shown,) = fake.shown
    assert shown["text"] == "P1 Electronic health record: down. A new incident."
    header, step, rows = shown["blocks"]
    assert header == {
        "type": "header",
        "text": {
            "type": "plain_text",
            "text": "P1 Electronic health record: down",
            "emoji": False,
        },
    }
    assert step["text"] == {"type": "plain_text", "text": "A new incident.", "emoji": False}
    assert rows["text"]["text"].splitlines()[:3] == ROWS[:3]
    types = {block["text"]["type"] for block in shown["blocks"]}
    assert types == {"plain_text"}


def test_what_controls_slacks_markup_is_escaped_in_a_notification() -> None:
    made = slack.written(
        replace(
            ticket(messages.message(messages.OPENED)),
            headline="A & <!channel>: down",
            link="https://w.example.org/",
        )
    )
    assert made["text"] == "P1 A &amp; &lt;!channel&gt;: down. A new incident."
    assert made["blocks"][1]["accessory"]["url"] == "https://w.example.org/"


async def test_teams_shows_a_card_of_plain_runs() -> None:
    async with room(teams.KIND) as (channel, fake, _):
        assert await channel.deliver(messages.message(messages.OPENED)) == SENT
    (shown,) = fake.shown
    (attachment,) = shown["attachments"]
    content = attachment["content"]
    assert shown["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (content["type"], content["version"]) == ("AdaptiveCard", "1.4")
    title, step, *rows = content["body"]
    assert title["inlines"] == [
        {
            "type": "TextRun",
            "text": "P1 Electronic health record: down",
            "size": "large",
            "weight": "bolder",
            "color": "attention",
        }
    ]
    assert step["inlines"] == [{"type": "TextRun", "text": "A new incident."}]
    assert ["".join(run["text"] for run in row["inlines"]) for row in rows][:3] == ROWS[:3]


@KINDS
async def test_each_step_is_a_message_and_a_test_says_that_it_is_one(
    kind: ChannelKind[Any],
) -> None:
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.RECOVERED, messages.RESOLVED)
    async with room(kind) as (channel, fake, _):
        for one in (*messages.story(*told), messages.a_test()):
            assert await channel.deliver(one) == SENT
    assert len(fake.shown) == 5
    assert "This is a test. No system is affected." in json.dumps(fake.shown[-1])


@KINDS
async def test_a_long_list_of_past_outages_is_shown_and_says_what_is_left_out(
    kind: ChannelKind[Any],
) -> None:
    name = "R\u00f6ntgen \u0171\u0151 " * 8
    past = [an_outage(messages.NOW, key=f"ehr.availability.{n}") for n in range(150)]
    past = [replace(one, causes=(Cause.DOWN,), recovered_at=messages.NOW + 1) for one in past]
    body = json.loads(
        render_digest(messages.config(), past, message_id="d", receiver="desk", at=messages.NOW)
    )
    for line in body["data"]["incidents"]:
        line["system"]["name"] = name
    one = replace(messages.a_test(), body=json.dumps(body).encode())
    async with room(kind) as (channel, fake, _):
        assert await channel.deliver(one) == SENT
    said = json.dumps(fake.shown, ensure_ascii=False)
    assert "Past outages found late: 150" in said
    assert name in said
    assert " more lines; see the list of incidents" in said


@KINDS
async def test_none_is_lost_however_often_an_answer_is(kind: ChannelKind[Any]) -> None:
    async with room(kind) as (channel, fake, receiver):
        for sequence in range(1, longer(50) + 1):
            one = messages.message(messages.RAISED, sequence)
            receiver.script += ["drop", "lost"]
            while await channel.deliver(one) != SENT:
                pass
    # The first attempt was shown and its answer lost, the second was lost, the third arrived.
    assert len(fake.shown) == 2 * longer(50)


@KINDS
@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("401", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)),
        ("410", Receipt(Verdict.DEAD, DeliveryReason.GONE, 410)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 30_000)),
        ("502", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 502, 30_000)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        ("drop", Receipt(Verdict.RETRY, DeliveryReason.NETWORK)),
        ("nonsense", SENT),
    ],
)
async def test_an_answer_gives_a_receipt_and_nothing_of_it_is_kept(
    kind: ChannelKind[Any], step: str, receipt: Receipt, caplog: pytest.LogCaptureFixture
) -> None:
    async with room(kind) as (channel, _, receiver):
        receiver.headers["retry-after"] = "30"
        receiver.script.append(step)
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == receipt
    assert CANARY not in repr(told) + caplog.text


async def test_a_webhook_that_slack_no_longer_knows_is_a_wrong_secret() -> None:
    async with room(slack.KIND) as (channel, _, receiver):
        receiver.script.append("404")
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET, 404)


@KINDS
@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"hooks.example.org/T0",
        b"http://hooks.example.org/T0",
        b"https://[::1",
        b"https:///T0",
        b"\xff",
    ],
)
async def test_an_address_that_is_none_or_not_encrypted_is_a_wrong_secret(
    kind: ChannelKind[Any], text: bytes
) -> None:
    async with room(kind, read_secret=lambda _: text) as (channel, fake, _):
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    assert fake.shown == []


@KINDS
async def test_a_secret_that_cannot_be_read_and_a_receiver_that_hangs_are_receipts(
    kind: ChannelKind[Any],
) -> None:
    def missing(reference: str) -> bytes:
        raise FileNotFoundError(reference)

    async with room(kind, read_secret=missing) as (channel, _, _):
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    async with room(kind, "200ms") as (channel, _, receiver):
        receiver.script.append("hang")
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


@KINDS
async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm(
    kind: ChannelKind[Any],
) -> None:
    opened = messages.message(messages.OPENED)
    event = json.loads(opened.body)
    event["data"]["system"]["name"] = "SSN 123-45-6789"
    alarms: list[str] = []
    heard: Any = {"alarm": lambda place, *_: alarms.append(place.value)}
    async with room(kind, **heard) as (channel, fake, _):
        assert await channel.deliver(replace(opened, body=json.dumps(event).encode())) == SENT
    assert alarms == ["letter"]
    assert "123-45-6789" not in json.dumps(fake.shown)
    assert "P1 ehr: down" in json.dumps(fake.shown)


@KINDS
@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"url": "https://hooks.example.org/T0"}, "url"),
        ({"channel": "#ward"}, "channel"),
        ({"timeout": "2m"}, "timeout"),
    ],
)
def test_a_wrong_entry_names_the_field(
    kind: ChannelKind[Any], spec: dict[str, str], where: str
) -> None:
    with pytest.raises(ValidationError) as found:
        kind.parse({"url": "file:/hook", **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]
