"""FHIR R4 answers (https://hl7.org/fhir/R4/http.html) as verdicts. Total: any bytes give one.

Only the elements a verdict needs are decoded; no text of the server leaves this module.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from probes.contract import Outcome
from probes.reasons import Reason

MEDIA_TYPES = frozenset({"application/fhir+json", "application/json+fhir", "application/json"})
"""What servers in the field label FHIR JSON with; the last two are older spellings."""

# https://hl7.org/fhir/R4/valueset-type-restful-interaction.html
INTERACTIONS = frozenset(
    {
        "create",
        "delete",
        "history-instance",
        "history-type",
        "patch",
        "read",
        "search-type",
        "update",
        "vread",
    }
)

# https://hl7.org/fhir/R4/valueset-issue-type.html, seen from a GET of one known resource. The
# first group: the server is alive and refuses our credentials, our route or our choice of
# resource. A GET carries no content, so a code about content (`invalid`, `required`, ...) speaks
# of the server's own record: like the transient codes and any code not listed, it is `down`.
_REJECTS_US = frozenset(
    {
        "security",
        "login",
        "unknown",
        "expired",
        "forbidden",
        "suppressed",
        "not-supported",
        "not-found",
        "deleted",
        "multiple-matches",
        "too-costly",
        "business-rule",
    }
)
_FAILED = frozenset({"error", "fatal"})

_RANK = (Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)

T = TypeVar("T")


class _Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Head(_Struct):
    resource_type: str


class _Interaction(_Struct):
    code: str = ""


class _SearchParam(_Struct):
    name: str = ""


class _RestResource(_Struct):
    type: str = ""
    interaction: list[_Interaction] | None = None
    search_param: list[_SearchParam] | None = None


class _Rest(_Struct):
    mode: str = ""
    resource: list[_RestResource] | None = None


class _CapabilityStatement(_Struct):
    fhir_version: str | None = None
    rest: list[_Rest] | None = None


class _Issue(_Struct):
    severity: str
    code: str


class _OperationOutcome(_Struct):
    resource_type: str
    issue: list[_Issue]


class _Meta(_Struct):
    last_updated: str | None = None


class _Resource(_Struct):
    id: str | None = None
    meta: _Meta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: Reason


UP = Verdict(Outcome.UP, Reason.OK)
_NOT_FHIR = Verdict(Outcome.DOWN, Reason.FHIR_NOT_FHIR)
_WRONG_RESOURCE = Verdict(Outcome.DOWN, Reason.FHIR_WRONG_RESOURCE)
_VERSION = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_VERSION)
_DRIFT = Verdict(Outcome.DEGRADED, Reason.FHIR_DRIFT)


@dataclass(frozen=True, slots=True)
class Statement:
    """The part of a CapabilityStatement whose change matters.

    `date` is left out: some servers stamp it with the time of the request.
    """

    fhir_version: str
    types: frozenset[str]
    interactions: frozenset[tuple[str, str]]
    search_params: frozenset[tuple[str, str]]

    def digest(self) -> bytes:
        """SHA-256 of the canonical form; equal for the same set in any order."""
        form = (self.fhir_version, sorted(self.interactions), sorted(self.search_params))
        return hashlib.sha256(msgspec.json.encode(form)).digest()

    def missing(self, requires: Iterable[tuple[str, str]]) -> int:
        """How many of the required (type, interaction) pairs it does not offer."""
        return sum(pair not in self.interactions for pair in requires)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The one that decides, in the order of semantics 2.1; `up` of none."""
    return min(outcomes, key=_RANK.index, default=Outcome.UP)


def judge_status(status: int, body: bytes) -> Verdict | None:
    """The verdict of a status code; None for 2xx, where the body decides."""
    if 200 <= status < 300:
        return None
    if status in (401, 403):
        return Verdict(Outcome.MISCONFIGURED, Reason.FHIR_AUTH)
    if status in (425, 429):
        return Verdict(Outcome.DEGRADED, Reason.HTTP_THROTTLED)
    # 408 is the far side's own time-out: the request was sent whole and at once.
    if status >= 500 or status == 408:
        in_fhir = judge_issues(body) is not None
        return Verdict(Outcome.DOWN, Reason.FHIR_OUTCOME if in_fhir else Reason.HTTP_STATUS)
    return Verdict(Outcome.MISCONFIGURED, Reason.HTTP_STATUS)


def judge_issues(body: bytes) -> Verdict | None:
    """The worst issue of severity error or fatal; None when there is no OperationOutcome with one."""
    codes = issue_codes(body)
    if not codes:
        return None
    return Verdict(worst(map(_issue_outcome, codes)), Reason.FHIR_OUTCOME)


def issue_codes(body: bytes) -> frozenset[str]:
    """The codes of all issues of severity error or fatal; none where it is no OperationOutcome."""
    answer = decode(body, _OperationOutcome)
    if answer is None or answer.resource_type != "OperationOutcome":
        return frozenset()
    return frozenset(issue.code for issue in answer.issue if issue.severity in _FAILED)


def judge_statement(
    content_type: str | None,
    body: bytes,
    fhir_version: str,
    requires: Collection[tuple[str, str]],
) -> tuple[Verdict, Statement | None]:
    """Judge the body of a 2xx answer to `GET [base]/metadata`.

    `fhir_version` is a prefix in whole components: `4.0` accepts 4.0.1 and not 4.01. The
    statement is None where the body is no CapabilityStatement.
    """
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return verdict, None
    if kind != "CapabilityStatement":
        # Conformance is what a CapabilityStatement was called before STU3.
        return (_VERSION if kind == "Conformance" else _WRONG_RESOURCE), None
    answer = decode(body, _CapabilityStatement)
    if answer is None:
        return _NOT_FHIR, None
    statement = _canonical(answer)
    if not f"{statement.fhir_version}.".startswith(f"{fhir_version}."):
        return _VERSION, statement
    return (_DRIFT if statement.missing(requires) else UP), statement


def judge_resource(
    content_type: str | None,
    body: bytes,
    type_: str,
    id_: str,
    *,
    max_age_ms: int | None,
    now_ms: int,
) -> tuple[Verdict, int | None]:
    """Judge the body of a 2xx answer to `GET [base]/[type]/[id]`.

    The second value is the age of `meta.lastUpdated` in whole seconds (0 if in the future); None
    where the resource is not the one asked for, or names no instant.
    """
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return verdict, None
    answer = decode(body, _Resource)
    if answer is None:
        return _NOT_FHIR, None
    if kind != type_ or answer.id != id_:
        return _WRONG_RESOURCE, None
    age_ms = _age_ms(answer.meta.last_updated if answer.meta else None, now_ms)
    if max_age_ms is None or (age_ms is not None and age_ms <= max_age_ms):
        verdict = UP
    elif age_ms is None:
        # `lastUpdated` is optional in FHIR: a check that needs it asks too much of this server.
        verdict = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_STALE)
    else:
        verdict = Verdict(Outcome.DOWN, Reason.FHIR_STALE)
    return verdict, None if age_ms is None else age_ms // 1000


def judge_type(content_type: str | None, body: bytes) -> tuple[Verdict | None, str]:
    """A verdict where the answer is no FHIR JSON or a failure in FHIR; else its resource type."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    head = decode(body, _Head) if media_type in MEDIA_TYPES else None
    if head is None:
        return _NOT_FHIR, ""
    failed = head.resource_type == "OperationOutcome"
    return (judge_issues(body) if failed else None), head.resource_type


def _issue_outcome(code: str) -> Outcome:
    if code in _REJECTS_US:
        return Outcome.MISCONFIGURED
    return Outcome.DEGRADED if code == "throttled" else Outcome.DOWN


def _canonical(answer: _CapabilityStatement) -> Statement:
    served = [
        resource
        for rest in answer.rest or ()
        if rest.mode == "server"
        for resource in rest.resource or ()
    ]
    return Statement(
        answer.fhir_version or "",
        frozenset(r.type for r in served),
        frozenset((r.type, i.code) for r in served for i in r.interaction or ()),
        frozenset((r.type, p.name) for r in served for p in r.search_param or ()),
    )


def _age_ms(instant: str | None, now_ms: int) -> int | None:
    try:
        at = datetime.fromisoformat(instant or "")
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max(now_ms - (at - _EPOCH) // _MS, 0)


def decode(body: bytes, as_type: type[T]) -> T | None:
    # ValueError covers msgspec's errors and broken UTF-8; deep nesting is a RecursionError. Their
    # texts quote the body.
    try:
        return msgspec.json.decode(body, type=as_type)
    except (ValueError, RecursionError):
        return None
