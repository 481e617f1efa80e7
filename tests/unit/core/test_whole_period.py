"""`E_whole` holds what of the period will be monitored, also where it begins later (semantics 3)."""

from __future__ import annotations

from collector.core.availability import availability
from probes.history import History, Version
from tests.support.stories import T0, check, config, fold, system


def test_time_that_begins_to_be_monitored_later_in_the_period_belongs_to_the_whole() -> None:
    slo = {"target": "80", "minimum": "80"}
    checks = {"c": check(every="30s")}
    paused = system(slo=slo, effective_from="2026-01-01T00:06:40")
    history = [
        (T0, config(systems={"ehr": system(slo=slo)}, checks=checks)),
        (T0 + 300_000, config(systems={"ehr": paused}, checks=checks)),
    ]
    truth = fold("uuddd" + "u" * 7, until=350, every=30, history=history)
    known = History([Version(t, used) for t, used in history])
    one = availability(truth, known, T0, T0 + 600_000, T0 + 350_000)
    assert one.amounts.down == 90_000
    # 20 % of the 300 s that were monitored and the 200 s from 6:40 on: 100 s.
    assert one.verdict == "open"
