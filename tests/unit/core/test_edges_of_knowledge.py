"""What a document says where little is known yet: before a period, a version or a system begins."""

from __future__ import annotations

from typing import Any

import pytest

from collector.core.availability import availability
from collector.core.document import document
from collector.replay import Input, replay
from probes.config import Config
from probes.history import History, Version
from tests.support.stories import T0, check, config, fold, system

MINUTE = 60_000
WINDOW = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:02:00",
    "end": "2026-01-01T00:08:00",
    "timezone": "UTC",
    "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
    "approval": {"by": "q", "at": "2025-12-02T00:00:00Z"},
}


def replayed(versions: list[tuple[int | None, Config]], now: int) -> dict[str, Any]:
    """Ten minutes from `T0` on, without any result."""
    history = History([Version(at, used) for at, used in versions])
    return replay(history, Input({}, 0), T0, T0 + 10 * MINUTE, now)


def test_a_window_of_a_version_that_is_not_known_yet_is_not_listed() -> None:
    used = config(maintenance=[WINDOW])
    assert replayed([(T0 + MINUTE, used)], T0 + MINUTE)["maintenance"] == []
    listed = replayed([(T0 + MINUTE, used)], T0 + MINUTE + 1)["maintenance"]
    assert [one["id"] for one in listed] == ["w"]


@pytest.mark.parametrize("now", [T0 - MINUTE, T0])
def test_before_a_period_begins_all_of_it_makes_the_budget(now: int) -> None:
    """Without an instant and without results a system is monitored from the period's start on."""
    slo = {"target": "90", "minimum": "50"}
    used = config(systems={"ehr": system(slo=slo)}, maintenance=[WINDOW])
    ehr = replayed([(None, used)], now)["systems"]["ehr"]
    # Ten minutes less the six of the approved window, and a tenth of that.
    assert (ehr["not_monitored_ms"], ehr["budget"]["total"]) == (600_000, 24_000)
    assert ehr["verdict"] == "open"


def test_a_system_of_later_versions_only_has_the_first_terms_it_will_have() -> None:
    def lab(target: str) -> Config:
        both = {"ehr": system(), "lab": system(slo={"target": target, "minimum": "50"})}
        return config(systems=both, checks={"c": check(), "l": check(system="lab")})

    versions = [(T0, config()), (T0 + 2 * MINUTE, lab("60")), (T0 + 3 * MINUTE, lab("70"))]
    one = replayed([*versions, (T0 + 4 * MINUTE, config())], T0 + MINUTE)["systems"]["lab"]
    assert (one["target"], one["verdict"], one["eligible_ms"]) == ("60", "open", 0)


def test_an_occurrence_that_was_finished_before_its_version_was_recorded_is_none_of_it() -> None:
    finished = WINDOW | {"finished": [{"by": "p", "at": "2026-01-01T00:04:00Z"}]}
    for at, count in ((3 * MINUTE, 1), (5 * MINUTE, 0)):
        found = replayed(
            [(T0, config()), (T0 + at, config(maintenance=[finished]))], T0 + 10 * MINUTE
        )
        assert len(found["maintenance"]) == count


def test_a_blip_in_time_that_a_version_takes_out_of_monitoring_is_not_counted() -> None:
    paused = system(effective_from="2026-01-01T00:06:00")
    versions = [(T0, config()), (T0 + 2 * MINUTE, config(systems={"ehr": paused}))]
    truth = fold("uuuduuuduu", until=600, history=versions)
    history = History([Version(at, used) for at, used in versions])
    one = availability(truth, history, T0, T0 + 10 * MINUTE, T0 + 10 * MINUTE)
    # The one of 3:00 fell into the pause from 2:00 to 6:00, the one of 7:00 did not.
    assert (one.blips, one.judged_runs, one.amounts.not_monitored) == (1, 6, 240_000)


def test_a_site_that_was_monitored_in_maintenance_only_is_not_judged() -> None:
    """The worst site is sought among sites with eligible time in the period."""
    scoped = {"ehr": system(slo={"target": "90", "minimum": "50", "scope": "worst_site"})}
    north = config(systems=scoped, maintenance=[WINDOW])
    both = config(systems=scoped, checks={"c": check(**{"from": ["a", "s"]})}, maintenance=[WINDOW])
    versions = [(T0, north), (T0 + 3 * MINUTE, both), (T0 + 5 * MINUTE, north)]
    truth = fold("u" * 10, until=600, history=versions)
    history = History([Version(at, used) for at, used in versions])
    printed = document({"ehr": truth}, history, T0, T0 + 10 * MINUTE, T0 + 10 * MINUTE, {})
    ehr = printed["systems"]["ehr"]
    assert ehr["sites"]["south"]["excluded_ms"] == 120_000
    assert (ehr["verdict"], ehr["judged_by"]["site"]) == ("met", "north")
