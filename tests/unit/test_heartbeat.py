"""The dead-man's switch: when it sends, what it sends, and what it says when it does not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pydantic import ValidationError

from alerts.outbox import DeliveryReason
from collector import heartbeat_http
from collector.heartbeat import Heartbeat, Watched
from collector.heartbeat_http import open_sender
from collector.metrics import CollectorMetrics
from collector.progress import Marks, Part
from probes import config_channels
from probes.clock import ManualClock
from probes.configfile import canonical, parse_canonical
from tests.support import rounds
from tests.support.hook import SECRET, hook

START = 1_767_225_600_000
SAID = b'{"at":"2026-01-01T00:00:00.000Z","organization":"st-elsewhere","version":"0.1.0"}'


@dataclass
class Bench:
    """Parts that get on by themselves, but for those that are stuck; a receiver of instants."""

    clock: ManualClock = field(default_factory=ManualClock)
    metrics: CollectorMetrics = field(default_factory=CollectorMetrics)
    leads: bool = True
    stuck: set[str] = field(default_factory=set)
    marks: Marks = field(default_factory=Marks)
    asked: list[tuple[Part, ...]] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    answers: list[DeliveryReason] = field(default_factory=list)

    async def look(self) -> Marks:
        self.marks = Marks(
            self.marks.ingest + ("ingest" not in self.stuck),
            self.marks.evaluation + ("evaluation" not in self.stuck),
        )
        return self.marks

    async def send(self, at: int) -> DeliveryReason:
        self.sent.append((at - START) // 1000)
        return self.answers.pop(0) if self.answers else DeliveryReason.ACCEPTED

    def value(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(f"wardwatch_heartbeat_{name}", labels)


@asynccontextmanager
async def bench(every_ms: int = 60_000) -> AsyncIterator[Bench]:
    one = Bench()
    watched = Watched(lambda: one.leads, one.look, one.asked.append)
    beating = Heartbeat(watched, one.send, every_ms, one.clock, one.metrics)
    task = asyncio.create_task(beating.run())
    await one.clock.advance(0)
    await one.clock.advance(500)
    yield one
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_it_is_sent_once_in_every_interval() -> None:
    async with bench() as one:
        await one.clock.advance(200_000)
        assert one.sent == [0, 60, 120, 180]
        assert one.value("sent_total") == 4
        assert one.value("last_timestamp_seconds") == START / 1000 + 180.5


async def test_what_is_stuck_stops_it_is_asked_and_is_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, logger="wardwatch.heartbeat")
    async with bench() as one:
        await one.clock.advance(10_000)
        one.stuck = {"ingest", "evaluation"}
        await one.clock.advance(69_000)
        assert one.asked[-1] == (Part.INGEST, Part.EVALUATION)
        assert one.value("held", part="ingest") == 0  # it has twenty seconds
        await one.clock.advance(2_000)
        assert one.value("held", part="ingest") == 1
        assert one.value("held", part="outbox") == 0
        one.stuck = {"ingest"}
        await one.clock.advance(300_000)
        assert one.sent == [0]
        one.stuck = set()
        await one.clock.advance(1_000)
        assert len(one.sent) == 2
        assert one.value("held", part="ingest") == 0
    assert [record.getMessage() for record in caplog.records] == [
        "heartbeat.withheld by=ingest,evaluation",
        "heartbeat.withheld by=ingest",
        "heartbeat.goes_on",
    ]


async def test_only_the_process_that_leads_sends_and_it_proves_itself_anew() -> None:
    async with bench() as one:
        one.leads = False
        await one.clock.advance(300_000)
        assert one.sent == [0]
        one.leads, one.stuck = True, {"evaluation"}
        await one.clock.advance(300_000)
        assert one.sent == [0]
        one.stuck = set()
        await one.clock.advance(1_000)
        assert one.sent == [0, 601]


async def test_a_receiver_that_does_not_take_it_is_tried_again_soon_and_named_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with bench() as one:
        one.answers = [DeliveryReason.NETWORK, DeliveryReason.NETWORK, DeliveryReason.STATUS]
        await one.clock.advance(150_000)
        assert one.sent == [0, 60, 70, 80, 90, 150]
        assert one.value("failures_total", reason="network") == 2
        assert one.value("failures_total", reason="status") == 1
        assert one.value("sent_total") == 3
    assert [record.getMessage() for record in caplog.records] == [
        "heartbeat.failed reason=network",
        "heartbeat.failed reason=status",
    ]


async def test_what_got_stuck_while_the_receiver_was_down_still_stops_it() -> None:
    async with bench() as one:
        one.answers = [DeliveryReason.NETWORK] * 3
        await one.clock.advance(61_000)
        one.stuck = {"ingest"}
        await one.clock.advance(300_000)
        assert one.sent == [0, 60]


def reader(secrets: Mapping[str, bytes]) -> Callable[[str], bytes]:
    return lambda ref: secrets[ref]


async def sent_to(
    url: str, secrets: Mapping[str, bytes] | None = None, secret: str | None = None
) -> DeliveryReason:
    said = config_channels.Heartbeat.model_validate({"url": url, "secret": secret})
    async with open_sender(said, "st-elsewhere", reader(secrets or {})) as send:
        return await send(START)


async def test_a_heartbeat_is_a_small_signed_post_to_an_address_that_may_be_a_secret() -> None:
    async with hook() as receiver:
        secrets = {"env:PING": f"{receiver.url}/8f0c2a\n".encode(), "env:KEY": SECRET}
        assert await sent_to("env:PING", secrets, "env:KEY") is DeliveryReason.ACCEPTED
    (post,) = receiver.posts
    assert (post.path, post.body, post.content_type) == ("/hook/8f0c2a", SAID, "application/json")
    assert (post.id, post.timestamp) == (f"st-elsewhere_heartbeat_{START}", str(START // 1000))
    key = base64.b64decode(SECRET.removeprefix(b"whsec_"))
    signed = f"{post.id}.{post.timestamp}.".encode() + post.body
    digest = hmac.new(key, signed, hashlib.sha256).digest()
    assert post.signature == f"v1,{base64.b64encode(digest).decode()}"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("500", "status"), ("redirect", "status"), ("drop", "network"), ("hang", "timeout")],
)
async def test_any_answer_but_2xx_is_a_failure_and_no_redirect_is_followed(
    fault: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heartbeat_http, "TIMEOUT_S", 0.2)
    async with hook(fault) as receiver:
        found = await sent_to(receiver.url, {"env:KEY": SECRET}, "env:KEY")
        assert (found.value, len(receiver.posts)) == (reason, 1)


async def test_tls_that_fails_is_told_apart() -> None:
    async with hook() as receiver:
        url = receiver.url.replace("http://", "https://")
        assert await sent_to(url) is DeliveryReason.TLS


@pytest.mark.parametrize(
    "address",
    [
        b"http://receiver.example.org/8f0c2a",  # in the clear to another host
        b"https://user:word@receiver.example.org/",
        b"8f0c2a",
        b"\xff\xfe",
        b"",
    ],
)
async def test_a_secret_that_is_no_address_is_sent_nowhere(address: bytes) -> None:
    assert await sent_to("env:PING", {"env:PING": address}) is DeliveryReason.SECRET


async def test_a_secret_that_cannot_be_had_is_named_as_that() -> None:
    assert await sent_to("env:PING") is DeliveryReason.SECRET
    async with hook() as receiver:
        assert await sent_to(receiver.url, {"env:KEY": b"word"}, "env:KEY") is DeliveryReason.SECRET
        assert receiver.posts == []


def test_an_entry_is_an_address_or_a_reference_and_a_file_without_one_is_the_version_it_was() -> (
    None
):
    for url in ("https://hc.example.org/8f0c2a", "http://127.0.0.1:9/", "env:PING", "file:/run/x"):
        assert config_channels.Heartbeat.model_validate({"url": url}).every == 60_000
    with pytest.raises(ValidationError, match=r"write an address, file:/path or env:NAME"):
        config_channels.Heartbeat.model_validate({"url": "file:secrets/ping"})
    assert b"heartbeat" not in canonical(rounds.config())
    used = rounds.config(heartbeat={"url": "env:PING", "every": "90s"})
    assert parse_canonical(canonical(used)) == used
