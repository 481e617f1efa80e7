"""FHIR answers (https://hl7.org/fhir/R4/http.html) as verdicts. Total: any bytes give one.

Only the elements a verdict needs are decoded; no text of the server leaves this module.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import msgspec

from probes.contract import Outcome
from probes.profiles.generic import PROFILE as GENERIC
from probes.profiles.profile import Codes, Profile, VendorCode
from probes.reasons import Reason

MEDIA_TYPES = frozenset({"application/fhir+json", "application/json+fhir", "application/json"})
"""What servers in the field label FHIR JSON with; the last two are older spellings."""

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


class Struct(msgspec.Struct, rename="camel", gc=False):
    pass


class _Head(Struct):
    resource_type: str


class _Coding(Struct):
    code: str = ""


class _Details(Struct):
    coding: list[_Coding] | None = None


class Issue(Struct):
    severity: str
    code: str
    details: _Details | None = None

    @property
    def failed(self) -> bool:
        return self.severity in _FAILED

    def known(self, codes: Codes) -> str | None:
        """The first of its vendor's codes that is in the table."""
        told = self.details.coding if self.details else None
        return next((one.code for one in told or () if one.code in codes), None)


class OperationOutcome(Struct):
    resource_type: str
    issue: list[Issue]


class _Meta(Struct):
    last_updated: str | None = None


class _Resource(Struct):
    id: str | None = None
    meta: _Meta | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    outcome: Outcome
    reason: Reason


UP = Verdict(Outcome.UP, Reason.OK)
NOT_FHIR = Verdict(Outcome.DOWN, Reason.FHIR_NOT_FHIR)
WRONG_RESOURCE = Verdict(Outcome.DOWN, Reason.FHIR_WRONG_RESOURCE)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """The one that decides, in the order of semantics 2.1; `up` of none."""
    return min(outcomes, key=_RANK.index, default=Outcome.UP)


def judge_status(
    status: int, body: bytes, vendor: Profile = GENERIC, *, of_record: bool = True
) -> Verdict | None:
    """The verdict of a status code; None for 2xx, where the body decides. `of_record`: it was asked
    for records, so one that is bad can be what is wrong.
    """
    if 200 <= status < 300:
        return None
    answer = operation_outcome(body)
    told = None if answer is None else vendor_verdict(answer.issue, vendor.codes)
    if told is not None and told.reason is Reason.FHIR_BREAK_GLASS:
        return told
    if status in (425, 429):
        return Verdict(Outcome.DEGRADED, Reason.HTTP_THROTTLED)
    # 408 is the far side's own time-out: the request was sent whole and at once.
    if status >= 500 or status == 408:
        codes = [] if answer is None else [one.code for one in answer.issue if one.failed]
        reason = Reason.FHIR_OUTCOME if codes else Reason.HTTP_STATUS
        bad_record = of_record and status >= 500 and vendor.record_codes.issuperset(codes)
        return Verdict(Outcome.MISCONFIGURED if codes and bad_record else Outcome.DOWN, reason)
    reason = Reason.FHIR_AUTH if status in (401, 403) else Reason.HTTP_STATUS
    return told or Verdict(Outcome.MISCONFIGURED, reason)


def operation_outcome(body: bytes) -> OperationOutcome | None:
    answer = decode(body, OperationOutcome)
    return answer if answer is not None and answer.resource_type == "OperationOutcome" else None


def judge_issues(body: bytes, codes: Codes = GENERIC.codes) -> Verdict | None:
    """The worst issue of severity error or fatal; None when there is no OperationOutcome with one."""
    answer = operation_outcome(body)
    return None if answer is None else issues_verdict(answer.issue, codes)


def issues_verdict(issues: Iterable[Issue], codes: Codes) -> Verdict | None:
    """Of an answer that should have been something else: by the vendor's codes, and where it has
    none by those of the standard.
    """
    issues = list(issues)
    told = vendor_verdict(issues, codes)
    if told is not None and told.reason is Reason.FHIR_BREAK_GLASS:
        return told
    plain = [_issue_outcome(one.code) for one in issues if one.failed and one.known(codes) is None]
    found = [Verdict(outcome, Reason.FHIR_OUTCOME) for outcome in plain]
    if told is not None:
        found.append(told)
    return min(found, key=lambda verdict: _RANK.index(verdict.outcome), default=None)


def vendor_verdict(issues: Iterable[Issue], codes: Codes) -> Verdict | None:
    """The worst that a vendor's codes say; break-the-glass of any severity before all others."""
    found: list[VendorCode] = []
    for one in issues:
        known = one.known(codes)
        if known is not None and (one.failed or codes[known].reason is Reason.FHIR_BREAK_GLASS):
            found.append(codes[known])
    if any(code.reason is Reason.FHIR_BREAK_GLASS for code in found):
        return Verdict(Outcome.MISCONFIGURED, Reason.FHIR_BREAK_GLASS)
    verdicts = [Verdict(code.outcome, code.reason) for code in found if code.outcome is not None]
    return min(verdicts, key=lambda verdict: _RANK.index(verdict.outcome), default=None)


def vendor_code(body: bytes, codes: Codes) -> int | None:
    """The number of the first code of a vendor's table in an OperationOutcome: a fact, for the table
    is closed.
    """
    answer = operation_outcome(body) if codes else None
    return None if answer is None else code_of(answer.issue, codes)


def code_of(issues: Iterable[Issue], codes: Codes) -> int | None:
    known = (one.known(codes) for one in issues)
    return next((int(code) for code in known if code is not None), None)


def judge_resource(
    content_type: str | None,
    body: bytes,
    type_: str,
    id_: str,
    *,
    max_age_ms: int | None,
    now_ms: int,
    codes: Codes = GENERIC.codes,
) -> tuple[Verdict, int | None]:
    """Judge the body of a 2xx answer to `GET [base]/[type]/[id]`.

    The second value is the age of `meta.lastUpdated` in whole seconds (0 if in the future); None
    where the resource is not the one asked for, or names no instant.
    """
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict, None
    answer = decode(body, _Resource)
    if answer is None:
        return NOT_FHIR, None
    if kind != type_ or answer.id != id_:
        return WRONG_RESOURCE, None
    age_ms = _age_ms(answer.meta.last_updated if answer.meta else None, now_ms)
    if max_age_ms is None or (age_ms is not None and age_ms <= max_age_ms):
        verdict = UP
    elif age_ms is None:
        # `lastUpdated` is optional in FHIR: a check that needs it asks too much of this server.
        verdict = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_STALE)
    else:
        verdict = Verdict(Outcome.DOWN, Reason.FHIR_STALE)
    return verdict, None if age_ms is None else age_ms // 1000


def judge_type(
    content_type: str | None, body: bytes, codes: Codes = GENERIC.codes
) -> tuple[Verdict | None, str]:
    """A verdict where the answer is no FHIR JSON or a failure in FHIR; else its resource type."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    head = decode(body, _Head) if media_type in MEDIA_TYPES else None
    if head is None:
        return NOT_FHIR, ""
    failed = head.resource_type == "OperationOutcome"
    return (judge_issues(body, codes) if failed else None), head.resource_type


def _issue_outcome(code: str) -> Outcome:
    if code in _REJECTS_US:
        return Outcome.MISCONFIGURED
    return Outcome.DEGRADED if code == "throttled" else Outcome.DOWN


def _age_ms(instant: str | None, now_ms: int) -> int | None:
    try:
        at = datetime.fromisoformat(instant or "")
    except ValueError:
        return None
    if at.tzinfo is None:
        return None
    return max(now_ms - (at - _EPOCH) // _MS, 0)


def told_count(total: int | None) -> int | None:
    """A number of things as FHIR may tell it (unsignedInt); one that is none is not told."""
    return total if total is not None and 0 <= total < 2**31 else None


def decode(body: bytes, as_type: type[T]) -> T | None:
    # ValueError covers msgspec's errors and broken UTF-8; deep nesting is a RecursionError. Their
    # texts quote the body.
    try:
        return msgspec.json.decode(body, type=as_type)
    except (ValueError, RecursionError):
        return None
