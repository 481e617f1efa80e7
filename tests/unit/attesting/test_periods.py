"""What can be attested: written periods that have closed, and systems that were there."""

from __future__ import annotations

import pytest

from collector.attesting.periods import UnknownSystemError, wanted
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.store.attestations import Wanted
from probes.history import History, Version
from tests.support.attested import CLOSED, DAY, FIRST, HOUR, LAST, two_systems
from tests.support.rounds import START

WHOLE = History([Version(START, two_systems(), 1)])


def test_a_month_is_that_of_the_hospital_s_zone_with_all_that_was_monitored() -> None:
    assert wanted(WHOLE, "2026-01", None, CLOSED) == Wanted("2026-01", FIRST, LAST, ("ehr", "lab"))


def test_systems_are_told_apart_whatever_order_they_are_named_in() -> None:
    assert wanted(WHOLE, "2026-01", ["lab", "ehr"], CLOSED).systems == ("ehr", "lab")
    assert wanted(WHOLE, "2026-01", ["lab"], CLOSED).systems == ("lab",)


def test_until_72_h_after_its_end_a_period_is_open_and_it_is_told_when_it_closes() -> None:
    with pytest.raises(RefusedAttestationError) as refused:
        wanted(WHOLE, "2026-01", None, CLOSED - 1)
    assert (refused.value.refusal, refused.value.closes_at) == (Refusal.OPEN, CLOSED)
    with pytest.raises(RefusedAttestationError) as refused:
        wanted(WHOLE, "2026-02", None, CLOSED)
    assert refused.value.closes_at == LAST + 28 * DAY + 72 * HOUR


@pytest.mark.parametrize("name", ["month", "30d", "2026-13", "2026-1", "", "2026-01-01", "١٢"])
def test_what_is_no_written_period_is_not_taken(name: str) -> None:
    with pytest.raises(ValueError, match=r"^write a month, quarter, year or week, such as 2026-07"):
        wanted(WHOLE, name, None, CLOSED)


def test_a_system_of_no_version_is_told_by_its_place() -> None:
    with pytest.raises(UnknownSystemError) as unknown:
        wanted(WHOLE, "2026-01", ["ehr", "erh"], CLOSED)
    assert unknown.value.place == 1


def test_of_a_time_in_which_nothing_or_not_all_of_it_was_monitored_there_is_none() -> None:
    with pytest.raises(RefusedAttestationError, match=r"attestation\.nothing"):
        wanted(WHOLE, "2025-11", None, CLOSED)
    later = two_systems()
    systems = {"ehr": later.systems["ehr"]}
    alone = later.model_copy(update={"systems": systems})
    grown = History([Version(START, alone, 1), Version(LAST + HOUR, later, 2)])
    assert wanted(grown, "2026-01", None, CLOSED).systems == ("ehr",)
    with pytest.raises(RefusedAttestationError, match=r"attestation\.nothing"):
        wanted(grown, "2026-01", ["ehr", "lab"], CLOSED)


def test_a_system_that_was_removed_in_the_period_is_part_of_it() -> None:
    whole = two_systems()
    alone = whole.model_copy(update={"systems": {"ehr": whole.systems["ehr"]}})
    shrunk = History([Version(START, whole, 1), Version(FIRST + DAY, alone, 2)])
    assert wanted(shrunk, "2026-01", None, CLOSED).systems == ("ehr", "lab")
    assert wanted(shrunk, "2026-W03", None, CLOSED).systems == ("ehr",)
