"""What a search found (https://hl7.org/fhir/R4/bundle.html#searchset), one entry after the other: one
that cannot be read spoils no other.
"""

from __future__ import annotations

import msgspec

from probes.contract import Outcome
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import (
    NOT_FHIR,
    UP,
    WRONG_RESOURCE,
    Issue,
    Struct,
    Verdict,
    code_of,
    decode,
    issues_verdict,
    judge_type,
    operation_outcome,
    told_count,
    vendor_verdict,
)

NO_MATCH = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_NO_MATCH)
_PARTIAL = Verdict(Outcome.DEGRADED, Reason.FHIR_OUTCOME)


class _Bundle(Struct):
    type: str = ""
    total: int | None = None
    entry: list[msgspec.Raw] | None = None


class _Search(Struct):
    mode: str = "match"


class _Entry(Struct):
    resource: msgspec.Raw = msgspec.Raw(b"null")
    search: _Search | None = None


class _Found(Struct):
    resource_type: str
    id: str | None = None


class Found(msgspec.Struct, frozen=True, gc=False):
    """`matches`: what the server says, or what came; `code`: of the vendor's table, if any."""

    matches: int
    code: int | None


def judge_search(
    content_type: str | None, body: bytes, type_: str, codes: Codes
) -> tuple[Verdict, Found | None]:
    """Judge the body of a 2xx answer to a search for something of `type_` that is there.

    None where the body is no Bundle of the type searchset.
    """
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict, None
    if kind != "Bundle":
        return WRONG_RESOURCE, None
    bundle = decode(body, _Bundle)
    if bundle is None:
        return NOT_FHIR, None
    if bundle.type != "searchset":
        return WRONG_RESOURCE, None
    came, wrong = 0, 0
    issues: list[Issue] = []
    for raw in bundle.entry or ():
        entry = decode(bytes(raw), _Entry)
        found = None if entry is None else decode(bytes(entry.resource), _Found)
        if entry is None or found is None:
            wrong += 1
            continue
        mode = "match" if entry.search is None else entry.search.mode
        if mode == "outcome" or found.resource_type == "OperationOutcome":
            told = operation_outcome(bytes(entry.resource))
            issues += [] if told is None else told.issue
        elif mode == "match":
            right = found.resource_type == type_ and found.id is not None
            came, wrong = came + right, wrong + (not right)
    total = told_count(bundle.total)
    matches = came if total is None else total
    return _verdict(came, wrong, matches, issues, codes), Found(matches, code_of(issues, codes))


def _verdict(came: int, wrong: int, matches: int, issues: list[Issue], codes: Codes) -> Verdict:
    told = vendor_verdict(issues, codes)
    if told is not None and told.reason is Reason.FHIR_BREAK_GLASS:
        return told
    if came and not wrong:
        return _PARTIAL if any(one.failed for one in issues) else UP
    if wrong or matches:
        return WRONG_RESOURCE  # it says that there are some, and gives none of them
    # Nothing came: because the server failed, or because there is nothing.
    return issues_verdict(issues, codes) or NO_MATCH
