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
    Verdict,
    decode,
    judge_type,
    operation_outcome,
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
    is a Bundle of that type. An error among the entries means that some matches may be missing.
    """
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict, None
    if kind != "Bundle":
        return WRONG_RESOURCE, None
    bundle = decode(body, _Bundle)
    if bundle is None or bundle.type != "searchset":
        return (NOT_FHIR if bundle is None else WRONG_RESOURCE), None
    matches: list[bytes] = []
    verdict = UP
    for entry in bundle.entry or ():
        mode = "match" if entry.search is None else entry.search.mode
        resource = bytes(entry.resource)
        head = decode(resource, _Head)
        if head is not None and head.resource_type == "OperationOutcome":
            told = operation_outcome(resource)
            issues = [] if told is None else told.issue
            vendor = vendor_verdict(issues, codes)
            if vendor is not None and vendor.reason is Reason.FHIR_BREAK_GLASS:
                return vendor, None
            verdict = _PARTIAL if any(one.failed for one in issues) else verdict
        elif mode == "match":
            if head is None or head.resource_type != type_:
                return WRONG_RESOURCE, None
            matches.append(resource)
    return verdict, Page(tuple(matches), bundle.total)
