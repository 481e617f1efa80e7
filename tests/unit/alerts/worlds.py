"""Random hospitals for properties of the process fold: three dependent systems, all families."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from alerts.events import Cause, QuietWindow, State, SystemView
from alerts.instants import inside
from probes.history import History
from probes.spans import Interval, Span, T, Timeline, clip, merge, unite, where
from tests.unit.alerts.views import MIN, config, history

END = 90
NAMES = ("app", "ehr", "net")


@dataclass(frozen=True)
class World:
    views: Mapping[str, SystemView]
    history: History


def timelines(values: Sequence[T]) -> st.SearchStrategy[Timeline[T]]:
    def build(parts: list[tuple[T, int]]) -> Timeline[T]:
        ends = list(itertools.accumulate(length for _, length in parts))
        spans = [
            Span((end - length) * MIN, min(end, END) * MIN, value)
            for (value, length), end in zip(parts, ends, strict=True)
            if end - length < END
        ]
        last = spans[-1]
        return merge([*spans, Span(last.end, END * MIN, last.value)])

    part = st.tuples(st.sampled_from(values), st.integers(1, 14))
    return st.lists(part, min_size=1, max_size=14).map(build)


def stretches() -> st.SearchStrategy[tuple[Interval, ...]]:
    part = st.tuples(st.integers(0, END), st.integers(1, 25))
    return st.lists(part, max_size=3).map(
        lambda parts: unite(Interval(a * MIN, min(a + n, END) * MIN) for a, n in parts)
    )


def feeds() -> st.SearchStrategy[tuple[Span[Cause], ...]]:
    whole = timelines([None, None, Cause.SILENT, Cause.FLOODED])
    return whole.map(
        lambda line: tuple(Span(s.start, s.end, s.value) for s in line if s.value is not None)
    )


def quiet_windows() -> st.SearchStrategy[tuple[QuietWindow, ...]]:
    part = st.tuples(
        st.integers(0, END), st.integers(1, 30), st.none() | st.integers(0, 12).map(MIN.__mul__)
    )
    return st.lists(part, max_size=2).map(
        lambda parts: tuple(
            QuietWindow(a * MIN, (a + n) * MIN, expected)
            for a, n, expected in sorted(parts, key=lambda p: p[:2])
        )
    )


ENDS = [None, 1000 * MIN, *(n * MIN for n in range(20, 140, 15))]
OTHERS: Mapping[str, st.SearchStrategy[dict[str, Any]]] = {
    "": st.just({}),
    "burning": stretches().map(lambda found: {"burning": found}),
    "expires": timelines(ENDS).map(lambda found: {"expires": found}),
    "feed": feeds().map(lambda found: {"feed": found}),
}
"""What of the other families a system has: one at most, so that worlds stay small."""


@st.composite
def system_views(draw: st.DrawFn, system: str) -> SystemView:
    states = draw(timelines([*State, State.UP, State.UP, State.DOWN]))
    unknown = where(states, lambda s: s is State.UNKNOWN)
    return SystemView(
        system=system,
        states=states,
        site_states={
            name: draw(timelines([State.UP, State.UP, State.DOWN, State.UNKNOWN]))
            for name in draw(st.sampled_from([(), ("north",), ("north", "south")]))
        },
        access=inside(unknown, draw(stretches())),
        rejected_by_all=draw(stretches()),
        windows=draw(quiet_windows()),
        **draw(st.sampled_from(sorted(OTHERS)).flatmap(OTHERS.__getitem__)),
    )


def minutes(low: int, high: int) -> st.SearchStrategy[str]:
    return st.integers(low, high).map(lambda n: f"{n}m")


@st.composite
def worlds(draw: st.DrawFn) -> World:
    workaround = st.sampled_from(
        [None, {}, {"valid_for": "20m"}, {"requires": ["net"]}, {"valid_for": "9m"}]
    )
    systems = {}
    for name, parents in (("app", ["net"]), ("ehr", ["app", "net"]), ("net", [])):
        chosen = draw(workaround)
        systems[name] = {
            "class": draw(st.sampled_from(["administrative", "clinical"])),
            "depends_on": parents,
        } | ({} if chosen is None else {"workaround": chosen})
    policy = {
        "degraded_after": draw(minutes(0, 12)),
        "blind_after": draw(minutes(0, 12)),
        "recover_for": draw(minutes(0, 8)),
        "reopen_within": draw(minutes(0, 20)),
        "raise_after": draw(minutes(0, 30)),
        "expiry": {"P4": "40m", "P3": draw(minutes(5, 40)), "P2": draw(minutes(1, 5))},
    }
    found = {name: draw(system_views(name)) for name in NAMES}
    versions = [config(systems, **policy)]
    return World(found, history(*versions))


moments = st.lists(st.integers(0, END * MIN), max_size=12).map(
    lambda found: [*sorted(set(found)), END * MIN]
)


def prolonged(world: World, now: int) -> World:
    """The world in which everything stays for two more days as it is at `now`."""

    def held(timeline: Timeline[T]) -> Timeline[T]:
        past = clip(timeline, 0, now)
        return merge([*past, *(Span(now, now + 2880 * MIN, s.value) for s in past[-1:])])

    def going(intervals: tuple[Interval, ...]) -> tuple[Interval, ...]:
        past = [Interval(i.start, min(i.end, now)) for i in intervals if i.start < now]
        running = any(i.start < now <= i.end for i in intervals)
        return unite([*past, *([Interval(now, now + 2880 * MIN)] if running else [])])

    return World(
        {
            name: replace(
                view,
                states=held(view.states),
                site_states={site: held(line) for site, line in view.site_states.items()},
                access=going(view.access),
                rejected_by_all=going(view.rejected_by_all),
                expires=held(view.expires),
                burning=going(view.burning),
                feed=tuple(
                    Span(s.start, now + 2880 * MIN if s.start < now <= s.end else s.end, s.value)
                    for s in view.feed
                    if s.start < now
                ),
            )
            for name, view in world.views.items()
        },
        world.history,
    )
