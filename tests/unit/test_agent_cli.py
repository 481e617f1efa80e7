"""`wardwatch-agent` as an operator meets it: words, exit codes, and a process that runs and stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web
from prometheus_client.parser import text_string_to_metric_families
from yarl import URL

from agent import enrolled
from agent.cli import COMMANDS, build_parser, main
from agent.disk import StateLock
from agent.enrolled import Enrolled
from agent.metrics import AgentMetrics
from agent.tallies import Tallies
from probes import batch
from probes.metrics import METRICS
from probes.registry import KINDS
from probes.segments import Run
from probes.testing.portal import Portal


def document(url: str, key: str | None = None) -> dict[str, Any]:
    def check(**spec: str) -> dict[str, Any]:
        return {
            "system": "portal",
            "kind": "http",
            "every": "1s",
            "timeout": "1s",
            "spec": {"url": url, **spec},
        }

    return {
        "version": "1",
        "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
        "sites": {"north": {"name": "North"}},
        "agents": {
            "north-1": {"site": "north"} | ({"key": key} if key else {}),
            "north-2": {"site": "north"},
        },
        "systems": {"portal": {"name": "Portal", "impact": {"class": "administrative"}}},
        "checks": {"login": check(), "elsewhere": check() | {"from": ["north-2"]}},
    }


def written(folder: Path, value: dict[str, Any]) -> str:
    path = folder / "wardwatch.yaml"
    path.write_text(yaml.safe_dump(value, sort_keys=False))
    return str(path)


async def command(*words: str, first: str = "") -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        f"{first}import sys; from agent.cli import main; sys.exit(main())",
        *words,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


@asynccontextmanager
async def a_portal(fault: str = "none") -> AsyncIterator[Portal]:
    portal = Portal(canaries=("MRN-4711",))
    await portal.start()
    portal.set_fault(fault)
    try:
        yield portal
    finally:
        await portal.stop()


def made_key(state: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["key", "--state", str(state)]) == 0
    return capsys.readouterr().out.split()[1]


def test_the_key_is_made_once_and_nobody_else_may_read_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "deep" / "state"
    key = made_key(state, capsys)
    assert key.startswith("ed25519:")
    assert made_key(state, capsys) == key
    assert [path.name for path in state.iterdir()] == ["agent.key"]
    assert stat.S_IMODE((state / "agent.key").stat().st_mode) == 0o600


def test_a_key_others_may_read_or_no_key_at_all_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    made_key(tmp_path, capsys)
    (tmp_path / "agent.key").chmod(0o644)
    assert main(["key", "--state", str(tmp_path)]) == 2
    assert f"chmod 600 {tmp_path}/agent.key" in capsys.readouterr().err
    (tmp_path / "agent.key").chmod(0o600)
    (tmp_path / "agent.key").write_bytes(b"short")
    assert main(["key", "--state", str(tmp_path)]) == 2
    assert "not a key of ours" in capsys.readouterr().err
    (tmp_path / "file").touch()
    assert main(["key", "--state", str(tmp_path / "file")]) == 2


def test_kinds_are_listed_with_their_reasons(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["kinds"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(KINDS)
    assert main(["kinds", "--json"]) == 0
    listed = {kind["name"]: kind for kind in json.loads(capsys.readouterr().out)}
    assert "hl7.no_ack" in listed["hl7"]["reasons"]


@pytest.mark.parametrize("words", [[], *([word] for word in COMMANDS)])
def test_every_help_has_examples(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        build_parser().parse_args([*words, "--help"])
    assert left.value.code == 0
    assert "\nExamples:\n  wardwatch-agent " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fault", "code", "outcome", "reason"),
    [
        ("none", 0, "up", "ok"),
        ("500", 1, "down", "http.status"),
        ("429", 3, "degraded", "http.throttled"),
        ("403", 4, "misconfigured", "http.status"),
    ],
)
async def test_probe_says_what_came_of_one_attempt(
    tmp_path: Path, fault: str, code: int, outcome: str, reason: str
) -> None:
    async with a_portal(fault) as portal:
        file = written(tmp_path, document(portal.url))
        words = ("probe", "--config", file, "--allow", "127.0.0.1", "login")
        said, out, err = await command(*words, "--json")
        plain = await command(*words)
    answer = json.loads(out)
    assert (said, answer["outcome"], answer["reason"], err) == (code, outcome, reason, "")
    assert plain[0] == code
    assert plain[1].startswith(f"login: {outcome} ({reason}) in ")
    assert "MRN-4711" not in out + plain[1]


def test_the_host_decides_where_a_check_may_listen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{one.getsockname()[1]}"
    file = document("http://127.0.0.1:9")
    file["checks"]["login"] |= {"kind": "hl7_listener", "spec": {"listen": place}}
    words = ["probe", "--config", written(tmp_path, file), "login", "--json"]
    for more, expected in (
        ((), (5, "agent.not_allowed")),
        (("--allow-listen", "127.0.0.1:1"), (5, "agent.not_allowed")),
        (("--allow-listen", place), (0, "ok")),
    ):
        code = main([*words, *more])
        assert (code, json.loads(capsys.readouterr().out)["reason"]) == expected
    assert main([*words, "--allow-listen", "6661"]) == 2
    assert "--allow-listen: write ADDRESS:PORT" in capsys.readouterr().err


async def test_the_host_decides_what_a_check_may_reach(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with a_portal() as portal:
        words = ["probe", "--config", written(tmp_path, document(portal.url)), "login"]

        async def probed(*more: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, [*words, *more])
            return code, capsys.readouterr().out

        for more in ((), ("--allow", "0.0.0.0/0"), ("--allow", "127.0.0.1:1")):
            code, out = await probed("--json", *more)
            assert (code, json.loads(out)["reason"]) == (5, "agent.not_allowed")
        code, out = await probed("--json", "--allow", f"127.0.0.1:{URL(portal.url).port}:http")
        assert (code, json.loads(out)["reason"]) == (0, "ok")
        _, out = await probed()
    assert out.splitlines()[1] == "  this host forbids the target; see --allow and --allow-listen"


async def test_probe_without_a_readable_secret_is_unknown(tmp_path: Path) -> None:
    value = document("https://127.0.0.1:9/")
    value["checks"]["login"]["spec"]["auth"] = {"bearer": "env:WARDWATCH_NO_SUCH"}
    file = written(tmp_path, value)
    said, out, _ = await command("probe", "--config", file, "login", "--json")
    assert (said, json.loads(out)["reason"]) == (5, "agent.secret")


async def test_what_costs_money_is_counted_over_starts_and_over_the_cap_asks_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def on_one_day(*words: str) -> tuple[int, str, str]:
        return await command(
            *words, first="import probes.ledger as l; l.day_of = lambda _: '2026-01-05'; "
        )

    state = tmp_path / "state"
    made_key(state, capsys)
    async with a_portal() as portal:
        told = document(portal.url)
        told["checks"] = {"login": told["checks"]["login"] | {"every": "1d", "from": ["north-1"]}}
        told["checks"]["login"]["cost"] = {"per_day": "2"}
        file = written(tmp_path, told)
        host = hosted(tmp_path, config=file, allow=[{"network": "127.0.0.1"}])
        run = ("run", "--host", host, "--once")
        probe = ("probe", "--config", file, "--allow", "127.0.0.1", "login")
        assert main([*probe]) == 2
        assert (
            "login costs money, so its runs are counted: name a folder" in capsys.readouterr().err
        )
        lock = StateLock(state)
        assert main([*probe, "--state", str(state)]) == 69
        lock.release()
        seen = [
            await on_one_day(*run),
            await on_one_day(*probe, "--state", str(state)),
            await on_one_day(*run),
            await on_one_day(*probe, "--state", str(state)),
        ]
    assert [code for code, _, _ in seen] == [0, 0, 5, 5]
    assert "unknown  agent.daily_cap" in seen[2][1]
    assert seen[3][1].startswith("login: unknown (agent.daily_cap) in ")
    assert len(portal.requests) == 2
    assert json.loads((state / "spent.json").read_bytes())["spent"] == {"login": {"2026-01-05": 2}}


def test_bad_input_exits_2_with_every_problem_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, document("http://127.0.0.1:9/"))
    assert main(["probe", "--config", file, "logout"]) == 2
    assert "no check 'logout'; there are: login, elsewhere" in capsys.readouterr().err
    words = ["run", "--config", file, "--agent", "east-9", "--collector", "nowhere"]
    words += ["--allow", "everything"]
    assert main([*words, "--listen", "9101", "--state", str(tmp_path / "state")]) == 2
    said = capsys.readouterr().err
    assert [line.split(":")[0] for line in said.splitlines()] == [
        "--collector",
        "--listen",
        "--allow",
        "--agent",
    ]


def test_an_agent_with_another_key_than_the_pinned_one_does_not_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(
        tmp_path,
        document("http://127.0.0.1:9/", "ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
    )
    words = ["run", "--config", file, "--agent", "north-1", "--collector", "http://127.0.0.1:9"]
    assert main([*words, "--state", str(tmp_path / "state")]) == 2
    assert "the file pins another key for north-1" in capsys.readouterr().err


def test_a_state_folder_has_one_running_agent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made_key(tmp_path, capsys)
    file = written(tmp_path, document("http://127.0.0.1:1/", key))
    words = ["run", "--config", file, "--agent", "north-1", "--collector", "http://127.0.0.1:1"]
    lock = StateLock(tmp_path)
    try:
        assert main([*words, "--state", str(tmp_path)]) == 69
    finally:
        lock.release()
    assert (
        f"{tmp_path}: another wardwatch-agent runs on this state; stop it"
        in capsys.readouterr().err
    )


async def test_a_port_that_is_taken_is_worth_another_start(tmp_path: Path) -> None:
    """Exit code 2 would tell systemd to let it be."""
    file = written(tmp_path, document("http://127.0.0.1:1/"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        place = f"127.0.0.1:{taken.getsockname()[1]}"
        code, _, said = await command(
            *("run", "--config", file, "--agent", "north-1", "--collector", "http://127.0.0.1:1"),
            *("--state", str(tmp_path / "state"), "--listen", place),
        )
    assert (code, "is it taken?" in said) == (69, True)


def hosted(folder: Path, **more: Any) -> str:
    """The host's own file."""
    path = folder / "agent.yaml"
    path.write_text(json.dumps({"agent": "north-1", "state": str(folder / "state")} | more))
    return str(path)


def test_the_hosts_file_is_checked_with_the_config_it_names(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = written(tmp_path, document("http://127.0.0.1:9/"))
    link = {"url": "https://wardwatch.example.org"}
    file = hosted(tmp_path, config=config, allow=[{"network": "127.0.0.1"}])
    assert main(["check", "--host", file]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"{file}: right",
        f"agent north-1, without a collector, 1 checks of {config}",
        "checks reach what 1 entries of allow name",
    ]
    assert main(["check", "--host", hosted(tmp_path, collector=link)]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == [
        "agent north-1, to https://wardwatch.example.org, checks served by the collector",
        "checks reach all but loopback, link-local, cloud metadata, multicast",
    ]
    assert not (tmp_path / "state").exists()
    assert main(["check", "--host", hosted(tmp_path, config=config, agent="east-9")]) == 2
    assert f"{file}: agent: no agent 'east-9' in {config}" in capsys.readouterr().err
    wrong = hosted(tmp_path, collector=link | {"key": "x"}, allow=[{"network": "x"}])
    assert main(["check", "--host", wrong]) == 2
    assert [line.split(": ")[1] for line in capsys.readouterr().err.splitlines()] == [
        "allow[0].network",
        "collector.key",
    ]


def test_a_run_is_told_by_the_hosts_file_or_by_options_and_not_by_both(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = hosted(tmp_path, config=str(tmp_path / "none.yaml"))
    assert main(["run", "--host", file, "--agent", "north-1", "--allow", "10.0.0.0/8"]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "--agent: with --host it stands in the host's file",
        "--allow: with --host it stands in the host's file",
    ]
    assert main(["run", "--config", file]) == 2
    assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
        "--agent",
        "--collector",
        "--state",
    ]
    bad = hosted(
        tmp_path,
        config=str(tmp_path / "none.yaml"),
        collector={"url": "https://w.example.org", "ca": str(tmp_path / "none.pem")},
    )
    assert main(["run", "--host", bad]) == 2
    said = capsys.readouterr().err
    assert "none.yaml:1: the file cannot be read" in said
    assert f"collector.ca: {tmp_path}/none.pem: No such file or directory" in said


def test_a_folder_that_enrolled_as_another_agent_is_not_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The collector would refuse all of it."""
    file = hosted(tmp_path, collector={"url": "https://wardwatch.example.org"})
    made_key(tmp_path / "state", capsys)
    enrolled.keep(tmp_path / "state", Enrolled("st-elsewhere", "north-2"))
    assert main(["run", "--host", file]) == 2
    assert capsys.readouterr().err == (
        f"{file}: agent: the folder {tmp_path}/state is enrolled as north-2; name that agent, or "
        "another folder\n"
    )
    config = written(tmp_path, document("http://127.0.0.1:9/"))
    words = ("--config", config, "--agent", "north-1", "--collector", "http://127.0.0.1:9")
    assert main(["run", *words, "--state", str(tmp_path / "state")]) == 2
    assert capsys.readouterr().err.startswith(f"--agent: the folder {tmp_path}/state is enrolled")


async def test_an_agent_without_a_collector_runs_and_shows_what_it_finds(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    async with a_portal() as portal:
        file = hosted(
            tmp_path,
            config=written(tmp_path, document(portal.url)),
            listen=f"127.0.0.1:{port}",
            allow=[{"network": "127.0.0.1", "schemes": ["http"]}],
        )
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; from agent.cli import main; sys.exit(main())",
            *("run", "--host", file),
            stderr=asyncio.subprocess.PIPE,
        )
        wanted = 'wardwatch_check_runs_total{check="login",outcome="up",reason="ok"}'
        text = ""
        try:
            async with asyncio.timeout(30), aiohttp.ClientSession() as session:
                while wanted not in text or "pending_batches 0.0" in text:
                    with contextlib.suppress(aiohttp.ClientError):
                        async with session.get(f"http://127.0.0.1:{port}/metrics") as response:
                            text = await response.text()
                    await asyncio.sleep(0.05)
        finally:
            process.send_signal(signal.SIGTERM)
            _, said = await process.communicate()
    assert process.returncode == 0
    assert b"does not know" not in said


class Collector:
    """Verifies and keeps what it is sent, as the real one does; `open` lets it answer."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.batches: list[batch.Batch] = []
        self.open = True
        self._runner: web.AppRunner

    async def start(self) -> str:
        app = web.Application()
        app.router.add_post("/agent/v1/batches", self._post)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        await self._runner.cleanup()

    def runs(self) -> list[Run]:
        return [run for one in self.batches for run in batch.runs_of(one)]

    async def _post(self, request: web.Request) -> web.Response:
        if not self.open:
            return web.Response(status=503)
        opened = batch.open_batch(await request.read())
        batch.verify(opened, self.key)
        self.batches.append(opened)
        stored = [[one.header.seq] * 2 for one in self.batches]
        return web.json_response({"epoch": opened.header.epoch, "stored": stored})


@asynccontextmanager
async def a_collector(key: str) -> AsyncIterator[tuple[Collector, str]]:
    collector = Collector(key)
    url = await collector.start()
    try:
        yield collector, url
    finally:
        await collector.stop()


async def test_once_runs_each_check_once_delivers_and_ends_by_the_worst(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made_key(tmp_path, capsys)
    async with a_portal() as portal, a_collector(key) as (collector, url):
        told = document(portal.url, key)
        told["checks"]["away"] = told["checks"]["login"] | {"spec": {"url": "http://127.0.0.1:9/"}}
        file = written(tmp_path, told)
        code, out, err = await command(
            *("run", "--config", file, "--agent", "north-1", "--collector", url),
            *("--state", str(tmp_path), "--allow", "127.0.0.1", "--once"),
        )
    rows = [line.split() for line in out.splitlines()]
    assert code == 1, err
    assert [row[:4] for row in rows] == [
        ["CHECK", "SYSTEM", "OUTCOME", "REASON"],
        ["away", "portal", "down", "tcp.refused"],
        ["login", "portal", "up", "ok"],
    ]
    assert sorted((run.check, run.outcome.value) for run in collector.runs()) == [
        ("away", "down"),
        ("login", "up"),
    ]


async def test_a_running_agent_sends_chained_batches_and_stops_when_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made_key(tmp_path, capsys)
    async with a_portal() as portal, a_collector(key) as (collector, url):
        file = written(tmp_path, document(portal.url, key))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; from agent.cli import main; sys.exit(main())",
            *("run", "--config", file, "--agent", "north-1", "--collector", url),
            *("--state", str(tmp_path), "--listen", "127.0.0.1:0", "--allow", "127.0.0.1"),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        try:
            async with asyncio.timeout(20):
                line = (await process.stderr.readline()).decode()
                while not line.startswith("Listening"):
                    line = (await process.stderr.readline()).decode()
                at = f"http://127.0.0.1:{line.split(':')[0].split()[-1]}"
                while not collector.batches:
                    await asyncio.sleep(0.02)
                async with aiohttp.ClientSession() as session:
                    async with session.get(f"{at}/healthz") as response:
                        # a machine that is busy otherwise degrades it, and that is said
                        health = await response.json()
                        assert (response.status, health["status"] in ("ok", "degraded")) == (
                            200,
                            True,
                        )
                    async with session.get(f"{at}/metrics") as response:
                        text = await response.text()
                portal.set_fault("500")
                while len(collector.batches) < 2:
                    await asyncio.sleep(0.02)
                await asyncio.sleep(0.3)
                process.send_signal(signal.SIGTERM)
                rest = (await process.stderr.read()).decode()
                assert await process.wait() == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    assert 'wardwatch_check_runs_total{check="login",outcome="up",reason="ok"}' in text
    assert "lost" not in rest
    assert "MRN-4711" not in text + rest
    headers = [one.header for one in collector.batches]
    assert [header.seq for header in headers] == list(range(1, len(headers) + 1))
    hashes = [batch.header_hash(one) for one in collector.batches]
    assert [header.prev for header in headers] == [batch.NO_PREVIOUS, *hashes[:-1]]
    assert len({header.epoch for header in headers}) == 1
    runs = collector.runs()
    assert {run.check for run in runs} == {"login"}
    assert {"ok", "http.status"} <= {run.reason for run in runs}
    slots = [run.slot_ms for run in runs]
    assert sorted(slots) == list(range(min(slots), max(slots) + 1, 1_000))


async def test_what_is_left_goes_out_while_the_agent_stops(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    key = made_key(tmp_path, capsys)
    async with a_portal() as portal, a_collector(key) as (collector, url):
        collector.open = False
        file = written(tmp_path, document(portal.url, key))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-c",
            "import sys; from agent.cli import main; sys.exit(main())",
            *("run", "--config", file, "--agent", "north-1", "--collector", url),
            *("--state", str(tmp_path), "--allow", "127.0.0.1"),
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stderr is not None
        async with asyncio.timeout(20):
            while b"uplink.not_acknowledged" not in await process.stderr.readline():
                pass
            process.send_signal(signal.SIGINT)
            await asyncio.sleep(0.3)
            collector.open = True
            rest = (await process.stderr.read()).decode()
            assert await process.wait() == 0
    assert "lost" not in rest
    assert collector.batches[0].header.seq == 1


def test_the_catalogue_and_the_agent_agree_on_every_metric() -> None:
    metrics = AgentMetrics()
    metrics.tallies.count("login", "up", "ok", 7_000)
    shown = {
        metric.name + ("_total" if metric.type == "counter" else ""): metric
        for metric in text_string_to_metric_families(metrics.text().decode())
    }
    listed = {metric.name: metric for metric in METRICS if metric.where == "agent"}
    assert shown.keys() == listed.keys()
    for name, metric in listed.items():
        assert (shown[name].type, shown[name].documentation) == (metric.type, metric.meaning)


def test_runs_are_counted_by_what_they_said_and_timed_in_buckets() -> None:
    tallies = Tallies()
    tallies.count("login", "up", "ok", 5_000)
    tallies.count("login", "up", "ok", 5_001)
    tallies.count("login", "down", "http.timeout", 61_000_000)
    tallies.count("other", "unknown", "agent.missed_slot", 0)
    runs, seconds = text_string_to_metric_families(tallies.text())
    assert [(*sample.labels.values(), sample.value) for sample in runs.samples] == [
        ("login", "up", "ok", 2),
        ("login", "down", "http.timeout", 1),
        ("other", "unknown", "agent.missed_slot", 1),
    ]
    found = {(s.name, *s.labels.values()): s.value for s in seconds.samples}
    name = "wardwatch_check_run_seconds"
    assert found[f"{name}_bucket", "login", "0.005"] == 1
    assert found[f"{name}_bucket", "login", "0.01"] == 2
    assert found[f"{name}_bucket", "login", "60.0"] == 2
    assert found[f"{name}_bucket", "login", "+Inf"] == 3
    assert found[f"{name}_count", "login"] == 3
    assert found[f"{name}_sum", "login"] == 61.010001
    assert found[f"{name}_count", "other"] == 0
    assert len(seconds.samples) == 32


def test_the_agent_says_what_it_takes_of_its_host() -> None:
    metrics = AgentMetrics()
    first, second = metrics.text().decode(), metrics.text().decode()

    def value(text: str, name: str) -> float:
        line = next(line for line in text.splitlines() if line.startswith(f"{name} "))
        return float(line.split()[1])

    assert value(first, "wardwatch_agent_resident_bytes") > 10_000_000
    assert value(first, "wardwatch_agent_open_files") >= 3
    cpu = "wardwatch_agent_cpu_seconds_total"
    assert 0 < value(first, cpu) <= value(second, cpu) < 600
