"""Traps of billing, by name: what a plain check would call healthy, and whom it would blame."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from probes.contract import Fact, Outcome, StepName
from probes.kinds import http, x12_eligibility
from probes.reasons import Reason
from probes.testing.payer import Payer
from tests.contract.conformance import expect, observe
from tests.support.payers import WAYS, spec

KIND = x12_eligibility.KIND


@pytest.fixture
async def payer() -> AsyncIterator[Payer]:
    simulator = Payer(("ZZQUILL",))
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("fault", "reason", "failed", "works"),
    [
        ("aaa_42_clearinghouse", "x12.aaa_42_clearinghouse", "clearinghouse", "connect"),
        ("aaa_42_payer", "x12.aaa_42_payer", "payer", "clearinghouse"),
    ],
)
async def test_trap_10_http_200_with_aaa_42_is_down_and_2000a_is_told_from_2100a(
    payer: Payer, fault: str, reason: str, failed: str, works: str, way: str
) -> None:
    """The same status, the same transaction set, the same code: only the loop tells whose it is."""
    payer.set_fault(fault)
    seen = await expect(KIND, spec(payer, way), Outcome.DOWN, Reason(reason))
    assert seen.facts[Fact.HTTP_STATUS] == 200
    outcomes = {step.name: step.outcome for step in seen.steps}
    assert outcomes[StepName(failed)] is Outcome.DOWN
    assert outcomes[StepName(works)] is Outcome.UP
    assert list(outcomes)[-1] == failed


@pytest.mark.parametrize(
    ("outcome", "reason", "aaa"),
    [
        (Outcome.MISCONFIGURED, "x12.enrolment", ("2100B", "N**51*N")),
        (Outcome.UP, "ok", ("2100C", "N**75*C")),
        (Outcome.DEGRADED, "x12.aaa_42_subscriber", ("2100D", "Y**42*R")),
    ],
)
async def test_trap_10_a_200_with_an_aaa_may_also_be_ours_or_right(
    payer: Payer, outcome: Outcome, reason: str, aaa: tuple[str, str]
) -> None:
    payer.aaa = aaa
    await expect(KIND, spec(payer, expect_rejection=["75"]), outcome, Reason(reason))


async def test_a_page_check_calls_a_dead_clearinghouse_healthy(payer: Payer) -> None:
    payer.set_fault("html200")
    url = {"url": payer.origin + "/core/soap", "status": ["200-499"]}
    await expect(http.KIND, url, Outcome.UP, Reason.OK)
    await expect(KIND, spec(payer), Outcome.DOWN, Reason.X12_NOT_CORE)


async def test_an_answer_about_somebody_else_is_neither_up_nor_kept(payer: Payer) -> None:
    payer.set_fault("foreign_trace")
    seen = (await observe(KIND, spec(payer))).observation
    assert (seen.outcome, seen.reason) == (Outcome.DEGRADED, Reason.X12_FOREIGN_ANSWER)
    assert set(seen.facts) == {Fact.HTTP_STATUS, Fact.BODY_BYTES}
