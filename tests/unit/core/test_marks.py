"""What is kept of good results: enough for outages and rejections, and no more as time goes by."""

from __future__ import annotations

from collector.core.settled import NOTHING
from collector.core.settling import settle
from collector.core.truth import fold_system
from probes.history import History, Version
from tests.support.stories import T0, at, config

MINUTE = 60_000


def test_a_year_that_is_good_keeps_no_mark_of_each_quarter_of_an_hour() -> None:
    history = History([Version(T0, config()), Version(T0 + 90_000, config())])
    settled = NOTHING
    for n in range(1, 31):
        now = T0 + n * 20 * MINUTE
        tail = {("c", "a"): [r for r in at("u" * 20 * n) if r.t >= settled.upto(("c", "a"))]}
        settled = settle(
            fold_system("ehr", history, tail, now, None, settled), tail, settled, now - MINUTE
        )
    # The first under each version, and the newest.
    assert [t - T0 for t in settled.voices["c", "a"].good] == [0, 2 * MINUTE, 598 * MINUTE]
