"""Whatever bytes there are, and whoever signed them: a named failure, or a verified bundle."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.attest.entries import STATE_KINDS
from collector.bundle import layout
from collector.bundle.predicate import DERIVED
from collector.verifying.failures import Failure
from collector.verifying.verify import Given, Outcome, verify
from tests.unit.verifying import story
from tests.unit.verifying.ledgers import evidence, stated, zipped
from tests.unit.verifying.story import NOW
from tests.unit.verifying.tampering import members, predicate, resealed

DEEP = b"[" * 100_000
HOSTILE = (
    b"",
    b"\xff",
    b"null",
    b"1e9",
    b"[]",
    b"{}",
    DEEP,
    b'{"a":' * 5_000,
    b'{"agent":null}',
    b'{"agent":{},"id":[],"system":7,"window":null,"key":[]}',
    b'{"agent":"x","by":"y","fingerprint":"z","key":"k","id":"i","system":"s","from":"f","to":"t"}',
    b'{"agent":"south-1","by":1,"fingerprint":2,"key":3,"id":"i","system":"s","from":4,"to":[]}',
    b'{"by":"a","id":"w","ref":null,"window":{"id":"w"}}',
    b'{"as":"up","by":"a","from":9,"id":"c","reason":"other","ref":null,"system":"ehr","to":-1}',
    b'{"key":"k","started_at":1e400}',
)
KINDS = sorted(
    {*STATE_KINDS, "incident.opened", "incident.resolved", "evidence.away", "evidence.chain_broken"}
    - {"config.version"}
)


def judged(data: bytes) -> Outcome:
    return verify(io.BytesIO(data), Given(), lambda _: None)


@given(st.binary(max_size=300))
def test_any_bytes_are_no_bundle(data: bytes) -> None:
    found = judged(data).failure
    assert found is not None
    assert found.code in (Failure.BUNDLE_SHAPE, Failure.BUNDLE_MEMBER)


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_of_any_content_ends_by_name(kind: str) -> None:
    for data in HOSTILE:
        told = story.told(witnessed=False)
        try:
            told.row(NOW + 120_000, kind, data, "x")
            told.publish(NOW + 180_000)
            found = evidence(told.ledger, story.how(witnessed=False))
        except UnicodeDecodeError:
            continue  # a row is text
        outcome = judged(zipped(stated(found, predicate(members()))))
        assert outcome.failure is not None, data[:40]


@pytest.mark.parametrize("value", [None, -1, "x", [], {}])
def test_a_predicate_of_any_content_ends_by_name(value: Any) -> None:
    said = predicate(members())
    for name in [*DERIVED, "computedAt"]:
        same = said[name] == value and type(said[name]) is type(value)
        assert same or judged(resealed(members(), **{name: value})).failure is not None, name
    for name, inner in said.items():
        for key in inner if isinstance(inner, dict) else ():
            if name in CLAIMS or (key == "tzdata" and isinstance(value, str)):
                continue
            found = resealed(members(), **{name: {**inner, key: value}})
            same = inner[key] == value and type(inner[key]) is type(value)
            assert same or judged(found).failure is not None, key


CLAIMS = {"signer", "software", "selfMonitoring", "verify"}
"""Fields that are the issuer's word."""


@pytest.mark.parametrize("name", sorted(members().keys() - layout.NOT_SUBJECTS))
@pytest.mark.parametrize("data", [b"\0", b"{}\n", b"\xff\xfe", DEEP, b"0" * 70_000])
def test_a_member_of_any_content_ends_by_name(name: str, data: bytes) -> None:
    found = judged(resealed({**members(), name: data}))
    assert found.failure is not None or name in (
        layout.REPORT_HTML,
        layout.OSCAL,
        layout.VERIFIER,
    )
