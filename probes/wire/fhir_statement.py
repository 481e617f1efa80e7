"""The CapabilityStatement of a FHIR server (https://hl7.org/fhir/R4/capabilitystatement.html), as far
as a verdict needs it. STU3 to R5 write these elements alike.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
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
    Struct,
    Verdict,
    decode,
    judge_type,
)

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

_VERSION = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_VERSION)
_DRIFT = Verdict(Outcome.DEGRADED, Reason.FHIR_DRIFT)
_DIGEST_BITS = 48
"""Of a hash that is told as a fact: it names a state of the server and holds no text of it."""


class _Interaction(Struct):
    code: str = ""


class _SearchParam(Struct):
    name: str = ""


class _RestResource(Struct):
    type: str = ""
    interaction: list[_Interaction] | None = None
    search_param: list[_SearchParam] | None = None


class _Rest(Struct):
    mode: str = ""
    resource: list[_RestResource] | None = None


class _Software(Struct):
    name: str | None = None
    version: str | None = None


class _CapabilityStatement(Struct):
    fhir_version: str | None = None
    software: _Software | None = None
    rest: list[_Rest] | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """The part of a CapabilityStatement whose change matters.

    `date` is left out: some servers stamp it with the time of the request.
    """

    fhir_version: str
    types: frozenset[str]
    interactions: frozenset[tuple[str, str]]
    search_params: frozenset[tuple[str, str]]
    software: tuple[str, str] | None = None
    """Name and version; not part of the digest."""

    @property
    def number(self) -> int:
        """What the digest begins with."""
        return _number(self.digest())

    @property
    def software_number(self) -> int | None:
        """The same of name and version of the software, where the server names any."""
        if self.software is None:
            return None
        return _number(hashlib.sha256(msgspec.json.encode(self.software)).digest())

    def digest(self) -> bytes:
        """SHA-256 of the canonical form; equal for the same set in any order."""
        form = (self.fhir_version, sorted(self.interactions), sorted(self.search_params))
        return hashlib.sha256(msgspec.json.encode(form)).digest()

    def missing(self, requires: Iterable[tuple[str, str]]) -> int:
        """How many of the required (type, interaction) pairs it does not offer."""
        return sum(pair not in self.interactions for pair in requires)


def judge_statement(
    content_type: str | None,
    body: bytes,
    fhir_version: str,
    requires: Collection[tuple[str, str]],
    codes: Codes = GENERIC.codes,
) -> tuple[Verdict, Statement | None]:
    """Judge the body of a 2xx answer to `GET [base]/metadata`.

    `fhir_version` is a prefix in whole components: `4.0` accepts 4.0.1 and not 4.01. The
    statement is None where the body is no CapabilityStatement.
    """
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict, None
    if kind != "CapabilityStatement":
        # Conformance is what a CapabilityStatement was called before STU3.
        return (_VERSION if kind == "Conformance" else WRONG_RESOURCE), None
    answer = decode(body, _CapabilityStatement)
    if answer is None:
        return NOT_FHIR, None
    statement = _canonical(answer)
    if not f"{statement.fhir_version}.".startswith(f"{fhir_version}."):
        return _VERSION, statement
    return (_DRIFT if statement.missing(requires) else UP), statement


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
        _software(answer.software),
    )


def _software(said: _Software | None) -> tuple[str, str] | None:
    if said is None or (said.name is None and said.version is None):
        return None
    return said.name or "", said.version or ""


def _number(digest: bytes) -> int:
    return int.from_bytes(digest[: _DIGEST_BITS // 8])
