"""Many voices, one state (semantics 2.4), and from checks to the system (2.5)."""

from __future__ import annotations

import pytest

from alerts.events import State
from collector.core.quorum import vote
from collector.core.system_state import system_state
from probes.config import Config
from tests.support.stories import LETTERS, check, config, fold, system, told

STATES = {letter: state for state, letter in LETTERS.items()}


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        ("U", "U"), ("G", "G"), ("D", "D"), ("?", "?"),
        ("DD", "D"), ("DU", "G"), ("DG", "G"), ("D?", "D"), ("U?", "U"), ("GU", "U"),
        ("GG", "G"), ("??", "?"),
        ("DDU", "D"), ("DUU", "G"), ("D??", "?"), ("DD?", "D"), ("DU?", "G"), ("GGU", "G"),
        ("GUU", "U"), ("GDU", "G"), ("U??", "?"), ("UU?", "U"),
        ("DDDU", "D"), ("DDUU", "G"), ("DD??", "D"), ("D???", "?"), ("GGGU", "G"),
        ("GGUU", "U"), ("DU??", "G"), ("DDU?", "D"),
        ("DDDDU", "D"), ("DDDUU", "G"), ("DDD??", "D"), ("DDU??", "D"), ("DD???", "?"),
        ("GGGUU", "U"), ("GGGGU", "G"), ("DUUUU", "G"), ("GGGGD", "G"), ("UUU??", "U"),
    ],
)  # fmt: skip
def test_only_the_fresh_vote_and_two_thirds_of_them_decide(voices: str, expected: str) -> None:
    assert LETTERS[vote([STATES[v] for v in voices], None)] == expected


@pytest.mark.parametrize(
    ("voices", "need", "expected"),
    [("D??", 1, "D"), ("D?", 5, "?"), ("DD", 5, "D"), ("UU???", 3, "?"), ("???", 1, "?")],
)
def test_need_is_capped_at_the_voices_there_are(voices: str, need: int, expected: str) -> None:
    assert LETTERS[vote([STATES[v] for v in voices], need)] == expected


def test_nobody_assigned_is_unknown() -> None:
    assert vote([], None) is State.UNKNOWN


def test_a_site_votes_as_one_however_many_agents_it_has() -> None:
    used = config(checks={"c": check(**{"from": ["a", "b", "s"]})})
    lines = {("c", "a"): "uu", ("c", "b"): "uu", ("c", "s"): "dd"}
    truth = fold(lines, until=120, used=used)
    assert told(truth.sites["north"]) == "U0"
    assert told(truth.sites["south"]) == "D0"
    assert told(truth.states) == "G0"


def test_need_applies_at_both_levels() -> None:
    used = config(checks={"c": check(**{"from": ["a", "b", "s"]}, quorum={"need": 2})})
    truth = fold({("c", "a"): "dd", ("c", "s"): "dd"}, until=120, used=used)
    assert told(truth.sites["north"]) == "?0"  # one of two agents
    assert told(truth.sites["south"]) == "D0"  # capped at its one agent
    assert told(truth.states) == "?0"  # one of two sites


def hospital() -> Config:
    return config(
        systems={"ehr": system(groups={"pair": {"need": 2}})},
        checks={
            "c": check(),
            "e": check(),
            "s": check(role="supporting"),
            **{name: check(role={"group": "pair"}) for name in ("g1", "g2", "g3")},
        },
    )


@pytest.mark.parametrize(
    ("critical", "group", "supporting", "expected"),
    [
        ("UU", "UUU", "U", "U"),
        ("DU", "UUU", "U", "D"),
        ("D?", "UUU", "U", "D"),
        ("?U", "UUU", "U", "?"),
        ("?U", "DDU", "U", "D"),
        ("GU", "UUU", "U", "G"),
        ("UU", "DUU", "U", "G"),
        ("UU", "?UU", "U", "G"),
        ("UU", "GGU", "U", "G"),
        ("UU", "DDU", "U", "D"),
        ("UU", "D?U", "U", "?"),
        ("UU", "??U", "U", "?"),
        ("UU", "GGD", "U", "G"),
        ("UU", "UUU", "D", "G"),
        ("UU", "UUU", "G", "G"),
        ("UU", "UUU", "?", "U"),
    ],
)
def test_the_first_rule_that_matches_is_the_state_of_the_system(
    critical: str, group: str, supporting: str, expected: str
) -> None:
    names = ("c", "e", "g1", "g2", "g3", "s")
    letters = critical + group + supporting
    states = {name: STATES[letter] for name, letter in zip(names, letters, strict=True)}
    assert LETTERS[system_state(states, hospital(), "ehr")] == expected


def test_a_site_counts_the_members_it_has_and_needs_at_most_those() -> None:
    used = hospital()
    assert system_state({"g1": State.UP}, used, "ehr", at_site=True) is State.UP
    assert system_state({"g1": State.DOWN}, used, "ehr", at_site=True) is State.DOWN
    two = {"g1": State.UP, "g2": State.DOWN}
    assert system_state(two, used, "ehr", at_site=True) is State.DOWN


def test_a_site_with_only_supporting_checks_does_not_monitor_the_system() -> None:
    used = config(
        checks={"c": check(), "t": check(role="supporting", **{"from": ["s"]})},
    )
    truth = fold({("c", "a"): "uu", ("t", "s"): "dd"}, until=120, used=used)
    assert told(truth.sites["south"]) == "-0"
    assert told(truth.sites["north"]) == "U0"
    assert told(truth.states) == "G0"
