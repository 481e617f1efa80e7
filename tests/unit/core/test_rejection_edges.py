"""Rejected by all: what counts as the same config, and as having been up (semantics 5)."""

from __future__ import annotations

from probes.spans import Interval
from tests.support.stories import T0, check, config, fold
from tests.unit.core.test_rejection import part

OTHER = config(checks={"c": check(spec={"url": "https://x.example.org/"})})


def test_a_check_that_was_only_degraded_was_never_up() -> None:
    assert fold("gmmm", until=240).rejected_by_all == ()
    assert fold("gummm", until=300).rejected_by_all == part(120, 300)


def test_an_up_under_the_new_definition_is_proof_for_it() -> None:
    truth = fold("uummm", until=300, history=[(T0, config()), (T0 + 50_000, OTHER)])
    assert truth.rejected_by_all == part(120, 300)


def test_a_version_that_keeps_the_definition_keeps_the_proof() -> None:
    again = config(policy={"recover_for": "1s"})
    truth = fold("uummm", until=300, history=[(T0, config()), (T0 + 90_000, again)])
    assert truth.rejected_by_all == part(120, 300)


def test_a_definition_that_comes_back_begins_without_proof() -> None:
    history = [(T0, config()), (T0 + 65_000, OTHER), (T0 + 70_000, config())]
    assert fold("uummm", until=300, history=history).rejected_by_all == ()


def test_a_check_counts_from_when_it_became_critical() -> None:
    first = config(checks={"c": check(role="supporting"), "e": check()})
    then = config(checks={"c": check(), "e": check()})
    lines = {("c", "a"): "uummm", ("e", "a"): "uuuuu"}
    truth = fold(lines, until=300, history=[(T0, first), (T0 + 50_000, then)])
    assert truth.rejected_by_all == part(120, 300)


def test_two_checks_refused_one_after_the_other_are_both_found() -> None:
    used = config(checks={"c": check(), "e": check()})
    lines = {("c", "a"): "ummuuuu", ("e", "a"): "uuuuumm"}
    truth = fold(lines, until=420, used=used)
    assert truth.rejected_by_all == (
        Interval(T0 + 60_000, T0 + 180_000),
        Interval(T0 + 300_000, T0 + 420_000),
    )
