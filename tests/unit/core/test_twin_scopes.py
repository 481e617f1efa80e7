"""Verdicts of every scope against the twin: worst site, user-weighted, finished and open."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from collector.core.availability import availability
from tests.support.soak import longer
from tests.support.stories import T0
from tests.unit.core.test_twin_history import MINIMUM, TARGET, Story, both, stories
from tests.unit.core.twin import SITES, UNIT, Twin, verdict

USERS = {"north": 3, "south": 1}


@dataclass(frozen=True)
class Number:
    """U, D, K of a scope in units, judged time outside windows, and E of the whole period."""

    up: int
    down: int
    unknown: int
    seen: int
    whole: int

    @property
    def eligible(self) -> int:
        return self.up + self.down + self.unknown


def number(twin: Twin, states: list[str], end: int, formula: str, *, watches: bool) -> Number:
    """`watches`: would the version in force monitor this place, were it in effect?"""
    classes = [twin.klass(x, states) for x in range(end)]
    seen = sum(k in ("up", "degraded", "down") for k in classes)
    kept = classes.count("excluded") if formula == "whole-period-v1" else 0
    eligible = sum(k in ("up", "degraded", "down", "unknown") for k in classes) + kept
    plan = twin.in_force[-1]
    begins = twin.now if plan is None or plan.effective is None else plan.effective
    is_watched = states[-1] != "not_monitored" or (twin.states[-1] == "not_monitored" and watches)
    to_come = sum(
        formula == "whole-period-v1" or not twin.excluded(x)
        for x in range(max(twin.now, begins), end)
        if is_watched and plan and plan.checks
    )
    return Number(
        up=classes.count("up") + classes.count("degraded") + kept,
        down=classes.count("down"),
        unknown=classes.count("unknown"),
        seen=seen,
        whole=eligible + to_come,
    )


def watches(twin: Twin, site: str) -> bool:
    plan = twin.in_force[-1]
    deciding = [w for w in plan.checks.values() if w.role != "supporting"] if plan else []
    return any(SITES[agent] == site for watched in deciding for agent in watched.agents)


def judged(one: Number, target: Fraction, *, finished: bool) -> str:
    if not finished:
        return "breached" if one.down > (1 - target) * one.whole else "open"
    if one.seen == 0:
        return "no_data"
    return verdict(one.up, one.down, one.unknown, target)


def worst(verdicts: list[str], *, finished: bool) -> str:
    for each in ("breached", "no_data", "indeterminate", "met", "open"):
        if each in verdicts:
            return each
    return "no_data" if finished else "open"


def printed(part: int, whole: int) -> str | None:
    """Four decimals, cut off."""
    if whole == 0:
        return None
    digits = f"{part * 1_000_000 // whole:05d}"
    return f"{digits[:-4]}.{digits[-4:]}"


def shown(one: Number) -> list[str | None]:
    """known, min and max."""
    if one.up + one.down == 0:
        return [None, None, None]
    return [
        printed(one.up, one.up + one.down),
        printed(one.up, one.eligible),
        printed(one.up + one.unknown, one.eligible),
    ]


def test_a_percentage_of_the_twin_is_cut_off() -> None:
    assert [printed(2, 3), printed(0, 7), printed(7, 7), printed(1, 30)] == [
        "66.6666",
        "0.0000",
        "100.0000",
        "3.3333",
    ]


@settings(max_examples=longer(300), deadline=None)
@given(stories(), st.integers(1, 34), st.sampled_from(["worst_site", "user_weighted"]))
def test_the_verdict_of_a_scope_is_what_the_text_says(story: Story, end: int, scope: str) -> None:
    truth, twin, history = both(replace(story, scope=scope))
    one = availability(truth, history, T0, T0 + end * UNIT, T0 + story.now * UNIT)
    assume(one.slo is not None)
    assert one.judged_by is not None
    finished = story.now >= end
    sites = {
        name: number(twin, twin.sites[name], end, one.formula, watches=watches(twin, name))
        for name in USERS
    }
    found = [one.judged_by[key] for key in ("known", "min", "max")]
    if scope == "user_weighted":
        total = Number(
            *(
                sum(getattr(sites[name], key) * users for name, users in USERS.items())
                for key in ("up", "down", "unknown", "seen", "whole")
            )
        )
        assert one.verdict == judged(total, TARGET, finished=finished)
        assert one.minimum_verdict == judged(total, MINIMUM, finished=finished)
        assert found == shown(total)
        return
    monitored = {name: each for name, each in sites.items() if each.eligible or each.whole}
    verdicts = {name: judged(each, TARGET, finished=finished) for name, each in monitored.items()}
    least = [judged(each, MINIMUM, finished=finished) for each in monitored.values()]
    assert one.verdict == worst(list(verdicts.values()), finished=finished)
    assert one.minimum_verdict == worst(least, finished=finished)
    with_it = [name for name in monitored if verdicts[name] == one.verdict]
    if not with_it:
        assert (one.judged_by["site"], found) == (None, [None, None, None])
        return
    lowest = min(
        with_it,
        key=lambda name: (
            Fraction(monitored[name].up, monitored[name].eligible)
            if monitored[name].eligible
            else Fraction(2),
            name,
        ),
    )
    assert (one.judged_by["site"], found) == (lowest, shown(monitored[lowest]))
