"""HTTP probe to stored verdict at a pace, new connections: CPU of both our processes beside
blackbox_exporter and Prometheus that ask the same kind of target as often.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.machine import Started
from tests.bench.ours import Ours, flips, http_checks
from tests.bench.peers import Peers
from tests.bench.row import Row, off_pace
from tests.bench.target import Target

CHECKS = 800
EVERY_S = 2
"""400 a second: who does not hold that pace is named, and the row is not met. Shorter intervals than ours hold for less than a batch takes to fill."""
ROUNDS = 2
TIMED_S = 12
WARM_S, PEERS_WARM_S = 24, 6
"""A check is in its stride after ten results; Prometheus spreads its targets over an interval."""


def rows() -> list[Row]:
    used: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with Target(folder) as target:
            for number in range(ROUNDS):
                ours = Ours(folder / f"ours{number}", http_checks(CHECKS, target.url, "2s", "1s"))
                with ours.start_collector() as collector, ours.start_agent() as agent:
                    _add(used, cpu_us([agent, collector], target, WARM_S))
                peers = Peers(folder / f"peers{number}", target.url, CHECKS, "2s", "1s")
                with peers.start_blackbox() as blackbox, peers.start_prometheus() as prometheus:
                    _add(used, cpu_us([blackbox, prometheus], target, PEERS_WARM_S))
            batches = ours.stored()
    us = {name: round(statistics.median(found)) for name, found in used.items()}
    stored = sum(map(len, batches))
    more = {
        **us,
        "results_a_batch": round(stored / len(batches)),
        "flips_percent": round(flips(batches) / stored * 100, 2),
    }
    return [
        Row(
            "HTTP probe to stored verdict, 400/s, CPU",
            us["agent"] + us["collector"],
            "blackbox_exporter + Prometheus",
            us["blackbox_exporter"] + us["prometheus"],
            "us",
            0.33,
            more=more,
            off_pace=off_pace(
                CHECKS / EVERY_S,
                {name: used[f"{name}_a_second"] for name in ("agent", "blackbox_exporter")},
            ),
        )
    ]


def cpu_us(parts: Sequence[Started], target: Target, warm_s: float) -> dict[str, float]:
    """CPU microseconds a request that came to the target, of each process."""
    time.sleep(warm_s)
    asked, before = target.asked(), [part.used() for part in parts]
    time.sleep(TIMED_S)
    count = target.asked() - asked
    for part in parts:
        part.alive()
    used = [part.used().since(then) for part, then in zip(parts, before, strict=True)]
    found = {part.name: one.cpu_s / count * 1e6 for part, one in zip(parts, used, strict=True)}
    return found | {f"{parts[0].name}_a_second": count / used[0].wall_s}


def _add(used: dict[str, list[float]], found: dict[str, float]) -> None:
    for name, us in found.items():
        used.setdefault(name, []).append(us)
