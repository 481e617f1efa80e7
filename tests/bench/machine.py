"""The machine under the bench: pinned processes, what they used, what a flush to disk costs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
CORES = sorted(os.sched_getaffinity(0))
MEASURED, OTHER = CORES[0], CORES[-1]
"""What is measured has one core; targets, load and the bench itself have the other."""


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds: of CPU, of waiting for a core that somebody else had, of the wall."""

    cpu_s: float
    waited_s: float
    wall_s: float

    def since(self, before: Used) -> Used:
        return Used(
            self.cpu_s - before.cpu_s,
            self.waited_s - before.waited_s,
            self.wall_s - before.wall_s,
        )


class Started(AbstractContextManager["Started"]):
    """One process of ours on one core, ended by its own id."""

    def __init__(self, name: str, command: Sequence[str | Path], log: Path, core: int) -> None:
        self.name = name
        self.log = log
        words = ["taskset", "--cpu-list", str(core), *map(str, command)]
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                words, stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT, cwd=ROOT
            )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def used(self) -> Used:
        """Up to now: CPU of all threads, waiting of the main one."""
        times = psutil.Process(self.pid).cpu_times()
        waited_ns = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[1])
        return Used(times.user + times.system, waited_ns / 1e9, time.monotonic())

    def memory_bytes(self) -> int:
        """Resident, as operators see it."""
        found: int = psutil.Process(self.pid).memory_info().rss
        return found

    def say(self, text: str) -> None:
        """A line on its standard input."""
        if self._process.stdin is None:
            raise AssertionError("it was started with a pipe")
        self._process.stdin.write(f"{text}\n".encode())
        self._process.stdin.flush()

    def wait(self, within_s: float) -> None:
        """Until it ends by itself. RuntimeError unless all is well."""
        if self._process.wait(within_s) != 0:
            raise RuntimeError(f"{self.name} failed:\n{self.tail()}")

    def alive(self) -> None:
        """RuntimeError, with the end of its log, when it is not."""
        if self._process.poll() is not None:
            raise RuntimeError(f"{self.name} ended:\n{self.tail()}")

    def tail(self) -> str:
        return self.log.read_text(errors="replace")[-2000:]

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def until(found: Callable[[], Any], parts: Iterable[Started], within_s: float = 60) -> Any:
    """What `found` says once it says anything; refused connections count as nothing."""
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        for part in parts:
            part.alive()
        try:
            value = found()
        except OSError:
            value = None
        if value:
            return value
        time.sleep(0.05)
    raise RuntimeError("it did not happen in time")


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=30) as reply:  # noqa: S310 - our own http://127.0.0.1
        text: str = reply.read().decode()
    return text


def fetch_json(url: str) -> Any:
    return json.loads(fetch(url))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def fsync_us(folder: Path, count: int = 50) -> float:
    """Median microseconds to append 4 KiB and flush them."""
    took = []
    with (folder / "fsync").open("wb") as file:
        for _ in range(count):
            file.write(b"\0" * 4096)
            file.flush()
            begun = time.perf_counter()
            os.fsync(file.fileno())
            took.append((time.perf_counter() - begun) * 1e6)
    return sorted(took)[count // 2]
