"""What an attestation says, as it is read for rendering: the predicate in types. Pure.

Instants are UTC milliseconds, `*_ms` are lengths, `percent` is truncated text or None. Fields that
are not known here are passed over, as in-toto demands.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from collector.attest.strictjson import Value


class PredicateError(ValueError):
    """Not such a predicate; the text names the field, never what it holds."""


Named = Annotated[str, msgspec.Meta(pattern=r"\S")]
"""Something can be seen of it: PDF/UA forbids a heading that says nothing."""


class _Struct(msgspec.Struct, frozen=True, rename="camel"):
    pass


class Check(_Struct, frozen=True):
    """`role` is a word, or `group:` and the id of a group; `quorum` None: half, rounded up."""

    id: str
    kind: str
    agents: tuple[str, ...]
    every: int
    timeout: int
    role: str
    quorum: int | None


class System(_Struct, frozen=True):
    id: Named
    name: Named
    checks: tuple[Check, ...]


class Scope(_Struct, frozen=True):
    organization: Named
    systems: tuple[System, ...]
    undisclosed_systems: bool


class Period(_Struct, frozen=True):
    """`now` is the edge of knowledge: what came later counts for a revision."""

    start: int
    end: int
    timezone: str
    now: int
    evidence_from: int


class Confirm(_Struct, frozen=True):
    check: str
    down: int
    up: int


class Method(_Struct, frozen=True):
    semantics: str
    formula: str
    confirm: tuple[Confirm, ...]
    unknown_policy: str
    rounding: str
    tzdata: str


class VantagePoint(_Struct, frozen=True):
    agent: str
    site: str
    operator: str
    keys: tuple[str, ...]
    clock_error_max_ms: int | None
    batches: int
    late: int


class Ratio(_Struct, frozen=True):
    numerator: int
    denominator: int
    percent: str | None


class Figures(_Struct, frozen=True):
    raw: Ratio
    after_exclusions: Ratio
    worst_case: Ratio


class Milliseconds(_Struct, frozen=True):
    eligible: int
    up: int
    degraded: int
    down: int
    unknown: int
    excluded: int
    not_monitored: int


class SiteResult(_Struct, frozen=True):
    site: str
    figures: Figures
    milliseconds: Milliseconds
    coverage: str | None
    verdict: str | None
    minimum_verdict: str | None


class Runs(_Struct, frozen=True):
    judged: int
    good: int


class Outcomes(_Struct, frozen=True):
    up: int
    degraded: int
    down: int
    misconfigured: int
    unknown: int


class JudgedBy(_Struct, frozen=True):
    """The number behind the verdicts; `site` is that of a scope `worst_site`."""

    scope: str
    site: str | None
    known: str | None
    min: str | None
    max: str | None


class Corrected(_Struct, frozen=True):
    """The second number, with corrections that two people approved."""

    figures: Figures
    milliseconds: Milliseconds
    coverage: str | None
    verdict: str | None
    minimum_verdict: str | None
    judged_by: JudgedBy | None
    corrections: tuple[str, ...]


class Result(_Struct, frozen=True):
    system: str
    formula: str
    figures: Figures
    milliseconds: Milliseconds
    coverage: str | None
    sites: tuple[SiteResult, ...]
    target: str | None
    verdict: str | None
    minimum: str | None
    minimum_verdict: str | None
    scope: str | None
    judged_by: JudgedBy | None
    runs: Runs
    expected: int
    received: int
    outcomes: Outcomes
    corrected: Corrected | None


class Outage(_Struct, frozen=True):
    system: str
    start: int
    end: int | None
    min_ms: int | None
    max_ms: int | None


class Exclusion(_Struct, frozen=True):
    window: str
    system: str
    start: int
    end: int
    excludes: bool
    why: str | None
    proposed_by: str | None
    approved_by: str | None
    approved_at: int | None
    row: int | None
    log_index: int | None
    pre_registered: bool | None
    witnessed_at: int | None
    applied_ms: int


class Gap(_Struct, frozen=True):
    system: str
    check: str
    agent: str
    start: int
    end: int
    slots: int
    cause: str


class Incident(_Struct, frozen=True):
    id: str
    system: str
    family: str
    category: int
    priority: str
    started_at: int
    detected_at: int | None
    acknowledged_at: int | None
    recovered_at: int | None
    resolved_at: int | None


class ConfigChange(_Struct, frozen=True):
    row: int
    at: int
    log_index: int
    commitment: str
    changed: bool


class LateEvidence(_Struct, frozen=True):
    batches: int
    results: int
    longest_ms: int
    after_close: int


class LogStart(_Struct, frozen=True):
    size: int


class LogHead(_Struct, frozen=True):
    size: int
    root: str


class Log(_Struct, frozen=True):
    origin: str
    start: LogStart = msgspec.field(name="from")
    to: LogHead
    entries: int
    checkpoints: int


class Witness(_Struct, frozen=True):
    """`operator` as it was declared, None where it was not."""

    name: str
    operator: str | None


class Assurance(_Struct, frozen=True):
    """`witnesses` are those that cosigned the final checkpoint."""

    level: Named
    limits: tuple[str, ...]
    witnesses: tuple[Witness, ...]


class Software(_Struct, frozen=True):
    version: str
    algorithm_hash: str


class Signer(_Struct, frozen=True):
    key_id: str
    name: str


class SelfMonitoring(_Struct, frozen=True):
    away_ms: int
    checkpoints: int
    witness_lag_max_ms: int | None


class Verify(_Struct, frozen=True):
    command: str


class States(_Struct, frozen=True):
    """`spans` are `[start, end, state]`, ascending."""

    system: Named
    spans: tuple[tuple[int, int, str], ...]


class Predicate(_Struct, frozen=True):
    attestation_id: Named
    version: int
    computed_at: int
    software: Software
    signer: Signer
    supersedes: str | None
    scope: Scope
    period: Period
    method: Method
    vantage_points: tuple[VantagePoint, ...]
    results: tuple[Result, ...]
    outages: tuple[Outage, ...]
    exclusions: tuple[Exclusion, ...]
    gaps: tuple[Gap, ...]
    gaps_left_out: int
    incidents: tuple[Incident, ...]
    config_changes: tuple[ConfigChange, ...]
    late_evidence: LateEvidence
    log: Log
    assurance: Assurance
    limitations: tuple[str, ...]
    self_monitoring: SelfMonitoring
    verify: Verify
    states: tuple[States, ...]


def read(predicate: Mapping[str, Value]) -> Predicate:
    """PredicateError names the first field that is not as it must be."""
    try:
        return msgspec.convert(predicate, Predicate)
    except msgspec.ValidationError as error:
        raise PredicateError(str(error)) from None
