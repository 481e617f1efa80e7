"""What keeping a truth up costs, and that it does not grow with what lies behind."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

from collector.core.availability import availability
from collector.core.truth import fold_system
from collector.truths import GRACE_MS, SETTLE_MS, Live
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result

START = 1_767_225_600_000
EVERY = 30_000
HOUR = 120
MONTH = 86_400


def result(n: int, outcome: Outcome) -> Result:
    t = START + n * EVERY
    return Result("ehr-read", "north-1", t, outcome, "ok", 12, t + 12)


def line(count: int) -> Iterator[Result]:
    """Every 500th fails, so that there are blips to keep."""
    return (result(n, Outcome.DOWN if n % 500 == 0 else Outcome.UP) for n in range(count))


def kept_up(history: History, count: int) -> Live:
    """A system that has taken so many results, settled as the collector settles."""
    live = Live("ehr")
    size = SETTLE_MS // EVERY
    results = line(count)
    while part := list(itertools.islice(results, size)):
        now = part[-1].t + 20
        live.take(part, now)
        live.fold(history, now)
        live.settle(now - GRACE_MS, now)
    return live


def more_of_the_same(history: History, count: int) -> Callable[[], object]:
    live = kept_up(history, count)
    number = itertools.count(count)
    far = START + (1 << 50)

    def take() -> None:
        live.take([result(next(number), Outcome.UP)], far)
        if live.stale:
            raise AssertionError("it was meant to be more of the same")

    return take


def a_change(history: History, count: int) -> Callable[[], object]:
    live = kept_up(history, count)
    now = START + count * EVERY + 20
    live.take([result(count, Outcome.DOWN)], now)
    return lambda: live.fold(history, now)


def month_from_intervals(history: History) -> Callable[[], object]:
    live = kept_up(history, MONTH)
    end = START + MONTH * EVERY
    return lambda: availability(live.truth, history, START, end, end)


def month_from_results(history: History) -> Callable[[], object]:
    results = {("ehr-read", "north-1"): list(line(MONTH))}
    end = START + MONTH * EVERY

    def tell() -> object:
        truth = fold_system("ehr", history, results, end, None)
        return availability(truth, history, START, end, end)

    return tell


def history(config: Config) -> History:
    return History([Version(START, config)])
