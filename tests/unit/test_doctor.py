"""`wardwatch-agent doctor` on a host that is well, and with everything wrong that it looks for."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web

from agent.cli import main
from agent.disk import StateLock
from agent.examining import look_at_folder, look_at_key
from agent.identity import fingerprint, load_or_make_key, public_text
from probes import agentconfig
from probes.clock import SystemClock
from probes.times import rfc3339
from tests.support.hook import SECRET, hook

Capture = pytest.CaptureFixture[str]


def operators_file(folder: Path, **specs: dict[str, Any]) -> Path:
    def check(spec: dict[str, Any]) -> dict[str, Any]:
        kind = spec.pop("kind", "http")
        return {"system": "ehr", "kind": kind, "every": "10s", "timeout": "5s", "spec": spec}

    path = folder / "wardwatch.yaml"
    document = {
        "version": "1",
        "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {"north-1": {"site": "north"}},
        "systems": {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}},
        "checks": {name: check(spec) for name, spec in specs.items()},
    }
    path.write_text(yaml.safe_dump(document))
    return path


def hosts_file(folder: Path, **settings: Any) -> str:
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump({"version": "1", "agent": "north-1", **settings}))
    return str(path)


@asynccontextmanager
async def collector(
    *, ahead_ms: int = 0, config: Callable[[web.Request], Awaitable[web.Response]] | None = None
) -> AsyncIterator[str]:
    async def health(_request: web.Request) -> web.Response:
        now = rfc3339(SystemClock().now_ms() + ahead_ms)
        return web.json_response({"status": "ok", "now": now})

    app = web.Application()
    app.router.add_get("/healthz", health)
    if config is not None:
        app.router.add_post("/agent/v1/config", config)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def doctor(*words: str) -> int:
    """In a thread: it makes a loop of its own."""
    return await asyncio.to_thread(main, ["doctor", *words])


def lines(capsys: Capture) -> dict[str, str]:
    found = json.loads(capsys.readouterr().out)
    return {one["subject"]: f"{one['level']} {one['found']}" for one in found["lines"]}


async def test_a_host_that_is_well(tmp_path: Path, capsys: Capture) -> None:
    state = tmp_path / "state"
    key = load_or_make_key(state)
    (state / "enrolled.json").write_text('{"organization":"st-elsewhere","agent":"north-1"}')
    (state / "spool").mkdir()
    (state / "spool" / "reserve").write_bytes(bytes(3 << 20))
    secret = tmp_path / "hook"
    secret.write_bytes(SECRET)
    async with collector() as url, hook() as receiver:
        port = url.rpartition(":")[2]
        file = hosts_file(
            tmp_path,
            state=str(state),
            collector={"url": url},
            config=str(operators_file(tmp_path, login={"url": "https://127.0.0.1:8443/"})),
            spool={"max_bytes": "16MiB"},
            allow=[{"network": "127.0.0.0/8", "ports": ["8443"], "schemes": ["https"]}],
            canaries=[f"127.0.0.1:{port}", f"localhost:{port}"],
            fallback={"webhook": {"url": receiver.url, "secret": f"file:{secret}"}},
        )
        assert await doctor("--host", file, "--json") == 0
        found = lines(capsys)
        assert await doctor("--host", file) == 0
    clock = found.pop("clock")
    assert clock.startswith("ok the collector's is ")
    room = found.pop("room")
    assert room.startswith("ok ")
    assert room.endswith("the spool may take 13 more")
    assert found == {
        "key": f"ok {fingerprint(key)}",
        "state": f"ok {state}",
        "process": "ok no agent runs with this folder",
        "collector": f"ok {url}",
        "checks": "ok 1 of 1 have their secrets, a name that resolves, and may connect",
        f"canary 127.0.0.1:{port}": "ok answers",
        f"canary localhost:{port}": "ok answers",
        "fallback webhook": f"ok {receiver.url}",
    }
    assert receiver.posts == []  # connected to, and nothing said
    out = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in out] == ["ok"] * 10
    assert sorted(path.name for path in state.iterdir()) == ["agent.key", "enrolled.json", "spool"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("", "ok the collector takes what this key signs"),
        ("config.unknown_agent", "fail the collector does not take what this key signs"),
        ("config.no_key", None),
    ],
)
async def test_whether_the_key_is_approved_is_asked_of_the_collector(
    tmp_path: Path, capsys: Capture, code: str, expected: str | None
) -> None:
    state = tmp_path / "state"
    key = public_text(load_or_make_key(state))

    async def answer(request: web.Request) -> web.Response:
        frame, question = agentconfig.open_question(await request.read())
        assert (agentconfig.asked_by(frame, key), question.agent) == (True, "north-1")
        if code:
            return web.json_response({"code": code}, status=403)
        return web.Response(body=b"a document", content_type=agentconfig.CONTENT_TYPE)

    async with collector(config=answer) as url:
        file = hosts_file(tmp_path, state=str(state), collector={"url": url})
        lock = StateLock(state)
        try:
            await doctor("--host", file, "--json")
        finally:
            lock.release()
    found = lines(capsys)
    assert found.get("approval") == expected
    assert found["process"] == "ok an agent runs with this folder"


async def test_everything_that_is_wrong_is_said_at_once_with_what_to_do(
    tmp_path: Path, capsys: Capture
) -> None:
    state = tmp_path / "state"
    load_or_make_key(state)
    (state / "agent.key").chmod(0o644)
    state.chmod(0o755)
    (tmp_path / "bad").write_text("no secret\n")
    checks: dict[str, dict[str, Any]] = {
        "loop": {"url": "http://127.0.0.1:9/"},
        "name": {"url": "http://no-such-host.invalid/"},
        "feed": {"kind": "hl7_listener", "listen": "127.0.0.1:6661"},
        "open": {"kind": "hl7_listener", "listen": "127.0.0.1:6662"},
        "secret": {
            "kind": "fhir",
            "base_url": "https://ehr.example.org/r4",
            "auth": {"bearer": f"file:{tmp_path}/none"},
        },
    }
    async with collector(ahead_ms=-3_000) as url:
        file = hosts_file(
            tmp_path,
            state=str(state),
            collector={"url": url},
            config=str(operators_file(tmp_path, **checks)),
            allow_listen=["127.0.0.1:6662"],
            canaries=["255.255.255.255:9", "127.0.0.1:9"],
            fallback={
                "webhook": {"url": url, "secret": f"file:{tmp_path}/bad"},
                "mail": {
                    "server": "127.0.0.1:9",
                    "tls": "none",
                    "sender": "a@example.org",
                    "to": ["b@example.org"],
                },
            },
        )
        assert await doctor("--host", file, "--json") == 1
        found = lines(capsys)
        assert await doctor("--host", file) == 1
    assert found["key"] == "fail others may read it"
    assert found["state"] == "warn others may look into it"
    assert found["clock"].startswith("fail the collector's is -")
    assert found["check loop"] == "fail this host does not allow http 127.0.0.1:9 (loopback)"
    assert found["check name"].startswith("fail dns.not_found: ") or found["check name"].startswith(
        "fail agent.dns: "
    )
    assert found["check secret"].startswith("fail agent.secret: ")
    assert found["check feed"] == "fail this host lets no check listen on 127.0.0.1:6661"
    assert "check open" not in found
    assert found["checks"].startswith("warn 1 of 5 ")
    assert found["canary 255.255.255.255:9"] == "fail does not answer"
    assert found["canary 127.0.0.1:9"] == "ok answers"  # a refusal is an answer
    assert found["fallback webhook"] == "fail its secret cannot be used"
    assert found["fallback mail"].startswith("fail tcp.refused: ")
    out = capsys.readouterr().out.splitlines()
    after = [out[n + 1] for n, line in enumerate(out) if line.startswith("fail")]
    assert all(line.strip().startswith("-> ") for line in after)


async def test_a_collector_that_is_away_and_no_state_yet(tmp_path: Path, capsys: Capture) -> None:
    file = hosts_file(
        tmp_path, state=str(tmp_path / "none"), collector={"url": "https://127.0.0.1:9"}
    )
    assert await doctor("--host", file, "--json") == 1
    found = lines(capsys)
    assert found["key"] == f"fail {tmp_path}/none/agent.key is not there"
    assert found["state"] == f"fail {tmp_path}/none is not there"
    assert found["collector"].startswith("fail tcp.refused: ")
    assert found["checks"] == "warn the collector has served none yet"
    assert not (tmp_path / "none").exists()  # it only looks


@pytest.mark.parametrize(
    ("key_of", "by", "is_ours"), [(0, 0, True), (1, 0, False), (0, 5, True), (1, 5, False)]
)
def test_the_key_has_to_be_of_the_folders_owner_whoever_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key_of: int, by: int, *, is_ours: bool
) -> None:
    """`by` 0: root looks, on behalf of the folder's owner; else that owner does."""
    load_or_make_key(tmp_path)
    owner = tmp_path.stat().st_uid + key_of
    stat = Path.stat

    def shown(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        found = list(stat(path, follow_symlinks=follow_symlinks))
        found[4] = owner if path.name == "agent.key" else owner - key_of
        return os.stat_result(found)

    monkeypatch.setattr(os, "geteuid", lambda: 0 if by == 0 else owner - key_of)
    monkeypatch.setattr(Path, "stat", shown)
    assert look_at_key(tmp_path, is_pinned=True).is_ours is is_ours


async def test_a_kept_config_that_is_not_to_be_used_is_no_mistake_of_a_file(
    tmp_path: Path, capsys: Capture
) -> None:
    load_or_make_key(tmp_path / "state")
    (tmp_path / "state" / "config.signed").write_bytes(b"WWC\x01")
    link = {"url": "https://127.0.0.1:9"}
    await doctor("--host", hosts_file(tmp_path, state=str(tmp_path / "state"), collector=link))
    out = capsys.readouterr().out
    assert "kept here is not to be used: config.malformed" in out
    assert "mend the file" not in out


def test_a_folder_that_takes_no_file_is_called_by_the_systems_name_of_the_fault() -> None:
    """Not even root makes a file there."""
    facts = look_at_folder(Path("/proc/self"), 0)
    assert (facts.exists, facts.fault in {"ENOENT", "EACCES", "EROFS"}) == (True, True)


async def test_mistakes_of_the_operators_file_are_lines_and_those_of_the_hosts_are_bad_usage(
    tmp_path: Path, capsys: Capture
) -> None:
    config = tmp_path / "wardwatch.yaml"
    config.write_text("version: 2\ncolour: red\n")
    load_or_make_key(tmp_path / "state")
    file = hosts_file(tmp_path, state=str(tmp_path / "state"), config=str(config))
    assert await doctor("--host", file, "--json") == 1
    told = json.loads(capsys.readouterr().out)["lines"]
    mistakes = [one["found"] for one in told if one["subject"] == "config"]
    assert any(f"{config}:2: colour: " in text for text in mistakes)
    assert await doctor("--host", hosts_file(tmp_path, state="relative")) == 2
    assert await doctor() == 2
    assert "--state: missing; or give --host FILE" in capsys.readouterr().err
