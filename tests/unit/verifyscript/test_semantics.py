"""Semantics 2 to 4 as the script has them against the fold, over whole histories drawn at random."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.events import State
from collector.core.amounts import Amounts
from collector.core.availability import availability
from collector.core.truth import SystemTruth, fold_system
from collector.verifyscript import maintenance, numbers, states, terms
from collector.verifyscript.spans import Line, united
from probes import configfile, windows
from probes.acts import ActKind, WindowAct
from probes.config import Config
from probes.config_windows import Window
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Timeline
from probes.times import parse_datetime, rfc3339
from tests.support.soak import longer
from tests.unit.core.scenes import local, scenes
from tests.unit.core.twin import UNIT
from tests.unit.core.twin_hospital import Scene

DAY = 86_400_000


@st.composite
def acts(draw: st.DrawFn, zero: int) -> tuple[WindowAct, ...]:
    """What people did beside the file about windows `v` and `z`, in the order they did it."""
    found: list[WindowAct] = []
    at = -3
    content: dict[str, str] = {}
    for _ in range(draw(st.sampled_from([0, 0, 2, 4, 6]))):
        at += draw(st.integers(1, 6))
        ms = zero + at * UNIT
        name, by = draw(st.sampled_from(["z", "z", "v"])), draw(st.sampled_from(["p", "q"]))
        kind = draw(st.sampled_from([*ActKind, ActKind.APPROVED, ActKind.APPROVED]))
        if name not in content or kind is ActKind.PROPOSED:
            start = at + draw(st.integers(-2, 8))
            window = Window.model_validate(
                {
                    "id": name,
                    "systems": ["ehr"],
                    "start": local(zero, start, "UTC").isoformat(),
                    "end": local(zero, start + draw(st.integers(1, 9)), "UTC").isoformat(),
                    "timezone": "UTC",
                    "proposed": {"by": "p", "at": rfc3339(ms)},
                }
            )
            content[name] = windows.digest(window)
            found.append(
                WindowAct(ActKind.PROPOSED, name, "p", ms, digest=content[name], window=window)
            )
        elif kind is ActKind.APPROVED:
            found.append(WindowAct(kind, name, by, ms, digest=content[name]))
        else:
            found.append(WindowAct(kind, name, by, ms))
    return tuple(found)


def told(act: WindowAct) -> maintenance.Act:
    """The act as its row of the journal has it."""
    content = None if act.window is None else windows.content(act.window)
    return maintenance.Act(
        act.kind.value.split(".")[1], act.id, act.by, act.at, act.digest, content
    )


def folded(
    scene: Scene, done: tuple[WindowAct, ...], now: int
) -> tuple[History, list[tuple[int, Config]], dict[tuple[str, str], list[Result]]]:
    recorded = [
        (
            scene.zero + UNIT * (-5 if v.at is None else v.at),
            configfile.load_bytes(json.dumps(v.file).encode(), "file"),
        )
        for v in scene.versions
    ]
    lines: dict[tuple[str, str], list[Result]] = {}
    for one in scene.results:
        at = int(parse_datetime(one["at"]).timestamp() * 1000)
        lines.setdefault((one["check"], one["agent"]), []).append(
            Result(one["check"], one["agent"], at, Outcome(one["outcome"]), "any", 5, at)
        )
    return History([Version(at, c) for at, c in recorded], done), recorded, lines


def amounts(a: Amounts) -> tuple[int, ...]:
    return (a.eligible, a.up, a.degraded, a.down, a.unknown, a.excluded, a.not_monitored)


@settings(max_examples=longer(200), deadline=None)
@given(data=st.data(), scene=scenes())
def test_the_script_and_the_fold_agree(data: st.DataObject, scene: Scene) -> None:
    done = data.draw(acts(scene.zero))
    start, end = scene.zero + UNIT * scene.start, scene.zero + UNIT * scene.end
    now = max(end, scene.zero + UNIT * scene.now)
    history, recorded, lines = folded(scene, done, now)
    known = history.known(now)
    for name in sorted({name for _, c in recorded for name in c.systems}):
        truth = fold_system(name, known, lines, now, None)
        own = [terms.Terms(name, at, json.loads(configfile.canonical(c))) for at, c in recorded]
        checks = {n for t in own for n in t.checks}
        mine = states.truth_of(
            own,
            {
                source: [(r.t, str(r.outcome)) for r in line]
                for source, line in lines.items()
                if source[0] in checks
            },
            now,
        )
        compare(truth, mine, known, own, [told(act) for act in done], start, end, now)


def compare(
    truth: SystemTruth,
    mine: states.Truth,
    history: History,
    recorded: list[terms.Terms],
    done: list[maintenance.Act],
    start: int,
    end: int,
    now: int,
) -> None:
    recorded = [one for one in recorded if one.at < now]
    done = [act for act in done if act.at < now]
    assert spoken(truth.states) == monitored(mine.line)
    for site, line in truth.sites.items():
        assert spoken(line) == monitored(mine.sites.get(site, [])), site
    assert [tuple(o) for o in mine.outages] == [
        (o.start, o.end, o.min_ms, o.max_ms) for o in truth.outages
    ]
    if not recorded:
        return
    found = maintenance.occurrences(truth.system, recorded, done, mine.outages, start, end)
    assert [(o.window, o.start, o.end, o.why, o.parts) for o in found] == [
        (
            o.id,
            o.start,
            o.end,
            None if o.why is None else str(o.why),
            [(p.start, p.end) for p in o.parts],
        )
        for o in truth.occurrences(end, start)
    ]
    theirs = availability(truth, history, start, end, now)
    own = numbers.terms_at(mine, recorded, end - 1)
    slo: Mapping[str, Any] | None = own.system and own.system["slo"]
    formula = "contract-v1" if slo is None else slo["formula"]
    out = united(part for one in found for part in one.parts)
    number = numbers.amounts_of(mine.line, start, end, out, formula)
    assert tuple(number) == amounts(theirs.amounts)
    assert tuple(numbers.amounts_of(mine.line, start, end, [], formula)) == amounts(theirs.raw)
    assert numbers.runs_of(mine, start, end, out, formula) == (theirs.judged_runs, theirs.good_runs)
    sites = {s: numbers.amounts_of(x, start, end, out, formula) for s, x in mine.sites.items()}
    assert {s: tuple(a) for s, a in sites.items()} == {
        s: amounts(a) for s, a in theirs.sites.items() if s in sites
    }
    if slo is not None:
        users = {site: one["users"] for site, one in own.config["sites"].items()}
        sums = {site: one.sums() for site, one in sites.items()}
        assert numbers.verdicts_of(slo, number.sums(), sums, users) == (
            theirs.verdict,
            theirs.minimum_verdict,
            {"site": None, **(theirs.judged_by or {})},
        )


def spoken(line: Timeline[State]) -> list[tuple[int, int, str]]:
    return monitored([(one.start, one.end, str(one.value)) for one in line])


def monitored(line: Line) -> list[tuple[int, int, str]]:
    """Without time that is not monitored: of that one may say nothing, the other so."""
    return [one for one in line if one[2] != "not_monitored"]
