"""What was known at a moment is what a fold of the results that had ended by then shows."""

from __future__ import annotations

import random
from collections import Counter
from operator import itemgetter

from msgspec.structs import replace

from collector.truths import Live, is_due
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import START
from tests.support.soak import longer
from tests.unit.test_occasions_plainly import EVERY, SLOTS, SYSTEMS, hospital, weather

TOOK = (40, 40, 40, 40, 40, 900, 4_000, 26_000)
"""Milliseconds; a hold is 25 s."""


def end(one: Result) -> int:
    return one.t + one.duration_ms


def test_what_needs_no_fold_is_what_a_fold_shows() -> None:
    told: Counter[str] = Counter()
    for seed in range(longer(2)):
        told += looks(seed)
    assert min(told["rewound"], told["before"]) > 30, told


def looks(seed: int) -> Counter[str]:
    """How often it was said without a fold, one look after the other."""
    rng = random.Random(seed)
    history = History([Version(START, hospital(rng))])
    slow = [(at, replace(one, duration_ms=rng.choice(TOOK))) for at, one in weather(rng)]
    waiting = sorted(((max(at, end(one)), one) for at, one in slow), key=itemgetter(0))
    told = Counter[str]()
    lives = {name: Live(name) for name in SYSTEMS}
    now = START
    while now < START + SLOTS * EVERY + 120_000:
        last, now = now, now + rng.choice([1_000, 5_000, 20_000, 60_000])
        while waiting and waiting[0][0] < now:
            one = waiting.pop(0)[1]
            lives[one.check].take([one], now)
        for live in lives.values():
            if not (live.stale or is_due(live, now)):
                continue
            live.fold(history, now)
            ends = {end(r) for line in live.tail.values() for r in line}
            for moment in sorted(t for t in ends if last - 30_000 <= t < now):
                then = live.earlier(history, moment)
                for name, found in (
                    ("rewound", live.rewound(history, moment)),
                    ("before", live.known_before(history, moment)),
                ):
                    if found is None:
                        continue
                    told[name] += 1
                    seen, until = found
                    assert seen == then.view, (name, moment - START)
                    # It may be said to change too early, never too late.
                    assert until is None or then.until is None or until <= then.until
                    assert until is not None or then.until is None
    return told
