"""What of a predicate must be known before the evidence is read; the rest is compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from collector.attest.strictjson import Value
from collector.bundle.evidence import Asked
from collector.verifying.failures import Failure, VerifyError


@dataclass(frozen=True, slots=True)
class Claims:
    """`computed_at`: UTC ms, by the issuer's word alone."""

    asked: Asked
    computed_at: int


def claims_of(predicate: Mapping[str, Value]) -> Claims:
    """VerifyError for a predicate that does not say which period and when it was computed."""
    period, assurance = predicate.get("period"), predicate.get("assurance")
    if not isinstance(period, dict) or not isinstance(assurance, dict):
        raise VerifyError(Failure.STATEMENT_MALFORMED, "period")
    asked = Asked(
        _instant(period, "start"),
        _instant(period, "end"),
        _instant(period, "evidenceFrom"),
        _operators(assurance.get("witnesses")),
    )
    first, start, end = asked.evidence_from, asked.start, asked.end
    if not first <= start < end <= first + LONGEST_MS:
        raise VerifyError(Failure.STATEMENT_MALFORMED, "period")
    return Claims(asked, _instant(predicate, "computedAt"))


def _operators(witnesses: Value) -> dict[str, str]:
    """Who runs each witness, as the issuer declares it."""
    found: dict[str, str] = {}
    for one in witnesses if isinstance(witnesses, list) else [None]:
        name, operator = (one.get("name"), one.get("operator")) if isinstance(one, dict) else (0, 0)
        if not isinstance(name, str) or not isinstance(operator, str | None):
            raise VerifyError(Failure.STATEMENT_MALFORMED, "assurance.witnesses")
        if operator is not None:
            found[name] = operator
    return found


def _instant(found: Mapping[str, Value], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _FAR:
        raise VerifyError(Failure.STATEMENT_MALFORMED, name)
    return value


LONGEST_MS = 800 * 86_400_000
"""What an attestation is about at most, and its evidence from before."""
_FAR = 7_258_118_400_000
"""The year 2200."""
