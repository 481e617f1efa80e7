"""Rejections by all that a person ruled: the number beside the measured one (semantics 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from alerts.people import Ruling
from collector.core.availability import availability
from collector.core.corrections import corrected
from collector.core.explain import explain
from collector.core.rulings import Ruled, judged
from collector.core.steps import Reason
from collector.core.truth import SystemTruth
from collector.explaining.sentences import sentence
from probes.acts import CorrectAs, Correction, CorrectionReason, Signed
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, at, check, config, fold

MINUTE = 60_000
END = T0 + 10 * MINUTE
OURS, THEIRS = Ruling.OURS, Ruling.THEIRS


def refused(used: Config | None = None) -> SystemTruth:
    """Ten minutes: up, refused from the third to the sixth, up again."""
    return fold("uuummmmuuu", until=600, used=used)


def said(start: int, end: int | None, ruling: Ruling, at: int = 1) -> Ruled:
    """Of an incident over these minutes; recorded `at` ms after the end."""
    until = None if end is None else T0 + end * MINUTE
    since = T0 + start * MINUTE
    return Ruled(f"ehr.access.{since}", "ehr", since, until, ruling, "ann", END + at)


def number(
    *found: Ruled, truth: SystemTruth | None = None, now: int = END + 100
) -> tuple[int, int, int] | None:
    """Up, down and unknown minutes with the rulings; None for no second number."""
    known = replace(truth or refused(), now=now)
    one = judged(known, known.history, found, T0, END, now)
    if one is None:
        return None
    a = one.availability.amounts
    assert a.eligible == a.up + a.degraded + a.down + a.unknown
    return (a.up // MINUTE, a.down // MINUTE, a.unknown // MINUTE)


def test_what_was_measured() -> None:
    truth = refused()
    one = availability(truth, truth.history, T0, END, END)
    assert (one.amounts.up, one.amounts.down, one.amounts.unknown) == (
        6 * MINUTE,
        0,
        4 * MINUTE,
    )
    assert number() is None


@pytest.mark.parametrize(
    ("rulings", "expected"),
    [
        ([said(3, 7, THEIRS)], (6, 4, 0)),
        ([said(3, None, THEIRS)], (6, 4, 0)),
        ([said(3, 5, THEIRS)], (6, 2, 2)),
        ([said(3, 7, OURS)], (6, 0, 4)),
        ([said(3, 5, THEIRS), said(5, 7, OURS)], (6, 2, 2)),
    ],
)
def test_what_is_theirs_is_down_and_what_is_ours_stays_unknown(
    rulings: Sequence[Ruled], expected: tuple[int, int, int]
) -> None:
    assert number(*rulings) == expected


def test_a_ruling_on_another_time_or_system_or_not_yet_known_says_nothing() -> None:
    assert number(said(7, None, THEIRS)) is None
    assert number(replace(said(3, 7, THEIRS), system="other")) is None
    assert number(said(3, 7, THEIRS, at=50), now=END + 50) is None
    assert number(said(3, 7, THEIRS, at=50), now=END + 51) == (6, 4, 0)


def test_only_what_was_refused_from_everywhere_is_ruled() -> None:
    """Refused by one of two vantage points it works; and before it ever worked it is no rejection."""
    both = config(checks={"c": check(**{"from": ["a", "s"]})})
    one = fold({("c", "a"): "uummmmmmmm", ("c", "s"): "uuuuuuuuuu"}, until=600, used=both)
    assert number(said(2, None, THEIRS), truth=one) is None
    assert number(said(0, None, THEIRS), truth=fold("mmmmmmmmmm", until=600)) is None


def test_a_site_that_asks_nothing_of_the_check_was_not_rejected() -> None:
    """`t` at south is blind for itself, and stays unknown there."""
    used = config(checks={"c": check(), "t": check(**{"from": ["s"]})})
    truth = fold({("c", "a"): "uuummmmuuu", ("t", "s"): "uuu....uuu"}, until=600, used=used)
    one = judged(replace(truth, now=END + 9), truth.history, [said(3, 7, THEIRS)], T0, END, END + 9)
    assert one is not None
    north, south = one.availability.sites["north"], one.availability.sites["south"]
    assert (north.down, north.unknown) == (4 * MINUTE, 0)
    assert (south.down, south.unknown > 0) == (0, True)


def test_time_known_to_be_down_or_in_a_window_stays_what_it_is() -> None:
    used = config(
        checks={"c": check(), "d": check(**{"from": ["b"]})},
        maintenance=[
            {
                "id": "w",
                "systems": ["ehr"],
                "start": "2026-01-01T00:05",
                "end": "2026-01-01T00:07",
                "timezone": "UTC",
                "proposed": {"by": "p", "at": "2025-12-01T00:00:00Z"},
                "approval": {"by": "q", "at": "2025-12-02T00:00:00Z", "ref": "C1"},
            }
        ],
    )
    truth = fold({("c", "a"): "uuummmmuuu", ("d", "b"): "uuuuduuuuu"}, until=600, used=used)
    one = judged(replace(truth, now=END + 9), truth.history, [said(3, 7, THEIRS)], T0, END, END + 9)
    assert one is not None
    a = one.availability.amounts
    assert (a.down, a.unknown, a.excluded) == (2 * MINUTE, 0, 2 * MINUTE)


def test_corrections_of_two_people_lie_over_what_one_ruled() -> None:
    signed = Signed("approver-1", END + 2)
    asked = Signed("csm-1", END + 1, "CHG1")
    reason = CorrectionReason.PROBE_AT_FAULT
    kept = Correction(
        "k", "ehr", T0 + 3 * MINUTE, T0 + 4 * MINUTE, CorrectAs.UP, reason, asked, signed
    )
    history = History([Version(None, config())], corrections=[kept])
    truth = replace(refused(), now=END + 9)
    one = judged(truth, history, [said(3, 7, THEIRS)], T0, END, END + 9)
    two = corrected(truth, history, T0, END, END + 9)
    assert one is not None
    assert two is not None
    assert (one.availability.amounts.up, one.availability.amounts.down) == (7 * MINUTE, 3 * MINUTE)
    assert (two.availability.amounts.up, two.availability.amounts.down) == (7 * MINUTE, 0)
    assert (one.corrections, one.rulings) == (("k",), (said(3, 7, THEIRS),))


REJECTED = (
    "The system rejected the monitoring from everywhere from 2026-01-01T00:03:00.000Z to "
    "2026-01-01T00:07:00.000Z: ann ruled it {} at 2026-01-01T00:10:00.001Z "
    "(ehr.access.1767225780000); "
)
BESIDE = "beside it, in the number with what was ruled, it counts in D (down)."


@pytest.mark.parametrize(
    ("ruling", "minute", "expected"),
    [
        (THEIRS, 4, [REJECTED.format("theirs") + BESIDE]),
        (OURS, 4, [REJECTED.format("ours") + "it stays unknown."]),
        (THEIRS, 8, []),
    ],
)
def test_an_explanation_says_what_was_ruled_of_the_instant(
    ruling: Ruling, minute: int, expected: list[str]
) -> None:
    truth = replace(refused(), now=END + 9)
    results = {("c", "a"): at("uuummmmuuu", "c", "a")}
    period = Interval(T0, END)
    moment = T0 + minute * MINUTE
    found = explain(truth, results, moment, period, rulings=[said(3, 7, ruling)])
    assert [sentence(s) for s in found.steps if s.reason is Reason.RULED] == expected
