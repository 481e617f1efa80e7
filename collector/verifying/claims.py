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

    organization: str
    asked: Asked
    computed_at: int


def claims_of(predicate: Mapping[str, Value]) -> Claims:
    """VerifyError for a predicate that does not say who, which period and when."""
    scope, period = predicate.get("scope"), predicate.get("period")
    if not isinstance(scope, dict) or not isinstance(period, dict):
        raise VerifyError(Failure.STATEMENT_MALFORMED, "scope")
    organization = scope.get("organization")
    if not isinstance(organization, str):
        raise VerifyError(Failure.STATEMENT_MALFORMED, "scope.organization")
    return Claims(
        organization,
        Asked(
            _instant(period, "start"),
            _instant(period, "end"),
            _instant(period, "evidenceFrom"),
        ),
        _instant(predicate, "computedAt"),
    )


def _instant(found: Mapping[str, Value], name: str) -> int:
    value = found.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise VerifyError(Failure.STATEMENT_MALFORMED, name)
    return value
