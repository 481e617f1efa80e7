"""Which config version judges which instant, and from when a system is monitored."""

from __future__ import annotations

from collector.core.truth import SystemTruth, counted, fold_system
from collector.core.versions import InForce
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, check, config, fold, result, system, told

BLIND = config(checks={"c": check(), "new": check()})
"""With a second critical check that nobody ever answers."""


def seconds(versions: tuple[InForce, ...]) -> list[int]:
    return [(v.start - T0) // 1000 for v in versions]


def at_second(*versions: tuple[int, Config]) -> list[tuple[int | None, Config]]:
    return [(T0 + at * 1000, used) for at, used in versions]


def test_a_result_is_judged_by_the_version_in_force_at_its_time() -> None:
    strict = config(checks={"c": check(confirm={"down": 1, "up": 1})})
    told_by = [
        told(fold("uudu", until=200, history=at_second((0, config()), (n, strict))).states)
        for n in (100, 120, 121)
    ]
    assert told_by == ["U0 D120 U180", "U0 D120 U180", "U0 G120 U180"]


def test_a_change_while_the_system_is_up_acts_at_once() -> None:
    truth = fold("uuu", until=150, history=at_second((0, config()), (90, BLIND)))
    assert told(truth.states) == "U0 ?90"


def test_a_change_of_a_system_that_is_down_waits_until_the_outage_ends() -> None:
    truth = fold("ddu", until=180, history=at_second((0, config()), (90, BLIND)))
    assert told(truth.states) == "D0 ?120"
    assert seconds(truth.versions) == [0, 120]
    assert [(o.start - T0, o.end) for o in truth.outages] == [(0, T0 + 120_000)]


def test_what_a_payer_owes_and_publishes_waits_for_no_outage() -> None:
    impact = {"class": "administrative", "service": "billing"}
    plain = config(systems={"ehr": system(impact=impact)})
    owed = config(systems={"ehr": system(impact=impact, payer={"timezone": "UTC"})})
    truth = fold("ddu", until=180, history=at_second((0, plain), (90, owed)))
    assert seconds(truth.versions) == [0, 90]
    assert told(truth.states) == "D0 U120"


def test_a_version_that_waited_and_knows_nothing_can_be_mended_at_once() -> None:
    history = at_second((0, config()), (90, BLIND), (150, config()))
    truth = fold("dduu", until=200, history=history)
    assert told(truth.states) == "D0 ?120 U150"
    assert [(o.start - T0, o.end) for o in truth.outages] == [(0, T0 + 120_000)]


def test_a_system_that_is_still_down_by_the_version_that_waited_is_in_the_same_outage() -> None:
    lines = {("c", "a"): "ddu", ("new", "a"): "..ddu"}
    truth = fold(lines, until=250, history=at_second((0, config()), (90, BLIND)))
    assert told(truth.states) == "D0 U240"
    assert [(o.start - T0, o.end) for o in truth.outages] == [(0, T0 + 240_000)]


def test_a_change_waits_through_unknown_time_inside_the_outage() -> None:
    truth = fold("dd", until=400, history=at_second((0, config()), (300, BLIND)))
    assert seconds(truth.versions) == [0]


def test_a_version_overtaken_during_the_outage_never_takes_effect() -> None:
    last = config(checks={"c": check(confirm={"down": 5, "up": 1})})
    truth = fold("dddu", until=200, history=at_second((0, config()), (90, BLIND), (130, last)))
    assert told(truth.states) == "D0 U180"
    assert [v.config for v in truth.versions] == [config(), last]
    assert seconds(truth.versions) == [0, 180]


def test_a_change_that_is_taken_back_during_the_outage_changes_nothing() -> None:
    truth = fold("dddu", until=200, history=at_second((0, config()), (90, BLIND), (130, config())))
    assert told(truth.states) == "D0 U180"


def test_removing_a_system_ends_it_at_once_also_while_it_is_down() -> None:
    gone = config(systems={"other": system()}, checks={})
    truth = fold("dd", until=180, history=at_second((0, config()), (90, gone)))
    assert told(truth.states) == "D0 -90"
    assert [(o.start - T0, o.end) for o in truth.outages] == [(0, T0 + 90_000)]


def test_a_removed_check_ends_and_its_history_stays() -> None:
    both = config(checks={"c": check(), "t": check(role="supporting")})
    truth = fold(
        {("c", "a"): "uuu", ("t", "a"): "ggg"},
        until=150,
        history=at_second((0, both), (90, config())),
    )
    assert told(truth.states) == "G0 U90"
    assert told(truth.checks["t"]) == "G0 -90"


def test_a_version_recorded_at_or_after_now_is_not_known() -> None:
    truth = fold("uu", until=90, history=at_second((0, config()), (90, BLIND)))
    assert seconds(truth.versions) == [0]
    assert len(truth.history.versions) == 1


def test_a_system_is_monitored_from_its_effective_from() -> None:
    used = config(systems={"ehr": system(effective_from="2026-01-01T00:02:00")})
    assert told(fold("ddddu", until=260, used=used).states) == "D120 U240"
    assert fold("ddddu", until=260, used=used).outages[0].start == T0 + 120_000


def test_effective_from_is_never_earlier_than_the_recording() -> None:
    used = config(systems={"ehr": system(effective_from="2026-01-01T00:02:00")})
    assert told(fold("uuuuu", until=260, history=at_second((180, used))).states) == "U180"


def test_without_effective_from_a_system_is_monitored_from_when_it_was_recorded() -> None:
    assert told(fold("uuuuu", until=260, history=at_second((90, config()))).states) == "U90"


def replayed(*seconds_: int) -> SystemTruth:
    line = [result(T0 + s * 1000, Outcome.UP) for s in seconds_]
    history = History([Version(None, config())])
    return fold_system("ehr", history, {("c", "a"): line}, T0 + 120_000, T0)


def test_without_any_instant_it_is_its_first_result_or_the_start_of_the_period() -> None:
    assert replayed(-60, 0).monitored_from == T0 - 60_000
    assert told(replayed(60).states) == "?0 U60"
    assert told(replayed().states) == "?0"


def test_results_before_the_first_version_are_history() -> None:
    truth = fold("dddu", until=200, history=at_second((90, config())))
    assert told(truth.states) == "D90 U180"
    assert truth.outages[0].min_ms == 30_000


def test_a_check_that_was_removed_and_comes_back_goes_on_behind_a_gap() -> None:
    alone = config()
    beside = config(checks={"c": check(), "d": check(role="supporting")})
    history = [(T0, beside), (T0 + 200_000, alone), (T0 + 400_000, beside)]
    lines = {("c", "a"): "uuuuuuuuuu", ("d", "a"): "ddd....d.."}
    truth = fold(lines, until=470, history=history)
    assert told(truth.checks["d"]) == "D0 -200 ?400 D420"
    lines[("d", "a")] = "ddd....u.."
    assert told(fold(lines, until=470, history=history).checks["d"]) == "D0 -200 ?400 U420"


def test_a_version_recorded_as_an_outage_begins_waits_until_it_ends() -> None:
    truth = fold("uddu", until=240, history=at_second((0, config()), (60, BLIND)))
    assert told(truth.states) == "U0 D60 ?180"
    assert seconds(truth.versions) == [0, 180]


def test_a_version_overtaken_as_monitoring_would_begin_never_monitored() -> None:
    soon = config(systems={"ehr": system(effective_from="2026-01-01T00:01:30")})
    later = config(systems={"ehr": system(effective_from="2026-01-01T00:02:00")})
    truth = fold("uuu", until=150, history=at_second((0, soon), (90, later)))
    assert told(truth.states) == "U120"
    assert truth.monitored_from == T0 + 120_000


def test_instants_with_two_outcomes_are_counted_over_all_voices() -> None:
    used = config(checks={"c": check(**{"from": ["a", "b"]})})
    two = {
        ("c", agent): [
            result(T0, Outcome.UP, "c", agent),
            result(T0, Outcome.DOWN, "c", agent),
        ]
        for agent in ("a", "b")
    }
    history = History([Version(T0, used)])
    assert fold_system("ehr", history, two, T0 + 60_000, None).conflicts == 2


def test_a_replay_takes_the_claimed_time_of_an_approval_and_the_collector_the_recorded() -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T03:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-31T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T01:00:00Z"},
    }
    # Recorded as the window begins: too late by the record, in time by the claim.
    history = History(
        [Version(T0, config()), Version(T0 + 7_200_000, config(maintenance=[window]))]
    )
    end = T0 + 10_800_000
    live = fold_system("ehr", history, {}, end, None)
    replayed_ = fold_system("ehr", history, {}, end, T0)
    assert live.recorded
    assert [o.why for o in live.occurrences(end)] == ["approved_late"]
    assert replayed_.excluded(end) == (Interval(T0 + 7_200_000, end),)


def test_runs_of_an_agent_count_only_while_the_check_is_its_own() -> None:
    alone, both = config(), config(checks={"c": check(**{"from": ["a", "b"]})})
    line = [result(T0 + s * 1000, Outcome.UP, "c", "b") for s in (0, 60, 120, 180)]
    versions = [Version(T0, alone), Version(T0 + 60_000, both), Version(T0 + 150_000, alone)]
    truth = fold_system("ehr", History(versions), {("c", "b"): line}, T0 + 240_000, None)
    assert counted(truth, ("c", "b"), line) == [T0 + 60_000, T0 + 120_000]
