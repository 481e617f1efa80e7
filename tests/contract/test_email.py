"""The e-mail channel against real mail servers: every answer and the receipt it gives."""

from __future__ import annotations

import asyncio
import email
import email.policy
import logging
import random
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client import CollectorRegistry
from pydantic import ValidationError

from alerts.channel import ChannelEnv, Guarantee, Receipt, Verdict
from alerts.channels import registry
from alerts.channels.email import KIND
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from alerts.outbox import DeliveryReason, Message, MessageState
from alerts.people import IncidentState
from alerts.render import render
from alerts.transitions import TransitionKind
from probes.clock import ManualClock, SystemClock
from probes.config_channels import Channel
from probes.testing.certificates import Authority
from tests.support.mailserver import PASSWORD, REMOTE, USER, mail_server, scripted
from tests.support.outbox import MemoryOutbox
from tests.unit.alerts.test_render import CONFIG, INCIDENT, START

NAME = "st-elsewhere_ehr_availability_1767225600000_nurses_1"
MESSAGE = Message(
    id=NAME,
    org="st-elsewhere",
    incident_key="ehr.availability.1767225600000",
    receiver="nurses",
    seq=1,
    body=render(
        CONFIG,
        TransitionKind.OPENED,
        INCIDENT,
        message_id=NAME,
        receiver="nurses",
        sequence=1,
        at=START,
        detected_at=START,
        state=IncidentState.OPEN,
    ),
    created_at=START,
    next_at=START,
)
SPEC = {
    "host": "127.0.0.1",
    "tls": "none",
    "from": "wardwatch@st-elsewhere.example",
    "to": ["nurses@st-elsewhere.example"],
    "timeout": "5s",
}
SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 250)


def secret(_ref: str) -> bytes:
    return PASSWORD + b"\n"


async def deliver(
    port: int, read: Callable[[str], bytes] = secret, **change: str | list[str]
) -> Receipt:
    config = KIND.parse({**SPEC, "port": str(port), **change})
    async with KIND.open(config, ChannelEnv(ManualClock(START), read)) as channel:
        return await channel.deliver(MESSAGE)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


async def test_a_delivered_message_is_one_mail_to_everybody() -> None:
    async with mail_server() as server:
        both = ["nurses@st-elsewhere.example", "desk@st-elsewhere.example"]
        assert await deliver(server.port, to=both) == SENT
    (mail,) = server.mails
    assert mail.sender == "wardwatch@st-elsewhere.example"
    assert mail.recipients == both
    parsed = email.message_from_bytes(mail.raw, policy=email.policy.default)
    assert parsed["To"] == "nurses@st-elsewhere.example, desk@st-elsewhere.example"
    assert parsed["Message-ID"] == f"<{NAME}@st-elsewhere>"


async def test_it_greets_with_the_configured_domain_and_not_with_this_hosts_name() -> None:
    async with mail_server() as server:
        await deliver(server.port)
    assert server.greeted == ["st-elsewhere.example"]


RETRIED = [
    ("MAIL", "421", DeliveryReason.STATUS),
    ("MAIL", "450", DeliveryReason.STATUS),
    ("MAIL", "530", DeliveryReason.AUTH),
    ("MAIL", "550", DeliveryReason.STATUS),
    ("RCPT", "421", DeliveryReason.STATUS),
    ("RCPT", "450", DeliveryReason.STATUS),
    ("RCPT", "451", DeliveryReason.STATUS),
    ("RCPT", "452", DeliveryReason.STATUS),
    ("RCPT", "530", DeliveryReason.AUTH),
    ("DATA", "421", DeliveryReason.STATUS),
    ("DATA", "451", DeliveryReason.STATUS),
    ("DATA", "452", DeliveryReason.STATUS),
    ("DATA", "535", DeliveryReason.AUTH),
]
FINAL = [
    (command, code, DeliveryReason.REFUSED)
    for command, codes in (("RCPT", ("550", "551", "553")), ("DATA", ("550", "552", "554")))
    for code in codes
]


@pytest.mark.parametrize(
    ("command", "code", "verdict", "reason"),
    [(c, n, Verdict.RETRY, r) for c, n, r in RETRIED]
    + [(c, n, Verdict.DEAD, r) for c, n, r in FINAL],
)
async def test_an_answer_gives_a_receipt(
    command: str,
    code: str,
    verdict: Verdict,
    reason: DeliveryReason,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    async with mail_server() as server:
        server.script[command] = [code]
        if command == "RCPT":
            server.mailboxes[SPEC["to"][0]] = [code]
        receipt = await deliver(server.port)
    assert receipt == Receipt(verdict, reason, int(code))
    assert server.mails == []
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith("mail")]
    assert REMOTE not in "\n".join(ours)


@pytest.mark.parametrize(
    ("greeting", "receipt"),
    [
        (b"421 too busy\r\n", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 421)),
        (b"554 no mail here\r\n", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 554)),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)),
        (b"\x00\xff\xfe garbage\r\n", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)),
        (b"999 what\r\n", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)),
        (b"-42 what\r\n", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)),
        (b"220 " + b"x" * 40_000 + b"\r\n", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL)),
    ],
)
async def test_a_greeting_that_is_no_welcome_gives_a_receipt(
    greeting: bytes, receipt: Receipt
) -> None:
    async with scripted(greeting, {}) as server:
        assert await deliver(server.port) == receipt
    assert server.heard == []


OPEN = {b"EHLO": b"250 mail.test\r\n", b"MAIL": b"250 OK\r\n", b"RCPT": b"250 OK\r\n"}


async def test_a_connection_closed_while_the_mail_is_sent_is_a_network_failure() -> None:
    async with scripted(b"220 hi\r\n", {**OPEN, b"DATA": b"354 go\r\n", b"MESSAGE-ID:": b""}) as s:
        receipt = await deliver(s.port)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
    assert s.heard[4].startswith(b"Message-ID: ")


@pytest.mark.parametrize(
    "answers", [{}, OPEN, {**OPEN, b"DATA": b"354 go\r\n"}], ids=["EHLO", "DATA", "mail"]
)
async def test_a_server_that_hangs_is_a_timeout(answers: dict[bytes, bytes]) -> None:
    async with scripted(b"220 hi\r\n", answers) as server:
        receipt = await deliver(server.port, timeout="200ms")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


async def test_a_server_that_says_nothing_at_all_is_a_timeout() -> None:
    async with scripted(b"", {}) as server:
        receipt = await deliver(server.port, timeout="200ms")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


async def test_a_closed_port_is_a_network_failure() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
    assert await deliver(port) == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


async def test_a_mail_whose_answer_was_lost_is_sent_again_byte_for_byte() -> None:
    async with mail_server() as server:
        server.script["DATA"] = ["drop", "hang"]
        lost = await deliver(server.port)
        late = await deliver(server.port, timeout="300ms")
        assert await deliver(server.port) == SENT
    assert lost == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
    assert late == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
    first, second, third = (mail.raw for mail in server.mails)
    assert first == second == third


async def test_an_unfriendly_farewell_changes_nothing() -> None:
    bye = {**OPEN, b"DATA": b"354 go\r\n", b".": b"250 kept\r\n", b"QUIT": b""}
    async with scripted(b"220 hi\r\n", bye) as server:
        assert await deliver(server.port) == SENT
    assert server.heard[-1] == b"QUIT"


async def test_starttls_encrypts_and_then_logs_in(authority: Authority) -> None:
    context = authority.server().server_context()
    async with mail_server(starttls=context, logins=True) as server:
        receipt = await deliver(
            server.port, tls="starttls", ca=authority.ca, user=USER, password="env:MAIL"
        )
    assert receipt == SENT
    assert [(mail.encrypted, mail.login) for mail in server.mails] == [(True, True)]


async def test_implicit_tls_encrypts_from_the_first_byte(authority: Authority) -> None:
    context = authority.server().server_context()
    async with mail_server(implicit=context, logins=True) as server:
        receipt = await deliver(
            server.port, tls="implicit", ca=authority.ca, user=USER, password="env:MAIL"
        )
    assert receipt == SENT
    assert [(mail.encrypted, mail.login) for mail in server.mails] == [(True, True)]


async def test_a_wrong_password_is_refused_and_may_be_mended(authority: Authority) -> None:
    context = authority.server().server_context()
    async with mail_server(starttls=context, logins=True) as server:
        receipt = await deliver(
            server.port,
            lambda _ref: b"wrong",
            tls="starttls",
            ca=authority.ca,
            user=USER,
            password="env:MAIL",
        )
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 535)
    assert server.mails == []


async def test_a_server_without_logins_gets_neither_password_nor_mail() -> None:
    async with mail_server() as server:
        receipt = await deliver(server.port, user=USER, password="env:MAIL")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.AUTH)
    assert server.mails == []


async def test_without_starttls_nothing_is_said_in_the_clear(authority: Authority) -> None:
    async with scripted(b"220 hi\r\n", {**OPEN, b"AUTH": b"235 in\r\n"}) as server:
        receipt = await deliver(
            server.port, tls="starttls", ca=authority.ca, user=USER, password="env:MAIL"
        )
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS)
    assert server.heard == [b"EHLO st-elsewhere.example"]


@pytest.mark.parametrize(
    ("answer", "status"), [(b"454 not now\r\n", 454), (b"502 no\r\n", 502), (b"250 eh\r\n", None)]
)
async def test_a_starttls_that_is_taken_back_is_a_tls_failure(
    answer: bytes, status: int | None, authority: Authority
) -> None:
    offers = {b"EHLO": b"250-mail.test\r\n250 STARTTLS\r\n", b"STARTTLS": answer}
    async with scripted(b"220 hi\r\n", offers) as server:
        receipt = await deliver(server.port, tls="starttls", ca=authority.ca)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS, status)
    assert server.heard == [b"EHLO st-elsewhere.example", b"STARTTLS"]


async def test_a_server_that_hangs_in_the_handshake_is_a_timeout(authority: Authority) -> None:
    offers = {b"EHLO": b"250-mail.test\r\n250 STARTTLS\r\n", b"STARTTLS": b"220 go\r\n"}
    async with scripted(b"220 hi\r\n", offers) as server:
        receipt = await deliver(server.port, tls="starttls", ca=authority.ca, timeout="300ms")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


@pytest.mark.parametrize("way", ["starttls", "implicit"])
@pytest.mark.parametrize("wrong", ["stranger", "name", "expired", "early"])
async def test_a_certificate_that_is_not_right_gets_no_mail(
    way: str, wrong: str, authority: Authority, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    stranger = Authority(tmp_path / "other", SystemClock().now_ms(), "Somebody else")
    pair = {
        "stranger": stranger.server(),
        "name": authority.server(("elsewhere.example",)),
        "expired": authority.server(days_left=-1),
        "early": authority.not_yet_valid(),
    }[wrong]
    context = pair.server_context()
    serving = mail_server(starttls=context) if way == "starttls" else mail_server(implicit=context)
    async with serving as server:
        receipt = await deliver(server.port, tls=way, ca=authority.ca)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS)
    assert server.mails == []


async def test_a_plain_server_behind_implicit_tls_is_a_tls_failure(authority: Authority) -> None:
    async with mail_server() as server:
        receipt = await deliver(server.port, tls="implicit", ca=authority.ca)
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS)


@pytest.mark.parametrize("text", [None, "no certificate"])
async def test_without_the_ca_it_is_told_to_trust_nobody_is_asked(
    text: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text, encoding="ascii")
    async with mail_server() as server:
        receipt = await deliver(server.port, tls="starttls", ca=str(path))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TLS)
    assert server.open == set()


def _unreadable(_ref: str) -> bytes:
    raise PermissionError


@pytest.mark.parametrize("read", [_unreadable, lambda _ref: b"\n"])
async def test_without_its_password_nobody_is_asked(read: Callable[[str], bytes]) -> None:
    async with mail_server() as server:
        receipt = await deliver(server.port, read, user=USER, password="env:MAIL")
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.SECRET)
    assert server.open == set()


async def test_the_outbox_tries_again_and_then_sends_what_came_after() -> None:
    following = "st-elsewhere_ehr_availability_1767225600000_nurses_2"
    async with mail_server() as server:
        server.mailboxes[SPEC["to"][0]] = ["450", "421", "550"]
        config = KIND.parse({**SPEC, "port": str(server.port)})
        clock, store = ManualClock(START), MemoryOutbox()
        async with KIND.open(config, ChannelEnv(clock, secret)) as channel:
            delivery = Delivery(
                store,
                {"nurses": channel},
                DeliveryMetrics(CollectorRegistry()),
                clock=clock,
                rng=random.Random(1),
            )
            await store.add([MESSAGE, replace(MESSAGE, id=following, seq=2)])
            seen = []
            for wait in (0, 2_000, 4_000, 0):
                await clock.advance(wait)
                await delivery.pump("nurses")
                one = store.messages[NAME]
                seen.append((one.state, one.reason, one.status))
    assert seen == [
        (MessageState.PENDING, DeliveryReason.STATUS, 450),
        (MessageState.PENDING, DeliveryReason.STATUS, 421),
        (MessageState.DEAD, DeliveryReason.REFUSED, 550),
        (MessageState.DEAD, DeliveryReason.REFUSED, 550),
    ]
    assert store.messages[following].state is MessageState.SENT
    (mail,) = server.mails
    assert f"\r\nReferences: <{NAME}@st-elsewhere>\r\n".encode() in mail.raw


FULL, GONE, WELL = "full@st-e.example", "gone@st-e.example", "well@st-e.example"


async def test_one_full_mailbox_repeats_the_mail_to_nobody_else() -> None:
    async with mail_server() as server:
        server.mailboxes[FULL] = ["452", "452"]
        config = KIND.parse({**SPEC, "port": str(server.port), "to": [FULL, WELL]})
        async with KIND.open(config, ChannelEnv(ManualClock(START), secret)) as channel:
            receipts = [await channel.deliver(MESSAGE) for _ in range(3)]
    waiting = Receipt(Verdict.RETRY, DeliveryReason.STATUS, 452)
    assert receipts == [waiting, waiting, SENT]
    assert [mail.recipients for mail in server.mails] == [[WELL], [FULL]]


async def test_a_server_that_closes_amid_the_recipients_has_sent_it_to_nobody() -> None:
    async with mail_server() as server:
        server.mailboxes[FULL] = ["421"]
        receipt = await deliver(server.port, to=[WELL, FULL, GONE])
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.STATUS, 421)
    assert server.mails == []


async def test_who_is_refused_for_good_keeps_nobody_else_from_the_mail() -> None:
    async with mail_server() as server:
        server.mailboxes[GONE] = ["550"]
        receipt = await deliver(server.port, to=[GONE, WELL])
    assert receipt == Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 550)
    assert [mail.recipients for mail in server.mails] == [[WELL]]


async def test_who_may_still_get_it_is_tried_again_whatever_another_was_told() -> None:
    async with mail_server() as server:
        server.mailboxes.update({GONE: ["550"], FULL: ["452"]})
        receipt = await deliver(server.port, to=[GONE, FULL])
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.STATUS, 452)
    assert server.mails == []


async def test_one_channel_delivers_several_messages_at_once() -> None:
    async with mail_server() as server:
        config = KIND.parse({**SPEC, "port": str(server.port)})
        async with KIND.open(config, ChannelEnv(ManualClock(START), secret)) as channel:
            several = [replace(MESSAGE, id=f"m{n}") for n in range(4)]
            receipts = await asyncio.gather(*(channel.deliver(m) for m in several))
    assert receipts == [SENT] * 4
    found = [email.message_from_bytes(mail.raw)["Message-ID"] for mail in server.mails]
    assert sorted(found) == [f"<m{n}@st-elsewhere>" for n in range(4)]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"host": "mail example"}, ("host",)),
        ({"host": "mail\r\nQUIT"}, ("host",)),
        ({"port": "0"}, ("port",)),
        ({"port": "65536"}, ("port",)),
        ({"tls": "maybe"}, ("tls",)),
        ({"tls": "none", "host": "mail.example.org"}, ()),
        ({"tls": "none", "ca": "/etc/ca.pem"}, ()),
        ({"ca": "ca.pem"}, ("ca",)),
        ({"user": "wardwatch"}, ()),
        ({"password": "env:MAIL"}, ()),
        ({"user": "ward\nwatch", "password": "env:MAIL"}, ("user",)),
        ({"user": "wardwatch", "password": "hunter2"}, ("password",)),
        ({"from": "wardwatch"}, ("from",)),
        ({"from": "a@b.example\r\nBcc: c@d.example"}, ("from",)),
        ({"from": "a@b.example\n"}, ("from",)),
        ({"to": []}, ("to",)),
        ({"to": "nurses@b.example"}, ("to",)),
        ({"to": ["a@b.example> SIZE=1"]}, ("to", 0)),
        ({"to": ["Jürgen@b.example"]}, ("to", 0)),
        ({"to": ["a..b@b.example"]}, ("to", 0)),
        ({"to": ["a@b.example", "a@b.example"]}, ("to",)),
        ({"to": [f"n{n}@b.example" for n in range(101)]}, ("to",)),
        ({"timeout": "61s"}, ("timeout",)),
        ({"colour": "red"}, ("colour",)),
    ],
)
def test_a_wrong_entry_is_refused_and_named(
    change: dict[str, object], place: tuple[str | int, ...]
) -> None:
    spec = {"host": "127.0.0.1", "from": "w@st-e.example", "to": ["n@st-e.example"]}
    registry.check("email", spec)
    with pytest.raises(ValidationError) as caught:
        registry.check("email", {**spec, **change})
    assert [error["loc"] for error in caught.value.errors()] == [place]


@pytest.mark.parametrize(
    ("tls", "port", "used"), [("starttls", None, 587), ("implicit", None, 465), ("none", "25", 25)]
)
def test_a_port_left_out_is_the_one_the_way_of_encryption_has(
    tls: str, port: str | None, used: int
) -> None:
    spec = {**SPEC, "tls": tls} | ({} if port is None else {"port": port})
    assert KIND.parse(spec).port_used == used


def test_it_declares_what_its_receiver_guarantees() -> None:
    assert registry.load("email").guarantee is Guarantee.SEND


def test_the_entry_on_its_page_is_accepted() -> None:
    page = Path(__file__).resolve().parents[2] / "alerts/channels/email.md"
    block = page.read_text("utf-8").split("```yaml\n")[1].split("```")[0]
    entry = yaml.load(block, Loader=yaml.BaseLoader)["channels"]["nurses"]  # noqa: S506 - it makes text only
    channel = Channel.model_validate(entry)
    registry.check(channel.kind, channel.model_extra or {})
