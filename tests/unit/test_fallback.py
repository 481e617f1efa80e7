"""The fallback against a real webhook and a real mail server: once, in order, over restarts."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from itertools import count
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.carriers import Carrier, MailCarrier, Verdict, WebhookCarrier
from agent.confirming import Rule
from agent.fallback import Fallback, rules_of
from agent.hostfile import FallbackMail, FallbackWebhook
from agent.keptfile import KeptFile
from agent.metrics import AgentMetrics
from agent.reporting import Reporter
from agent.telling import Kind, Line, Message
from probes.agentconfig import AgentConfig
from probes.clock import ManualClock, SystemClock
from probes.contract import Outcome
from probes.segments import Run
from probes.signing import headers, signing_keys
from probes.testing.certificates import Authority
from tests.support.hook import SECRET, hook
from tests.support.mailserver import PASSWORD, USER, mail_server

NOW = 1_767_225_600_000
MESSAGE = Message("m1", Kind.DOWN, NOW, NOW - 60_000, "ehr", "tcp.refused", ("ehr-read",))


def webhook(url: str, *, secret: bytes | None = SECRET) -> WebhookCarrier:
    def read(_reference: str) -> bytes:
        if secret is None:
            raise FileNotFoundError
        return secret

    settings = FallbackWebhook(url=url, secret="file:/hook")
    return WebhookCarrier(settings, "st-elsewhere", "north-1", ManualClock(NOW), read)


async def test_the_webhook_gets_a_signed_event() -> None:
    async with hook() as receiver:
        assert await webhook(receiver.url).carry(MESSAGE) is Verdict.TAKEN
    (post,) = receiver.posts
    signed = headers(signing_keys(SECRET), "m1", NOW // 1000, post.body)
    assert (post.id, post.timestamp) == ("m1", str(NOW // 1000))
    assert post.signature == signed["webhook-signature"]
    assert json.loads(post.body)["type"] == "org.wardwatch.agent.system.down.v1"


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("204", Verdict.TAKEN),
        ("redirect", Verdict.AGAIN),
        ("401", Verdict.AGAIN),
        ("429", Verdict.AGAIN),
        ("500", Verdict.AGAIN),
        ("drop", Verdict.AGAIN),
        ("400", Verdict.NEVER),
        ("410", Verdict.NEVER),
    ],
)
async def test_only_2xx_is_taken_and_only_a_verdict_on_the_message_ends_it(
    answer: str, expected: Verdict
) -> None:
    async with hook(answer) as receiver:
        assert await webhook(receiver.url).carry(MESSAGE) is expected


async def test_a_webhook_without_its_secret_or_its_receiver_is_tried_again() -> None:
    async with hook() as receiver:
        assert await webhook(receiver.url, secret=None).carry(MESSAGE) is Verdict.AGAIN
    assert receiver.posts == []
    assert await webhook(receiver.url).carry(MESSAGE) is Verdict.AGAIN


def mail(port: int, ca: str, **changes: object) -> MailCarrier:
    told = {
        "server": f"127.0.0.1:{port}",
        "ca": ca,
        "sender": "agent@example.org",
        "to": ["on@example.org", "desk@example.org"],
    }
    settings = FallbackMail.model_validate(told | changes)
    return MailCarrier(settings, "st-elsewhere", "north-1", lambda _ref: PASSWORD + b"\n")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


async def test_the_mail_goes_encrypted_with_a_login_to_all(authority: Authority) -> None:
    context = authority.server().server_context()
    async with mail_server(starttls=context, logins=True) as server:
        carrier = mail(server.port, authority.ca, user=USER, password="file:/p")
        assert await carrier.carry(MESSAGE) is Verdict.TAKEN
    (one,) = server.mails
    assert (one.sender, one.recipients) == (
        "agent@example.org",
        ["on@example.org", "desk@example.org"],
    )
    assert (one.encrypted, one.login) == (True, True)
    assert (
        message_from_bytes(one.raw)["Subject"]
        == "[wardwatch] ehr down: tcp.refused (agent north-1)"
    )
    assert set(server.greeted) == {"example.org"}


async def test_a_mail_goes_by_tls_from_the_first_byte(authority: Authority) -> None:
    async with mail_server(implicit=authority.server().server_context()) as server:
        assert await mail(server.port, authority.ca, tls="implicit").carry(MESSAGE) is Verdict.TAKEN
        assert server.mails[0].encrypted


async def test_a_mail_never_goes_unprotected_and_a_refusal_of_all_is_for_good(
    authority: Authority, tmp_path: Path
) -> None:
    async with mail_server() as server:  # without STARTTLS
        assert await mail(server.port, authority.ca).carry(MESSAGE) is Verdict.AGAIN
        assert server.mails == []
        server.mailboxes = {"on@example.org": ["550"]}
        assert await mail(server.port, authority.ca, tls="none").carry(MESSAGE) is Verdict.TAKEN
        assert server.mails[0].recipients == ["desk@example.org"]
        server.mailboxes = {"on@example.org": ["550"], "desk@example.org": ["550"]}
        assert await mail(server.port, authority.ca, tls="none").carry(MESSAGE) is Verdict.NEVER
        server.mailboxes = {"on@example.org": ["550"], "desk@example.org": ["450"]}
        assert await mail(server.port, authority.ca, tls="none").carry(MESSAGE) is Verdict.AGAIN
        server.script = {"DATA": ["451"]}
        assert await mail(server.port, authority.ca, tls="none").carry(MESSAGE) is Verdict.AGAIN
    async with mail_server(starttls=authority.server().server_context()) as server:
        (tmp_path / "other").mkdir()
        other = Authority(tmp_path / "other", SystemClock().now_ms()).ca
        assert await mail(server.port, other).carry(MESSAGE) is Verdict.AGAIN
        assert server.mails == []


def silent(ms: int, *, has_spoken: bool = True) -> Line:
    return Line(ms, has_spoken, waits=True)


@dataclass
class Scripted:
    """A carrier that answers as told, then takes everything."""

    name: str
    answers: list[Verdict] = field(default_factory=list)
    got: list[str] = field(default_factory=list)

    async def carry(self, message: Message) -> Verdict:
        self.got.append(" ".join(filter(None, [message.kind, message.system, message.cause])))
        return self.answers.pop(0) if self.answers else Verdict.TAKEN


@dataclass
class Bench:
    clock: ManualClock
    file: KeptFile
    line: Line = field(default_factory=lambda: silent(0))
    reported: list[tuple[str, list[str]]] = field(default_factory=list)
    takes_notices: bool = True
    numbers: Callable[[], int] = count(1).__next__

    async def report(self, message: Message, taken: Sequence[str]) -> bool:
        if self.takes_notices:
            self.reported.append((message.kind.value, list(taken)))
        return self.takes_notices

    @asynccontextmanager
    async def process(self, *carriers: Carrier) -> AsyncIterator[Fallback]:
        fallback = Fallback(
            carriers,
            300_000,
            self.file,
            self.clock,
            self.clock.now_ms,
            lambda: self.line,
            self.report,
            lambda: f"{self.numbers():032x}",
            AgentMetrics(),
        )
        fallback.follow({"ehr-read": Rule("ehr", 2, 1, 25_000)})
        task = asyncio.create_task(fallback.run())
        await self.clock.advance(0)
        try:
            yield fallback
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def see(self, fallback: Fallback, story: str) -> None:
        for letter in story:
            outcome = {"u": Outcome.UP, "d": Outcome.DOWN}[letter]
            run = Run("ehr", "ehr-read", 0, self.clock.now_ms(), outcome, "tcp.refused", 1)
            fallback.take(run, 0)
            await self.clock.advance(10_000)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(ManualClock(NOW), KeptFile(tmp_path / "told.json"))


async def test_a_lost_line_is_told_to_all_and_the_collector_hears_of_it_later(bench: Bench) -> None:
    webhook, mail = Scripted("webhook"), Scripted("mail")
    async with bench.process(webhook, mail) as fallback:
        bench.line = silent(290_000)
        await bench.see(fallback, "dd")
        assert webhook.got == []
        bench.line = silent(310_000)
        await bench.see(fallback, "ddu")
        bench.line = silent(0)
        await bench.clock.advance(5_000)
    told = ["uplink.lost", "system.down ehr tcp.refused", "system.up ehr", "uplink.back"]
    assert webhook.got == told
    assert mail.got == told
    assert bench.reported == [(kind.split()[0], ["mail", "webhook"]) for kind in told]


async def test_a_restart_repeats_nothing_that_was_taken_and_loses_nothing_that_waits(
    bench: Bench,
) -> None:
    bench.line = silent(310_000)
    first, deaf = Scripted("webhook"), Scripted("mail", [Verdict.AGAIN] * 9)
    async with bench.process(first, deaf) as fallback:
        await bench.see(fallback, "dd")
    assert first.got == ["uplink.lost", "system.down ehr tcp.refused"]
    assert set(deaf.got) == {"uplink.lost"}
    bench.line = silent(10_000, has_spoken=False)
    again, well = Scripted("webhook"), Scripted("mail")
    async with bench.process(again, well) as fallback:
        await bench.see(fallback, "dd")
        assert again.got == []
        assert well.got == ["uplink.lost", "system.down ehr tcp.refused"]
        bench.line = silent(0)
        await bench.clock.advance(5_000)
    assert again.got == ["uplink.back"]
    assert bench.reported == [
        ("uplink.lost", ["mail", "webhook"]),
        ("system.down", ["mail", "webhook"]),
        ("uplink.back", ["mail", "webhook"]),
    ]


async def test_after_a_restart_a_second_check_of_what_was_told_is_still_waited_for(
    bench: Bench,
) -> None:
    bench.line = silent(310_000)
    rules = {name: Rule("ehr", 2, 1, 25_000) for name in ("ehr-read", "ehr-web")}

    async def see(fallback: Fallback, check: str, outcome: Outcome) -> None:
        run = Run("ehr", check, 0, bench.clock.now_ms(), outcome, "tcp.refused", 1)
        fallback.take(run, 0)
        await bench.clock.advance(2_000)

    first, second = Scripted("webhook"), Scripted("webhook")
    async with bench.process(first) as fallback:
        fallback.follow(rules)
        for check in ("ehr-read", "ehr-read", "ehr-web", "ehr-web"):
            await see(fallback, check, Outcome.DOWN)
    assert first.got == ["uplink.lost", "system.down ehr tcp.refused"]
    async with bench.process(second) as fallback:
        fallback.follow(rules)
        await see(fallback, "ehr-read", Outcome.UP)
        await see(fallback, "ehr-web", Outcome.DOWN)
        assert second.got == []
        await see(fallback, "ehr-web", Outcome.UP)
    assert second.got == ["system.up ehr"]


async def test_one_deaf_carrier_holds_up_no_other_and_is_given_up_in_the_end(
    bench: Bench, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.fallback.ATTEMPTS", 3)
    bench.line = silent(310_000)
    webhook, deaf = Scripted("webhook"), Scripted("mail", [Verdict.AGAIN] * 3)
    async with bench.process(webhook, deaf):
        await bench.clock.advance(4_999)
        assert (webhook.got, len(deaf.got)) == (["uplink.lost"], 1)
        await bench.clock.advance(1)
        assert len(deaf.got) == 2
        await bench.clock.advance(10_000)
        assert len(deaf.got) == 3
    assert "fallback.given_up carrier=mail kind=uplink.lost" in caplog.text
    bench.line = silent(0)
    async with bench.process(webhook, deaf):
        await bench.clock.advance(2_000)
    assert bench.reported[0] == ("uplink.lost", ["webhook"])


async def test_a_collector_that_does_not_take_notices_yet_is_asked_again(bench: Bench) -> None:
    bench.line, bench.takes_notices = silent(310_000), False
    async with bench.process(Scripted("webhook")):
        await bench.clock.advance(2_000)
        bench.line = silent(0)
        await bench.clock.advance(20_000)
        assert bench.reported == []
        bench.takes_notices = True
        await bench.clock.advance(60_000)
    assert bench.reported == [("uplink.lost", ["webhook"]), ("uplink.back", ["webhook"])]


@pytest.mark.parametrize("data", [b"", b"{", b'{"version":2}', b'{"told":[]}', b"\xff"])
async def test_whoever_cannot_read_what_was_told_tells_it_again(
    tmp_path: Path, data: bytes
) -> None:
    (tmp_path / "told.json").write_bytes(data)
    bench = Bench(ManualClock(NOW), KeptFile(tmp_path / "told.json"), silent(310_000))
    webhook = Scripted("webhook")
    async with bench.process(webhook):
        await bench.clock.advance(2_000)
    assert webhook.got == ["uplink.lost"]


async def test_a_disk_that_cannot_be_written_holds_up_no_message(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(ManualClock(NOW), KeptFile(tmp_path / "none" / "told.json"), silent(310_000))
    webhook = Scripted("webhook")
    async with bench.process(webhook):
        await bench.clock.advance(2_000)
    assert webhook.got == ["uplink.lost"]
    assert "fallback.memory_not_written" in caplog.text


async def test_an_id_that_looks_like_a_patients_is_told_all_the_same_and_alarms(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    bench.line = silent(310_000)
    webhook = Scripted("webhook")
    with caplog.at_level(logging.ERROR):
        async with bench.process(webhook) as fallback:
            fallback.follow({"mrn-4711": Rule("mrn-4711", 1, 1, 25_000)})
            fallback.take(Run("mrn-4711", "mrn-4711", 0, NOW, Outcome.DOWN, "tcp.refused", 1), 0)
            await bench.clock.advance(2_000)
    assert webhook.got == ["uplink.lost", "system.down mrn-4711 tcp.refused"]
    assert "tripwire.hit boundary=fallback pattern=record_number" in caplog.text


def test_only_critical_checks_of_clinical_systems_are_told() -> None:
    def check(system: str, **more: object) -> dict[str, object]:
        return {"system": system, "kind": "http", "every": 10_000, "timeout": 5_000, **more}

    checks = {
        "read": check("ehr", confirm={"down": 3, "up": 2}),
        "web": check("ehr", role="supporting"),
        "reader": check("ehr", role={"group": "readers"}),
        "orders": check("lab"),
        "claims": check("billing"),
        "new": check("of-a-newer-class"),
        "of-a-newer-form": check("ehr", role="essential"),
    }
    systems = {
        "ehr": "point_of_care",
        "lab": "clinical",
        "billing": "administrative",
        "of-a-newer-class": "surgical",
    }
    part = AgentConfig("st-elsewhere", "north-1", 1, "0" * 16, 0, systems, checks)
    assert rules_of(part) == {
        "read": Rule("ehr", 3, 2, 25_000),
        "orders": Rule("lab", 2, 1, 25_000),
    }


@pytest.mark.parametrize(
    ("status", "code", "is_done"),
    [
        (200, "", True),
        (400, "notice.malformed", True),
        (400, "notice.signature", False),
        (403, "agent.not_approved", False),
        (503, "", False),
    ],
)
async def test_a_notice_ends_with_a_verdict_on_itself_and_not_with_one_on_the_key(
    status: int, code: str, *, is_done: bool
) -> None:
    async def answer(_request: web.Request) -> web.Response:
        return web.json_response({"code": code}, status=status)

    app = web.Application()
    app.router.add_post("/agent/v1/told", answer)
    key = Ed25519PrivateKey.generate()
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        at = URL(server.make_url("/"))
        reporter = Reporter(session, at, "st-elsewhere", "north-1", lambda: key)
        message = Message("a" * 32, Kind.LOST, NOW, NOW)
        assert await reporter.report(message, ["webhook"]) is is_done
