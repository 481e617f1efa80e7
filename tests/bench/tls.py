"""HTTP probe to stored verdict over new TLS connections, CPU of both our processes: 16 in flight
beside `openssl s_time -new`, and at a pace beside a bare asyncio client at the same pace.

TLS 1.3, P-256, the chain verified, one GET, no session used again: on all sides.
`python -m tests.bench.tls PORT CA RATE SECONDS` is the bare client.
"""

from __future__ import annotations

import asyncio
import json
import resource
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from probes.testing.certificates import Authority
from tests.bench.machine import MEASURED, ROOT
from tests.bench.ours import Ours, http_checks
from tests.bench.row import Row, off_pace
from tests.bench.target import Target

FLIGHT = 16
RATE = 100
CHECKS, EVERY = 200, "2s"
ROUNDS = 2
TIMED_S = 8
GOAL = 1.4
REQUEST = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def rows() -> list[Row]:
    flying, paced, s_time, bare = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        authority = Authority(folder, time.time_ns() // 1_000_000)
        pair = authority.server()
        with Target(folder, "https", pair=(pair.cert, pair.key)) as target:
            for number in range(ROUNDS):
                checks = http_checks(CHECKS, target.url, EVERY, "1s", authority.ca)
                flying.append(both_us(Ours(folder / f"f{number}", checks), target, FLIGHT, 5))
                s_time.append(s_time_us(target.port, authority.ca))
                paced.append(both_us(Ours(folder / f"p{number}", checks), target, None, 24))
                bare.append(bare_us(target.port, authority.ca))
    name = "HTTP probe to stored verdict over new TLS"
    rates = {
        "agent": [found.pop("a_second") for found in paced],
        "bare asyncio": [a_second for _, a_second in bare],
    }
    for found in flying:
        del found["a_second"]  # as fast as it can
    bare_used = [us for us, _ in bare]
    return [
        _row(f"{name}, {FLIGHT} in flight, CPU", flying, "openssl s_time -new", s_time),
        _row(f"{name}, {RATE}/s, CPU", paced, "bare asyncio", bare_used, off_pace(RATE, rates)),
    ]


def _row(
    name: str,
    ours: list[dict[str, float]],
    beside: str,
    theirs: list[float],
    off: tuple[str, ...] = (),
) -> Row:
    us = {part: round(statistics.median(found[part] for found in ours)) for part in ours[0]}
    peer = statistics.median(theirs)
    return Row(name, sum(us.values()), beside, peer, "us", GOAL, more=us, off_pace=off)


def both_us(ours: Ours, target: Target, flight: int | None, warm_s: float) -> dict[str, float]:
    """CPU microseconds a request, of agent and collector, and requests a second."""
    with ours.start_collector() as collector, ours.start_agent(flight) as agent:
        time.sleep(warm_s)
        asked, before = target.asked(), [agent.used(), collector.used()]
        time.sleep(TIMED_S)
        count = target.asked() - asked
        after = [agent.used(), collector.used()]
    used = [now.since(then) for now, then in zip(after, before, strict=True)]
    found = {
        name: one.cpu_s / count * 1e6
        for name, one in zip(("agent", "collector"), used, strict=True)
    }
    return found | {"a_second": count / used[0].wall_s}


def s_time_us(port: int, ca: str) -> float:
    """CPU microseconds a connection of `openssl s_time`."""
    words = ["openssl", "s_time", "-connect", f"127.0.0.1:{port}", "-new", "-www", "/login"]
    more = ["-CAfile", ca, "-verify", "3", "-tls1_3", "-time", str(TIMED_S)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    said = _run([*words, *more])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    count = int(next(line for line in said.splitlines() if "real seconds" in line).split()[0])
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used / count * 1e6


def bare_us(port: int, ca: str) -> tuple[float, float]:
    """CPU microseconds a request, and requests a second."""
    words = [sys.executable, "-m", "tests.bench.tls", str(port), ca, str(RATE), str(TIMED_S)]
    us, a_second = json.loads(_run(words))
    return us, a_second


def _run(words: list[str]) -> str:
    pinned = ["taskset", "--cpu-list", str(MEASURED), *words]
    return subprocess.run(pinned, check=True, capture_output=True, text=True, cwd=ROOT).stdout


async def bare(port: int, ca: str, rate: int, seconds: float) -> tuple[float, float]:
    """CPU microseconds a request of a client that does nothing else, and requests a second."""
    context = ssl.create_default_context(cafile=ca)
    loop, done = asyncio.get_running_loop(), 0

    async def ask() -> None:
        nonlocal done
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        writer.write(REQUEST)
        answer = await reader.read()
        if not answer.startswith(b"HTTP/1.1 "):
            raise AssertionError("no answer")
        writer.close()
        done += 1

    await ask()
    begun, cpu, done = loop.time(), time.process_time(), 0
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(begun + number / rate - loop.time())
            tasks.create_task(ask())
    return (time.process_time() - cpu) / done * 1e6, done / (loop.time() - begun)


if __name__ == "__main__":
    port, ca, rate, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(bare(int(port), ca, int(rate), float(seconds)))))
