"""The fold against a twin written from the text: instant by instant, slow and plain."""

from __future__ import annotations

import random
from fractions import Fraction
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import State
from collector.core.availability import availability
from collector.core.truth import SystemTruth, fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.soak import longer
from tests.support.stories import T0, config, result
from tests.unit.core.twin import GOOD, UNIT, Heard, Line, Rule, heard, settled, voice, vote

agent_line = st.lists(
    st.tuples(st.integers(1, 3), st.sampled_from([*Outcome, Outcome.UP, Outcome.DOWN])),
    max_size=26,
).map(lambda steps: [(sum(s for s, _ in steps[: n + 1]) - 1, o) for n, (_, o) in enumerate(steps)])
extra = st.lists(st.tuples(st.integers(0, 40), st.sampled_from(list(Outcome))), max_size=3)
lines = st.tuples(agent_line, extra).map(lambda pair: pair[0] + pair[1])
stories = st.tuples(
    lines,
    lines,
    st.sampled_from(["b", "s"]),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 60),
)
Story = tuple[Line, Line, str, int, int, int]


def told_to(line: Line, n: int, m: int, now: int) -> Heard:
    """Every one unit with a time-out of one unit: a hold is three units."""
    return heard(line, now, lambda _: Rule(n, m, 3))


def hospital(story: Story) -> Config:
    _, _, other, n, m, _ = story
    entry = {
        "system": "ehr",
        "kind": "http",
        "every": "2m",
        "timeout": "2m",
        "from": ["a", other],
        "confirm": {"down": n, "up": m},
    }
    # A hold is two `every` and a time-out: three units.
    return config(checks={"c": entry | {"every": "2m", "timeout": "2m"}})


def evidence(story: Story) -> dict[tuple[str, str], list[Result]]:
    first, second, other, *_ = story
    return {
        ("c", agent): [result(T0 + t * UNIT, o, agent=agent) for t, o in line]
        for agent, line in (("a", first), (other, second))
    }


def folded(story: Story, results: dict[tuple[str, str], list[Result]]) -> SystemTruth:
    history = History([Version(None, hospital(story))])
    return fold_system("ehr", history, results, T0 + story[-1] * UNIT, T0)


def by_unit(truth: SystemTruth, site: str | None = None) -> list[str]:
    spans = truth.states if site is None else truth.sites[site]
    return [str(s.value) for s in spans for _ in range((s.end - s.start) // UNIT)]


@settings(max_examples=longer(300), deadline=None)
@given(stories)
def test_the_fold_says_at_every_instant_what_the_text_says(story: Story) -> None:
    one, two, other, n, m, now = story
    truth = folded(story, evidence(story))
    own = [[voice(told_to(line, n, m, now), x) for x in range(now)] for line in (one, two)]
    pairs = [list(pair) for pair in zip(*own, strict=True)]
    if other == "b":
        assert by_unit(truth) == [vote(pair) for pair in pairs]
        assert by_unit(truth, "north") == by_unit(truth)
        assert by_unit(truth, "south") == ["not_monitored"] * now
    else:
        assert by_unit(truth, "north") == [vote([a]) for a, _ in pairs]
        assert by_unit(truth, "south") == [vote([b]) for _, b in pairs]
        assert by_unit(truth) == [vote([vote([a]), vote([b])]) for a, b in pairs]


@settings(max_examples=longer(150), deadline=None)
@given(stories)
def test_an_outage_and_its_uncertainty_are_what_the_text_says(story: Story) -> None:
    one, two, other, n, m, now = story
    truth = folded(story, evidence(story))
    states = by_unit(truth)
    own = {
        agent: [voice(told_to(line, n, m, now), x) for x in range(now)]
        for agent, line in (("a", one), (other, two))
    }
    judged = {"a": settled(one, now), other: settled(two, now)}
    expected: list[tuple[int, int | None, int | None, int | None]] = []
    x = 0
    while "down" in states[x:]:
        start = states.index("down", x)
        end = next((y for y in range(start, now) if states[y] in ("up", "degraded")), None)
        edge = now if end is None else end
        failing = [
            t
            for agent, line in judged.items()
            for t, o in line
            if start <= t < edge and o is Outcome.DOWN and own[agent][t] == "down"
        ]
        good = [
            t
            for agent, line in judged.items()
            for t, o in line
            if t < start and o in GOOD and own[agent][start] == "down"
        ]
        widest = None if end is None or not good else (end - max(good)) * UNIT
        least = None if end is None else (max([start, *failing]) - start) * UNIT
        expected.append((start, end, least, widest))
        x = edge
    units = [
        (
            (o.start - T0) // UNIT,
            None if o.end is None else (o.end - T0) // UNIT,
            o.min_ms,
            o.max_ms,
        )
        for o in truth.outages
    ]
    assert units == expected


@settings(max_examples=longer(100), deadline=None)
@given(stories, st.integers(0, 70), st.sampled_from(["contract-v1", "whole-period-v1"]))
def test_splitting_a_period_adds_up(story: Story, cut: int, formula: str) -> None:
    window = {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-01T00:20:00",
        "end": "2026-01-01T00:40:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
        "approval": {"by": "q", "at": "2025-12-31T00:00:00Z"},
    }
    used = hospital(story).model_dump(by_alias=True, mode="json")
    used["maintenance"] = [window]
    used["systems"]["ehr"]["slo"]["formula"] = formula
    history = History([Version(None, Config.model_validate(used))])
    now = T0 + story[-1] * UNIT
    truth = fold_system("ehr", history, evidence(story), now, T0)
    middle, end = T0 + cut * UNIT, T0 + 70 * UNIT
    whole = availability(truth, history, T0, end, now)
    left = availability(truth, history, T0, middle, now)
    right = availability(truth, history, middle, end, now)
    for kind in ("amounts", "raw"):
        total, first, second = (getattr(part, kind) for part in (whole, left, right))
        for name in total.__slots__:
            assert getattr(total, name) == getattr(first, name) + getattr(second, name), name
        assert (
            total.eligible
            + total.not_monitored
            + (0 if formula == "whole-period-v1" else total.excluded)
            == 70 * UNIT
        )
        seen = total.numerator + total.down
        if seen and total.eligible:
            low = Fraction(total.numerator, total.eligible)
            high = Fraction(total.numerator + total.unknown, total.eligible)
            assert low <= Fraction(total.numerator, seen) <= high
    assert whole.judged_runs == left.judged_runs + right.judged_runs
    assert whole.good_runs == left.good_runs + right.good_runs
    assert whole.blips == left.blips + right.blips


@settings(max_examples=longer(100), deadline=None)
@given(stories, st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(story: Story, chance: random.Random) -> None:
    plain = evidence(story)
    mixed = {source: [*line, *line[::2]] for source, line in plain.items()}
    for line in mixed.values():
        chance.shuffle(line)
    one, two = folded(story, plain), folded(story, mixed)
    assert one.states == two.states
    assert one.sites == two.sites
    assert one.voices == two.voices
    assert one.outages == two.outages
    assert one.access == two.access
    assert one.blips == two.blips
    assert one.conflicts == two.conflicts


@settings(max_examples=longer(100), deadline=None)
@given(stories)
def test_states_cover_all_time_up_to_now_without_overlap(story: Story) -> None:
    truth = folded(story, evidence(story))
    assert truth.states[0].start == T0
    assert truth.states[-1].end == T0 + story[-1] * UNIT
    for left, right in pairwise(truth.states):
        assert left.end == right.start
        assert left.value is not right.value
    assert State.NOT_MONITORED not in {s.value for s in truth.states}
