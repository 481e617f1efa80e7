"""HTTP probe to stored verdict at a pace, new connections: CPU of both our processes beside
blackbox_exporter and Prometheus that ask the same target as often.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.bench.machine import Started, fsync_us
from tests.bench.ours import Ours, flips, http_checks
from tests.bench.peers import Peers
from tests.bench.target import Target

CHECKS = 400
"""Each once a second."""
ROUNDS = 2
WARM_S, TIMED_S = 4, 10


def cpu_us(parts: Sequence[Started], target: Target) -> dict[str, float]:
    """CPU microseconds a request that came to the target, of each process."""
    time.sleep(WARM_S)
    asked, before = target.asked(), [part.used() for part in parts]
    time.sleep(TIMED_S)
    count = target.asked() - asked
    for part in parts:
        part.alive()
    if not 0.8 < count / (CHECKS * TIMED_S) < 1.03:
        raise RuntimeError(f"{count} requests in {TIMED_S} s are not {CHECKS} a second")
    return {
        part.name: part.used().since(then).cpu_s / count * 1e6
        for part, then in zip(parts, before, strict=True)
    }


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        figures: dict[str, list[float]] = {}
        with Target(folder) as target:
            for number in range(ROUNDS):
                ours = Ours(folder / f"ours{number}", http_checks(CHECKS, target.url, "1s", "1s"))
                with ours.start_collector() as collector, ours.start_agent() as agent:
                    for part, us in cpu_us([agent, collector], target).items():
                        figures.setdefault(part, []).append(us)
                stored = ours.stored()
                peers = Peers(folder / f"peers{number}", target.url, CHECKS, "1s", "1s")
                with peers.start_blackbox() as blackbox, peers.start_prometheus() as prometheus:
                    for part, us in cpu_us([blackbox, prometheus], target).items():
                        figures.setdefault(part, []).append(us)
        sizes = [len(part) for part in stored]
        print(figures, fsync_us(folder), statistics.mean(sizes), flips(stored) / sum(sizes))


if __name__ == "__main__":
    main()
