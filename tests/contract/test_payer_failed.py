"""Who failed in a payer's report, by what the kind itself says of a simulated clearinghouse."""

from __future__ import annotations

import pytest

from collector.core.payer_failed import Failed, named
from probes.contract import Outcome
from probes.kinds.x12_eligibility import KIND
from probes.reasons import MEANINGS, Reason
from probes.results import Result
from probes.testing.payer import Payer
from tests.contract.conformance import observe
from tests.support.payer_path import HOUR, SPRING, report
from tests.support.payers import spec

FAULTS = ("aaa_42_clearinghouse", "aaa_42_payer", "aaa_80_payer", "refuse", "unauthorized")


async def test_an_hour_of_each_fault_is_down_time_of_who_failed() -> None:
    payer = Payer()
    await payer.start()
    runs: list[Result] = []
    for hour, fault in enumerate(("none", *FAULTS, "none")):
        payer.set_fault(fault)
        seen = (await observe(KIND, spec(payer))).observation
        t = SPRING + hour * HOUR
        runs.append(Result("c", "a", t, seen.outcome, seen.reason, 900, t + 900))
    await payer.stop()
    (week,) = report(runs, now=SPRING + 7 * HOUR).weeks
    # wrong credentials are ours: an hour of unknown time
    assert runs[5].outcome is Outcome.MISCONFIGURED
    assert week.failed == {
        Failed.CLEARINGHOUSE: HOUR,
        Failed.PAYER: 2 * HOUR,
        Failed.UNNAMED: HOUR,
    }
    assert (week.amounts.down, week.amounts.unknown) == (4 * HOUR, HOUR)


def test_a_payer_whom_the_clearinghouse_does_not_reach_has_failed() -> None:
    assert named(Reason.X12_UNREACHABLE_PAYER) is Failed.PAYER


@pytest.mark.parametrize("who", [Failed.CLEARINGHOUSE, Failed.PAYER])
def test_every_reason_that_ends_in_one_of_their_names_names_it(who: Failed) -> None:
    reasons = [reason for reason in MEANINGS if reason.endswith(f"_{who}")]
    assert reasons
    assert {named(reason) for reason in reasons} == {who}
