"""When a feed is in trouble, from the results of its check; and what that never changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.events import Cause, State
from collector.core.agent_state import distinct
from collector.core.truth import SystemTruth, counted, fold_system
from collector.core.view import view
from collector.truths import Live
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.stories import T0, check, config

MIN = 60_000
SAYS = {
    "u": (Outcome.UP, "ok"),
    "s": (Outcome.DEGRADED, "feed.silent"),
    "f": (Outcome.DEGRADED, "feed.flooded"),
    "x": (Outcome.UNKNOWN, "feed.learning"),
}


def hospital(*feeds: str, **spec: Any) -> Config:
    """A critical check `c`, and feed checks that the collector runs."""
    known = config().model_dump(by_alias=True, mode="json")["agents"]
    own = {"kind": "feed_silence", "spec": {"of": "c", **spec}}
    return config(
        agents=known | {"collector": {"site": "south"}},
        checks={"c": check()} | {name: check(**own) | {"from": None} for name in feeds},
    )


ONE = hospital("adt")


def said(words: str, name: str = "adt") -> list[Result]:
    return [
        Result(name, "collector", T0 + n * MIN, *SAYS[letter], 5, T0 + n * MIN + 5)
        for n, letter in enumerate(words)
        if letter != "."
    ]


def folded(
    words: Mapping[str, str], minutes: int, *versions: tuple[int, Config], of_c: str = ""
) -> SystemTruth:
    history = History([Version(T0 + at * MIN, one) for at, one in versions or ((0, ONE),)])
    lines = {(name, "collector"): said(letters, name) for name, letters in words.items()}
    lines["c", "a"] = [
        Result("c", "a", T0 + n * MIN, Outcome.UP if x == "u" else Outcome.DOWN, "any", 5, 0)
        for n, x in enumerate(of_c)
    ]
    return fold_system("ehr", history, lines, T0 + minutes * MIN, None)


def trouble(
    words: str, minutes: int, *versions: tuple[int, Config]
) -> list[tuple[str, float, float]]:
    truth = folded({"adt": words}, minutes, *versions)
    return spans(truth)


def spans(truth: SystemTruth) -> list[tuple[str, float, float]]:
    return [(s.value.value, (s.start - T0) / MIN, (s.end - T0) / MIN) for s in truth.feed]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("uuuu", []),
        ("uussuu", [("silent", 2, 4)]),
        ("ussffu", [("silent", 1, 3), ("flooded", 3, 5)]),
        ("s", [("silent", 0, 20)]),
        # who knows nothing ends nothing: neither a gap nor an explicit unknown is a recovery
        ("us....u", [("silent", 1, 6)]),
        ("usxxxxu", [("silent", 1, 6)]),
        ("us.........", [("silent", 1, 20)]),
        ("xxxx", []),
        # ten alike and more: what is only more of the same is told apart all the same
        ("s" * 12 + "f" * 3 + "u", [("silent", 0, 12), ("flooded", 12, 15)]),
    ],
)
def test_trouble_lasts_from_the_result_that_says_so_to_the_next_that_is_up(
    words: str, expected: list[tuple[str, float, float]]
) -> None:
    assert trouble(words, 20) == expected


def test_of_several_feeds_a_silent_one_is_named_first() -> None:
    both = hospital("adt", "oru")
    truth = folded({"adt": "uuuffffu", "oru": "uussuuuu"}, 9, (0, both))
    assert spans(truth) == [("silent", 2, 4), ("flooded", 4, 7)]


def test_a_check_that_asks_something_else_begins_anew() -> None:
    other = hospital("adt", weeks="8")
    slower = ONE.model_copy(
        update={
            "checks": dict(ONE.checks)
            | {"adt": ONE.checks["adt"].model_copy(update={"every": MIN * 2})}
        }
    )
    assert trouble("us", 10, (0, ONE), (5, other)) == [("silent", 1, 5)]
    assert trouble("us", 10, (0, ONE), (5, slower)) == [("silent", 1, 10)]
    gone = config()
    assert trouble("us", 10, (0, ONE), (5, gone), (7, ONE)) == [("silent", 1, 5)]


@pytest.mark.parametrize("words", ["s" * 20, "f" * 20, "x" * 20, "." * 20, "us" * 10])
def test_a_feed_changes_no_state_and_no_number_of_its_system(words: str) -> None:
    with_feed = folded({"adt": words}, 20, of_c="u" * 9 + "d" * 4 + "u" * 7)
    without = folded({}, 20, (0, config()), of_c="u" * 9 + "d" * 4 + "u" * 7)
    assert with_feed.states == without.states
    assert with_feed.sites["north"] == without.sites["north"]
    assert {s.value for s in with_feed.sites["south"]} == {State.NOT_MONITORED}
    assert (with_feed.outages, with_feed.blips) == (without.outages, without.blips)
    assert sum(v.runs(with_feed.monitored[0])[0] for v in with_feed.voices.values()) == 20
    assert counted(with_feed, ("adt", "collector"), said(words)) == []
    assert with_feed.rejected_by_all == ()


WORDS = st.text(alphabet="usfx.", min_size=1, max_size=90)


@given(WORDS, st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_live_piece_by_piece_and_settled_is_the_fold_from_nothing(
    words: str, pieces: list[int]
) -> None:
    history = History([Version(T0, ONE)])
    live, sent, at, n = Live("ehr"), 0, T0, 0
    results = said(words)
    while sent < len(results):
        part = results[sent : sent + pieces[n % len(pieces)]]
        n, sent = n + 1, sent + len(part)
        at = part[-1].t + 10
        live.take(part, at)
        live.fold(history, at)
        if n % 3 == 0:
            live.settle(at - 20 * MIN, at)
    assert live.older is None
    whole = fold_system("ehr", history, {("adt", "collector"): distinct(results)[0]}, at, None)
    if results:
        assert live.view == view(whole)


def test_what_goes_on_is_prolonged_until_something_is_due() -> None:
    history = History([Version(T0, ONE)])
    live = Live("ehr")
    live.take(said("us"), T0 + MIN + 10)
    live.fold(history, T0 + MIN + 10)
    live.fold(history, T0 + MIN + 20)
    assert not live.changed or live.view.feed[0].value is Cause.SILENT
    assert [(s.start, s.end) for s in live.view.feed] == [(T0 + MIN, T0 + MIN + 20)]
    before = live.rewound(history, T0 + MIN + 14)
    assert before is not None
    assert [(s.start, s.end) for s in before[0].feed] == [(T0 + MIN, T0 + MIN + 15)]
