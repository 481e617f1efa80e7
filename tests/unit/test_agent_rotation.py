"""A rotation on the agent's side, ended at every point, and the running agent that follows it."""

from __future__ import annotations

import ast
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from aiohttp.web import Application, json_response, post
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

import collector
from agent import enrolled, enrolling, identity
from agent.cli import main
from agent.enrolled import Enrolled
from agent.enrolling import REFUSALS, STATES, NoAnswerError, RefusedError
from agent.identity import IdentityError, KeyFile
from collector.core.agent_keys import DETAILS
from collector.enrolment import REFUSALS as TOLD
from collector.store.store import Store
from tests.support.collectors import a_collector
from tests.support.identities import Holder, Office, an_office
from tests.support.rounds import ORG, config

AS = Enrolled(ORG, "north-1")


@pytest.fixture
async def office(sqlite_store: Store) -> AsyncIterator[Office]:
    """Of an agent that enrols."""
    async with a_collector(sqlite_store, config(agents={"north-1": {"site": "north"}})) as opened:
        yield await an_office(opened)


async def announce(office: Office, state: Path) -> None:
    """All of a rotation but its end here."""
    old, new = identity.load_or_make_key(state), identity.next_key(state)
    async with enrolling.a_session(None) as session:
        at = URL(office.collector.origin)
        standing = await enrolling.rotate(session, at, AS, old, new, office.now)
    assert standing.state == "approved"


async def test_interrupted_anywhere_the_agent_has_a_key_that_is_taken(
    office: Office, tmp_path: Path
) -> None:
    first = Holder(identity.load_or_make_key(tmp_path))
    await office.enrolled(first)
    second = Holder(identity.next_key(tmp_path))  # ended before it was announced

    def own() -> Holder:
        return Holder(identity.load_or_make_key(tmp_path))

    assert (own().text, identity.is_rotating(tmp_path)) == (first.text, True)
    assert await office.deliver(own().batch(1)) == (200, "")
    for n in (2, 3):  # ended after the collector took it, twice
        await announce(office, tmp_path)
        assert own().text == first.text
        assert await office.deliver(own().batch(n)) == (200, "")
    await announce(office, tmp_path)
    identity.take_next(tmp_path)
    assert (own().text, identity.is_rotating(tmp_path)) == (second.text, False)
    assert await office.deliver(own().batch(4)) == (200, "")
    keys = (await office.get("agents/north-1/keys"))["keys"]
    assert {key["fingerprint"]: key["state"] for key in keys} == {
        first.fingerprint: "replaced",
        second.fingerprint: "approved",
    }


def test_a_running_agent_signs_with_the_key_of_its_folder(tmp_path: Path) -> None:
    signing = KeyFile(tmp_path)
    first, second = signing(), identity.next_key(tmp_path)
    assert signing() is first
    identity.take_next(tmp_path)
    assert signing().private_bytes_raw() == second.private_bytes_raw()
    kept = signing()
    for broken in (b"short", b""):
        (tmp_path / "agent.key").write_bytes(broken)
        assert signing() is kept
    (tmp_path / "agent.key").unlink()
    assert signing() is kept


def test_as_whom_it_enrolled_is_kept_whole(tmp_path: Path) -> None:
    assert (enrolled.load(tmp_path), enrolled.is_enrolled(tmp_path)) == (None, False)
    for one in (AS, Enrolled(ORG, "north-2", "ab" * 32)):
        enrolled.keep(tmp_path, one)
        assert enrolled.load(tmp_path) == one
    assert [path.name for path in tmp_path.iterdir()] == ["enrolled.json"]
    (tmp_path / "enrolled.json").write_text("{}")
    with pytest.raises(IdentityError, match="remove it, and enrol again"):
        enrolled.load(tmp_path)


async def answered(status: int, body: object) -> str:
    """What an agent makes of such an answer."""

    async def answer(_request: object) -> object:
        return json_response(body, status=status, headers={"Retry-After": "7"})

    app = Application()
    app.add_routes([post("/agent/v1/enrol", answer)])  # type: ignore[arg-type]  # a handler it is
    key = Ed25519PrivateKey.generate()
    async with TestServer(app) as server, enrolling.a_session(None) as session:
        try:
            at = URL(server.make_url("/"))
            standing = await enrolling.enrol(session, at, "wwe_" + "A" * 43, "north-1", key, 0)
        except (RefusedError, NoAnswerError) as error:
            return f"{type(error).__name__} {str(error).replace(str(at.origin()), 'URL')}"
    return standing.state


async def test_what_is_no_answer_of_a_collector_is_said_so() -> None:
    stranger = {"organization": "x", "agent": "y", "fingerprint": "ab" * 32, "state": "approved"}
    no_collector = "NoAnswerError What answers at URL is no Wardwatch collector."
    for body in (stranger, {}, "patient"):
        assert await answered(200, body) == no_collector
    assert await answered(429, {"code": "access.too_many"}) == (
        "NoAnswerError URL is busy (status 429): try in 7 s."
    )
    others: list[tuple[int, object]] = [(404, {"code": "http.404"}), (400, ["patient"]), (302, {})]
    for status, other in others:
        said = await answered(status, other)
        assert said == (
            f"RefusedError URL does not take this (status {status}); "
            "is it a collector of this release?"
        )
    said = await answered(409, {"code": "agent.key_state", "state": "revoked", "detail": "patient"})
    assert said == f"RefusedError {STATES['revoked']} [agent.key_state]"


def test_every_refusal_an_agent_may_meet_has_a_sentence_here() -> None:
    people = {"agent.unknown_key", "agent.key_state"}
    assert set(REFUSALS) == (set(TOLD) | set(DETAILS)) - people


def test_no_line_of_a_log_holds_what_enrolls() -> None:
    """Neither side logs anything here: a value that is not logged needs no filter."""
    folder = Path(collector.__file__).parent
    for path in (
        folder / "enrolment.py",
        folder / "api/enrolment.py",
        folder / "api/agent_keys.py",
        Path(enrolling.__file__),
    ):
        names = {n.id for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Name)}
        assert not names & {"log", "logging", "print"}, path


def wrong(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    assert main([*words]) == 2
    return capsys.readouterr().err.splitlines()


def test_a_command_is_told_by_the_hosts_file_or_by_options_and_not_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, token = tmp_path / "agent.yaml", ("--token", "env:NONE")
    host = {"agent": "north-1", "state": str(tmp_path / "state"), "config": "/none.yaml"}
    file.write_text(json.dumps(host))
    assert wrong(capsys, "enrol", *token, "--state", str(tmp_path)) == [
        "--collector: missing; or give --host FILE",
        "--agent: missing; or give --host FILE",
        "--token: write file:PATH or env:NAME, of a token that is there",
    ]
    assert wrong(capsys, "rotate", "--host", str(file), "--ca", "x", "--state", "y") == [
        "--state: with --host it stands in the host's file",
        "--ca: with --host it stands in the host's file",
    ]
    assert wrong(capsys, "rotate", "--host", str(file)) == [
        f"{file}: collector: missing; this agent stands alone"
    ]
    assert not (tmp_path / "state").exists()


def test_a_token_lies_where_the_person_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "north-1.token").write_text(f"wwe_{'A' * 43}\n")
    monkeypatch.chdir(tmp_path)
    words = ("--collector", "http://127.0.0.1:9", "--agent", "north-1", "--state", "state")
    assert main(["enrol", "--token", "file:north-1.token", *words]) == 3
    assert "No answer of http://127.0.0.1:9" in capsys.readouterr().err
