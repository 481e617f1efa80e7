"""`wardwatch account` and `wardwatch token`: who may enter, and what programs enter with."""

from __future__ import annotations

import json
import re
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.access.policy import Role
from collector.cli import main
from collector.store.store import Store
from tests.support.commanding import Shell, a_shell, a_terminal

Capture = pytest.CaptureFixture[str]
STYLE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """An admin is logged in."""
    async with a_shell(sqlite_store, tmp_path) as opened:
        await opened.admin()
        capsys.readouterr()
        yield opened


async def reports(shell: Shell, capsys: Capture) -> None:
    """A service, to give tokens to."""
    assert (
        await shell.run("account", "create", "reports", "--kind", "service", "--role", "viewer")
        == 0
    )
    capsys.readouterr()


async def test_a_person_gets_a_link_alone_on_standard_output_and_can_enrol_with_it(
    shell: Shell, capsys: Capture
) -> None:
    argv = ("account", "create", "nurse-1", "--role", "operator", "--role", "clinical")
    assert await shell.run(*argv) == 0
    said = capsys.readouterr()
    assert re.fullmatch(rf"{shell.collector.origin}/enrol#wwi_[A-Za-z0-9_-]{{43}}\n", said.out)
    assert said.err == (
        "nurse-1 (clinical, operator) is invited. Within 24 hours, once, the link enrols them: "
        "hand it over to them alone.\n"
        "They open it in a browser, or use it with: wardwatch enrol\n"
    )
    ref = shell.ref("link", said.out.strip())
    assert await shell.run("enrol", "--code", ref, "--begin", "--json") == 0
    assert json.loads(capsys.readouterr().out)["account"] == "nurse-1"


async def test_accounts_are_listed_plain_in_a_pipe_and_as_json(
    shell: Shell, capsys: Capture
) -> None:
    await reports(shell, capsys)
    assert await shell.run("account", "list") == 0
    assert capsys.readouterr().out == (
        "Accounts\n"
        "ID       KIND     ROLES   STATUS  CREATED (UTC)     LAST LOGIN (UTC)  PROVIDER\n"
        "admin-1  person   admin   active  2026-01-01 00:00  2026-01-01 00:00  -\n"
        "reports  service  viewer  active  2026-01-01 00:00  -                 -\n"
    )
    assert await shell.run("account", "list", "--json") == 0
    found = json.loads(capsys.readouterr().out)["accounts"]
    assert [one["id"] for one in found] == ["admin-1", "reports"]
    assert found[1] == {
        "id": "reports",
        "kind": "service",
        "roles": ["viewer"],
        "status": "active",
        "created_at": "2026-01-01T00:00:31.000Z",
        "seen_at": None,
        "provider": None,
    }


async def test_on_a_terminal_accounts_and_tokens_fit_80_columns_and_nothing_is_cut_off(
    shell: Shell, capsys: Capture
) -> None:
    await reports(shell, capsys)
    async with a_terminal("account", "list", "--url", shell.collector.origin) as terminal:
        code, shown = await terminal.end()
    assert code == 0
    assert [line.rstrip() for line in STYLE.sub("", shown).splitlines()] == [
        "Accounts",
        "ID       KIND     ROLES   STATUS  CREATED (UTC)     LAST LOGIN (UTC)  PROVIDER",
        "admin-1  person   admin   active  2026-01-01 00:00  2026-01-01 00:00  -",
        "reports  service  viewer  active  2026-01-01 00:00  -                 -",
    ]
    (made,) = await shell.collector.access.tokens("admin-1")
    async with a_terminal("token", "list", "--url", shell.collector.origin) as terminal:
        code, shown = await terminal.end()
    assert code == 0
    lines = [line.rstrip() for line in STYLE.sub("", shown).splitlines()]
    assert lines[:3] == [
        "Tokens",
        f"ID {made.id}   ACCOUNT admin-1   CREATED (UTC) 2026-01-01 00:00",
        "  EXPIRES (UTC) 2026-01-01 12:00   LAST USED (UTC) 2026-01-01 00:00",
    ]
    assert lines[3] == "  REVOKED (UTC) -"
    assert (
        " ".join(lines[4:]).replace("  ", "").startswith("SCOPES accounts.manage, accounts.read,")
    )


async def test_a_service_gets_no_link_but_the_next_step(shell: Shell, capsys: Capture) -> None:
    argv = ("account", "create", "reports", "--kind", "service", "--role", "viewer")
    assert await shell.run(*argv, "--out", str(shell.folder / "link")) == 2
    assert capsys.readouterr().err == (
        "--out: a service has no link; give it a token: wardwatch token create\n"
    )
    assert not (shell.folder / "link").exists()
    assert await shell.run(*argv) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[2].split()[:4] == ["reports", "service", "viewer", "active"]
    assert said.err == (
        "Next: wardwatch token create --account reports --scope systems.read --out FILE\n"
    )


async def test_a_link_can_go_into_a_file_that_only_one_user_reads(
    shell: Shell, capsys: Capture
) -> None:
    file = shell.folder / "nurse-1.link"
    argv = ("account", "create", "nurse-1", "--role", "viewer", "--out", str(file))
    assert await shell.run(*argv, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["account"]["status"], told["invitation"], told["link"]) == ("invited", None, None)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "/enrol#wwi_" in file.read_text()


async def test_a_file_that_is_there_is_kept_and_nobody_is_created(
    shell: Shell, capsys: Capture
) -> None:
    file = shell.folder / "nurse-1.link"
    file.write_text("of somebody else")
    argv = ("account", "create", "nurse-1", "--role", "viewer", "--out", str(file))
    assert await shell.run(*argv) == 2
    assert capsys.readouterr().err == f"--out: {file} is there already; name a new file\n"
    assert file.read_text() == "of somebody else"
    assert [one.id for one in await shell.collector.access.accounts()] == ["admin-1"]


async def test_a_refusal_leaves_no_file(shell: Shell, capsys: Capture) -> None:
    file = shell.folder / "link"
    argv = ("account", "create", "admin-1", "--role", "viewer", "--out", str(file))
    assert await shell.run(*argv) == 1
    assert capsys.readouterr().err == (
        "there is an account of this id already [access.account_exists]\n"
    )
    assert not file.exists()


async def test_roles_are_replaced_and_no_admin_approves(shell: Shell, capsys: Capture) -> None:
    await shell.collector.person("nurse-1", Role.VIEWER)
    argv = ("account", "roles", "nurse-1", "--role", "operator", "--role", "clinical")
    assert await shell.run(*argv) == 0
    assert capsys.readouterr().out == (
        "Accounts\n"
        "ID       KIND    ROLES               STATUS  CREATED (UTC)     LAST LOGIN (UTC)  PROVIDER\n"
        "nurse-1  person  clinical, operator  active  2026-01-01 00:00  -                 -\n"
    )
    both = ("--role", "admin", "--role", "approver")
    assert await shell.run("account", "roles", "nurse-1", *both, "--json") == 1
    said = capsys.readouterr()
    assert json.loads(said.out)["code"] == "access.roles_conflict"
    assert said.err == "nobody is admin and approver [access.roles_conflict]\n"


async def test_an_account_is_shut_opened_and_enrolled_anew(shell: Shell, capsys: Capture) -> None:
    await shell.collector.person("nurse-1", Role.VIEWER)
    assert await shell.run("account", "disable", "nurse-1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "disabled"
    assert await shell.run("account", "reset", "nurse-1") == 1
    assert capsys.readouterr().err == "this account is not active [access.account_inactive]\n"
    assert await shell.run("account", "enable", "nurse-1", "--json") == 0
    assert json.loads(capsys.readouterr().out)["status"] == "active"
    assert await shell.run("account", "reset", "nurse-1") == 0
    said = capsys.readouterr()
    assert "/enrol#wwi_" in said.out
    assert said.err.startswith("nurse-1 (viewer) is invited.")
    assert await shell.run("account", "disable", "nobody-1") == 1
    assert capsys.readouterr().err == "there is no such account [access.unknown_account]\n"


async def test_who_may_not_rule_accounts_is_told_what_it_needs(
    shell: Shell, capsys: Capture
) -> None:
    person = await shell.collector.person("nurse-1", Role.VIEWER)
    assert await shell.log_in(person) == 0
    capsys.readouterr()
    assert await shell.run("account", "list") == 4
    assert capsys.readouterr().err == (
        "your roles, or this token's scopes, do not include what this needs: accounts.read "
        "[access.denied]\n"
    )


def test_a_role_that_is_none_and_an_id_that_is_none_are_bad_usage(capsys: Capture) -> None:
    for argv in (("nurse-1", "--role", "root"), ("Nurse 1", "--role", "viewer"), ("nurse-1",)):
        with pytest.raises(SystemExit) as left:
            main(["account", "create", *argv, "--url", "http://127.0.0.1:9"])
        assert left.value.code == 2
    said = capsys.readouterr().err
    assert "invalid choice: 'root'" in said
    assert "an id is 1 to 63 of a-z, 0-9 and -" in said
    assert "the following arguments are required: --role" in said


async def test_a_tokens_secret_is_alone_on_standard_output_and_opens(
    shell: Shell, capsys: Capture
) -> None:
    await reports(shell, capsys)
    argv = ("token", "create", "--account", "reports", "--days", "7")
    assert await shell.run(*argv, "--scope", "self", "--scope", "systems.read") == 0
    said = capsys.readouterr()
    assert re.fullmatch(r"wwt_[A-Za-z0-9_-]{43}\n", said.out)
    assert re.fullmatch(
        r"Token [0-9a-f]{16} of reports, until 2026-01-08 00:00 UTC, may: self, systems.read. "
        r"Its secret is not shown again.\n",
        said.err,
    )
    assert await shell.run("whoami", "--token", shell.ref("token", said.out.strip())) == 0
    assert capsys.readouterr().out.splitlines()[:3] == [
        "reports, a service",
        "roles: viewer",
        "may: self, systems.read",
    ]


async def test_a_tokens_secret_in_a_file_is_not_in_the_answer(
    shell: Shell, capsys: Capture
) -> None:
    file = shell.folder / "own.token"
    assert await shell.run("token", "create", "--scope", "self", "--out", str(file), "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert sorted(told) == ["expires_at", "id", "token"]
    assert told["token"] is None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await shell.run("whoami", "--token", f"file:{file}", "--json") == 0
    assert json.loads(capsys.readouterr().out)["credential"] == told["id"]


async def test_tokens_are_listed_and_revoked(shell: Shell, capsys: Capture) -> None:
    await reports(shell, capsys)
    create = ("token", "create", "--account", "reports", "--scope", "systems.read", "--json")
    assert await shell.run(*create) == 0
    made = json.loads(capsys.readouterr().out)
    assert await shell.run("token", "revoke", made["id"]) == 0
    assert capsys.readouterr().out == f"Token {made['id']} is revoked.\n"
    assert await shell.run("token", "list", "--account", "reports") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "Tokens"
    assert re.split("  +", out[1]) == [
        "ID", "ACCOUNT", "CREATED (UTC)", "EXPIRES (UTC)", "LAST USED (UTC)", "REVOKED (UTC)",
        "SCOPES",
    ]  # fmt: skip
    assert re.split("  +", out[2]) == [
        made["id"], "reports", "2026-01-01 00:00", "2026-01-31 00:00", "-", "2026-01-01 00:00",
        "systems.read",
    ]  # fmt: skip
    assert await shell.run("token", "revoke", "0123456789abcdef") == 1
    assert capsys.readouterr().err == "there is no such token [access.unknown_token]\n"


async def test_a_token_that_would_live_too_long_or_do_too_much_is_refused(
    shell: Shell, capsys: Capture
) -> None:
    assert await shell.run("token", "create", "--scope", "self", "--days", "91") == 1
    assert capsys.readouterr().err == (
        "a token lives longer than nothing and not longer than the longest: 90 days "
        "[access.lifetime]\n"
    )
    assert await shell.run("token", "create", "--scope", "maintenance.approve") == 4
    assert "[access.scope_not_held]" in capsys.readouterr().err
