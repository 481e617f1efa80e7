"""Runs as an exit code: the worst counts, in the order of semantics 2.1."""

from __future__ import annotations

import pytest

from agent.onetable import table, worst
from probes.contract import Outcome
from probes.segments import Run


def run(outcome: Outcome, check: str = "c") -> Run:
    return Run("ehr", check, 0, 0, outcome, "ok", 12_345)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        ("", 0),
        ("up", 0),
        ("up degraded", 3),
        ("up degraded unknown", 5),
        ("unknown misconfigured", 4),
        ("up degraded unknown misconfigured down", 1),
    ],
)
def test_the_exit_code_is_of_the_worst(seen: str, expected: int) -> None:
    assert worst([run(Outcome(word)) for word in seen.split()]) == expected


def test_the_worst_stands_first() -> None:
    lines = table([run(Outcome.UP, "a"), run(Outcome.DOWN, "b"), run(Outcome.UP, "0")])
    assert lines == [
        "CHECK  SYSTEM  OUTCOME  REASON  TIME",
        "b      ehr     down     ok      12.3 ms",
        "0      ehr     up       ok      12.3 ms",
        "a      ehr     up       ok      12.3 ms",
    ]
