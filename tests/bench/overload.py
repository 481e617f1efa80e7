"""Twice what the agent can do, for a minute: it measures what it can, says what it cannot, and is
itself again at once. Beside it blackbox_exporter and Prometheus with as many targets.

What it can do is found before: the same agent, as many attempts in flight, no slot to wait for.
Both are counted for each second in which the host gave the agent the core; the neighbours' time is
nobody's. The target is always right: here every `down` would be a lie.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
import urllib.parse
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from probes.contract import Outcome
from probes.reasons import Reason
from probes.runner import CONCURRENCY
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run
from tests.bench.drive import KEPT
from tests.bench.machine import Started, fetch, fetch_json, until
from tests.bench.ours import AGENT, Ours, http_checks
from tests.bench.peers import Peers
from tests.bench.row import Row
from tests.bench.target import Target

EVERY_MS = 500
"""So that as many checks as a fast core asks for fit into the 1 MiB that a file may have."""
TIMEOUT = "500ms"
CAPACITY_S = 10
LOADED_S = 60
RELIEVED_S = 15
INTERVALS = 2
"""After so many everything is measured again."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the collector stored of the loaded minute, and of the time after it."""

    runs: int
    measured: int
    slots: int
    down: int
    missed_after: int
    reasons: dict[str, int]


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Target(folder, right=True) as target:
            capacity = capacity_of(folder, target)
            checks = int(2 * capacity * EVERY_MS / 1000)
            told, given_s, delivered_s = loaded(folder, target, checks)
            goodput = peers_goodput(folder, target, checks)
    offered = checks * 1000 / EVERY_MS
    name = f"overload, {offered:.0f} checks a second"
    more = {
        "measured": told.measured,
        "missed": told.reasons.get(Reason.AGENT_MISSED_SLOT.value, 0),
        "reasons": told.reasons,
        "spool_empty_after_s": round(delivered_s, 1),
        "blackbox_exporter_and_prometheus_good_a_second": round(goodput),
    }
    return [
        Row(
            f"{name}: measured",
            told.measured / given_s,
            "its own capacity",
            capacity,
            "/s",
            0.9,
            at_least=True,
            more=more,
        ),
        Row(f"{name}: slots without a run", told.slots - told.runs, "slots", told.slots, "", 0),
        Row(f"{name}: down", told.down, "slots", told.slots, "", 0),
        Row(f"{name}: missed 2 intervals after", told.missed_after, "slots", told.slots, "", 0),
    ]


def capacity_of(folder: Path, target: Target) -> float:
    """Attempts a second of the core."""
    ours = Ours(folder / "capacity", http_checks(1_000, target.url, "1s", TIMEOUT))
    with ours.start_collector(), ours.start_agent(CONCURRENCY) as agent:
        time.sleep(4)
        asked, before = target.asked(), agent.used()
        time.sleep(CAPACITY_S)
        used = agent.used().since(before)
        return (target.asked() - asked) / (used.wall_s - used.waited_s)


def loaded(folder: Path, target: Target, checks: int) -> tuple[Told, float, float]:
    """What came of the minute, the seconds of it in which the agent had its core, and how long after
    all the rest of it was with the collector.
    """
    ours = Ours(folder / "loaded", http_checks(checks, target.url, f"{EVERY_MS}ms", TIMEOUT))
    with ours.start_collector(), ours.start_agent(0) as agent:
        time.sleep(6)
        begun_ms, before = time.time_ns() // 1_000_000, agent.used()
        time.sleep(LOADED_S)
        ended_ms, used = time.time_ns() // 1_000_000, agent.used().since(before)
        os.kill(agent.pid, signal.SIGUSR1)
        time.sleep(RELIEVED_S)
        relieved_ms = time.time_ns() // 1_000_000
        delivered_s = delivered(ours, agent, relieved_ms)
    runs = [run for part in ours.stored() for run in part]
    normal_ms = ended_ms + INTERVALS * EVERY_MS
    told = tell(runs, checks, (begun_ms, ended_ms), (normal_ms, relieved_ms - 1_000))
    return told, used.wall_s - used.waited_s, delivered_s


def delivered(ours: Ours, agent: Started, since_ms: int) -> float:
    """Seconds until the agent's spool was empty for once: what the collector, on the same core, was
    behind. What lies in the spool is not lost.
    """

    def is_empty() -> bool:
        text = fetch(f"http://127.0.0.1:{ours.agent_port}/metrics")
        return "\nwardwatch_uplink_pending_batches 0.0\n" in text

    until(is_empty, [agent], 120)
    return (time.time_ns() // 1_000_000 - since_ms) / 1000


def tell(runs: list[Run], checks: int, load: tuple[int, int], after: tuple[int, int]) -> Told:
    """Each slot of `load` counts once, whatever its run; after it those of the checks kept."""
    said: dict[tuple[str, int], Run] = {}
    for run in runs:
        if said.setdefault((run.check, run.slot_ms), run) is not run:
            raise AssertionError(f"two runs of one slot of {run.check}")
    names = [f"c{number}" for number in range(checks)]
    found = [said[slot] for slot in slots(names, *load) if slot in said]
    reasons = Counter(run.reason for run in found)
    later = [said.get(slot) for slot in slots(names[: checks // KEPT], *after)]
    return Told(
        runs=len(found),
        measured=sum(run.outcome.judged for run in found),
        slots=len(slots(names, *load)),
        down=sum(run.outcome is Outcome.DOWN for run in runs),
        missed_after=sum(run is None or not run.outcome.judged for run in later),
        reasons=dict(reasons),
    )


def slots(names: list[str], begin_ms: int, end_ms: int) -> list[tuple[str, int]]:
    return [
        (name, at)
        for name in names
        for at in range(
            first_slot_ms(offset_ms(AGENT, name, EVERY_MS), EVERY_MS, begin_ms), end_ms, EVERY_MS
        )
    ]


def peers_goodput(folder: Path, target: Target, checks: int) -> float:
    """Good results a second of Prometheus and blackbox_exporter, asked as often for half as long."""
    seconds = LOADED_S // 2
    peers = Peers(folder / "peers", target.url, checks, f"{EVERY_MS}ms", TIMEOUT)
    with peers.start_blackbox(), peers.start_prometheus() as prometheus:
        time.sleep(seconds + 6)
        prometheus.alive()
        query = f"sum(sum_over_time(probe_success[{seconds}s])) or vector(0)"
        words = urllib.parse.urlencode({"query": query, "timeout": "60s"})
        found = fetch_json(f"{peers.url}/api/v1/query?{words}")
        return float(found["data"]["result"][0]["value"][1]) / seconds
