"""Resident memory with 2 000 HTTP checks every 30 s: agent and collector beside blackbox_exporter
and Prometheus.

The collector was started anew with 35 minutes of the same agent's results behind it, so that all it
keeps at hand of each check is there; Prometheus has no past, and the less to keep.
"""

from __future__ import annotations

import random
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from agent import identity
from probes import batch
from probes.batch import Anchors, Place
from probes.contract import Outcome
from probes.schedule import first_slot_ms, offset_ms
from probes.segments import Run, RunStep
from tests.bench.machine import until
from tests.bench.ours import AGENT, PER_SYSTEM, Ours, http_checks
from tests.bench.peers import Peers
from tests.bench.row import Row
from tests.bench.target import NOT_UP, SEED, Target

CHECKS, EVERY_MS = 2_000, 30_000
BEHIND_MS = 2_100_000
RUN_S = 65
AGENT_MIB, COLLECTOR_MIB = 80, 140
MIB = 1 << 20


def rows() -> list[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Target(folder) as target:
            ours = Ours(folder / "ours", http_checks(CHECKS, target.url, "30s", "5s"))
            peers = Peers(folder / "peers", target.url, CHECKS, "30s", "5s")
            with ours.start_collector():
                tell_past(ours)
            with (
                ours.start_collector() as collector,
                ours.start_agent() as agent,
                peers.start_blackbox() as blackbox,
                peers.start_prometheus() as prometheus,
            ):
                time.sleep(RUN_S)
                parts = (agent, collector, blackbox, prometheus)
                mib = {part.name: round(part.memory_bytes() / MIB, 1) for part in parts}
    both = mib["blackbox_exporter"] + mib["prometheus"]
    name = "memory with 2 000 HTTP checks"
    return [
        Row(f"{name}: agent", mib["agent"], "80 MiB", AGENT_MIB, "MiB", 1),
        Row(f"{name}: collector", mib["collector"], "140 MiB", COLLECTOR_MIB, "MiB", 1),
        Row(
            f"{name}: both",
            mib["agent"] + mib["collector"],
            "blackbox_exporter + Prometheus",
            both,
            "MiB",
            1,
            more=mib,
        ),
    ]


def tell_past(ours: Ours) -> None:
    """Results, by the agent's key in a chain of its own, and taken in."""
    key = identity.load_or_make_key(ours.state)
    now_ms = time.time_ns() // 1_000_000
    place = Place("bench", AGENT, "past", 1, batch.NO_PREVIOUS, "0" * 16)
    runs = list(past_runs(now_ms))
    for first in range(0, len(runs), 1_000):
        part = runs[first : first + 1_000]
        anchors = Anchors(part[-1].at_ms, first)
        data = batch.seal(key, place, anchors, part, random.Random(first).randbytes(16))
        post(ours.url, data)
        header = batch.header_hash(batch.open_batch(data))
        place = Place("bench", AGENT, "past", place.seq + 1, header, place.config)


def past_runs(now_ms: int) -> Iterator[Run]:
    """Every slot of every check, by time."""
    rng = random.Random(SEED)
    slots = [
        (at, f"c{number}", f"s{number // PER_SYSTEM}")
        for number in range(CHECKS)
        for at in range(
            first_slot_ms(offset_ms(AGENT, f"c{number}", EVERY_MS), EVERY_MS, now_ms - BEHIND_MS),
            now_ms,
            EVERY_MS,
        )
    ]
    for at, check, system in sorted(slots):
        us = int(rng.lognormvariate(9, 0.7))
        right = rng.random() >= NOT_UP
        outcome, reason = (Outcome.UP, "ok") if right else (Outcome.DOWN, "http.status")
        phases = {"connect": 150, "send": 40, "first_byte": us, "body": 30, "parse": 10}
        facts = {"http_status": 200 if right else 503, "body_bytes": 48}
        steps = (
            RunStep("connect", Outcome.UP, "ok", 150),
            RunStep("page", outcome, reason, us + 70),
        )
        yield Run(system, check, at, at, outcome, reason, us + 230, phases, facts, steps)


def post(url: str, data: bytes) -> None:
    """Until it is taken; a collector may be busy for a moment."""
    request = urllib.request.Request(  # noqa: S310 - our own http://127.0.0.1
        f"{url}/agent/v1/batches", data, {"Content-Type": batch.CONTENT_TYPE}
    )

    def taken() -> bool:
        with urllib.request.urlopen(request, timeout=60) as reply:  # noqa: S310 - likewise
            return bool(reply.status == 200)

    until(taken, [])
