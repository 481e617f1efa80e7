"""The document of a period: its own frame, the second number beside the first, billing systems."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from collector.core.document import document
from collector.core.truth import SystemTruth, fold_system
from probes.acts import CorrectAs, Correction, CorrectionReason, Signed
from probes.config import Config
from probes.history import History, Version
from probes.times import TZDATA
from tests.support.stories import T0, at, config, fold, system

MINUTE = 60_000
END = T0 + 10 * MINUTE
REQUESTED, APPROVED = Signed("csm-1", END), Signed("approver-1", END + 5)
OUTAGE = Correction(
    "c1",
    "ehr",
    T0 + 3 * MINUTE,
    T0 + 7 * MINUTE,
    CorrectAs.UP,
    CorrectionReason.PROBE_AT_FAULT,
    REQUESTED,
    APPROVED,
)


def told(now: int, used: Config) -> SystemTruth:
    """Ten minutes: up, down from the third to the sixth, up again."""
    return replace(fold("uuudddduuu", until=600, used=used), now=now)


def of(now: int, used: Config, *corrections: Correction) -> dict[str, Any]:
    history = History([Version(None, used)], corrections=corrections)
    return document({"ehr": told(now, used)}, history, T0, END, now, {})


@pytest.mark.parametrize(
    ("now", "text", "finished"),
    [
        (END - 1, "2026-01-01T00:09:59.999Z", False),
        (END, "2026-01-01T00:10:00.000Z", True),
    ],
)
def test_the_frame_names_the_period_and_whether_it_is_over(
    now: int,
    text: str,
    finished: bool,  # noqa: FBT001 - a table
) -> None:
    found = of(now, config())
    assert set(found) == {"period", "formula", "tzdata", "systems"}
    assert found["period"] == {
        "start": "2026-01-01T00:00:00.000Z",
        "end": "2026-01-01T00:10:00.000Z",
        "now": text,
        "finished": finished,
    }
    assert found["tzdata"] == TZDATA
    assert found["systems"]["ehr"]["provisional"] is True


def test_without_an_approved_correction_there_is_no_second_number() -> None:
    assert of(END + 9, config())["systems"]["ehr"]["corrected"] is None
    asked = replace(OUTAGE, approved=None)
    assert of(END + 9, config(), asked)["systems"]["ehr"]["corrected"] is None


TERMS = {"target": "99.9", "minimum": "50"}
WHOLLY_UP = {"scope": "organization", "known": "100.0000", "min": "100.0000", "max": "100.0000"}


@pytest.mark.parametrize(
    ("slo", "verdicts"),
    [
        (
            TERMS,
            {"verdict": "met", "minimum_verdict": "met", "judged_by": WHOLLY_UP},
        ),
        (None, {"verdict": None, "minimum_verdict": None, "judged_by": None}),
    ],
)
def test_the_second_number_stands_beside_the_first(
    slo: dict[str, str] | None, verdicts: dict[str, Any]
) -> None:
    used = config(systems={"ehr": system(slo=slo)})
    ehr = of(END + 9, used, OUTAGE)["systems"]["ehr"]
    amounts: dict[str, Any] = {
        "eligible_ms": 10 * MINUTE,
        "up_ms": 10 * MINUTE,
        "degraded_ms": 0,
        "down_ms": 0,
        "unknown_ms": 0,
        "excluded_ms": 0,
        "not_monitored_ms": 0,
        "known": "100.0000",
        "min": "100.0000",
        "max": "100.0000",
        "coverage": "100.0000",
    }
    nowhere: dict[str, Any] = dict.fromkeys(amounts, 0) | {"not_monitored_ms": 10 * MINUTE}
    nowhere |= dict.fromkeys(("known", "min", "max", "coverage"))
    assert ehr["corrected"] == {
        **amounts,
        **verdicts,
        "sites": {"north": amounts, "south": nowhere},
        "corrections": ["c1"],
    }
    assert (ehr["down_ms"], ehr["known"]) == (4 * MINUTE, "60.0000")


PLAIN = config()
PAYER = config(
    systems={"ehr": system(impact={"class": "administrative", "service": "billing"})},
)


@pytest.mark.parametrize(
    ("versions", "bills"),
    [
        ([(0, PLAIN)], False),
        ([(0, PAYER)], True),
        ([(0, PAYER), (10 * MINUTE, PLAIN)], True),
        ([(0, PAYER), (10 * MINUTE - 1, PLAIN)], False),
        ([(0, PLAIN), (10 * MINUTE, PAYER)], False),
        ([(0, PLAIN), (10 * MINUTE - 1, PAYER)], True),
    ],
)
def test_a_system_bills_that_does_so_at_the_last_instant_of_the_period(
    versions: list[tuple[int, Config]],
    bills: bool,  # noqa: FBT001 - a table
) -> None:
    history = History([Version(T0 + t, used) for t, used in versions])
    now = END + MINUTE
    truth = fold_system("ehr", history, {("c", "a"): at("uuuuuuuuuu")}, now, None)
    caqh = document({"ehr": truth}, history, T0, END, now, {})["systems"]["ehr"]["caqh"]
    assert (caqh is not None) is bills


def test_of_a_month_without_an_answer_there_is_no_share() -> None:
    history = History([Version(T0, PAYER)])
    truth = fold_system("ehr", history, {}, END, None)
    caqh = document({"ehr": truth}, history, T0, END, END, {})["systems"]["ehr"]["caqh"]
    (month,) = caqh["months"]
    assert (month["within"], month["responses"], month["share"]) == (0, 0, None)
