"""`wardwatch channel`: the kinds there are, and one message through a real receiver."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from alerts.channel import Guarantee
from alerts.channels import registry
from alerts.inbound_kinds import told
from alerts.outbox import DeliveryReason
from collector.advice import ADVICE, KINDS
from collector.commands import channel, channel_kinds
from probes.reference import fields
from tests.support.hook import SECRET, Hook, hook
from tests.support.mailserver import REMOTE, MailServer, mail_server

FILE = """\
version: 1
organization: {{id: st-elsewhere, name: St Elsewhere, timezone: America/Chicago}}
sites: {{}}
agents: {{}}
systems: {{}}
checks: {{}}
contacts:
  anna: {{name: Anna, role: support, email: anna@st-elsewhere.example, reach: [mail]}}
channels:
  nurses:
    kind: email
    host: 127.0.0.1
    port: {mail}
    tls: none
    from: wardwatch@st-elsewhere.example
    to: [nurses@st-elsewhere.example]
    timeout: 5s
    baa: {{covered: false}}
  mail: {{kind: email, host: 127.0.0.1, port: {mail}, tls: none, from: ww@st-elsewhere.example}}
  desk: {{kind: webhook, url: "{hook}", secret: env:WW_HOOK}}
  locked: {{kind: webhook, url: "{hook}", secret: env:WW_MISSING}}
"""


def command(*words: str) -> int:
    parser = argparse.ArgumentParser()
    channel.add(parser.add_subparsers())
    args = parser.parse_args(["channel", *words])
    code: int = args.func(args)
    return code


@pytest.fixture
async def mails() -> AsyncIterator[MailServer]:
    async with mail_server() as server:
        yield server


@pytest.fixture
async def desk() -> AsyncIterator[Hook]:
    async with hook() as receiver:
        yield receiver


Run = Callable[..., "asyncio.Future[int]"]


@pytest.fixture
def run(tmp_path: Path, mails: MailServer, desk: Hook, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command in a thread, as it has a loop of its own."""
    monkeypatch.setenv("WW_HOOK", SECRET.decode())
    path = tmp_path / "wardwatch.yaml"
    path.write_text(FILE.format(mail=mails.port, hook=desk.url), encoding="utf-8")

    def start(name: str, *more: str) -> asyncio.Future[int]:
        words = ("test", name, "--config", str(path), *more)
        return asyncio.ensure_future(asyncio.to_thread(command, *words))

    return start


async def test_a_delivered_test_says_so_and_arrives_marked_as_one(
    run: Run, mails: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("nurses") == 0
    printed = capsys.readouterr()
    assert printed.out == (
        "nurses (email): delivered (accepted, status 250).\nLook whether it arrived.\n"
    )
    assert printed.err == ""
    (mail,) = mails.mails
    assert b"\r\nSubject: [TEST] Wardwatch at St Elsewhere\r\n" in mail.raw


async def test_a_refused_test_says_why_and_what_to_do_and_nothing_the_receiver_said(
    run: Run, mails: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    mails.mailboxes["nurses@st-elsewhere.example"] = ["550"]
    assert await run("nurses") == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err == (
        "nurses (email): not delivered (refused, status 550).\n"
        "The receiver wants no such message: check the addresses in the entry, then what the "
        "receiver allows. 550 and 553: who may send from the address of from, and does to exist?\n"
    )


async def test_a_contact_is_tried_by_its_own_receiver(
    run: Run, mails: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("mail.anna") == 0
    assert capsys.readouterr().out.startswith("mail.anna (email): delivered (accepted")
    (mail,) = mails.mails
    assert mail.recipients == ["anna@st-elsewhere.example"]
    assert await run("mail") == 2
    assert capsys.readouterr().err.endswith("it has: nurses, desk, locked, mail.anna\n")


async def test_the_json_form_holds_the_same(
    run: Run, mails: MailServer, capsys: pytest.CaptureFixture[str]
) -> None:
    mails.script["DATA"] = ["451"]
    assert await run("nurses", "--json") == 1
    printed = capsys.readouterr().out
    answer = json.loads(printed)
    assert answer.pop("message_id").startswith("st-elsewhere_test_nurses_")
    assert answer == {
        "channel": "nurses",
        "kind": "email",
        "delivered": False,
        "final": False,
        "reason": "status",
        "status": 451,
        "advice": "Look the status up on the page of the kind and in the receiver's log.",
    }
    assert REMOTE not in printed


async def test_a_webhook_gets_a_type_of_its_own_and_no_incident(run: Run, desk: Hook) -> None:
    assert await run("desk") == 0
    (post,) = desk.posts
    event = json.loads(post.body)
    assert event.pop("time").endswith("Z")
    assert event.pop("id") == post.id
    assert event == {
        "specversion": "1.0",
        "source": "urn:wardwatch:st-elsewhere",
        "type": "org.wardwatch.test.v1",
        "subject": "test.desk",
        "datacontenttype": "application/json",
        "data": {
            "organization": {
                "id": "st-elsewhere",
                "name": "St Elsewhere",
                "timezone": "America/Chicago",
            },
            "receiver": "desk",
        },
    }


async def test_a_secret_that_cannot_be_read_is_named_as_the_reason(
    run: Run, desk: Hook, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("locked") == 1
    assert capsys.readouterr().err.startswith("locked (webhook): not delivered (secret).\n")
    assert desk.posts == []


async def test_a_defect_of_a_channel_shows_no_foreign_text(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> bytes:
        raise RuntimeError(REMOTE)

    monkeypatch.setattr("alerts.channels.email.compose", broken)
    assert await run("nurses") == 1
    printed = capsys.readouterr()
    assert printed.err.startswith("nurses (email): not delivered (crash).\n")
    assert REMOTE not in printed.err + printed.out


async def test_a_name_that_is_not_in_the_file_is_bad_usage(
    run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await run("nobody") == 2
    assert capsys.readouterr().err.endswith("it has: nurses, desk, locked, mail.anna\n")


def test_a_wrong_file_is_bad_usage_and_names_the_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wardwatch.yaml"
    path.write_text(FILE.format(mail="0", hook="http://127.0.0.1/"), encoding="utf-8")
    assert command("test", "nurses", "--config", str(path)) == 2
    assert f"{path}:13: channels.nurses.port: " in capsys.readouterr().err


def test_there_is_something_to_do_for_every_reason() -> None:
    assert set(ADVICE) == set(DeliveryReason)
    assert set(KINDS) == set(registry.CHANNELS)
    assert set(channel_kinds.PROMISES) == set(Guarantee)


def test_every_kind_is_listed_with_what_it_promises_and_its_keys(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert command("kinds", "--json") == 0
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    assert [(kind["name"], kind["guarantee"], kind["promise"]) for kind in kinds] == [
        ("alertmanager", "keyed", "one ticket, always"),
        ("email", "send", "at least one message, none lost"),
        ("freshdesk", "lookup", "one ticket after asking the receiver"),
        ("freshservice", "lookup", "one ticket after asking the receiver"),
        ("jira", "lookup", "one ticket after asking the receiver"),
        ("jsm", "keyed", "one ticket, always"),
        ("pagerduty", "keyed", "one ticket, always"),
        ("salesforce", "keyed", "one ticket, always"),
        ("servicenow", "lookup", "one ticket after asking the receiver"),
        ("servicenow_em", "keyed", "one ticket, always"),
        ("slack", "send", "at least one message, none lost"),
        ("teams", "send", "at least one message, none lost"),
        ("webhook", "keyed", "one ticket, always"),
        ("zendesk", "lookup", "one ticket after asking the receiver"),
    ]
    by_name = {kind["name"]: kind for kind in kinds}
    assert [field["key"] for field in by_name["email"]["fields"]] == [
        "host", "port", "tls", "ca", "user", "password", "from", "to", "audience", "timeout",
    ]  # fmt: skip
    assert by_name["webhook"]["fields"][2] == {
        "key": "timeout",
        "type": "duration above 0",
        "required": False,
        "default": "15s",
        "meaning": "Limit of a whole attempt, at most 60s.",
    }
    assert all(field["meaning"] for kind in kinds for field in kind["fields"])


def test_the_kinds_are_tables_a_person_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("kinds") == 0
    lines = capsys.readouterr().out.splitlines()
    start = next(n for n, line in enumerate(lines) if line.startswith("email: "))
    assert lines[start : start + 3] == [
        "email: A letter in plain words to people, one conversation an incident.",
        "Promises: send, at least one message, none lost.",
        "KEY       DEFAULT   MEANING",
    ]
    assert "from      required  Address it comes from." in lines
    assert "timeout   30s       Limit of a whole attempt, at most 60s." in lines


@pytest.mark.parametrize("name", registry.CHANNELS)
def test_the_page_of_a_kind_names_each_of_its_keys(name: str) -> None:
    page = Path(__file__).resolve().parents[2] / f"alerts/channels/{name}.md"
    text = page.read_text("utf-8")
    keys = [key for key, *_ in fields(registry.load(name).settings)]
    assert [key for key in keys if f"`{key}`" not in text] == []


HEARD = FILE.replace(
    "channels:\n", "access: {{public_url: https://watch.example.org}}\nchannels:\n"
).replace(
    "secret: env:WW_HOOK}}", "secret: env:WW_HOOK, inbound: {{secret: file:/run/secrets/in}}}}"
)


def heard(tmp_path: Path, text: str, name: str, *more: str) -> int:
    path = tmp_path / "wardwatch.yaml"
    path.write_text(text.format(mail="25", hook="http://127.0.0.1/"), encoding="utf-8")
    return command("inbound", name, "--config", str(path), *more)


def test_what_to_set_at_a_receiver_is_printed_with_our_address(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heard(tmp_path, HEARD, "desk") == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert printed.out.splitlines()[:3] == [
        "desk (webhook): https://watch.example.org/inbound/desk",
        "  1. Make the secret as the channel's own: whsec_ and base64 of 24 to 64 bytes; another one.",
        "  2. POST to: https://watch.example.org/inbound/desk",
    ]
    assert heard(tmp_path, HEARD, "desk", "--json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer.pop("steps")[1] == "POST to: https://watch.example.org/inbound/desk"
    url = "https://watch.example.org/inbound/desk"
    assert answer == {"channel": "desk", "kind": "webhook", "heard": True, "url": url}


def test_one_that_is_not_heard_is_told_what_to_write_and_a_mailbox_that_it_tells_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert heard(tmp_path, FILE, "desk") == 1
    assert capsys.readouterr().err == (
        "COLLECTOR: set access.public_url to have the address printed whole.\n"
        "desk is not heard yet. Write into its entry: inbound: {secret:"
        " file:/run/secrets/desk-inbound}\n"
    )
    assert heard(tmp_path, FILE, "nurses") == 2
    assert capsys.readouterr().err == "NAME: receivers of the kind email tell us nothing\n"
    assert heard(tmp_path, FILE, "nobody") == 2
    assert "NAME: no receiver of this id" in capsys.readouterr().err


def test_the_steps_of_every_kind_name_our_address_once() -> None:
    for name in registry.CHANNELS:
        inbound = registry.load(name).inbound
        if inbound is not None:
            assert "".join(inbound.steps).count("{url}") == 1
            assert told(inbound, "https://x.example/inbound/y")[-1].count("{url}") == 0
