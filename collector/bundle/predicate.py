"""The predicate: what is derived from the evidence, and beside it what the issuer claims."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from collector.attest.statement import Statement, Subject
from collector.attest.strictjson import Value
from collector.bundle.evidence import CLOSED_MS, Asked
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import STATEMENT

TYPE = "urn:wardwatch:attestation:availability:v1"
DERIVED = (
    "scope",
    "period",
    "method",
    "vantagePoints",
    "results",
    "outages",
    "exclusions",
    "gaps",
    "gapsLeftOut",
    "incidents",
    "configChanges",
    "lateEvidence",
    "log",
    "assurance",
    "states",
)
"""Fields that any verifier makes again from the evidence, and finds equal as canonical bytes."""
CLAIMED = (
    "attestationId",
    "version",
    "computedAt",
    "software",
    "signer",
    "supersedes",
    "selfMonitoring",
    "limitations",
    "verify",
)
"""Fields that are the issuer's word."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """Instants are UTC ms. `algorithm` is a hash of the program that made the numbers; `supersedes`
    names the attestation this one takes the place of. `away_ms`: how long no collector was there;
    `witness_lag_max_ms`: the longest from a checkpoint to its quorum, None without witnesses.
    """

    attestation_id: str
    version: int
    computed_at: int
    software: str
    algorithm: str
    key_id: str
    signer: str
    command: str
    checkpoints: int
    away_ms: int = 0
    witness_lag_max_ms: int | None = None
    supersedes: str | None = None
    limitations: Sequence[str] = ()


def predicate(derived: Mapping[str, Value], claimed: Claimed) -> dict[str, Value]:
    """Both together; ValueError for derived fields that are not just those of `DERIVED`."""
    if derived.keys() != set(DERIVED):
        raise ValueError("not the derived fields")
    return {
        **derived,
        "attestationId": claimed.attestation_id,
        "version": claimed.version,
        "computedAt": claimed.computed_at,
        "software": {"version": claimed.software, "algorithmHash": claimed.algorithm},
        "signer": {"keyId": claimed.key_id, "name": claimed.signer},
        "supersedes": claimed.supersedes,
        "selfMonitoring": {
            "awayMs": claimed.away_ms,
            "checkpoints": claimed.checkpoints,
            "witnessLagMaxMs": claimed.witness_lag_max_ms,
        },
        "limitations": [*claimed.limitations],
        "verify": {"command": claimed.command},
    }


def derived_in(found: Mapping[str, Value]) -> dict[str, Value]:
    """The derived fields of a predicate; BundleError where one is missing."""
    if not set(DERIVED) <= found.keys():
        raise BundleError(BundleFault.PREDICATE, STATEMENT)
    return {name: found[name] for name in DERIVED}


def asked_of(found: Mapping[str, Value]) -> Asked:
    """What a predicate says it was asked for; BundleError for what cannot be."""
    period = found.get("period")
    if not isinstance(period, dict):
        raise BundleError(BundleFault.PREDICATE, STATEMENT)
    start, end, since, now = (
        _instant(period.get(name)) for name in ("start", "end", "evidenceFrom", "now")
    )
    if not (since + _DAY_MS <= start < end and now == end + CLOSED_MS and since % _DAY_MS == 0):
        raise BundleError(BundleFault.PREDICATE, STATEMENT)
    if end - since > _LONGEST_MS:
        raise BundleError(BundleFault.PREDICATE, STATEMENT)
    return Asked(start, end, since, _operators(found.get("assurance")))


def statement(found: Mapping[str, Value], subjects: Sequence[Subject]) -> Statement:
    return Statement(tuple(subjects), TYPE, found)


_DAY_MS = 86_400_000
_LAST = 7_258_118_400_000
"""The year 2200: what nobody can have measured is not worked on."""
_LONGEST_MS = 3_660 * _DAY_MS
"""From the beginning of the evidence on."""


def _instant(value: Value) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _LAST:
        raise BundleError(BundleFault.PREDICATE, STATEMENT)
    return value


def _operators(value: Value) -> dict[str, str]:
    told = value.get("witnesses") if isinstance(value, dict) else None
    found: dict[str, str] = {}
    for one in told if isinstance(told, list) else ():
        name = one.get("name") if isinstance(one, dict) else None
        operator = one.get("operator") if isinstance(one, dict) else None
        if isinstance(name, str) and isinstance(operator, str):
            found[name] = operator
    return found
