"""A FHIR search's answer, a Bundle of type searchset, as a verdict and what it found. Total.

https://hl7.org/fhir/R4/search.html#2.21.1.3.3: entries are matches, includes or outcomes.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from probes.contract import Outcome
from probes.profiles.generic import PROFILE as GENERIC
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import (
    NOT_FHIR,
    UP,
    WRONG_RESOURCE,
    Issue,
    Verdict,
    decode,
    issues_verdict,
    judge_type,
    operation_outcome,
    told_count,
    vendor_verdict,
)

_PARTIAL = Verdict(Outcome.DEGRADED, Reason.FHIR_OUTCOME)


class _Head(msgspec.Struct, rename="camel"):
    resource_type: str


class _Search(msgspec.Struct):
    mode: str = "match"


class _Entry(msgspec.Struct):
    resource: msgspec.Raw = msgspec.Raw()
    search: _Search | None = None


class _Bundle(msgspec.Struct):
    type: str = ""
    total: int | None = None
    entry: list[_Entry] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """The first page: `matches` as the JSON of each, `total` over all pages where it is told."""

    matches: tuple[bytes, ...]
    total: int | None

    @property
    def count(self) -> int:
        """How many there are; at least, where the server does not tell."""
        return len(self.matches) if self.total is None else max(self.total, len(self.matches))


def judge_page(
    content_type: str | None, body: bytes, type_: str, codes: Codes = GENERIC.codes
) -> tuple[Verdict, Page | None]:
    """Judge the body of a 2xx answer to `GET [base]/[type]?...`.

    Found nothing is `up` here: what that means is the check's. The page is None unless the answer
    is a Bundle of that type. An error beside matches means that some may be missing; one in place
    of all of them is judged by its code, and there is no page either.
    """
    verdict, kind = judge_type(content_type, body, codes)
    bundle = decode(body, _Bundle) if kind == "Bundle" else None
    if verdict is not None:
        return verdict, None
    if bundle is None or bundle.type != "searchset":
        return (NOT_FHIR if kind == "Bundle" and bundle is None else WRONG_RESOURCE), None
    matches, issues, is_wrong = _apart(bundle, type_)
    vendor = vendor_verdict(issues, codes)
    if vendor is not None and vendor.reason is Reason.FHIR_BREAK_GLASS:
        return vendor, None
    failed = issues_verdict(issues, codes)
    if is_wrong or (failed is not None and not matches):
        return (WRONG_RESOURCE if is_wrong or failed is None else failed), None
    partial = any(one.failed for one in issues)
    return _PARTIAL if partial else UP, Page(tuple(matches), told_count(bundle.total))


def _apart(bundle: _Bundle, type_: str) -> tuple[list[bytes], list[Issue], bool]:
    """Matches, issues of outcomes, and whether a match is of another type."""
    matches: list[bytes] = []
    issues: list[Issue] = []
    is_wrong = False
    for entry in bundle.entry or ():
        mode = "match" if entry.search is None else entry.search.mode
        resource = bytes(entry.resource)
        head = decode(resource, _Head)
        if head is not None and head.resource_type == "OperationOutcome":
            told = operation_outcome(resource)
            issues += [] if told is None else told.issue
        elif mode == "match":
            if head is None or head.resource_type != type_:
                is_wrong = True
            matches.append(resource)
    return matches, issues, is_wrong
