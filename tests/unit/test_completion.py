"""`wardwatch completion`, `wardwatch openapi`, and how little is loaded before a command works."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.api.table import ROUTES
from collector.cli import main
from collector.store.store import Store
from tests.support.collectors import Collector, a_collector

Capture = pytest.CaptureFixture[str]
ASK = """\
set -eu
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
COMP_LINE="$*"
COMP_POINT=${#COMP_LINE}
COMPREPLY=()
declared=$(complete -p wardwatch)
[[ $declared =~ -F\\ ([^ ]+) ]]
"${BASH_REMATCH[1]}" wardwatch "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def script(tmp_path: Path, capsys: Capture) -> Path:
    assert main(["completion", "bash"]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    path = tmp_path / "wardwatch.bash"
    path.write_text(said.out)
    return path


def completed(script: Path, *words: str) -> list[str]:
    """What bash offers for the last of the words."""
    done = subprocess.run(
        ["bash", "--norc", "--noprofile", "-c", ASK, "bash", str(script), *words],
        check=True,
        capture_output=True,
        text=True,
        cwd=script.parent,
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_bash_completes_commands_actions_choices_and_files(script: Path) -> None:
    assert completed(script, "wardwatch", "maint") == ["maintenance"]
    assert completed(script, "wardwatch", "maintenance", "app") == ["approve"]
    assert completed(script, "wardwatch", "token", "create", "--scope", "what") == ["what_if.run"]
    (script.parent / "upgrade.yaml").write_text("")
    assert completed(script, "wardwatch", "maintenance", "propose", "upg") == ["upgrade.yaml"]


def test_zsh_gets_its_own(capsys: Capture) -> None:
    assert main(["completion", "zsh"]) == 0
    assert capsys.readouterr().out.startswith("#compdef wardwatch\n")


def test_another_shell_is_bad_usage(capsys: Capture) -> None:
    with pytest.raises(SystemExit) as left:
        main(["completion", "tcsh"])
    assert left.value.code == 2


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    async with a_collector(sqlite_store) as opened:
        yield opened


async def test_anybody_gets_the_description_and_the_command_prints_the_same_bytes(
    collector: Collector, capsys: Capture
) -> None:
    response = await collector.client.get("/api/v1/openapi.json")
    assert (response.status, response.content_type) == (200, "application/json")
    told = await response.read()
    assert main(["openapi"]) == 0
    assert capsys.readouterr().out.encode() == told
    document = json.loads(told)
    assert document["openapi"] == "3.1.0"
    api = {route.path for route in ROUTES if route.path.startswith(("/api/", "/agent/"))}
    assert api <= set(document["paths"])
    itself = document["paths"]["/api/v1/openapi.json"]["get"]
    assert (itself["operationId"], itself["security"]) == ("describe_api", [])


async def test_who_has_the_description_is_not_sent_it_again(collector: Collector) -> None:
    first = await collector.client.get("/api/v1/openapi.json")
    again = {"If-None-Match": first.headers["ETag"]}
    second = await collector.client.get("/api/v1/openapi.json", headers=again)
    assert (second.status, await second.read()) == (304, b"")
    assert second.headers["ETag"] == first.headers["ETag"]


@pytest.mark.parametrize(
    ("argv", "heavy"),
    [
        (["--help"], {"alembic", "sqlalchemy", "argon2", "collector.service", "aiohttp_jinja2"}),
        (["whoami", "--help"], {"alembic", "sqlalchemy", "icalendar", "collector.replay", "shtab"}),
        (["openapi"], {"alembic", "icalendar", "collector.planning", "collector.client"}),
    ],
)
def test_a_command_loads_only_what_it_needs(argv: list[str], heavy: set[str]) -> None:
    program = (
        "import sys\n"
        "from collector.cli import main\n"
        "try:\n"
        "    main(sys.argv[1:])\n"
        "except SystemExit:\n"
        "    pass\n"
        "sys.stderr.write(' '.join(sys.modules))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *argv], check=True, capture_output=True, text=True
    )
    assert done.stdout
    assert heavy & set(done.stderr.split()) == set()
