"""`wardwatch enrol`, `login`, `whoami`, `logout`: what people and scripts see."""

from __future__ import annotations

import asyncio
import io
import json
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.access.actors import Kind
from collector.access.policy import Role
from collector.cli import main
from collector.client import parse_url
from collector.credential import kept, path
from collector.store.store import Store
from tests.support.commanding import Shell, a_shell, a_terminal
from tests.support.entering import PASSWORD, Person

NOBODY = (
    "log in, or send a token that is valid: Authorization: Bearer TOKEN [access.unknown]\n"
    "Log in with `wardwatch login`, or name a token with --token or WARDWATCH_TOKEN.\n"
    "With a one-time link, and no password yet: `wardwatch enrol`.\n"
)
Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path) -> AsyncIterator[Shell]:
    async with a_shell(sqlite_store, tmp_path) as opened:
        yield opened


async def link(shell: Shell) -> str:
    code = await shell.collector.access.first_link()
    assert code is not None
    return code


async def enrolled_by_script(shell: Shell, capsys: Capture, code: str, account: str) -> Person:
    ref = shell.ref("link", code)
    assert await shell.run("enrol", "--code", ref, "--begin", "--json") == 0
    begun = json.loads(capsys.readouterr().out)
    person = Person(account, PASSWORD, begun["secret"])
    assert begun["uri"].startswith("otpauth://totp/St%20Elsewhere%20Health:")
    argv = ("enrol", "--code", ref, "--account", account, *await shell.proof(person))
    assert await shell.run(*argv) == 0
    return person


def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))


async def test_a_script_enrols_the_first_admin_and_nothing_secret_is_printed(
    shell: Shell, capsys: Capture
) -> None:
    code = await link(shell)
    person = await enrolled_by_script(shell, capsys, code, "admin-1")
    said, where = capsys.readouterr(), shell.collector.origin
    assert said.out == (
        f"admin-1 is enrolled. Next, with the next code the authenticator shows: "
        f"wardwatch login --url {where} --account admin-1\n"
        f"Then give others an account: wardwatch account create --url {where} ID --role operator\n"
        "An admin approves nothing; what is proposed needs an account with --role approver.\n"
    )
    assert said.err == ""
    assert await shell.run("enrol", "--code", shell.ref("link", code), "--begin") == 4
    assert capsys.readouterr().err == (
        "this link was used, has expired, or never was one: ask an admin for a new one [access.invitation_invalid]\n"
    )
    assert await shell.log_in(person) == 0


async def test_begin_shows_the_secret_in_groups_of_four_as_often_as_asked(
    shell: Shell, capsys: Capture
) -> None:
    code = await link(shell)
    ref = shell.ref("link", f"https://wardwatch.example.org/enrol#{code}")
    assert await shell.run("enrol", "--code", ref, "--begin") == 0
    first = capsys.readouterr().out
    secret = (await shell.collector.access.begin(code)).secret
    groups = " ".join(re.findall("....", secret))
    assert first.splitlines()[:2] == [
        "Put this into your authenticator (time based, 6 digits):",
        f"  {groups}",
    ]
    assert len(groups.split()) == 8
    assert await shell.run("enrol", "--code", ref, "--begin") == 0
    assert capsys.readouterr().out == first


async def test_a_link_leads_to_its_collector_by_itself(shell: Shell, capsys: Capture) -> None:
    ref = shell.ref("link", f"{shell.collector.origin}/enrol#{await link(shell)}")
    assert await asyncio.to_thread(main, ["enrol", "--code", ref, "--begin", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["account"] is None


async def test_who_was_invited_has_an_id_already(shell: Shell, capsys: Capture) -> None:
    code = await shell.collector.access.invitation(None, "nurse-1", [Role.OPERATOR], Kind.PERSON)
    assert code is not None
    ref = shell.ref("link", code)
    assert await shell.run("enrol", "--code", ref, "--account", "nurse-2") == 2
    assert capsys.readouterr().err == "--account: this link is for nurse-1\n"
    begun = await shell.collector.access.begin(code)
    person = Person("nurse-1", PASSWORD, begun.secret)
    assert await shell.run("enrol", "--code", ref, *await shell.proof(person), "--json") == 0
    said = capsys.readouterr()
    assert json.loads(said.out) == {"account": "nurse-1"}
    assert said.err == "Your account is nurse-1.\n"


async def test_a_weak_password_is_refused_with_the_reason_and_the_link_stays_good(
    shell: Shell, capsys: Capture
) -> None:
    code = await link(shell)
    begun = await shell.collector.access.begin(code)
    weak = Person("admin-1", "short", begun.secret)
    ref = shell.ref("link", code)
    argv = ("enrol", "--code", ref, "--account", "admin-1")
    assert await shell.run(*argv, *await shell.proof(weak)) == 1
    assert capsys.readouterr().err == (
        "this password is too easy to guess: a password has 15 to 128 characters; a few words "
        "will do [access.weak_password]\n"
    )
    strong = Person("admin-1", PASSWORD, begun.secret)
    assert await shell.run(*argv, *await shell.proof(strong)) == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "--code: write file:/path or env:NAME"),
        (("--code", "LINK"), "--account: write the id"),
        (("--code", "LINK", "--account", "admin-1"), "--password: write file:/path or env:NAME"),
        (
            ("--code", "LINK", "--account", "admin-1", "--password", "PASSWORD"),
            "--totp: write file:/path or env:NAME",
        ),
    ],
)
async def test_without_a_terminal_each_question_names_the_option_to_answer_it(
    shell: Shell,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    given: tuple[str, ...],
    said: str,
) -> None:
    silent(monkeypatch)
    refs = {
        "LINK": shell.ref("link", await link(shell)),
        "PASSWORD": shell.ref("password", PASSWORD),
    }
    assert await shell.run("enrol", *(refs.get(word, word) for word in given)) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"{said}; without a terminal nobody can be asked"


@pytest.mark.parametrize("ref", ["secret", "file:relative", "file:/nonexistent", "env:NOT_SET"])
async def test_a_secret_written_as_it_is_or_not_there_is_refused(
    shell: Shell, capsys: Capture, ref: str
) -> None:
    assert await shell.run("login", "--account", "admin-1", "--password", ref) == 2
    said = "--password: write file:/path or env:NAME, of a text that is there\n"
    assert capsys.readouterr().err == said


async def test_a_login_says_who_with_which_roles_until_when_and_is_kept_for_oneself(
    shell: Shell, capsys: Capture
) -> None:
    person = await shell.collector.person("nurse-1", Role.OPERATOR, Role.CLINICAL)
    assert await shell.log_in(person, "--hours", "2") == 0
    file = shell.folder / "state/wardwatch/logins.json"
    assert capsys.readouterr().out == (
        "Logged in as nurse-1 (clinical, operator) until 2026-01-01 02:00 UTC.\n"
        f"Kept in {file}; wardwatch logout --url {shell.collector.origin} ends it.\n"
    )
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert await shell.run("whoami") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[:2] == ["nurse-1, a person", "roles: clinical, operator"]
    assert "what_if.run" in out[2]
    assert re.fullmatch("by login [0-9a-f]{16}", out[3])


async def test_a_login_can_be_narrowed_and_keeps_what_it_takes_to_end_it(
    shell: Shell, capsys: Capture
) -> None:
    person = await shell.collector.person("nurse-1", Role.OPERATOR)
    assert await shell.log_in(person, "--scope", "systems.read", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told.pop("id")
    assert told == {
        "account": "nurse-1",
        "kind": "person",
        "roles": ["operator"],
        "permissions": ["self", "systems.read"],
        "expires_at": "2026-01-01T12:00:31.000Z",
    }
    assert await shell.run("whoami", "--json") == 0
    assert json.loads(capsys.readouterr().out)["permissions"] == ["self", "systems.read"]
    assert await shell.run("maintenance", "list") == 4
    assert "maintenance.read [access.denied]" in capsys.readouterr().err
    assert await shell.run("logout") == 0


async def test_who_is_not_logged_in_is_told_how_to_come_in(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("whoami") == 4
    assert capsys.readouterr().err == NOBODY
    assert await shell.run("status", "--json") == 4
    said = capsys.readouterr()
    assert json.loads(said.out)["code"] == "access.unknown"
    assert said.err == NOBODY


async def test_logging_out_revokes_the_token_and_forgets_it(
    shell: Shell, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shell.admin()
    url = parse_url(shell.collector.origin)
    assert url is not None
    token = kept(url, {"XDG_STATE_HOME": str(shell.folder / "state")})
    assert token is not None
    capsys.readouterr()
    assert await shell.run("logout") == 0
    assert capsys.readouterr().out == "Logged out: the token is revoked and forgotten.\n"
    assert await shell.run("whoami") == 4
    assert capsys.readouterr().err == NOBODY
    monkeypatch.setenv("WARDWATCH_TOKEN", token)
    assert await shell.run("whoami") == 4
    assert capsys.readouterr().err == (
        "log in, or send a token that is valid: Authorization: Bearer TOKEN [access.unknown]\n"
        "What was sent is valid no longer, or here. Log in again with `wardwatch login`.\n"
    )
    assert await shell.run("logout") == 0
    assert capsys.readouterr().out == f"Nobody is logged in at {shell.collector.origin}.\n"


async def test_a_login_that_is_over_already_is_forgotten(shell: Shell, capsys: Capture) -> None:
    await shell.admin()
    await shell.collector.clock.advance(13 * 3_600_000)
    capsys.readouterr()
    assert await shell.run("logout", "--json") == 0
    assert json.loads(capsys.readouterr().out) == {"revoked": False, "forgotten": True}
    assert json.loads((shell.folder / "state/wardwatch/logins.json").read_text()) == {}


async def test_another_login_ends_the_one_before(shell: Shell) -> None:
    person = await shell.admin()
    assert await shell.log_in(person) == 0
    first, second = await shell.collector.access.tokens("admin-1")
    assert (first.revoked_at is None, second.revoked_at is None) == (False, True)


async def test_a_login_replaces_a_file_that_others_can_read(shell: Shell, capsys: Capture) -> None:
    person = await shell.admin()
    file = path({"XDG_STATE_HOME": str(shell.folder / "state")})
    file.chmod(0o644)
    assert await shell.run("whoami") == 2
    assert capsys.readouterr().err == (f"{file}: others can read it; chmod 600, or log in again\n")
    assert await shell.log_in(person) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await shell.run("whoami") == 0


async def test_a_login_that_cannot_be_kept_is_over_again(
    shell: Shell, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await shell.collector.person("nurse-1", Role.VIEWER)
    (shell.folder / "state").write_text("a file where a folder belongs")
    assert await shell.log_in(person) == 2
    file = shell.folder / "state/wardwatch/logins.json"
    assert capsys.readouterr().err == f"{file}: cannot be written, so the login is over again\n"
    (made,) = await shell.collector.access.tokens("nurse-1")
    assert made.revoked_at is not None


async def test_a_token_in_the_environment_goes_first_and_login_says_so(
    shell: Shell, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDWATCH_TOKEN", "wwt_of-somebody-else")
    await shell.admin()
    assert capsys.readouterr().err == "WARDWATCH_TOKEN is set, and goes before this login.\n"
    assert await shell.run("whoami") == 4


async def test_a_token_of_two_lines_is_refused_before_anything_is_sent(
    shell: Shell, capsys: Capture
) -> None:
    ref = shell.ref("token", "wwt_one\nwwt_two")
    assert await shell.run("whoami", "--token", ref) == 2
    assert capsys.readouterr().err == (
        "--token: this is no token, but several words, lines or nothing\n"
    )


async def test_a_wrong_password_and_too_many_of_them(shell: Shell, capsys: Capture) -> None:
    person = await shell.collector.person("nurse-1", Role.VIEWER)
    person.password = "not what was chosen"
    for _ in range(5):
        assert await shell.log_in(person) == 4
        assert capsys.readouterr().err == (
            "account, password and code do not belong together; a code works once, "
            "so wait for the next [access.login_failed]\n"
        )
    again = (f"file:{shell.folder}/password", f"file:{shell.folder}/totp")
    argv = ("login", "--account", "nurse-1", "--password", again[0], "--totp", again[1])
    assert await shell.run(*argv) == 3
    assert capsys.readouterr().err == (
        "too many failed logins: try again later, in 2 s [access.throttled]\n"
    )


async def test_hours_that_are_none_are_bad_usage(shell: Shell, capsys: Capture) -> None:
    person = await shell.collector.person("nurse-1", Role.VIEWER)
    assert await shell.log_in(person, "--hours", "25") == 2
    assert capsys.readouterr().err.startswith("--hours: ")


def test_a_password_over_http_to_another_host_is_warned_of(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent(monkeypatch)
    assert main(["login", "--url", "http://wardwatch.example.org"]) == 2
    assert capsys.readouterr().err == (
        "Warning: http://wardwatch.example.org is not https://; who is on the way can read the "
        "password.\n"
        "--account: write the id; without a terminal nobody can be asked\n"
    )


async def test_on_a_terminal_one_is_asked_and_what_is_secret_is_not_shown(shell: Shell) -> None:
    code, where = await link(shell), shell.collector.origin
    secret = (await shell.collector.access.begin(code)).secret
    person = Person("admin-1", PASSWORD, secret)
    async with a_terminal("enrol", "--url", where) as terminal:
        await terminal.answer("One-time code or link: ", f"{where}/enrol#{code}")
        await terminal.answer("Choose an id for your account: ", "admin-1")
        await terminal.answer("New password: ", PASSWORD)
        await terminal.answer("The same again: ", "something else")
        await terminal.answer("New password: ", PASSWORD)
        await terminal.answer("The same again: ", PASSWORD)
        await terminal.answer("Code of the authenticator: ", "000000")
        await terminal.answer("New password: ", PASSWORD)
        await terminal.answer("The same again: ", PASSWORD)
        await terminal.answer("Code of the authenticator: ", await shell.code(person))
        left, shown = await terminal.end()
    assert left == 0
    lines = shown.splitlines()
    assert lines[:2] == [
        "One-time code or link: ",
        "Choose an id for your account: admin-1",
    ]
    assert lines[3] == f"  {' '.join(re.findall('....', secret))}"
    assert "These are two different ones." in lines
    assert "the code is not the one the authenticator shows now [access.wrong_code]" in lines
    assert f"wardwatch login --url {where} --account admin-1" in "\n".join(lines)
    assert PASSWORD not in shown
    assert code not in shown
    async with a_terminal("login", "--url", where) as terminal:
        await terminal.answer("Account: ", "admin-1")
        await terminal.answer("Password: ", PASSWORD)
        await terminal.answer("Code of the authenticator: ", await shell.code(person))
        left, shown = await terminal.end()
    assert left == 0
    assert shown.splitlines()[3] == ("Logged in as admin-1 (admin) until 2026-01-01 12:01 UTC.")
    assert PASSWORD not in shown
    assert await shell.run("whoami") == 0
