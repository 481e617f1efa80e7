"""What became of each check's slots, for `/metrics`.

By hand: with 2 000 checks prometheus_client would take 20 MB more, ten times as long for each run,
and hold up the probes for a third of a second at every scrape (`tests/bench`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from probes.metrics import METRICS

BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_EDGES_US = tuple(int(edge * 1_000_000) for edge in BUCKETS)
_LABELS = (*(f'",le="{edge}"}} ' for edge in BUCKETS), '",le="+Inf"} ')
_RUNS = "wardwatch_check_runs_total"
_SECONDS = "wardwatch_check_run_seconds"


class _Tally:
    """Of one check: runs by (outcome, reason), attempts by bucket, microseconds of all."""

    __slots__ = ("buckets", "runs", "us")

    def __init__(self) -> None:
        self.runs: dict[tuple[str, str], int] = {}
        self.buckets = [0] * len(_LABELS)
        self.us = 0


class Tallies:
    """Labels are ids from the operator's file and closed enumerations, nothing else."""

    def __init__(self) -> None:
        self._by_check: dict[str, _Tally] = {}

    def count(self, check: str, outcome: str, reason: str, duration_us: int) -> None:
        """`duration_us` 0: nothing was attempted."""
        tally = self._by_check.get(check)
        if tally is None:
            tally = self._by_check[check] = _Tally()
        said = (outcome, reason)
        tally.runs[said] = tally.runs.get(said, 0) + 1
        if duration_us:
            tally.us += duration_us
            tally.buckets[bisect_left(_EDGES_US, duration_us)] += 1

    def text(self) -> str:
        """The exposition of both metrics."""
        return "".join((*_head(_RUNS), *self._runs(), *_head(_SECONDS), *self._seconds()))

    def _runs(self) -> Iterator[str]:
        for check, tally in self._by_check.items():
            for (outcome, reason), count in tally.runs.items():
                labels = f'check="{check}",outcome="{outcome}",reason="{reason}"'
                yield f"{_RUNS}{{{labels}}} {count}.0\n"

    def _seconds(self) -> Iterator[str]:
        for check, tally in self._by_check.items():
            label, upto = f'{{check="{check}', 0
            start = f"{_SECONDS}_bucket{label}"
            for le, count in zip(_LABELS, tally.buckets, strict=True):
                upto += count
                yield f"{start}{le}{upto}.0\n"
            yield f'{_SECONDS}_count{label}"}} {upto}.0\n'
            yield f'{_SECONDS}_sum{label}"}} {tally.us / 1e6}\n'


def _head(name: str) -> tuple[str, str]:
    """What the metric is, as the catalogue has it."""
    metric = next(one for one in METRICS if one.name == name)
    return f"# HELP {name} {metric.meaning}\n", f"# TYPE {name} {metric.type}\n"
