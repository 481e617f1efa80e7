"""What a predicate is about, before the evidence is read; the rest is compared with what is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.attest.strictjson import Value
from collector.bundle.evidence import Asked
from collector.bundle.predicate import asked_of
from collector.verifying.failures import Failure, VerifyError

LONGEST_MS = 800 * 86_400_000
"""What an attestation is about at most, with its evidence from before."""
LAST = 7_258_118_400_000
"""The year 2200."""


@dataclass(frozen=True, slots=True)
class Claims:
    """`computed_at`: UTC ms, by the issuer's word alone."""

    asked: Asked
    computed_at: int


def claims_of(predicate: Mapping[str, Value]) -> Claims:
    """VerifyError or BundleError for a predicate that does not say which period and when it was
    computed, and for a period that nobody attests.
    """
    asked, at = asked_of(predicate), predicate.get("computedAt")
    if asked.end - asked.evidence_from > LONGEST_MS or asked.end > LAST:
        raise VerifyError(Failure.FIGURES_ASKED, "period")
    if isinstance(at, bool) or not isinstance(at, int) or not 0 <= at < LAST:
        raise VerifyError(Failure.STATEMENT_MALFORMED, "computedAt")
    return Claims(asked, at)
