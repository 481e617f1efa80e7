"""What an explanation cites is held against the evidence and the fold, over many stories."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import State
from collector.core.explain import Explanation, explain
from collector.core.quorum import vote
from collector.core.reach import near, reach
from collector.core.settled import Source
from collector.core.steps import ContradictionError, Reason, Step, Subject
from collector.core.truth import SystemTruth, fold_system
from collector.core.voice_fold import AgentState
from collector.explaining.sentences import sentence
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Interval, Span
from tests.support.soak import longer
from tests.support.stories import OUTCOMES, T0, at, check, config, result, system
from tests.unit.core.test_twin import Story, evidence, folded, stories
from tests.unit.core.twin import UNIT, settled

Lines = dict[Source, list[Result]]
DAY = Interval(T0, T0 + 86_400_000)


def all_explained(story: Story) -> tuple[Lines, SystemTruth, list[Explanation]]:
    lines, now = evidence(story), story[-1]
    truth = folded(story, lines)
    return lines, truth, [explain(truth, lines, T0 + x * UNIT, DAY) for x in range(now)]


def of(found: Explanation, *reasons: Reason) -> list[Step]:
    return [s for s in found.steps if s.reason in reasons]


def outcomes(lines: Lines, step: Step) -> list[set[Outcome]]:
    """Of each instant a step cites, what its agent sent."""
    line = lines[str(step.check), str(step.agent)]
    return [{r.outcome for r in line if r.t == t} for t in step.instants]


def judged_between(lines: Lines, step: Step, left: int, right: int) -> set[Outcome]:
    line = lines[str(step.check), str(step.agent)]
    told = settled([(r.t, r.outcome) for r in line], right)
    return {outcome for t, outcome in told if left < t and outcome.judged}


@settings(max_examples=longer(60), deadline=None)
@given(stories)
def test_a_cited_outage_was_confirmed_by_n_failing_results_without_a_good_one_or_a_gap_between(
    story: Story,
) -> None:
    lines, _, found = all_explained(story)
    n = story[3]
    for one in found:
        for step in of(one, Reason.OUTAGE, Reason.GAP_IN_OUTAGE):
            assert len(step.instants) == n
            assert all(Outcome.DOWN in o for o in outcomes(lines, step))
            assert step.start == step.instants[0] <= one.at
            line = lines[str(step.check), str(step.agent)]
            for left, right in pairwise(step.instants):
                assert judged_between(lines, step, left, right) <= {Outcome.DOWN}
                heard = [
                    r.t for r in line if left <= r.t <= right and r.outcome is not Outcome.UNKNOWN
                ]
                assert all(b - a <= 3 * UNIT for a, b in pairwise(sorted(heard)))


@settings(max_examples=longer(60), deadline=None)
@given(stories)
def test_a_cited_blip_is_short_and_ended_by_a_good_result(story: Story) -> None:
    lines, _, found = all_explained(story)
    for one in found:
        for step in of(one, Reason.BLIP):
            assert len(step.instants) < story[3]
            assert all(Outcome.DOWN in o for o in outcomes(lines, step))
            assert step.start is not None
            assert step.end is not None
            assert step.start <= one.at < step.end
            ended = {r.outcome for r in lines["c", str(step.agent)] if r.t == step.end}
            assert ended & {Outcome.UP, Outcome.DEGRADED}
        for step in of(one, Reason.UNCONFIRMED_GAP, Reason.UNCONFIRMED_YET):
            assert len(step.instants) < story[3]


@settings(max_examples=longer(60), deadline=None)
@given(stories)
def test_a_cited_hour_of_intermittence_fails_often_enough(story: Story) -> None:
    lines, truth, found = all_explained(story)
    for one in found:
        for step in of(one, Reason.INTERMITTENT):
            assert all(Outcome.DOWN in o for o in outcomes(lines, step))
            assert len(step.instants) >= 3
            assert step.start is not None
            assert step.end is not None
            assert step.end - step.start <= 3_600_000
            assert (step.verdict == "down") is (len(step.instants) >= 5)
            judged = truth.voices["c", str(step.agent)].judged.fine
            assert sum(step.start <= t <= step.end for t in judged) == 10


@settings(max_examples=longer(60), deadline=None)
@given(stories)
def test_the_votes_cited_give_the_state_by_the_rule(story: Story) -> None:
    _, truth, found = all_explained(story)
    for one in found:
        for step in one.steps:
            if "fresh" not in step.facts:
                continue
            count = {k: int(str(step.facts[k])) for k in ("assigned", "fresh", "down", "degraded")}
            states = [State.UNKNOWN] * (count["assigned"] - count["fresh"])
            states += [State.DOWN] * count["down"] + [State.DEGRADED] * count["degraded"]
            states += [State.UP] * (count["assigned"] - len(states))
            assert vote(states, None) == step.verdict
            assert step.facts["need"] == (count["assigned"] + 1) // 2
        said = [s.verdict for s in one.steps if s.subject is Subject.SYSTEM and s.verdict]
        true = next(s.value for s in truth.states if s.start <= one.at < s.end)
        assert set(said) == {true}
        assert one.verdict == true


WINDOW = {
    "id": "w",
    "systems": ["ehr"],
    "start": "2026-01-01T00:20:00",
    "end": "2026-01-01T00:40:00",
    "timezone": "UTC",
    "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
    "approval": {"by": "q", "at": "2026-01-01T00:10:00Z"},
}
FINISHED = WINDOW | {"finished": [{"by": "p", "at": "2026-01-01T00:25:00Z"}]}
GROUPED = check(role={"group": "r"}, **{"from": ["a", "s"]})
LAB = system(impact={"class": "administrative"})
VERSIONS = [
    config(checks={"c": check(**{"from": ["a", "b", "s"]})}),
    config(checks={"c": check(confirm={"down": 3, "up": 2}, **{"from": ["a", "s"]})}),
    config(checks={"c": check(confirm={"down": 1, "up": 1}), "d": check(role="supporting")}),
    config(
        checks={"c": GROUPED, "d": GROUPED},
        systems={"ehr": system(groups={"r": {"need": 1}})},
        maintenance=[WINDOW],
    ),
    config(checks={"c": check(), "d": check(every="3m")}, maintenance=[WINDOW]),
    config(maintenance=[FINISHED]),
    config(systems={"lab": LAB}, checks={"c": check(system="lab")}),
    config(systems={"ehr": system(effective_from="2026-01-01T00:30:00")}),
]
words = st.text(alphabet="uudddgmx.", max_size=60)


@settings(max_examples=longer(150), deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(VERSIONS)), min_size=1, max_size=4),
    st.dictionaries(
        st.tuples(st.sampled_from("cd"), st.sampled_from("abs")), words, min_size=1, max_size=4
    ),
    st.integers(1, 70),
    st.data(),
)
def test_no_explanation_contradicts_the_truth_under_any_history(
    dated: list[tuple[int, Config]], told: dict[Source, str], until: int, data: st.DataObject
) -> None:
    history = History([Version(T0 + n * 60_000, used) for n, used in dict(dated).items()])
    lines = {source: at(line, *source) for source, line in told.items()}
    truth = fold_system("ehr", history, lines, T0 + until * 60_000, None)
    for second in data.draw(st.lists(st.integers(0, 4200), min_size=1, max_size=8)):
        instant = T0 + second * 1000
        found = explain(truth, lines, instant, DAY)
        true = [s.value for s in truth.states if s.start <= instant < s.end]
        state = true[0] if true else State.NOT_MONITORED
        assert found.state is state
        out = any(i.start <= instant < i.end for i in truth.excluded(instant + 1))
        monitored = state is not State.NOT_MONITORED
        assert found.verdict == ("excluded" if out and monitored else state)
        assert all(sentence(step) for step in found.steps)


SLOT = 10_000
pieces = st.lists(
    st.tuples(
        st.sampled_from(
            ["u", "d", "m", "x", ".", "du", "dm", "dduu", "ud", "mg", "d....", "m...."]
        ),
        st.integers(1, 60),
    ),
    max_size=14,
)


def quick(n: int, m: int) -> Config:
    """A hold of three slots of ten seconds."""
    entry = check(every="10s", timeout="10s", confirm={"down": n, "up": m})
    return config(checks={"c": entry})


def line_of(parts: list[tuple[str, int]]) -> list[Result]:
    words = "".join(word * (count if len(word) == 1 else count // 2) for word, count in parts)
    return [
        result(T0 + n * SLOT, OUTCOMES[letter]) for n, letter in enumerate(words) if letter != "."
    ]


def shifted(truth_from: int, lines: Lines, n: int, m: int) -> SystemTruth:
    history = History([Version(T0 + truth_from * SLOT, quick(n, m))])
    edge = max([T0 + truth_from * SLOT, *(r.t for line in lines.values() for r in line)])
    return fold_system("ehr", history, lines, edge + 5 * SLOT, T0)


@settings(max_examples=longer(150), deadline=None)
@given(pieces, st.integers(1, 3), st.integers(1, 3), st.integers(0, 40), st.data())
def test_the_results_within_reach_explain_as_much_as_all_results(
    parts: list[tuple[str, int]], n: int, m: int, begins: int, data: st.DataObject
) -> None:
    lines: Lines = {("c", "a"): line_of(parts)}
    truth = shifted(begins, lines, n, m)
    last = (truth.now - T0) // SLOT
    for x in data.draw(st.lists(st.integers(0, last), min_size=1, max_size=12)):
        at = T0 + x * SLOT + 1
        assert explain(truth, near(truth, lines, at), at, DAY) == explain(truth, lines, at, DAY)


def test_the_reach_is_hours_and_not_the_whole_history() -> None:
    lines: Lines = {("c", "a"): line_of([("u", 4000)])}
    truth = shifted(0, lines, 2, 1)
    at = T0 + 3000 * SLOT
    # an hour, and 13 results of three holds each; one good result more
    margin = 3_600_000 + 13 * 3 * 30_000
    assert reach(truth, at) == {("c", "a"): Interval(at - SLOT - 2 * margin, at + margin + 1)}


def test_the_reach_goes_back_to_the_start_of_the_outage() -> None:
    lines: Lines = {("c", "a"): line_of([("u", 3000), ("d", 4000), ("u", 10)])}
    truth = shifted(0, lines, 2, 1)
    at = T0 + 6900 * SLOT
    began = T0 + 3000 * SLOT
    found = reach(truth, at)["c", "a"]
    assert found.start < began - 3_600_000
    assert found.start > T0
    (step,) = of(explain(truth, near(truth, lines, at), at, DAY), Reason.OUTAGE)
    assert step.instants == (began, began + SLOT)


@pytest.mark.parametrize(
    ("parts", "confirm", "slot"),
    [
        ([("u", 700), ("d", 1), ("m", 4000), ("d", 1)], (2, 1), 4701),
        ([("u", 700), ("d", 1), ("m", 4000), ("d", 1)], (2, 1), 700),
        ([("u", 700), ("d", 1), ("m", 4000), ("u", 1)], (2, 1), 700),
        ([("u", 700), ("m", 1), (".", 4000), ("m", 1)], (2, 1), 4701),
        ([("u", 700), ("m", 1), (".", 4000), ("m", 1)], (2, 1), 700),
        ([("u", 700), ("d", 3), ("du", 9000), ("u", 700)], (3, 2), 9000),
        ([("u", 700), ("d", 3), ("du", 9000), ("u", 700)], (3, 2), 9704),
        ([("u", 700), ("du", 4), ("d", 1), (".", 400), (f"d{44 * '.'}", 1000)], (3, 1), 21355),
        ([("u", 700), ("d", 3), (".", 4000), ("u", 3)], (3, 3), 3000),
        ([("u", 700), (".", 4000), ("u", 3)], (2, 1), 3000),
        ([("u", 700), (".", 4000), ("u", 3)], (2, 1), 4701),
    ],
)
def test_a_rule_that_looks_far_back_is_within_reach(
    parts: list[tuple[str, int]], confirm: tuple[int, int], slot: int
) -> None:
    lines: Lines = {("c", "a"): line_of(parts)}
    truth = shifted(0, lines, *confirm)
    at = T0 + slot * SLOT + 1
    assert explain(truth, near(truth, lines, at), at, DAY) == explain(truth, lines, at, DAY)


def test_what_is_read_beside_a_truth_it_does_not_fit_is_not_shown() -> None:
    lines: Lines = {("c", "a"): line_of([("u", 20)])}
    truth = shifted(0, lines, 2, 1)
    at = T0 + 5 * SLOT
    down = (Span(truth.states[0].start, truth.now, State.DOWN),)
    voice = replace(
        truth.voices["c", "a"], states=(Span(truth.states[0].start, truth.now, AgentState.DOWN),)
    )
    for wrong in (
        replace(truth, states=down),
        replace(truth, checks={"c": down}),
        replace(truth, sites={**truth.sites, "north": down}),
        replace(truth, voices={("c", "a"): voice}),
    ):
        with pytest.raises(ContradictionError):
            explain(wrong, lines, at, DAY)
