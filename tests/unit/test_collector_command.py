"""`wardwatch collector`: where it listens, and what it refuses before anything starts."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import platform
import socket
import sqlite3
from pathlib import Path

import pytest

from collector import configkey, running, versions
from collector.commands import collector
from collector.commands.collector import ListenError, parse_listen
from collector.configkey import ConfigKeyError
from collector.store.sqlite import open_sqlite
from probes.configfile import canonical
from tests.support.rounds import ORG, START, config, document


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1:8460", ("127.0.0.1", 8460)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:8460", ("::1", 8460)),
    ],
)
def test_loopback_needs_no_permission(text: str, expected: tuple[str, int]) -> None:
    assert parse_listen(text, allow=False) == expected


@pytest.mark.parametrize("text", ["0.0.0.0:8460", "[::]:8460", "10.0.0.5:8460", "collector:8460"])
def test_other_addresses_are_refused_unless_allowed(text: str) -> None:
    with pytest.raises(ListenError, match="--plain-http"):
        parse_listen(text, allow=False)
    assert parse_listen(text, allow=True)[1] == 8460


@pytest.mark.parametrize(
    "text", ["", "8460", ":8460", "127.0.0.1", "127.0.0.1:", "127.0.0.1:99999"]
)
def test_what_is_no_address_is_refused_with_the_form(text: str) -> None:
    with pytest.raises(ListenError, match="write HOST:PORT"):
        parse_listen(text, allow=True)


def command(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    collector.add(parser.add_subparsers())
    args = parser.parse_args(["collector", *argv])
    code: int = args.func(args)
    return code


@pytest.fixture
def good(tmp_path: Path) -> str:
    path = tmp_path / "wardwatch.yaml"
    path.write_text(json.dumps(document()))
    return str(path)


def test_migrate_only_makes_the_schema_and_exits(tmp_path: Path, good: str) -> None:
    url = f"sqlite:///{tmp_path}/wardwatch.db"
    assert command("--config", good, "--database", url, "--migrate-only") == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "wardwatch.db")) as database:
        names = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
    assert {"batches", "journal", "alembic_version"} <= names


def test_every_error_of_the_config_is_listed_and_nothing_is_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = document(colour="red")
    bad["checks"]["ehr-read"]["every"] = "soon"
    path = tmp_path / "wardwatch.yaml"
    path.write_text(json.dumps(bad))
    url = f"sqlite:///{tmp_path}/wardwatch.db"
    assert command("--config", str(path), "--database", url) == 2
    err = capsys.readouterr().err
    assert "colour" in err
    assert "checks.ehr-read.every" in err
    assert not (tmp_path / "wardwatch.db").exists()


NAMED = {"ehr": {"name": "EHR, ring 312-555-0142", "impact": {"class": "clinical"}}}
"""A name that an earlier release took."""


def test_a_new_version_whose_names_look_like_a_patients_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, url = tmp_path / "wardwatch.yaml", f"sqlite:///{tmp_path}/wardwatch.db"
    path.write_text(json.dumps(document(systems=NAMED), indent=1))
    assert command("--config", str(path), "--database", url, "--migrate-only") == 2
    err = capsys.readouterr().err
    assert (
        "wardwatch.yaml:31: systems.ehr.name: this looks like a patient's identifier (phone)" in err
    )


def test_one_that_is_in_force_already_goes_on_with_an_alarm(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    path, url = tmp_path / "wardwatch.yaml", f"sqlite:///{tmp_path}/wardwatch.db"
    path.write_text(json.dumps(document(systems=NAMED)))

    async def earlier() -> None:
        store = open_sqlite(tmp_path / "wardwatch.db")
        await store.write(versions.record, ORG, canonical(config(systems=NAMED)), START)
        await store.close()

    asyncio.run(earlier())
    assert command("--config", str(path), "--database", url, "--migrate-only") == 0
    assert "systems.ehr.name: this looks like" in capsys.readouterr().err
    assert "tripwire.names count=1" in caplog.text
    path.write_text(json.dumps(document(systems=NAMED, routes=[])))
    assert command("--config", str(path), "--database", url, "--migrate-only") == 2


def test_a_database_in_use_is_exit_2_and_says_so(
    tmp_path: Path, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = open_sqlite(tmp_path / "wardwatch.db")
    url = f"sqlite:///{tmp_path}/wardwatch.db"
    assert command("--config", good, "--database", url, "--migrate-only") == 2
    asyncio.run(store.close())
    assert "another process uses this database" in capsys.readouterr().err


def test_replicas_need_a_key_that_was_named(good: str, capsys: pytest.CaptureFixture[str]) -> None:
    url = "postgresql://wardwatch:hunter2@/x?host=/nonexistent"
    assert command("--config", good, "--database", url) == 2
    err = capsys.readouterr().err
    assert err.startswith("--config-key: name the file of the key")
    assert "hunter2" not in err


def test_the_key_beside_a_sqlite_file_is_made_once_and_is_nobody_elses(tmp_path: Path) -> None:
    file = configkey.place(None, f"sqlite:///{tmp_path}/wardwatch.db")
    assert file == tmp_path / "wardwatch.db.config-key"
    first, second = configkey.load_or_make(file), configkey.load_or_make(file)
    assert first.private_bytes_raw() == second.private_bytes_raw()
    assert file.stat().st_mode & 0o777 == 0o600
    file.chmod(0o640)
    with pytest.raises(ConfigKeyError, match="others may read it; run: chmod 600"):
        configkey.load_or_make(file)
    file.chmod(0o600)
    file.write_bytes(b"short")
    with pytest.raises(ConfigKeyError, match="not a key of ours"):
        configkey.load_or_make(file)


def test_a_server_that_is_not_there_is_exit_1_without_the_password(
    tmp_path: Path, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://wardwatch:hunter2@/x?host=/nonexistent"
    key = str(tmp_path / "key")
    assert command("--config", good, "--database", url, "--config-key", key) == 1
    err = capsys.readouterr().err
    assert "store.unreachable" in err
    assert "hunter2" not in err


def test_a_taken_port_is_exit_2(
    tmp_path: Path, good: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        url = f"sqlite:///{tmp_path}/wardwatch.db"
        assert command("--config", good, "--database", url, "--listen", listen) == 2
    assert "is the port taken?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "[::1]"),
        ("0.0.0.0", platform.node()),  # noqa: S104 - nothing listens
        ("::", platform.node()),
    ],
)
def test_a_link_names_a_host_that_can_be_gone_to(host: str, shown: str) -> None:
    assert running._shown(host) == shown
