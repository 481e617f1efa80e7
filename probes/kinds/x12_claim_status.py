"""A question for the status of a claim (276) and its answer (277) in real time (`x12_claim_status.md`)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import date
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from probes.config_words import Date, Model
from probes.contract import Env, Kind
from probes.reasons import Reason
from probes.wire.x12_question import Asks, Claim
from probes.x12connect import X12_TEXT
from probes.x12probe import REASONS, X12Probe
from probes.x12spec import X12Spec


def _amount(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,8}(\.[0-9]{1,2})?", text):
        raise ValueError("write an amount, such as 100 or 99.5")
    return text


class ClaimSpec(Model):
    """A claim of the test member, or one that does not exist: the payer answers either way."""

    service_date: Date
    charge: Annotated[str, AfterValidator(_amount)] | None = None
    number: Annotated[str, StringConstraints(max_length=50), X12_TEXT] | None = None
    """The payer's own (REF 1K)."""


class ClaimStatusSpec(X12Spec):
    claim: ClaimSpec

    def contradictions(self) -> Iterable[tuple[bool, str]]:
        no_test = self.connect.stedi is not None and not self.production
        why = "Stedi answers no test questions about claims: production: true, or another connect"
        return (*super().contradictions(), (no_test, why))


@asynccontextmanager
async def _open(spec: ClaimStatusSpec, env: Env) -> AsyncIterator[X12Probe]:
    claim = spec.claim
    about = Claim(date.fromisoformat(claim.service_date), claim.charge, claim.number)
    yield X12Probe(spec, spec.question(Asks.CLAIM_STATUS, claim=about), frozenset(), env)


KIND = Kind(
    name="x12_claim_status",
    summary="Status of a test claim in real time: 276 and 277 over a clearinghouse",
    parse=ClaimStatusSpec.model_validate,
    open=_open,
    reasons=REASONS | {Reason.X12_NO_STATUS, Reason.X12_STC_E1_PAYER, Reason.X12_STC_E2_PAYER},
    writes=lambda spec: spec.writes,
    answers_within_ms=lambda spec: spec.answers_within_ms,
)
