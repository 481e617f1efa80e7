"""The kind `x12_claim_status` against a clearinghouse that fails on command, over real sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import ValidationError

from probes.contract import Fact, Outcome
from probes.kinds.x12_claim_status import KIND
from probes.reasons import Reason
from probes.testing.payer import Payer
from tests.contract.conformance import expect, observe, steps
from tests.contract.test_x12_eligibility import BY_FORM, FAULTS
from tests.support.payers import WAYS, claim

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED = Outcome.MISCONFIGURED

# What a 277 says otherwise than a 271, or not at all
IN_277 = {
    "aaa_42_clearinghouse": (UP, Reason.OK),
    "aaa_42_payer": (DOWN, Reason.X12_STC_E1_PAYER),
    "aaa_80_payer": (DOWN, Reason.X12_STC_E2_PAYER),
    "aaa_42_subscriber": (UP, Reason.OK),
    "no_benefits": (DOWN, Reason.X12_NO_STATUS),
}

STATUSES = [
    ("A1:20*20260101", UP, Reason.OK),
    ("A4:35*20260101", UP, Reason.OK),
    ("D0:35*20260101", UP, Reason.OK),
    ("F1:65*20260101**100*80", UP, Reason.OK),
    ("F3F:65*20260101", UP, Reason.OK),
    ("P1:20*20260101", UP, Reason.OK),
    ("R3:21*20260101", UP, Reason.OK),
    ("E0:21*20260101", MISCONFIGURED, Reason.X12_REQUEST),
    ("E1:0*20260101", DOWN, Reason.X12_STC_E1_PAYER),
    ("E2:0*20260101", DOWN, Reason.X12_STC_E2_PAYER),
    ("E3:21*20260101", MISCONFIGURED, Reason.X12_REQUEST),
    ("E4:21*20260101", MISCONFIGURED, Reason.X12_ENROLMENT),
    ("Z9:21*20260101", DOWN, Reason.X12_NO_STATUS),
    ("F1:65*20260101 E1:0*20260101", DOWN, Reason.X12_STC_E1_PAYER),
]


@pytest.fixture
async def payer() -> AsyncIterator[Payer]:
    simulator = Payer(("ZZQUILL", "MRN-88442117"))
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_way_to_fail_has_its_outcome_and_reason(
    payer: Payer, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    payer.set_fault(fault)
    expected = BY_FORM.get(fault, FAULTS[fault])
    slow = {"slow_after": "190ms"} if fault == "slow" else {}
    given = claim(payer, "core_mime", **slow)
    timeout_ms = 300 if fault == "hang" else 5_000
    seen = await expect(KIND, given, *IN_277.get(fault, expected), timeout_ms=timeout_ms)
    assert len(payer.questions) <= 1
    assert "ZZQUILL" not in repr(seen) + caplog.text
    assert "88442117" not in repr(seen) + caplog.text


@pytest.mark.parametrize(("stc", "outcome", "reason"), STATUSES)
async def test_the_category_of_a_status_tells_who_answered(
    payer: Payer, stc: str, outcome: Outcome, reason: Reason
) -> None:
    payer.stc = tuple(stc.split())
    seen = await expect(KIND, claim(payer), outcome, reason)
    assert steps(seen)[1:] == [("clearinghouse", "up", "ok"), ("payer", outcome, reason)]
    assert Fact.BENEFITS not in seen.facts


@pytest.mark.parametrize("way", WAYS)
async def test_it_asks_about_the_claim_and_nothing_is_sent_twice(payer: Payer, way: str) -> None:
    about = {"service_date": "2026-01-05", "charge": "99.5", "number": "ZZCLAIM1"}
    run = await observe(KIND, claim(payer, way, claim=about))
    assert run.observation.outcome is UP
    (payload,) = payer.payloads
    assert "~REF*1K*ZZCLAIM1~AMT*T3*99.5~DTP*472*D8*20260105~" in payload
    assert payer.envelopes[0]["PayloadType"] == "X12_276_Request_005010X212"


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ({}, "service_date"),
        ({"service_date": "2026-02-30"}, "write a date"),
        ({"service_date": "2026-02-03", "charge": "1e3"}, "charge"),
    ],
)
def test_a_claim_that_cannot_be_is_refused_with_the_reason(
    payer: Payer, about: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError, match=told):
        KIND.parse(claim(payer, claim=about))
