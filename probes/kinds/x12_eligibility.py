"""A question for eligibility (270) and its answer (271) in real time (`x12_eligibility.md`)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from probes.contract import Env, Kind
from probes.reasons import Reason
from probes.wire.x12_answer import Loop, aaa_code
from probes.wire.x12_judge import AAA
from probes.wire.x12_question import Asks
from probes.x12probe import REASONS, X12Probe
from probes.x12spec import X12Spec

_OF_MEMBERS = frozenset(
    code
    for (loop, code), (_, reason) in AAA.items()
    if loop is Loop.MEMBER and reason is Reason.X12_MEMBER
)


def _code(text: str) -> str:
    if aaa_code(text) not in _OF_MEMBERS:
        raise ValueError("write codes of AAA03 that are about a member, such as 72, 73 and 75")
    return text


class EligibilitySpec(X12Spec):
    service_type: Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{1,2}$")] = "30"
    """EQ01; 30 is the plan itself."""
    expect_rejection: tuple[Annotated[str, AfterValidator(_code)], ...] = ()
    """AAA03 with one of which the payer is to reject this member; none: benefits are to come."""

    @property
    def expected(self) -> frozenset[int]:
        return frozenset(code for text in self.expect_rejection if (code := aaa_code(text)))


@asynccontextmanager
async def _open(spec: EligibilitySpec, env: Env) -> AsyncIterator[X12Probe]:
    question = spec.question(Asks.ELIGIBILITY, spec.service_type)
    yield X12Probe(spec, question, spec.expected, env)


KIND = Kind(
    name="x12_eligibility",
    summary="Eligibility of a test member in real time: 270 and 271 over a clearinghouse",
    parse=EligibilitySpec.model_validate,
    open=_open,
    reasons=REASONS
    | {
        Reason.X12_AAA_42_CLEARINGHOUSE,
        Reason.X12_AAA_42_PAYER,
        Reason.X12_AAA_42_SUBSCRIBER,
        Reason.X12_AAA_80_PAYER,
        Reason.X12_AAA_OTHER,
        Reason.X12_MEMBER,
        Reason.X12_NOT_REJECTED,
        Reason.X12_NO_BENEFITS,
        Reason.X12_PARTIAL,
    },
    writes=lambda spec: spec.writes,
    answers_within_ms=lambda spec: spec.answers_within_ms,
)
