"""A system that only lasts is settled without a fold, and then it is what a fold would settle."""

from __future__ import annotations

import random

from collector.truths import FOLDED_MS, Live, is_due
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import START, config, result
from tests.support.soak import longer
from tests.unit.test_occasions_plainly import EVERY, SYSTEMS, hospital, weather

HISTORY = History([Version(START, config())])


def steady(count: int, first: int = 0) -> list[Result]:
    return [result(n * EVERY, Outcome.UP) for n in range(first, first + count)]


def test_what_is_settled_without_a_fold_is_what_a_fold_settles() -> None:
    assert sum(lasting(seed) for seed in range(longer(3))) > 100


def lasting(seed: int) -> int:
    """How often a system was settled without a fold."""
    rng = random.Random(seed)
    history = History([Version(START, hospital(rng))])
    waiting = weather(rng)
    for name in SYSTEMS:  # and long after, when all is well again
        after = [
            result(t, Outcome.UP, check=name, agent=agent)
            for t in range(600_000, 2_400_000, EVERY)
            for agent in ("north-1", "south-1")
        ]
        waiting += [(one.t + 40, one) for one in after]
    quick, plain = ({name: Live(name) for name in SYSTEMS} for _ in range(2))
    now, lasted, grace = START, 0, rng.choice([60_000, 300_000])
    while now < START + 2_400_000:
        now += rng.choice([5_000, 20_000, 60_000])
        came = [one for at, one in waiting if at < now]
        waiting = [(at, one) for at, one in waiting if at >= now]
        settling = rng.random() < 0.2
        for name in SYSTEMS:
            one, other = quick[name], plain[name]
            for live in (one, other):
                live.take([r for r in came if r.check == name], now)
            other.fold(history, now)
            if one.stale or is_due(one, now) or (settling and not one.only_lasts(history, now)):
                one.fold(history, now)
            elif settling:
                lasted += 1
            assert one.older == other.older
            if settling and one.older is None:
                one.settle(now - grace, now)
                other.settle(now - grace, now)
                assert one.settled == other.settled
                assert one.tail == other.tail
    return lasted


def test_a_system_lasts_until_something_else_comes_or_a_version_does_or_long_has_passed() -> None:
    live = Live("ehr")
    assert not live.only_lasts(HISTORY, START)
    live.take(steady(20), now := START + 195_000)
    live.fold(HISTORY, now)
    assert live.only_lasts(HISTORY, now)
    live.take(steady(2, 20), now + 20_000)
    assert live.only_lasts(HISTORY, now + 20_000)
    assert not live.only_lasts(History([Version(START, config())]), now + 20_000)
    assert live.only_lasts(HISTORY, now + FOLDED_MS - 1)
    assert not live.only_lasts(HISTORY, now + FOLDED_MS)
    live.take([result(220_000, Outcome.DOWN)], now + 30_000)
    assert not live.only_lasts(HISTORY, now + 30_000)


def test_an_outage_that_is_not_settled_needs_a_fold() -> None:
    live = Live("ehr")
    down = [result(n * EVERY, Outcome.DOWN) for n in range(5)]
    live.take([*down, *steady(20, 5)], now := START + 245_000)
    live.fold(HISTORY, now)
    assert not live.only_lasts(HISTORY, now)
    live.settle(now - 60_000, now)
    assert live.only_lasts(HISTORY, now)
