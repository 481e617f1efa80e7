"""The webhook channel against a real receiver: every answer and the receipt it gives."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from alerts.calls import judge
from alerts.channel import ChannelEnv, Guarantee, Receipt, Verdict
from alerts.channels import registry
from alerts.channels.webhook import KIND
from alerts.events import Priority
from alerts.outbox import DeliveryReason, Message
from alerts.people import IncidentState
from alerts.render import render
from alerts.transitions import TransitionKind
from probes.clock import ManualClock
from probes.config import Config
from probes.config_channels import Channel
from probes.signing import SecretError, headers, signing_keys
from tests.support.hook import SECRET, hook
from tests.support.outages import an_outage

NOW = 1_767_225_600_000
MESSAGE = Message(
    id="st-elsewhere_ehr_availability_1767225600000_desk_1",
    org="st-elsewhere",
    incident_key="ehr.availability.1767225600000",
    receiver="desk",
    seq=1,
    body=b'{"specversion":"1.0"}',
    created_at=NOW,
    next_at=NOW,
)


async def deliver(
    url: str, secret: Callable[[str], bytes] = lambda _ref: SECRET, timeout: str = "5s"
) -> Receipt:
    config = KIND.parse({"url": url, "secret": "file:/run/secrets/hook", "timeout": timeout})
    async with KIND.open(config, ChannelEnv(ManualClock(NOW), secret)) as channel:
        return await channel.deliver(MESSAGE)


def test_the_signature_is_the_published_test_vector() -> None:
    keys = signing_keys(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    sent = headers(keys, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}')
    assert sent["webhook-id"] == "msg_p5jXN8AQM9LWM0D4loKWxJek"
    assert sent["webhook-timestamp"] == "1614265330"
    assert sent["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_while_a_secret_is_rotated_both_keys_sign() -> None:
    keys = signing_keys(b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\nwhsec_" + b"A" * 32 + b"\n")
    first, second = headers(keys, "m", 1, b"{}")["webhook-signature"].split()
    assert first.startswith("v1,")
    assert second.startswith("v1,")
    assert first != second


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        b"whsec_",
        b"whsec_AAAA",
        b"whsec_not base64!",
        b"whsec_" + b"A" * 88,
        b"whsec_\xff\xfe",
    ],
)
def test_what_is_no_signing_secret_is_refused(text: bytes) -> None:
    with pytest.raises(SecretError):
        signing_keys(text)


async def test_a_delivered_message_is_one_signed_post() -> None:
    async with hook() as receiver:
        assert await deliver(receiver.url) == Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)
    (post,) = receiver.posts
    expected = headers(signing_keys(SECRET), MESSAGE.id, NOW // 1000, MESSAGE.body)
    assert post.id == MESSAGE.id
    assert post.timestamp == "1767225600"
    assert post.signature == expected["webhook-signature"]
    assert post.content_type == "application/cloudevents+json; charset=utf-8"
    assert post.body == MESSAGE.body


@pytest.mark.parametrize(
    ("answer", "verdict", "reason", "status"),
    [
        ("200", Verdict.SENT, DeliveryReason.ACCEPTED, 200),
        ("202", Verdict.SENT, DeliveryReason.ACCEPTED, 202),
        ("204", Verdict.SENT, DeliveryReason.ACCEPTED, 204),
        ("redirect", Verdict.RETRY, DeliveryReason.STATUS, 307),
        ("400", Verdict.DEAD, DeliveryReason.REFUSED, 400),
        ("401", Verdict.RETRY, DeliveryReason.AUTH, 401),
        ("403", Verdict.RETRY, DeliveryReason.AUTH, 403),
        ("404", Verdict.RETRY, DeliveryReason.STATUS, 404),
        ("405", Verdict.RETRY, DeliveryReason.STATUS, 405),
        ("408", Verdict.RETRY, DeliveryReason.THROTTLED, 408),
        ("409", Verdict.RETRY, DeliveryReason.STATUS, 409),
        ("410", Verdict.DEAD, DeliveryReason.GONE, 410),
        ("413", Verdict.DEAD, DeliveryReason.REFUSED, 413),
        ("415", Verdict.DEAD, DeliveryReason.REFUSED, 415),
        ("422", Verdict.DEAD, DeliveryReason.REFUSED, 422),
        ("425", Verdict.RETRY, DeliveryReason.THROTTLED, 425),
        ("429", Verdict.RETRY, DeliveryReason.THROTTLED, 429),
        ("500", Verdict.RETRY, DeliveryReason.STATUS, 500),
        ("503", Verdict.RETRY, DeliveryReason.STATUS, 503),
        ("drop", Verdict.RETRY, DeliveryReason.NETWORK, None),
        ("cut", Verdict.SENT, DeliveryReason.ACCEPTED, 200),
        ("<p>OK</p>", Verdict.SENT, DeliveryReason.ACCEPTED, 200),
        ('{"filed": true}', Verdict.SENT, DeliveryReason.ACCEPTED, 200),
    ],
)
async def test_an_answer_gives_a_receipt(
    answer: str, verdict: Verdict, reason: DeliveryReason, status: int | None
) -> None:
    async with hook(answer) as receiver:
        assert await deliver(receiver.url) == Receipt(verdict, reason, status)
    assert [post.path for post in receiver.posts] == ["/hook"]


async def test_a_page_for_people_is_no_delivery_whatever_its_status() -> None:
    async with hook("page", "<HTML>sign in") as receiver:
        for _ in range(2):
            receipt = await deliver(receiver.url)
            assert receipt == Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)


async def test_a_receiver_that_hangs_is_a_timeout() -> None:
    async with hook("hang") as receiver:
        receipt = await deliver(receiver.url, timeout="100ms")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


async def test_a_closed_port_is_a_network_failure() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    receipt = await deliver(f"http://127.0.0.1:{port}/hook")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


async def test_a_plain_receiver_behind_an_https_address_is_a_tls_failure() -> None:
    async with hook() as receiver:
        receipt = await deliver(receiver.url.replace("http:", "https:"))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS)


def _unreadable(_ref: str) -> bytes:
    raise PermissionError


@pytest.mark.parametrize("secret", [_unreadable, lambda _ref: b"not a secret"])
async def test_without_its_secret_nothing_is_posted(secret: Callable[[str], bytes]) -> None:
    async with hook() as receiver:
        receipt = await deliver(receiver.url, secret)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, None),
        ("0", 0),
        ("120", 120_000),
        ("Thu, 01 Jan 2026 00:01:30 GMT", 90_000),
        ("Wed, 31 Dec 2025 23:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 20, None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(
    value: str | None, expected: int | None
) -> None:
    assert judge(503, value, NOW).retry_after_ms == expected


@given(st.text(max_size=60))
def test_no_retry_after_text_is_an_error(value: str) -> None:
    wanted = judge(503, value, NOW).retry_after_ms
    assert wanted is None or wanted >= 0


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("200", Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)),
        ("503", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503)),
    ],
)
async def test_an_impossible_date_in_retry_after_changes_nothing(
    answer: str, expected: Receipt
) -> None:
    async with hook(answer) as receiver:
        receiver.headers = {"retry-after": "Mon, 01 Jan 99999999999999999999 00:00:00 GMT"}
        assert await deliver(receiver.url) == expected


async def test_the_receiver_is_asked_how_long_to_wait() -> None:
    async with hook("503") as receiver:
        receiver.headers = {"retry-after": "77"}
        receipt = await deliver(receiver.url)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503, 77_000)


@given(st.integers(100, 599))
def test_only_2xx_is_success(status: int) -> None:
    assert (judge(status, None, NOW).verdict is Verdict.SENT) == (status // 100 == 2)


@given(st.integers(100, 599))
def test_only_a_verdict_on_the_message_itself_is_final(status: int) -> None:
    dead = judge(status, None, NOW).verdict is Verdict.DEAD
    assert dead == (status in {400, 410, 413, 415, 422})


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"url": "ftp://desk.example.org"}, "url"),
        ({"url": "https://user:pass@desk.example.org/"}, "url"),
        ({"url": "https://"}, "url"),
        ({"secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "secret"),
        ({"timeout": "61s"}, "timeout"),
        ({"timeout": "0s"}, "timeout"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_entry_is_refused_and_named(change: dict[str, str], place: str) -> None:
    spec = {"url": "https://desk.example.org/hook", "secret": "file:/run/secrets/hook"}
    registry.check("webhook", spec)
    with pytest.raises(ValidationError) as caught:
        registry.check("webhook", spec | change)
    assert [error["loc"] for error in caught.value.errors()] == [(place,)]


def test_an_unknown_channel_kind_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        registry.check("pigeon", {})


def test_it_declares_what_its_receiver_guarantees() -> None:
    assert registry.load("webhook").guarantee is Guarantee.KEYED


async def test_one_channel_delivers_several_messages_at_once() -> None:

    async with hook() as receiver:
        config = KIND.parse({"url": receiver.url, "secret": "env:HOOK"})
        async with KIND.open(config, ChannelEnv(ManualClock(NOW), lambda _r: SECRET)) as channel:
            several = [replace(MESSAGE, id=f"m{n}") for n in range(5)]
            receipts = await asyncio.gather(*(channel.deliver(m) for m in several))
    assert {r.verdict for r in receipts} == {Verdict.SENT}
    assert sorted(receiver.ids) == ["m0", "m1", "m2", "m3", "m4"]


PAGE = (Path(__file__).resolve().parents[2] / "alerts/channels/webhook.md").read_text("utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_entry_on_its_page_is_accepted() -> None:
    text = yaml.load(block("yaml"), Loader=yaml.BaseLoader)  # noqa: S506 - it makes text only
    entry = text["channels"]["desk"]
    channel = Channel.model_validate(entry)
    registry.check(channel.kind, channel.model_extra or {})


def test_the_receiver_code_on_its_page_verifies_what_we_send() -> None:
    found: dict[str, Any] = {}
    exec(block("python"), found)  # noqa: S102 - our own page
    secret = SECRET.decode().strip()
    sent = headers(signing_keys(SECRET), MESSAGE.id, NOW // 1000, MESSAGE.body)
    assert found["verified"](secret, sent, MESSAGE.body, NOW // 1000 + 300)
    assert not found["verified"](secret, sent, MESSAGE.body, NOW // 1000 + 301)
    assert not found["verified"](secret, sent, MESSAGE.body + b" ", NOW // 1000)


def test_the_event_on_its_page_is_what_we_send() -> None:
    shown = json.loads(block("json"))
    config = Config.model_validate(
        {
            "version": "1",
            "organization": {
                "id": "st-elsewhere",
                "name": "St Elsewhere Health",
                "timezone": "UTC",
            },
            "sites": {"north": {"name": "North Campus", "users": 1_200}},
            "agents": {},
            "systems": {
                "ehr": {
                    "name": "EHR",
                    "impact": {
                        "class": "clinical",
                        "service": "critical_clinical",
                        "workaround": {
                            "name": "Downtime binder",
                            "valid_for": "4h",
                            "requires": ["print"],
                        },
                    },
                    "runbook": "https://intranet.example.org/rb/ehr",
                }
            },
            "checks": {},
            "access": {"public_url": "https://wardwatch.example.org"},
        }
    )
    incident = an_outage(NOW, category=3, priority=Priority.P1, sites=("north",))
    assert incident.key == shown["subject"]
    made = json.loads(
        render(
            config,
            TransitionKind.OPENED,
            incident,
            message_id=shown["id"],
            receiver="desk",
            sequence=1,
            at=NOW + 60_012,
            detected_at=NOW + 60_012,
            state=IncidentState.OPEN,
            deadline=("response_warned", NOW + 3_660_012),
        )
    )
    assert made == shown
