"""The kind `x12_claim_status` over the interfaces of Stedi, Optum and Availity, simulated."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from probes import x12exchange
from probes.clock import SystemClock
from probes.contract import Outcome
from probes.kinds.x12_claim_status import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.clearinghouse import Clearinghouse
from tests.contract.conformance import observe
from tests.support.clearinghouses import WAYS, claim, secrets

ENDS: dict[str, tuple[Outcome, Reason]] = {
    "none": (Outcome.UP, Reason.OK),
    "aaa_42_payer": (Outcome.DOWN, Reason.X12_STC_E1_PAYER),
    "aaa_80_payer": (Outcome.DOWN, Reason.X12_STC_E2_PAYER),
    "no_benefits": (Outcome.DOWN, Reason.X12_NO_STATUS),
    "foreign": (Outcome.DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "500": (Outcome.DOWN, Reason.HTTP_STATUS),
    "pending": (Outcome.DOWN, Reason.X12_ONLY_ACKNOWLEDGED),
}


@pytest.mark.parametrize("way", WAYS)
async def test_each_way_to_fail_has_its_outcome_and_reason(
    tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(x12exchange, "FIRST_LOOK_MS", 1)
    monkeypatch.setattr(x12exchange, "LOOK_MS", 2)
    authority, house = Authority(tmp_path, SystemClock().now_ms()), Clearinghouse()
    await house.start(authority.server().server_context())
    given, found = claim(house, way, authority.ca), {}
    expected = {end: ENDS[end] for end in ENDS if end != "pending" or way == "availity"}
    house.live = given.get("production") == "true"
    for fault in expected:
        house.set_fault(fault, at="look" if fault == "pending" else "question")
        run = await observe(KIND, given, connections=17, secrets=secrets(house), timeout_ms=5_000)
        found[fault] = (run.observation.outcome, run.observation.reason)
    await house.stop()
    assert found == expected
    assert len(house.questions) == len(expected) - 1  # none was asked twice, 500 asked nobody


def test_stedi_answers_no_test_questions_about_claims() -> None:
    house = Clearinghouse()
    house.origin = "https://example.org"
    given = {**claim(house, "stedi", "/ca.pem"), "production": "false"}
    with pytest.raises(ValidationError, match="no test questions about claims"):
        KIND.parse(given)
