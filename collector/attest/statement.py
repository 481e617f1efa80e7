"""in-toto Statement v1: what an attestation is about, and what it says of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from collector.attest import strictjson
from collector.attest.faults import AttestError, Fault
from collector.attest.strictjson import JsonError, Value

PAYLOAD_TYPE = "application/vnd.in-toto+json"
"""Of the DSSE envelope around it."""
TYPE = "https://in-toto.io/Statement/v1"
MAX_SUBJECTS = 10_000
_SHA256 = re.compile(r"[0-9a-f]{64}")
_URI = re.compile(r"[a-z][a-z0-9+.-]*:[!-~]+")


@dataclass(frozen=True, slots=True)
class Subject:
    """`sha256` in lower-case hexadecimal: subjects are matched by it alone."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """`predicate_type` is a URI with a version, which says what the fields of `predicate` mean."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: Mapping[str, Value]


def parse(payload: bytes) -> Statement:
    """AttestError for what is no statement. Fields and digests that are not known are passed over,
    as the specification demands; a predicate that is not there is an empty one.
    """
    try:
        found = strictjson.read(payload)
    except JsonError:
        raise AttestError(Fault.STATEMENT_JSON) from None
    if not isinstance(found, dict) or found.get("_type") != TYPE:
        raise AttestError(Fault.STATEMENT_TYPE)
    kind, predicate = found.get("predicateType"), found.get("predicate", {})
    if not isinstance(kind, str) or not _URI.fullmatch(kind) or not isinstance(predicate, dict):
        raise AttestError(Fault.STATEMENT_PREDICATE)
    subjects = found.get("subject")
    if not isinstance(subjects, list) or not 0 < len(subjects) <= MAX_SUBJECTS:
        raise AttestError(Fault.STATEMENT_SUBJECT)
    return Statement(tuple(map(_subject, subjects)), kind, predicate)


def write(statement: Statement) -> bytes:
    """The payload to sign; AttestError for a statement that `parse` would refuse."""
    subjects: list[Value] = [
        {"name": one.name, "digest": {"sha256": one.sha256}} for one in statement.subjects
    ]
    try:
        payload = strictjson.write(
            {
                "_type": TYPE,
                "subject": subjects,
                "predicateType": statement.predicate_type,
                "predicate": dict(statement.predicate),
            }
        )
    except JsonError:
        raise AttestError(Fault.STATEMENT_JSON) from None
    parse(payload)
    return payload


def _subject(value: Value) -> Subject:
    if isinstance(value, dict) and isinstance(digest := value.get("digest"), dict):
        name, sha256 = value.get("name"), digest.get("sha256")
        if isinstance(name, str) and isinstance(sha256, str) and _SHA256.fullmatch(sha256):
            return Subject(name, sha256)
    raise AttestError(Fault.STATEMENT_SUBJECT)
