"""Terminology operations of FHIR R4 as questions and verdicts. Total: any bytes give one.

https://hl7.org/fhir/R4/terminology-service.html. No text of the server leaves this module.
"""

from __future__ import annotations

from urllib.parse import urlencode

import msgspec

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.fhir import (
    NOT_FHIR,
    UP,
    WRONG_RESOURCE,
    Verdict,
    decode,
    judge_type,
    operation_outcome,
    told_count,
)

SYSTEMS = {
    "icd-10-cm": "http://hl7.org/fhir/sid/icd-10-cm",
    "loinc": "http://loinc.org",
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed-ct": "http://snomed.info/sct",
}
"""Short names of code systems; https://hl7.org/fhir/R4/terminologies-systems.html."""

NOT_FOUND = Verdict(Outcome.DOWN, Reason.TERMINOLOGY_NOT_LOADED)
"""Of one code. A check that knows of other codes that are there makes less of it."""

# Servers differ in what they answer to an unknown code or an unknown system: 404, 400 or 422, with
# any of these codes (https://hl7.org/fhir/R4/valueset-issue-type.html).
_UNKNOWN_CODE = frozenset({"not-found", "code-invalid", "not-supported", "processing"})
_REJECTIONS = frozenset({400, 404, 422})

_WRONG_DISPLAY = Verdict(Outcome.DOWN, Reason.TERMINOLOGY_WRONG_DISPLAY)
_ACCEPTS_UNKNOWN = Verdict(Outcome.DOWN, Reason.TERMINOLOGY_ACCEPTS_UNKNOWN)
_OTHER_RELEASE = Verdict(Outcome.DEGRADED, Reason.TERMINOLOGY_RELEASE)
_NO_RELEASE = Verdict(Outcome.MISCONFIGURED, Reason.TERMINOLOGY_RELEASE)


class _Parameter(msgspec.Struct, rename="camel"):
    name: str = ""
    value_boolean: bool | None = None
    value_string: str | None = None
    value_uri: str | None = None
    value_code: str | None = None

    @property
    def text(self) -> str | None:
        return self.value_string or self.value_uri or self.value_code


class _Parameters(msgspec.Struct):
    parameter: list[_Parameter] | None = None

    def first(self, name: str) -> _Parameter | None:
        return next((p for p in self.parameter or () if p.name == name), None)


class _Contained(msgspec.Struct):
    code: str | None = None


class _Expansion(_Parameters):
    total: int | None = None
    contains: list[_Contained] | None = None


class _ValueSet(msgspec.Struct):
    expansion: _Expansion | None = None


def lookup_path(system: str, code: str) -> str:
    return _path("CodeSystem/$lookup", system=system, code=code)


def validate_path(system: str, code: str) -> str:
    """Here the system is called `url`."""
    return _path("CodeSystem/$validate-code", url=system, code=code)


def expand_path(value_set: str, filter_: str | None) -> str:
    """One code at most: whole expansions may be huge."""
    narrowed = {} if filter_ is None else {"filter": filter_}
    return _path("ValueSet/$expand", url=value_set, **narrowed, count="1")


def refuses_known(status: int, body: bytes) -> Verdict | None:
    """The verdict of an answer by which the code is unknown, though it is a known one."""
    return NOT_FOUND if _rejects_code(status, body) else None


def refuses_unknown(status: int, body: bytes) -> Verdict | None:
    """The same where the code asked for does not exist: to refuse it is right."""
    return UP if _rejects_code(status, body) else None


def judge_lookup(
    content_type: str | None, body: bytes, display: str | None, release: str | None
) -> Verdict:
    """Judge a 2xx answer to `$lookup`: `display` is a word in the name, in any case."""
    answer = _parameters(content_type, body)
    if isinstance(answer, Verdict):
        return answer
    name = answer.first("display")
    if name is None or not name.text:
        return WRONG_RESOURCE
    if display is not None and display.casefold() not in name.text.casefold():
        return _WRONG_DISPLAY
    version = answer.first("version")
    return _judge_release(None if version is None else version.text, release)


def judge_known(content_type: str | None, body: bytes) -> Verdict:
    """Judge a 2xx answer to `$validate-code` of a known code."""
    answer = _parameters(content_type, body)
    if isinstance(answer, Verdict):
        return answer
    result = answer.first("result")
    if result is None or result.value_boolean is None:
        return WRONG_RESOURCE
    return UP if result.value_boolean else NOT_FOUND


def judge_unknown(content_type: str | None, body: bytes) -> Verdict:
    """Judge a 2xx answer to `$validate-code` of a code that does not exist."""
    verdict = judge_known(content_type, body)
    if verdict == UP:
        return _ACCEPTS_UNKNOWN
    return UP if verdict == NOT_FOUND else verdict


def judge_expansion(
    content_type: str | None, body: bytes, system: str, release: str | None
) -> tuple[Verdict, int | None]:
    """Judge a 2xx answer to `$expand`; beside the verdict, `total` where the server tells it.

    A release counts only where the expansion names one of this code system.
    """
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return verdict, None
    if kind != "ValueSet":
        return WRONG_RESOURCE, None
    answer = decode(body, _ValueSet)
    if answer is None:
        return NOT_FHIR, None
    expansion = answer.expansion
    if expansion is None:
        return WRONG_RESOURCE, None
    total = told_count(expansion.total)
    if not any(entry.code for entry in expansion.contains or ()):
        return NOT_FOUND, total
    versions = [
        version
        for p in expansion.parameter or ()
        if p.name in ("version", "used-codesystem")
        for url, _, version in ((p.text or "").partition("|"),)
        if url == system and version
    ]
    told = [_judge_release(version, release) for version in versions]
    return next((one for one in told if one != UP), UP), total


def _path(operation: str, **query: str) -> str:
    return f"{operation}?{urlencode(query)}"


def _rejects_code(status: int, body: bytes) -> bool:
    """Without an OperationOutcome it is the route that is refused, by whatever stands there."""
    if status not in _REJECTIONS:
        return False
    codes = _issue_codes(body)
    return bool(codes) and (status == 404 or not _UNKNOWN_CODE.isdisjoint(codes))


def _issue_codes(body: bytes) -> frozenset[str]:
    """Of severity error or fatal."""
    answer = operation_outcome(body)
    return frozenset(one.code for one in answer.issue if one.failed) if answer else frozenset()


def _parameters(content_type: str | None, body: bytes) -> _Parameters | Verdict:
    verdict, kind = judge_type(content_type, body)
    if verdict is not None:
        return _without_content(verdict, body)
    if kind != "Parameters":
        return WRONG_RESOURCE
    return decode(body, _Parameters) or NOT_FHIR


def _without_content(verdict: Verdict, body: bytes) -> Verdict:
    """An OperationOutcome in a 2xx says the same as one in a 4xx."""
    return NOT_FOUND if {"not-found", "code-invalid"} & _issue_codes(body) else verdict


def _judge_release(version: str | None, release: str | None) -> Verdict:
    """SNOMED CT's versions are URIs that end in the release."""
    if release is None:
        return UP
    if not version:
        return _NO_RELEASE
    return UP if version == release or version.endswith(f"/{release}") else _OTHER_RELEASE
