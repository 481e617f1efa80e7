"""The fold against the twin over whole histories: versions that wait, roles, quorum, windows."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from collector.core.amounts import Amounts
from collector.core.availability import availability
from collector.core.truth import SystemTruth, fold_system
from probes.config import Config
from probes.history import History, Version
from probes.results import Result
from probes.spans import Interval
from probes.times import from_ms
from tests.support.soak import longer
from tests.support.stories import OUTCOMES, T0, config, result, system
from tests.unit.core.twin import UNIT, Line, Plan, Slot, Source, Twin, Watched, verdict

ROLES = {"c": "critical", "e": "critical", "g1": "group", "g2": "group", "t": "supporting"}
TARGET, MINIMUM = Fraction(90, 100), Fraction(60, 100)


@dataclass(frozen=True)
class Story:
    plans: tuple[Plan, ...]
    words: tuple[tuple[Source, str], ...]
    now: int
    formula: str = "contract-v1"
    scope: str = "organization"

    @property
    def lines(self) -> dict[Source, Line]:
        return {
            source: [(n, OUTCOMES[letter]) for n, letter in enumerate(line) if letter != "."]
            for source, line in self.words
        }


@st.composite
def watched(draw: st.DrawFn, name: str) -> Watched:
    every = draw(st.sampled_from([1, 1, 2]))
    return Watched(
        agents=draw(st.sampled_from([("a",), ("a", "s"), ("a", "b"), ("a", "b", "s")])),
        role=ROLES[name],
        n=draw(st.integers(1, 3)),
        m=draw(st.integers(1, 2)),
        need=draw(st.sampled_from([None, None, 1, 2])),
        every=every,
        timeout=draw(st.integers(1, every)),
    )


@st.composite
def plans(draw: st.DrawFn, at: int, *, first: bool) -> Plan:
    if not first and draw(st.integers(0, 7)) == 0:
        return Plan(at, {})
    extra = draw(st.sampled_from([(), ("e",), ("t",), ("g1",), ("g1", "g2"), ("g1", "g2", "t")]))
    start = draw(st.integers(1, 20))
    return Plan(
        at,
        {name: draw(watched(name)) for name in ("c", *extra)},
        k=draw(st.integers(1, max(1, sum(name in ("g1", "g2") for name in extra)))),
        effective=draw(st.sampled_from([None, None, None, 3, 12])),
        windows=draw(
            st.sampled_from(
                [
                    (),
                    (Slot("w", start, start + 6, start - 1),),
                    (Slot("w", start, start + 6, max(0, start - 5)), Slot("v", 8, 12, 3)),
                    (Slot("w", start, start + 6, start), Slot("v", 8, 12, None)),
                ]
            )
        ),
    )


@st.composite
def stories(draw: st.DrawFn) -> Story:
    starts = sorted({draw(st.integers(0, 2)), *draw(st.lists(st.integers(3, 24), max_size=3))})
    moods = st.text("uuuuddddgmmx.", max_size=26)
    steady = st.sampled_from(["u" * 26, "u" * 26, "d" * 6 + "u" * 20, "u" * 9 + "d" * 7 + "u" * 10])
    sources = [(name, agent) for name in ROLES for agent in ("a", "b", "s")]
    wild = {(name, agent) for name in ("c", "g1", "t") for agent in ("a", "s")} | {("c", "b")}
    return Story(
        plans=tuple(draw(plans(at, first=at == starts[0])) for at in starts),
        words=tuple((one, draw(moods | steady if one in wild else steady)) for one in sources),
        now=draw(st.integers(1, 32)),
        formula=draw(st.sampled_from(["contract-v1", "whole-period-v1"])),
        scope=draw(st.sampled_from(["organization", "worst_site", "user_weighted"])),
    )


def written(unit: int) -> str:
    return from_ms(T0 + unit * UNIT).isoformat()[:-6]


def version(plan: Plan, story: Story) -> Version:
    """The operator's file of a plan."""
    sites = {"north": {"name": "North", "users": 3}, "south": {"name": "South", "users": 1}}
    at = T0 + plan.at * UNIT
    if not plan.checks:
        return Version(at, config(systems={"other": system()}, checks={}, sites=sites))
    about: dict[str, Any] = {
        "slo": {
            "target": "90", "minimum": "60", "formula": story.formula, "scope": story.scope,
        }
    }  # fmt: skip
    if any(w.role == "group" for w in plan.checks.values()):
        about["groups"] = {"pair": {"need": plan.k}}
    if plan.effective is not None:
        about["effective_from"] = written(plan.effective)
    return Version(
        at,
        Config.model_validate(
            config(sites=sites).model_dump(by_alias=True, mode="json")
            | {
                "systems": {"ehr": system(**about)},
                "checks": {name: entry(w) for name, w in plan.checks.items()},
                "maintenance": [window(slot) for slot in plan.windows],
            }
        ),
    )


def entry(one: Watched) -> dict[str, Any]:
    return {
        "system": "ehr",
        "kind": "http",
        "every": f"{one.every * 2}m",
        "timeout": f"{one.timeout * 2}m",
        "from": list(one.agents),
        "role": {"group": "pair"} if one.role == "group" else one.role,
        "confirm": {"down": one.n, "up": one.m},
        "quorum": {} if one.need is None else {"need": one.need},
    }


def window(slot: Slot) -> dict[str, Any]:
    approval = (
        {"by": "q", "at": written(slot.approved) + "Z"} if slot.approved is not None else None
    )
    return {
        "id": slot.id,
        "systems": ["ehr"],
        "start": written(slot.start),
        "end": written(slot.end),
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
        "approval": approval,
    }


def both(story: Story) -> tuple[SystemTruth, Twin, History]:
    history = History([version(plan, story) for plan in story.plans])
    results: dict[Source, list[Result]] = {
        (name, agent): [result(T0 + t * UNIT, o, name, agent) for t, o in line]
        for (name, agent), line in story.lines.items()
    }
    now = T0 + story.now * UNIT
    return (
        fold_system("ehr", history, results, now, T0),
        Twin(story.plans, story.lines, story.now),
        history,
    )


def by_unit(truth: SystemTruth, spans: Any, now: int) -> list[str]:
    out = ["not_monitored"] * now
    for span in spans:
        for x in range((span.start - T0) // UNIT, (span.end - T0) // UNIT):
            out[x] = str(span.value)
    return out


@settings(max_examples=longer(200), deadline=None)
@given(stories())
def test_states_over_versions_roles_and_quorum_are_what_the_text_says(story: Story) -> None:
    truth, twin, _ = both(story)
    assert by_unit(truth, truth.states, story.now) == twin.states
    for site in ("north", "south"):
        assert by_unit(truth, truth.sites.get(site, ()), story.now) == twin.sites[site], site
    for name, line in twin.checks.items():
        assert by_unit(truth, truth.checks.get(name, ()), story.now) == line, name


@settings(max_examples=longer(200), deadline=None)
@given(stories())
def test_outages_over_versions_are_what_the_text_says(story: Story) -> None:
    truth, twin, _ = both(story)
    found = [
        ((o.start - T0) // UNIT, None if o.end is None else (o.end - T0) // UNIT)
        for o in truth.outages
    ]
    assert found == twin.outages
    for one in truth.outages:
        if one.end is None:
            assert one.max_ms is None
            continue
        low, high = twin.uncertainty((one.start - T0) // UNIT, (one.end - T0) // UNIT)
        assert (one.min_ms, one.max_ms) == (low * UNIT, None if high is None else high * UNIT)


@settings(max_examples=longer(200), deadline=None)
@given(stories())
def test_time_without_access_is_what_the_text_says(story: Story) -> None:
    truth, twin, _ = both(story)

    def by_unit_of(intervals: tuple[Interval, ...]) -> list[bool]:
        inside = [T0 + x * UNIT for x in range(story.now)]
        return [any(i.start <= t < i.end for i in intervals) for t in inside]

    assert by_unit_of(truth.access) == twin.access()
    assert by_unit_of(truth.rejected_by_all) == [twin.rejected(x) for x in range(story.now)]


def counted(twin: Twin, states: list[str], end: int, formula: str) -> Amounts:
    classes = [twin.klass(x, states) for x in range(end)]
    times = {k: classes.count(k) * UNIT for k in set(classes)}
    excluded, missing = times.get("excluded", 0), times.get("not_monitored", 0)
    kept = excluded if formula == "whole-period-v1" else 0
    return Amounts(
        eligible=end * UNIT - missing - excluded + kept,
        up=times.get("up", 0),
        degraded=times.get("degraded", 0),
        down=times.get("down", 0),
        unknown=times.get("unknown", 0),
        excluded=excluded,
        not_monitored=missing,
    )


@settings(max_examples=longer(200), deadline=None)
@given(stories(), st.integers(1, 34))
def test_the_classes_of_a_period_are_what_the_text_says(story: Story, end: int) -> None:
    truth, twin, history = both(story)
    one = availability(truth, history, T0, T0 + end * UNIT, T0 + story.now * UNIT)
    formula = one.formula
    assert one.amounts == counted(twin, twin.states, end, formula)
    for site in ("north", "south"):
        assert one.sites[site] == counted(twin, twin.sites[site], end, formula), site
    raw = [s for s in twin.states[:end] if s != "not_monitored"]
    assert (one.raw.down, one.raw.unknown, one.raw.excluded) == (
        raw.count("down") * UNIT,
        raw.count("unknown") * UNIT,
        0,
    )
    assert one.raw.eligible == len(raw) * UNIT


@settings(max_examples=longer(150), deadline=None)
@given(stories(), st.integers(1, 34))
def test_the_verdict_of_the_organization_is_what_the_text_says(story: Story, end: int) -> None:
    truth, twin, history = both(story)
    one = availability(truth, history, T0, T0 + end * UNIT, T0 + story.now * UNIT)
    if one.slo is None or one.slo.scope != "organization":
        return
    a = one.amounts
    if story.now >= end:
        up = a.up + a.degraded + (a.excluded if one.formula == "whole-period-v1" else 0)
        expected = verdict(up, a.down, a.unknown, TARGET)
        if one.formula == "whole-period-v1" and a.up + a.degraded + a.down == 0:
            expected = "no_data"
        assert one.verdict == expected
    elif one.formula == "contract-v1":
        budget = (1 - TARGET) * twin.eligible_whole(end) * UNIT
        assert one.verdict == ("breached" if a.down > budget else "open")
