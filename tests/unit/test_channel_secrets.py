"""Secrets and addresses of channels that cannot be right: told by `config check`, with what to do."""

from __future__ import annotations

import argparse
import base64
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from alerts.channels import registry
from alerts.secrets import references
from collector import unread
from collector.commands import config as command
from probes.clock import ManualClock
from probes.config import Config
from probes.configfile import ConfigErrors, load
from tests.support import ticket_messages as messages
from tests.support.client_keys import ec_pem, rsa_pem
from tests.support.entries import complaints
from tests.support.every_kind import EVERY_KIND, HOOK, UUID, WORD

URL = "https://desk.example.org"
ADDRESS = "the secret is an address that starts with https:// and names a host"
ONE_LINE = "the secret is one line of letters, digits and signs of ASCII"
INTEGRATION = (
    "the integration key of an integration of Events API v2 has 32 letters and digits; "
    "a key of the REST API is another"
)
SLACK = (
    "the address of an incoming webhook starts with https://hooks.slack.com/services/; "
    "that of a workflow takes no messages of ours"
)
OAUTH = {"client_id": "c", "client_secret": "file:/word", "refresh_token": "file:/refresh"}


def entry(kind: str) -> dict[str, Any]:
    simulated = EVERY_KIND[kind](ManualClock(messages.NOW))
    return simulated.entry(URL)


def problems(kind: str, secret: bytes, spec: dict[str, Any] | None = None) -> list[Any]:
    found = registry.examine(kind, spec or entry(kind), lambda _: secret)
    return [(".".join(path), words) for path, words in found]


@pytest.mark.parametrize("kind", [name for name in EVERY_KIND if name != "email"])
def test_a_secret_as_the_receiver_gives_it_is_no_problem(kind: str) -> None:
    simulated = EVERY_KIND[kind](ManualClock(messages.NOW))
    secrets = simulated.secrets(URL)
    spec = simulated.entry(URL)
    assert list(registry.examine(kind, spec, secrets.__getitem__)) == []
    used = {ref for _, ref in references(registry.load(kind).parse(spec))}
    assert used == (set(secrets) if simulated.login else set())


@pytest.mark.parametrize(
    ("kind", "secret", "told"),
    [
        ("pagerduty", b"u+nsomethingof20chars", [("routing_key", INTEGRATION)]),
        ("pagerduty", f"{WORD[:-1]}-".encode(), [("routing_key", INTEGRATION)]),
        ("slack", b"http://hooks.slack.com/services/T0/B0/x", [("url", ADDRESS)]),
        ("slack", b"https://hooks.slack.com/workflows/T0/A0/1/x", [("url", SLACK)]),
        ("slack", b"T0/B0/x", [("url", ADDRESS)]),
        ("slack", b"https://a.example.org/\nhttps://b.example.org/", [("url", None)]),
        ("teams", b"http://flow.example.org/x?sig=1", [("url", ADDRESS)]),
        ("webhook", b"correct horse", [("secret", None)]),
        ("webhook", b"whsec_" + base64.b64encode(b"short"), [("secret", None)]),
        ("salesforce", ec_pem(), [("key", "a private RSA key of 2048 bits or more, PEM")]),
        ("salesforce", rsa_pem(bits=1024), [("key", None)]),
        (
            "jsm",
            WORD.encode(),
            [("key", "the API key of an integration is a UUID; an API token is another")],
        ),
        ("freshdesk", f"{WORD}:X".encode(), [("api_key", None)]),
        ("freshservice", f"{WORD}:X".encode(), [("api_key", None)]),
        ("zendesk", "pässword".encode(), [("token", ONE_LINE)]),
        ("jira", b"two\nlines", [("token", ONE_LINE)]),
        ("servicenow", b"\x00\x01", [("password", ONE_LINE)]),
        ("servicenow_em", b"\xff", [("password", ONE_LINE)]),
    ],
)
def test_a_secret_that_cannot_be_theirs_is_a_problem_of_its_field(
    kind: str, secret: bytes, told: list[tuple[str, str | None]]
) -> None:
    found = problems(kind, secret)
    assert [field for field, _ in found] == [field for field, _ in told]
    for (_, said), (_, wanted) in zip(found, told, strict=True):
        assert wanted is None or said == wanted
        assert secret.decode("latin-1") not in said


@pytest.mark.parametrize("secret", [b"", b" \n"])
@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_empty_secret_is_no_problem_of_the_file(kind: str, secret: bytes) -> None:
    assert problems(kind, secret) == []


def test_every_secret_of_an_entry_is_looked_at_wherever_it_stands() -> None:
    spec = {"url": URL, "oauth": OAUTH}
    assert problems("servicenow", b"\xff", spec) == [
        ("oauth.client_secret", ONE_LINE),
        ("oauth.refresh_token", ONE_LINE),
    ]
    alertmanager = {"urls": [URL], "user": "ward", "password": "file:/word"}
    assert problems("alertmanager", b"\xff", alertmanager) == [("password", ONE_LINE)]
    mail = {"host": "mail.example.org", "from": "a@b.example", "to": ["c@d.example"]}
    assert problems("email", "pässword".encode(), mail | {"user": "a", "password": "env:P"}) == []


def test_what_cannot_be_read_here_is_said_once_for_each_cause() -> None:
    channels = {
        "pager": {
            "kind": "pagerduty",
            "routing_key": "file:/gone",
            "inbound": {"secret": "file:/nowhere"},
        },
        "desk": {"kind": "webhook", "url": URL, "secret": "file:/closed"},
        "room": {"kind": "slack", "url": "env:UNSET"},
        "floor": {"kind": "teams", "url": "file:/empty"},
        "itsm": {"kind": "servicenow", "url": URL, "oauth": OAUTH},
        "oncall": {"kind": "jsm", "key": "file:/well"},
        "board": {
            "kind": "jira",
            "url": URL,
            "project": "OPS",
            "user": "a@b.example",
            "token": "file:/folder",
        },
    }

    def read(reference: str) -> bytes:
        errors = {
            "file:/closed": PermissionError,
            "env:UNSET": KeyError,
            "file:/folder": IsADirectoryError,
        }
        known = {"file:/empty": b"\n", "file:/well": UUID.encode()}
        if reference in known:
            return known[reference]
        raise errors.get(reference, FileNotFoundError)(reference)

    written = messages.with_channels(channels)
    assert unread.remarks(Config.model_validate(written), read) == [
        (
            "secrets of channels: a file that is larger than any secret, or none (write the secret alone "
            "there): board.token"
        ),
        (
            "secrets of channels: a file this user may not read (let the collector's user read it): "
            "desk.secret"
        ),
        "secrets of channels: a variable that is not set here (set it for the collector): room.url",
        "secrets of channels: an empty secret (write the secret there, and nothing else): floor.url",
        (
            "secrets of channels: no such file on this host (create it where the collector runs, readable "
            "for its user): pager.inbound.secret, pager.routing_key, itsm.oauth.client_secret, itsm.oauth.refresh_token"
        ),
    ]


def test_keys_of_the_logs_and_pins_that_cannot_be_read_here_are_said() -> None:
    token = {"module": "/m.so", "token": "t", "object": "o", "pin": "env:PIN"}
    keys = ["file:/gone", {"pkcs11": token}, "file:/there"]
    log = {"origin": "log.example.org", "keys": keys}
    written = messages.with_channels({}) | {"evidence_log": log}

    def read(reference: str) -> bytes:
        if reference == "file:/there":
            return bytes([1]) * 32
        raise (FileNotFoundError if reference.startswith("file:") else KeyError)(reference)

    assert unread.remarks(Config.model_validate(written), read) == [
        (
            "evidence_log.keys[0]: its key: no such file on this host (create it where the collector "
            "runs, readable for its user); until it is there nothing is signed"
        ),
        (
            "evidence_log.keys[1]: its PIN: a variable that is not set here (set it for the collector); "
            "until it is there nothing is signed"
        ),
    ]


def check(path: Path, *words: str) -> int:
    parser = argparse.ArgumentParser()
    command.add(parser.add_subparsers())
    args = parser.parse_args(["config", "check", str(path), *words])
    code: int = args.func(args)
    return code


@pytest.fixture
def file(tmp_path: Path) -> Path:
    key = tmp_path / "pagerduty"
    channels = {
        "pager": {"kind": "pagerduty", "routing_key": f"file:{key}"},
        "desk": {"kind": "webhook", "url": URL, "secret": "env:WW_NOT_SET"},
    }
    written = messages.with_channels(channels)
    path = tmp_path / "wardwatch.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(written)), sort_keys=False), "utf-8")
    return path


def test_config_check_names_the_line_of_a_wrong_secret_and_shows_nothing_of_it(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (file.parent / "pagerduty").write_text("u+nsomethingof20char\n")
    assert check(file) == 2
    said = capsys.readouterr()
    assert f": channels.pager.routing_key: {INTEGRATION}\n" in said.err
    assert "somethingof" not in said.err + said.out
    # The collector itself starts: a wrong secret costs its own channel alone.
    assert load(str(file), channel_check=registry.check).channels["pager"].kind == "pagerduty"


def test_config_check_notes_what_it_could_not_read_and_the_file_is_right(
    file: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check(file, "--json") == 0
    notes = json.loads(capsys.readouterr().out)["notes"]
    assert [one for one in notes if "pager.routing_key" in one and "no such file" in one]
    assert [one for one in notes if "desk.secret" in one and "not set here" in one]
    (file.parent / "pagerduty").write_text(WORD)
    monkeypatch.setenv("WW_NOT_SET", HOOK.decode())
    assert check(file) == 0
    assert "secrets of channels" not in capsys.readouterr().out


ALONE = "url: Value error, write scheme, host and port alone: the channel adds the path"


@pytest.mark.parametrize(
    ("kind", "url", "told"),
    [
        ("servicenow", f"{URL}/api/now", ALONE),
        ("servicenow_em", f"{URL}/api", ALONE),
        ("zendesk", f"{URL}/api/v2", ALONE),
        ("freshdesk", f"{URL}/api/v2", ALONE),
        ("freshservice", f"{URL}/a/tickets", ALONE),
        ("salesforce", f"{URL}/services/data", ALONE),
        ("pagerduty", f"{URL}/v2/enqueue", ALONE),
        ("jira", f"{URL}/jira/rest/api/3", "url: Value error, leave out /rest/api/3: the channel adds it"),
        ("jsm", f"{URL}/jsm/ops/integration/v2/alerts/", "url: Value error, leave out /v2/alerts: the channel adds it"),
    ],
)  # fmt: skip
def test_an_address_with_what_the_channel_adds_is_refused(kind: str, url: str, told: str) -> None:
    assert complaints(registry.load(kind), entry(kind) | {"url": url}) == told


@pytest.mark.parametrize("ending", ["/api", "/api/v2", "/api/v2/alerts", "/am/api/v1/"])
def test_a_peer_of_alertmanager_is_named_without_its_interface(ending: str) -> None:
    told = complaints(registry.load("alertmanager"), {"urls": [URL, URL + ending]})
    assert told.startswith("urls.1: Value error, leave out /api")


@pytest.mark.parametrize(
    ("kind", "url"),
    [
        ("jira", "https://api.atlassian.com/ex/jira/11223344-a1b2-3b33-c444-def123456789"),
        ("jira", f"{URL}/jira/"),
        ("servicenow", f"{URL}:8443/"),
        ("jsm", f"{URL}/jsm/ops/integration"),
    ],
)
def test_an_address_that_may_have_a_path_keeps_it(kind: str, url: str) -> None:
    assert registry.load(kind).parse(entry(kind) | {"url": url}).url == url.rstrip("/")
    assert registry.load("alertmanager").parse({"urls": [f"{URL}/api/alertmanager"]})


def test_no_file_is_loaded_whose_channel_has_a_wrong_address(file: Path) -> None:
    file.write_text(file.read_text("utf-8").replace(URL, "ftp://desk.example.org"), "utf-8")
    with pytest.raises(ConfigErrors) as found:
        load(str(file), channel_check=registry.check)
    assert "channels.desk.url" in str(found.value)
