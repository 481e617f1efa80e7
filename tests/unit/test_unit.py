"""The systemd unit as systemd itself reads it, and the agent's side of Type=notify."""

from __future__ import annotations

import asyncio
import configparser
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main
from agent.notify import Notify
from probes.clock import ManualClock

Capture = pytest.CaptureFixture[str]
EXPOSURE = 20
"""Tenths of systemd's own scale, where 100 is bare; it calls up to 24 OK."""
SANDBOXED = """\
import ctypes, mmap, sys
assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0, "PR_SET_MDWE"
try:
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except PermissionError:
    from agent.cli import main
    sys.exit(main(sys.argv[1:]))
sys.exit("memory can be written and executed")
"""
CHECKS = """\
version: 1
organization: {id: st-elsewhere, name: St Elsewhere, timezone: UTC}
sites: {north: {name: North}}
agents: {north-1: {site: north}}
systems: {portal: {name: Portal, impact: {class: clinical}}}
checks:
  login: {system: portal, kind: http, every: 10s, timeout: 5s, spec: {url: "https://127.0.0.1:9/"}}
"""


def printed(folder: Path, capsys: Capture) -> Path:
    assert main(["unit", "--host", "/etc/wardwatch/agent.yaml"]) == 0
    path = folder / "wardwatch-agent.service"
    path.write_text(capsys.readouterr().out)
    return path


def test_systemd_takes_every_line_of_it(tmp_path: Path, capsys: Capture) -> None:
    path = printed(tmp_path, capsys)
    command = Path(sys.executable).with_name("wardwatch-agent")
    start = f"ExecStart={command} run --host /etc/wardwatch/agent.yaml\n"
    assert start in path.read_text()
    told = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert (told.returncode, told.stderr) == (0, "")
    path.write_text(path.read_text().replace("ProtectHome=", "ProtectHomes="))
    told = subprocess.run(
        ["systemd-analyze", "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert "Unknown key 'ProtectHomes'" in told.stderr


def test_it_is_hardened_by_systemds_own_measure(tmp_path: Path, capsys: Capture) -> None:
    path = printed(tmp_path, capsys)
    asked = ["systemd-analyze", "security", "--offline=true", f"--threshold={EXPOSURE}"]
    assert subprocess.run([*asked, str(path)], capture_output=True, check=False).returncode == 0
    bare = tmp_path / "bare.service"
    bare.write_text("[Service]\nExecStart=/bin/true\n")
    assert subprocess.run([*asked, str(bare)], capture_output=True, check=False).returncode != 0


def test_what_it_promises_stands_in_it(tmp_path: Path, capsys: Capture) -> None:
    unit = configparser.RawConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their case
    unit.read_string(printed(tmp_path, capsys).read_text())
    service = unit["Service"]
    assert (service["Type"], service["Restart"], service["RestartPreventExitStatus"]) == (
        "notify",
        "always",
        "2",
    )
    assert (service["DynamicUser"], service["StateDirectory"]) == ("yes", "wardwatch-agent")
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


def test_the_agent_works_where_no_memory_is_written_and_executed(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute, as the kernel has it without systemd: PR_SET_MDWE."""
    file = tmp_path / "wardwatch.yaml"
    file.write_text(CHECKS)
    words = ["probe", "--allow", "127.0.0.1", "--config", str(file), "login"]
    done = subprocess.run(
        [sys.executable, "-c", SANDBOXED, *words], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout.splitlines()[0].split(" in ")[0]) == (
        1,
        "login: down (tcp.refused)",
    )


@pytest.mark.parametrize("host", ["agent.yaml", "/etc/100%.yaml", "/etc/$HOME.yaml", "/a\nb"])
def test_a_path_that_systemd_would_read_otherwise_is_refused(host: str, capsys: Capture) -> None:
    assert main(["unit", "--host", host]) == 2
    assert capsys.readouterr().out == ""


def test_a_state_folder_that_the_unit_keeps_closed_is_named(
    tmp_path: Path, capsys: Capture
) -> None:
    file = tmp_path / "agent.yaml"
    said = {}
    for state in ("/var/lib/wardwatch-agent", "/srv/agent"):
        file.write_text(f"agent: north-1\nstate: {state}\nconfig: /etc/wardwatch/checks.yaml\n")
        assert main(["unit", "--host", str(file)]) == 0
        said[state] = capsys.readouterr().err
    assert said == {
        "/var/lib/wardwatch-agent": "",
        "/srv/agent": f"{file}: state: /srv/agent is read-only in this unit; it makes and opens "
        "/var/lib/wardwatch-agent\n",
    }


async def test_systemd_hears_that_it_is_up_what_ails_it_and_that_it_stops(tmp_path: Path) -> None:
    clock, path = ManualClock(), str(tmp_path / "notify")
    alive, troubles = True, ["clock", "network"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(path)
        manager.settimeout(0)
        notify = Notify.of({"NOTIFY_SOCKET": path, "WATCHDOG_USEC": "60000000"})
        notify.ready()
        task = asyncio.create_task(notify.run(clock, lambda: alive, lambda: troubles))
        await clock.advance(0)
        await clock.advance(29_999)
        troubles = []
        await clock.advance(1)
        alive = False  # stuck: the watchdog will bite
        await clock.advance(300_000)
        task.cancel()
        notify.stopping()
        heard = [manager.recv(500).decode() for _ in range(4)]
        with pytest.raises(BlockingIOError):
            manager.recv(500)
    assert heard == [
        "READY=1",
        "WATCHDOG=1\nSTATUS=degraded: clock, network",
        "WATCHDOG=1\nSTATUS=ok",
        "STOPPING=1",
    ]


def test_without_a_service_manager_nothing_is_said() -> None:
    for environment in ({}, {"NOTIFY_SOCKET": "/none/notify", "WATCHDOG_USEC": "soon"}):
        Notify.of(environment).ready()
