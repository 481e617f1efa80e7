"""What one agent may call down for certain, letter by letter: u up, g degraded, d down, m
misconfigured, ? unknown, _ nothing for three holds.
"""

from __future__ import annotations

import pytest

from agent.confirming import Confirming, Failing, Rule
from probes.contract import Outcome

OUTCOMES = {
    "u": Outcome.UP,
    "g": Outcome.DEGRADED,
    "d": Outcome.DOWN,
    "m": Outcome.MISCONFIGURED,
    "?": Outcome.UNKNOWN,
}
EVERY, HOLD = 10_000, 25_000


def heard(story: str, down: int = 2, up: int = 1) -> Confirming:
    confirming = Confirming()
    confirming.follow({"ehr-read": Rule("ehr", down, up, HOLD)})
    at = 0
    for letter in story:
        if letter == "_":
            at += 3 * HOLD
            continue
        confirming.take("ehr-read", at, OUTCOMES[letter], f"r.{at // 1000}")
        at += EVERY
    return confirming


@pytest.mark.parametrize(
    ("story", "down", "up", "expected"),
    [
        ("uu", 2, 1, None),
        ("ud", 2, 1, None),
        ("udd", 2, 1, Failing(10_000, "r.20")),
        # Its cause is that of the result that confirmed it, whatever comes after.
        ("uddddd", 3, 1, Failing(10_000, "r.30")),
        ("d", 1, 1, Failing(0, "r.0")),
        # unknown and misconfigured neither extend nor break a run; a good result and a gap do
        ("d?d", 2, 1, Failing(0, "r.20")),
        ("dmd", 2, 1, Failing(0, "r.20")),
        ("dud", 2, 1, None),
        ("dgd", 2, 1, None),
        ("d_d", 2, 1, None),
        ("d_dd", 2, 1, Failing(85_000, "r.95")),
        # misconfigured holds, unknown does not: three slots without a word are a gap
        ("dmmmd", 2, 1, Failing(0, "r.40")),
        ("d???d", 2, 1, None),
        # it ends with a recovery that is confirmed, and not with silence
        ("ddu", 2, 1, None),
        ("ddg", 2, 1, None),
        ("ddu", 2, 2, Failing(0, "r.10")),
        ("ddudu", 2, 2, Failing(0, "r.10")),
        ("dduu", 2, 2, None),
        ("ddu_u", 2, 2, Failing(0, "r.10")),
        ("dd_", 2, 1, Failing(0, "r.10")),
        ("dd_d", 2, 1, Failing(0, "r.10")),
    ],
)
def test_a_check_is_down_by_its_own_confirm(
    story: str, down: int, up: int, expected: Failing | None
) -> None:
    assert heard(story, down, up).failing().get("ehr-read") == expected


@pytest.mark.parametrize(
    ("story", "up", "is_well"),
    [
        ("", 1, False),
        ("?", 1, False),
        ("u", 1, True),
        ("u", 2, False),
        ("uu", 2, True),
        ("uud", 1, False),
        ("ddu", 1, True),
    ],
)
def test_what_was_not_seen_good_is_not_well(story: str, up: int, *, is_well: bool) -> None:
    assert heard(story, up=up).is_well("ehr-read") is is_well


def test_before_any_config_and_of_a_check_that_is_gone_nothing_is_known() -> None:
    confirming = Confirming()
    assert confirming.is_well("ehr-read") is None
    assert not confirming.take("ehr-read", 0, Outcome.DOWN, "tcp.refused")
    confirming.follow({})
    assert confirming.is_well("ehr-read") is None


def test_a_new_config_forgets_nothing_of_the_checks_that_stay() -> None:
    confirming = heard("d")
    confirming.follow(
        {"ehr-read": Rule("ehr", 2, 1, HOLD), "lab": Rule("lab", 1, 1, HOLD)},
    )
    confirming.take("ehr-read", 10_000, Outcome.DOWN, "tcp.refused")
    assert confirming.failing() == {"ehr-read": Failing(0, "tcp.refused")}
