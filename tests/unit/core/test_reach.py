"""How far around an instant results are read for an explanation, in seconds after `T0`.

The check of these tests needs 13 results, at most two misconfigured ones between any two of them,
each held 130 s: with the hour of intermittence that is 3600 + 13 * 3 * 130 = 8670 s of judged time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise

import pytest

from collector.core.agent_state import Voice
from collector.core.reach import near, reach
from collector.core.settled import Source
from collector.core.tally import Tally
from collector.core.truth import SystemTruth
from collector.core.voice_fold import AgentState
from probes.config import Config
from probes.contract import Outcome
from probes.spans import Interval, Span
from tests.support.stories import T0, check, config, fold, result

STATES = {
    "U": AgentState.UP,
    "G": AgentState.DEGRADED,
    "D": AgentState.DOWN,
    "M": AgentState.MISCONFIGURED,
    "?": AgentState.UNKNOWN,
}
SOURCE = ("c", "a")
ALL = "everything before"


def voice(words: str, good: tuple[int, ...] = ()) -> Voice:
    """`U0 D100 .300`: each state and the second at which it begins; a point where all ends."""
    begun = [(word[0], T0 + int(word[1:]) * 1000) for word in words.split()]
    spans = [Span(start, end, STATES[letter]) for (letter, start), (_, end) in pairwise(begun)]
    return Voice(tuple(spans), (), Tally(), tuple(T0 + t * 1000 for t in good), ())


def truth(
    voices: Mapping[Source, Voice], *versions: Config, begins: tuple[int, ...] = (0, 100)
) -> SystemTruth:
    history = [(T0 + t * 1000, used) for t, used in zip(begins, versions, strict=False)]
    return replace(fold("", until=200, history=history), voices=voices)


def around(found: Interval) -> tuple[int | str, int]:
    """The end is one millisecond after an instant that is still needed."""
    begins = ALL if found.start == 0 else (found.start - T0) // 1000
    assert found.start in (0, T0 + (found.start - T0) // 1000 * 1000)
    assert (found.end - T0) % 1000 == 1
    return begins, (found.end - T0) // 1000


@pytest.mark.parametrize(
    ("words", "at", "expected"),
    [
        # judged time twice: back to what bears on the instant, then to what bears on that
        ("U0 .40000", 30000, (12660, 38670)),
        ("G0 .40000", 30000, (12660, 38670)),
        ("U0 .40000", 39000, (21660, 40000)),
        ("U0 .40000", 50000, (22660, 50000)),
        ("U0 .40000", 9000, (ALL, 17670)),
        ("U0 .40000", 0, (ALL, 8670)),
        ("", 700, (ALL, 700)),
        # time that says nothing is passed over, in both directions
        ("U0 ?20000 U25000 .40000", 30000, (7660, 38670)),
        ("U0 M20000 ?22000 U25000 .40000", 30000, (7660, 38670)),
        ("U0 ?32000 U36000 .60000", 30000, (12660, 42670)),
        ("U0 M32000 U36000 .60000", 30000, (12660, 42670)),
        ("U0 ?38670 U50000 .60000", 30000, (12660, 38670)),
        ("U0 ?10000 U12660 .40000", 30000, (12660, 38670)),
        # back to the start of the bad time in which that lies
        ("U0 D10000 U35000 .45000", 40000, (1330, 45000)),
        ("U0 ?9000 D10000 U35000 .45000", 40000, (330, 45000)),
        ("U0 M9000 D10000 U35000 .45000", 40000, (330, 45000)),
        ("U0 G9000 D10000 U35000 .45000", 40000, (1330, 45000)),
        ("U0 D15000 U21330 .40000", 30000, (12660, 38670)),
        ("U0 D10000 U21330 D21331 U40000 .60000", 30001, (12661, 38671)),
    ],
)
def test_it_is_judged_time_enough_for_every_rule(
    words: str, at: int, expected: tuple[int | str, int]
) -> None:
    found = reach(truth({SOURCE: voice(words)}, config()), T0 + at * 1000)
    assert {source: around(range_) for source, range_ in found.items()} == {SOURCE: expected}


@pytest.mark.parametrize(
    ("good", "begins"),
    [((), 12660), ((21330,), 12660), ((9000, 21320, 21330), 12650), ((20000,), 11330)],
)
def test_it_holds_the_last_good_result_before_that_time(good: tuple[int, ...], begins: int) -> None:
    found = reach(truth({SOURCE: voice("U0 .40000", good)}, config()), T0 + 30_000_000)
    assert around(found[SOURCE]) == (begins, 38670)


@pytest.mark.parametrize(
    ("source", "versions", "margin"),
    [
        (SOURCE, [check()], 8670),
        (SOURCE, [check(confirm={"down": 3, "up": 2})], 3600 + 15 * 4 * 130),
        (SOURCE, [check(), check(every="2m")], 3600 + 13 * 3 * 250),
        (SOURCE, [check(every="2m"), check()], 3600 + 13 * 3 * 250),
        # of a check that no version in force has, nothing is judged but what was history
        (("gone", "a"), [check()], 3600),
    ],
)
def test_the_most_patient_version_says_how_much_that_is(
    source: Source, versions: list[dict[str, object]], margin: int
) -> None:
    used = [config(checks={"c": entry}) for entry in versions]
    found = reach(truth({source: voice("U0 .90000")}, *used), T0 + 60_000_000)
    assert around(found[source]) == (60000 - 2 * margin, 60000 + margin)


def test_a_version_without_the_check_says_nothing_of_it() -> None:
    without = config(checks={"other": check()})
    found = reach(truth({SOURCE: voice("U0 .90000")}, without, config()), T0 + 60_000_000)
    assert around(found[SOURCE]) == (60000 - 2 * 8670, 60000 + 8670)


def test_near_are_the_results_from_the_first_instant_to_the_last() -> None:
    known = truth({SOURCE: voice("U0 .40000"), ("c", "b"): voice("U0 .40000")}, config())
    moments = [T0 + 12_660_000 - 1, T0 + 12_660_000, T0 + 38_670_000, T0 + 38_670_001]
    line = [result(t, Outcome.UP) for t in moments]
    found = near(known, {SOURCE: line, ("other", "a"): line}, T0 + 30_000_000)
    assert found == {SOURCE: line[1:3]}
