"""Results that cannot be true are left out, each for one reason, and the rest stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from collector.sorting import Flaw, Known, Sorted, sort_out
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import START, config, document, result

GOOD = result(0, Outcome.UP)
KNOWN = Known.of(History([Version(START, config())]))
YEAR_2000 = 946_684_800_000
RECEIVED = START + 1_000


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({}, None),
        ({"check": "nobody-knows"}, "unknown_check"),
        ({"agent": "south-1"}, "not_assigned"),
        ({"t": YEAR_2000}, None),
        ({"t": YEAR_2000 - 1}, "too_old"),
        ({"t": -1}, "too_old"),
        ({"t": RECEIVED + 300_000}, None),
        ({"t": RECEIVED + 300_001}, "future"),
        ({"t": 2**53}, "future"),
        ({"check": "nobody-knows", "agent": "south-1", "t": 0}, "unknown_check"),
        ({"agent": "south-1", "t": 0}, "not_assigned"),
    ],
)
def test_a_result_is_left_out_for_its_first_flaw(
    changes: dict[str, object], flaw: str | None
) -> None:
    one = replace(GOOD, **changes)
    found = sort_out([one], RECEIVED, KNOWN)
    expected = Sorted((one,), {}) if flaw is None else Sorted((), {Flaw(flaw): 1})
    assert found == expected


def test_the_rest_of_a_batch_is_kept_in_its_order() -> None:
    bad = replace(GOOD, t=0)
    later = replace(GOOD, t=START + 500)
    found = sort_out([later, bad, GOOD, bad, replace(GOOD, check="x")], RECEIVED, KNOWN)
    assert found == Sorted((later, GOOD), {Flaw.TOO_OLD: 2, Flaw.UNKNOWN_CHECK: 1})


def test_an_assignment_of_any_version_is_enough_also_of_a_past_or_a_later_one() -> None:
    checks = document()["checks"]
    both = config(checks={"ehr-read": checks["ehr-read"] | {"from": ["north-1", "south-1"]}})
    for versions in ([both, config()], [config(), both]):
        history = History([Version(START + n, used) for n, used in enumerate(versions)])
        south = replace(GOOD, agent="south-1")
        assert sort_out([south], RECEIVED, Known.of(history)).kept == (south,)


def test_a_check_counts_once_a_version_that_has_it_is_known() -> None:
    new = config(checks=document()["checks"] | {"ehr-write": document()["checks"]["ehr-read"]})
    early = replace(GOOD, check="ehr-write")
    before = History([Version(START, config())])
    after = History([Version(START, config()), Version(START + 5_000, new)])
    assert sort_out([early], RECEIVED, Known.of(before)).kept == ()
    assert sort_out([early], RECEIVED, Known.of(after)).kept == (early,)


@given(
    st.lists(
        st.builds(
            Result,
            st.sampled_from(["ehr-read", "x"]),
            st.sampled_from(["north-1", "south-1"]),
            st.integers(-(2**53), 2**53),
            st.sampled_from(Outcome),
            st.just("any"),
            st.integers(0, 10),
            st.just(RECEIVED),
        )
    )
)
def test_every_result_is_kept_or_counted(results: list[Result]) -> None:
    found = sort_out(results, RECEIVED, KNOWN)
    assert len(found.kept) + sum(found.rejected.values()) == len(results)
    assert all(YEAR_2000 <= r.t <= RECEIVED + 300_000 for r in found.kept)
    assert sort_out(found.kept, RECEIVED, KNOWN) == Sorted(found.kept, {})
