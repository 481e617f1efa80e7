"""All that the steps of an explanation hold, from one agent's results to the system."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from alerts.events import State
from collector.core.explain import explain
from collector.core.explain_hold import Voiced, explain_hold
from collector.core.explain_number import explain_class
from collector.core.reading import read
from collector.core.steps import ContradictionError, Subject
from collector.core.truth import SystemTruth
from collector.core.voice_fold import AgentState
from probes.contract import Outcome
from probes.results import Result
from probes.spans import Interval, Span
from tests.support.stories import T0, at, check, config, fold, result
from tests.unit.core.told import PERIOD, explained, lines

HOLD = "every_ms=60000 timeout_ms=10000 hold_ms=130000"


def test_every_step_of_one_outage() -> None:
    found = explained(
        "uddu", second=130, until=240, history=[(0, config())], recorded_by={0: "admin-1"}
    )
    assert (found.system, found.at, found.now) == ("ehr", T0 + 130_000, T0 + 240_000)
    assert (found.timezone, found.period) == ("UTC", PERIOD)
    assert (found.state, found.verdict, found.column) == (State.DOWN, "down", "D")
    assert lines(found) == [
        "2, versions in_force version in_force 0- recorded_at=0 by=admin-1 outage_start=None",
        f"2.1 held voice down c/a@north [120] 120-180 outcome=down code=any {HOLD} cut=yes",
        "2.2 outage voice down c/a@north [60 120] 60-180 need=2",
        (
            "2.4 majority_down site_of_check down c/@north assigned=1 fresh=1 need=1 down=1 degraded=0 "
            "majority=1"
        ),
        "2.4 majority_down check down c/@ assigned=1 fresh=1 need=1 down=1 degraded=0 majority=1",
        "2.5 critical check down c/@",
        "2.5 critical_down site down /@north checks=c",
        "2.5 critical_down system down checks=c",
        "3 outage_open system down 60-180 min_ms=60000 max_ms=180000",
        "3 state system down",
        (
            "3 counts number D 0-86400 formula=contract-v1 class=down raw=D known=lowers min=lowers "
            "max=lowers scope=organization sites=north:D,south:none"
        ),
        (
            "3 numbers number breached 0-86400 known=50.0000 min=50.0000 max=50.0000 u_ms=120000 "
            "d_ms=120000 k_ms=0 excluded_ms=0 target=99.9 scope=organization"
        ),
    ]


@pytest.mark.parametrize(
    ("words", "second", "until", "steps"),
    [
        (
            "udd...xx",
            470,
            600,
            [
                f"2.1 gap voice unknown c/a@north [120] 120-250 outcome=down code=any {HOLD} cut=no",
                "2.1 no_information voice - c/a@north [420] count=2 code=any",
                "2.2 gap_in_outage voice unknown c/a@north [60 120] 60-",
            ],
        ),
        (
            "xxu",
            70,
            600,
            [
                "2.1 silent voice unknown c/a@north",
                "2.1 no_information voice - c/a@north [60] count=2 code=any",
                "2.2 nothing_holds voice unknown c/a@north",
            ],
        ),
        ("uug", 130, 600, ["2.2 good voice degraded c/a@north [120]"]),
        ("ud", 70, 100, ["2.2 unconfirmed_yet voice unknown c/a@north [60] 60- count=1 need=2"]),
        (
            "ud...u",
            70,
            600,
            ["2.2 unconfirmed_gap voice unknown c/a@north [60] 60- count=1 need=2"],
        ),
        ("udu", 70, 600, ["2.2 blip voice degraded c/a@north [60] 60-120 count=1 need=2"]),
        ("ummu", 130, 600, ["2.2 rejected voice misconfigured c/a@north [60 120] 60- need=2"]),
        (
            "u....m",
            310,
            600,
            ["2.2 rejected_after_gap voice unknown c/a@north [300] count=1 need=2"],
        ),
        # what is degraded already is not made worse
        ("udududuuuu", 70, 600, ["2.2 blip voice degraded c/a@north [60] 60-120 count=1 need=2"]),
        (
            "udududuuuu",
            130,
            600,
            [
                "2.2 good voice up c/a@north [120]",
                "2.3 intermittent voice degraded c/a@north [60 180 300] 0-540 count=3 runs=3",
            ],
        ),
    ],
)
def test_every_step_of_a_voice(words: str, second: int, until: int, steps: list[str]) -> None:
    found = lines(explained(words, second=second, until=until), Subject.VOICE)
    assert found[-len(steps) :] == steps


PATIENT = config(checks={"c": check(confirm={"down": 3, "up": 2})})


@pytest.mark.parametrize(
    ("words", "second", "step"),
    [
        ("dddudd", 190, "2.2 short_recovery voice down c/a@north [180] 0- count=1 need=2"),
        ("ddduu", 250, "2.2 recovered voice up c/a@north [180 240] 0-180 need=2"),
        # before it goes on what stood before all of them, not what follows
        (
            "ugmmdd",
            130,
            "2.2 rejected_unconfirmed voice degraded c/a@north [120 180] count=2 need=3",
        ),
        (
            "ugmmdd",
            190,
            "2.2 rejected_unconfirmed voice degraded c/a@north [120 180] count=2 need=3",
        ),
    ],
)
def test_every_step_where_more_results_are_needed(words: str, second: int, step: str) -> None:
    assert lines(explained(words, second=second, used=PATIENT), Subject.VOICE)[-1] == step


def hold(raw: list[Result], second: int) -> list[str]:
    known = read([], lambda _: None, T0)
    found = explain_hold(Voiced("c", "a", "north", raw, known), second * 1000, None)
    return [f"{s.reason} {s.instants}" for s in found]


def test_an_agent_that_said_nothing_yet_is_silent_since_ever() -> None:
    raw = [result(t, Outcome.UNKNOWN) for t in (-1, 0, 1)]
    assert hold(raw[:1], 5) == ["silent ()", "no_information (-1,)"]
    assert hold(raw, 5) == ["silent ()", "no_information (1,)"]
    assert hold([], 5) == ["silent ()"]


def test_two_different_results_of_one_instant_are_a_conflict() -> None:
    raw = [*at("u"), result(T0, Outcome.DEGRADED), result(T0, Outcome.DEGRADED)]
    reading = read(raw[1:2], lambda _: config().checks["c"], T0 + 1000)
    found = explain_hold(Voiced("c", "a", "north", raw, reading), T0 + 10, 0)
    assert [s.reason for s in found] == ["held", "conflict"]
    assert found[1].facts == {"outcomes": ("degraded", "up")}


def test_two_thirds_of_three_are_two() -> None:
    used = config(
        agents={name: {"site": "north"} for name in "abe"},
        checks={"c": check(**{"from": ["a", "b", "e"]})},
    )
    words = {("c", "a"): "ddd", ("c", "b"): "ddd", ("c", "e"): "uuu"}
    assert lines(explained(words, second=70, used=used), Subject.SITE_OF_CHECK) == [
        (
            "2.4 majority_down site_of_check down c/@north assigned=3 fresh=3 need=2 down=2 degraded=0 "
            "majority=2"
        )
    ]


def test_the_sites_of_a_check_are_counted_by_its_own_need() -> None:
    used = config(checks={"c": check(quorum={"need": 2}, **{"from": ["a", "s"]})})
    found = explained({("c", "a"): "uuu"}, second=70, used=used)
    assert lines(found, Subject.CHECK) == [
        "2.4 too_few check unknown c/@ assigned=2 fresh=1 need=2 down=0 degraded=0 majority=1",
        "2.5 critical check unknown c/@",
    ]


def test_a_site_with_a_supporting_check_only_is_not_monitored() -> None:
    used = config(checks={"c": check(), "z": check(role="supporting", **{"from": ["a", "s"]})})
    found = explained({("c", "a"): "uuu", ("z", "s"): "..."}, second=70, used=used)
    assert lines(found, Subject.SITE, Subject.SYSTEM) == [
        "2.5 all_up site up /@north",
        "2.5 supporting_unknown site - /@north checks=z",
        "2.5 nothing_counts site not_monitored /@south",
        "2.5 all_up system up",
        "2.5 supporting_unknown system - checks=z",
        "3 state system up",
    ]


def truth() -> SystemTruth:
    return fold("uuuuu", until=300)


DOWN = (Span(T0, T0 + 300_000, State.DOWN),)
UP = (Span(T0, T0 + 300_000, State.UP),)


@pytest.mark.parametrize(
    ("wrong", "place"),
    [
        (replace(truth(), states=DOWN), "ehr "),
        (replace(truth(), checks={"c": DOWN}), f"c {T0}"),
        (replace(truth(), sites={"north": DOWN, "south": UP}), "ehr north"),
        (
            replace(
                truth(),
                voices={
                    ("c", "a"): replace(
                        truth().voices["c", "a"],
                        states=(Span(T0, T0 + 300_000, AgentState.DOWN),),
                    )
                },
            ),
            f"c a {T0}",
        ),
    ],
)
def test_a_contradiction_says_where(wrong: SystemTruth, place: str) -> None:
    with pytest.raises(ContradictionError) as caught:
        explain(wrong, {("c", "a"): at("uuuuu")}, T0, PERIOD)
    assert str(caught.value) == place


class Excluding(SystemTruth):
    """A truth that takes time out for which it has no window."""

    def excluded(self, until: int, since: int = 0) -> tuple[Interval, ...]:
        return (Interval(since, until),)


def test_excluded_time_without_a_window_is_a_contradiction() -> None:
    known = truth()
    wrong = Excluding(**{f.name: getattr(known, f.name) for f in fields(known)})
    with pytest.raises(ContradictionError) as caught:
        explain_class(wrong, T0, State.UP)
    assert str(caught.value) == f"ehr {T0}"
