"""DSSE envelopes and in-toto statements: the published vector, what is refused, any bytes."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from collector.attest import dsse, statement, strictjson
from collector.attest.dsse import Envelope, Signature
from collector.attest.faults import AttestError, Fault
from collector.attest.statement import Statement, Subject
from collector.attest.strictjson import JsonError, Value
from probes import agentkeys
from tests.unit.attest.refusing import fault

KEYS = {f"key {n}": Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in range(3)}
PUBLIC = {name: key.public_key() for name, key in KEYS.items()}
KIND = "http://example.com/HelloWorld"
VECTOR = """{"payload": "aGVsbG8gd29ybGQ=",
 "payloadType": "http://example.com/HelloWorld",
 "signatures": [{"sig": "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="}]}
"""
"""The vector of the DSSE protocol 1.0.2, signed with ECDSA over P-256: facts of the format."""
VECTOR_X = 46950820868899156662930047687818585632848591499744589407958293238635476079160
VECTOR_Y = 5640078356564379163099075877009565129882514886557779369047442380624545832820


def test_the_published_envelope_is_read_and_its_signature_is_over_our_encoding() -> None:
    read = dsse.parse(VECTOR.encode())
    assert (read.payload_type, read.payload) == (KIND, b"hello world")
    message = dsse.pae(read.payload_type, read.payload)
    assert message == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    (signature,) = read.signatures
    assert signature.keyid == ""
    r, s = (int.from_bytes(part, "big") for part in (signature.sig[:32], signature.sig[32:]))
    key = ec.EllipticCurvePublicNumbers(VECTOR_X, VECTOR_Y, ec.SECP256R1()).public_key()
    key.verify(utils.encode_dss_signature(r, s), message, ec.ECDSA(hashes.SHA256()))


def test_lengths_are_those_of_bytes() -> None:
    assert dsse.pae("t\u00e9xt", b"") == "DSSEv1 5 t\u00e9xt 0 ".encode()


SIGNED = dsse.sign(dsse.sign(Envelope(KIND, b"hello world"), KEYS["key 0"]), KEYS["key 1"])


def test_several_sign_and_the_known_keys_among_them_are_named() -> None:
    assert dsse.parse(dsse.write(SIGNED)) == SIGNED
    assert dsse.verify(SIGNED, PUBLIC) == {"key 0", "key 1"}
    assert dsse.verify(SIGNED, {"one": PUBLIC["key 1"]}) == {"one"}
    assert fault(dsse.verify, SIGNED, {"other": PUBLIC["key 2"]}) is Fault.DSSE_UNSIGNED


def test_a_hint_is_the_fingerprint_and_no_reason_to_believe() -> None:
    fingerprint = agentkeys.fingerprint(agentkeys.text_of(PUBLIC["key 0"]))
    made = dsse.sign(Envelope(KIND, b"hello world"), KEYS["key 0"])
    assert made.signatures == (Signature(fingerprint, SIGNED.signatures[0].sig),)
    other = {"key 2": PUBLIC["key 2"]}
    lying = replace(SIGNED, signatures=(Signature("key 2", SIGNED.signatures[0].sig),))
    assert fault(dsse.verify, lying, other) is Fault.DSSE_UNSIGNED
    assert dsse.verify(lying, PUBLIC) == {"key 0"}


def test_another_payload_or_type_was_not_signed() -> None:
    for changed in (
        replace(SIGNED, payload=b"hello worle"),
        replace(SIGNED, payload_type=KIND + "s"),
        replace(SIGNED, payload_type=KIND + " 1", payload=b"hello worl"),
        replace(SIGNED, signatures=()),
        replace(SIGNED, signatures=(Signature("", b""), Signature("", bytes(64)))),
    ):
        assert fault(dsse.verify, changed, PUBLIC) is Fault.DSSE_UNSIGNED


def test_what_others_may_write_is_read() -> None:
    text = {
        "payload": "_-8=",
        "payloadType": KIND,
        "signatures": [{"keyid": None, "sig": "-w==", "more": [1.5]}, {"sig": ""}],
        "more": {"x": 1e9},
    }
    assert dsse.parse(json.dumps(text, indent=1).encode()) == Envelope(
        KIND, b"\xff\xef", (Signature("", b"\xfb"), Signature("", b""))
    )


GOOD = {"payload": "AA==", "payloadType": "t", "signatures": [{"keyid": "", "sig": "AA=="}]}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Fault.DSSE_JSON),
        (b"[]", Fault.DSSE_JSON),
        (b"\xff", Fault.DSSE_JSON),
        (b"[" * 100_000, Fault.DSSE_JSON),
        (b'{"payload": "AA==", "payload": "AQ=="}', Fault.DSSE_JSON),
        (json.dumps({**GOOD, "payload": 1}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "payload": "AB=="}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "payload": "AA"}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "payload": "\u00e9"}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "payloadType": None}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "signatures": {}}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "signatures": ["AA=="]}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "signatures": [{"keyid": ""}]}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "signatures": [{"keyid": 7, "sig": ""}]}).encode(), Fault.DSSE_FIELD),
        (json.dumps({**GOOD, "signatures": [{"sig": ""}] * 33}).encode(), Fault.DSSE_FIELD),
        (b" " * ((16 << 20) + 1), Fault.DSSE_TOO_LARGE),
    ],
)
def test_what_is_no_envelope_is_refused_by_name(data: bytes, expected: Fault) -> None:
    assert fault(dsse.parse, data) is expected


def test_32_signatures_and_16_mib_are_read() -> None:
    many = replace(SIGNED, signatures=(Signature("", b""),) * 32)
    assert dsse.parse(dsse.write(many)) == many
    assert dsse.parse(dsse.write(many).ljust(16 << 20)) == many


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (Envelope("\ud800", b""), Fault.DSSE_JSON),
        (Envelope(KIND, b"", (Signature("\ud800", b""),)), Fault.DSSE_JSON),
        (Envelope(KIND, b"", (Signature("", b""),) * 33), Fault.DSSE_FIELD),
        (Envelope(KIND, bytes(16 << 20)), Fault.DSSE_TOO_LARGE),
    ],
)
def test_no_envelope_is_written_that_would_not_be_read(made: Envelope, expected: Fault) -> None:
    assert fault(dsse.write, made) is expected


def test_every_flipped_bit_of_an_envelope_loses_the_signature_or_only_a_hint() -> None:
    one = {"key 0": PUBLIC["key 0"]}
    data = dsse.write(dsse.sign(Envelope("t", b"hello"), KEYS["key 0"]))
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            read = dsse.parse(bytes(changed))
            dsse.verify(read, one)
        except AttestError:
            continue
        assert (read.payload_type, read.payload) == ("t", b"hello")


@given(
    st.binary(max_size=60)
    | st.text(st.sampled_from('{}[]:,"payloadTypesigntur0A= '), max_size=60).map(str.encode)
)
def test_any_bytes_are_an_envelope_or_refused(data: bytes) -> None:
    try:
        read = dsse.parse(data)
    except AttestError:
        return
    assert dsse.parse(dsse.write(read)) == read


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(1 - (1 << 53), (1 << 53) - 1) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_any_value_is_read_as_written(value: Value) -> None:
    assert strictjson.read(strictjson.write(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        *('{"a": 1, "a": 1}', '{"a": {"b": 1, "b": 2}}', "1.0", "1e2", "-0.0", "NaN", "Infinity"),
        *("-Infinity", "9007199254740992", "-9007199254740992", "9" * 5000, "01", "+1", "'a'"),
        *("[1,]", "{} {}", "", " ", '"\\ud800"', '{"\\udc00": 1}', '"\t"', "\ufeff{}", "nul"),
    ],
)
def test_json_that_two_may_read_differently_is_refused(text: str) -> None:
    with pytest.raises(JsonError):
        strictjson.read(text.encode())


@pytest.mark.parametrize("inner", ["0", "{}", '"\\u0041"'])
def test_64_lists_and_objects_in_one_another_are_read_and_no_more(inner: str) -> None:
    less = inner == "{}"
    for depth in (64 - less, 65 - less, *range(900, 1000), 100_000):
        data = (("[" * (depth - 1)) + f'{{"a":{inner}}}' + ("]" * (depth - 1))).encode()
        if depth <= 64 - less:
            assert strictjson.write(strictjson.read(data)) == data.replace(b"\\u0041", b"A")
        else:
            with pytest.raises(JsonError):
                strictjson.read(data)


def test_nothing_deeper_is_written() -> None:
    for depth in (64, 65, 5000):
        value: Value = 0
        for _ in range(depth):
            value = [value]
        if depth == 64:
            assert strictjson.read(strictjson.write(value)) == value
        else:
            with pytest.raises(JsonError):
                strictjson.write(value)


def test_numbers_below_two_to_the_53_and_pairs_of_surrogates_are_read() -> None:
    assert strictjson.read(b"[9007199254740991, -9007199254740991, -0]") == [
        9007199254740991,
        -9007199254740991,
        0,
    ]
    assert strictjson.read(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_what_is_written_has_sorted_names_and_no_blanks() -> None:
    assert strictjson.write({"b": [1, None, True], "a": "\u00e9\n\x1f/"}) == (
        '{"a":"\u00e9\\n\\u001f/","b":[1,null,true]}'.encode()
    )


@pytest.mark.parametrize(
    "value", [1.5, float("nan"), 1 << 53, "\ud800", {1: 2}, (1, 2), b"", {"a": {1}}]
)
def test_nothing_is_written_that_is_not_such_json(value: Value) -> None:
    with pytest.raises(JsonError):
        strictjson.write(value)


HASH = "ab" * 32
URI = "https://wardwatch.example/availability/v1"
STATEMENT = Statement(
    (Subject("report.pdf", HASH), Subject("", "00" * 32)), URI, {"n": [1, {"x": None}]}
)


def test_a_statement_is_written_as_in_toto_says() -> None:
    payload = statement.write(STATEMENT)
    assert json.loads(payload) == {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [
            {"name": "report.pdf", "digest": {"sha256": HASH}},
            {"name": "", "digest": {"sha256": "00" * 32}},
        ],
        "predicateType": URI,
        "predicate": {"n": [1, {"x": None}]},
    }
    assert statement.parse(payload) == STATEMENT


def test_a_statement_travels_in_an_envelope_and_is_parsed_once_verified() -> None:
    made = dsse.sign(Envelope(statement.PAYLOAD_TYPE, statement.write(STATEMENT)), KEYS["key 0"])
    read = dsse.parse(dsse.write(made))
    dsse.verify(read, {"key 0": PUBLIC["key 0"]})
    assert read.payload_type == "application/vnd.in-toto+json"
    assert statement.parse(read.payload) == STATEMENT


SUBJECT = {"name": "a", "digest": {"sha256": HASH}}
FIELDS = {
    "_type": "https://in-toto.io/Statement/v1",
    "subject": [SUBJECT],
    "predicateType": URI,
}


def test_ten_thousand_subjects_are_read() -> None:
    many = replace(STATEMENT, subjects=(Subject("a", HASH),) * 10_000)
    assert statement.parse(statement.write(many)) == many


def test_what_is_not_known_is_passed_over_and_no_predicate_is_an_empty_one() -> None:
    subject = {"name": "a", "uri": "x:y", "digest": {"sha512": "cd", "sha256": HASH}}
    text = json.dumps({**FIELDS, "subject": [subject], "more": 1}).encode()
    assert statement.parse(text) == Statement((Subject("a", HASH),), URI, {})


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", Fault.STATEMENT_JSON),
        (json.dumps({**FIELDS, "predicate": {"ratio": 0.5}}).encode(), Fault.STATEMENT_JSON),
        (b"[]", Fault.STATEMENT_TYPE),
        (
            json.dumps({**FIELDS, "_type": "https://in-toto.io/Statement/v0.1"}).encode(),
            Fault.STATEMENT_TYPE,
        ),
        (json.dumps({**FIELDS, "predicateType": "no uri"}).encode(), Fault.STATEMENT_PREDICATE),
        (json.dumps({**FIELDS, "predicateType": None}).encode(), Fault.STATEMENT_PREDICATE),
        (json.dumps({**FIELDS, "predicate": None}).encode(), Fault.STATEMENT_PREDICATE),
        (json.dumps({**FIELDS, "predicate": []}).encode(), Fault.STATEMENT_PREDICATE),
        (json.dumps({**FIELDS, "subject": None}).encode(), Fault.STATEMENT_SUBJECT),
        (json.dumps({**FIELDS, "subject": []}).encode(), Fault.STATEMENT_SUBJECT),
        (json.dumps({**FIELDS, "subject": ["a"]}).encode(), Fault.STATEMENT_SUBJECT),
        (json.dumps({**FIELDS, "subject": [{"name": "a"}]}).encode(), Fault.STATEMENT_SUBJECT),
        (
            json.dumps({**FIELDS, "subject": [{"digest": {"sha256": HASH}}]}).encode(),
            Fault.STATEMENT_SUBJECT,
        ),
        (
            json.dumps(
                {**FIELDS, "subject": [{"name": "a", "digest": {"sha256": HASH.upper()}}]}
            ).encode(),
            Fault.STATEMENT_SUBJECT,
        ),
        (
            json.dumps({**FIELDS, "subject": [{"name": "a", "digest": {"sha512": HASH}}]}).encode(),
            Fault.STATEMENT_SUBJECT,
        ),
        (
            json.dumps({**FIELDS, "subject": [SUBJECT] * 10_001}).encode(),
            Fault.STATEMENT_SUBJECT,
        ),
    ],
)
def test_what_is_no_statement_is_refused_by_name(data: bytes, expected: Fault) -> None:
    assert fault(statement.parse, data) is expected


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (replace(STATEMENT, predicate=json.loads('{"x": 0.5}')), Fault.STATEMENT_JSON),
        (replace(STATEMENT, subjects=()), Fault.STATEMENT_SUBJECT),
        (replace(STATEMENT, predicate_type="v1"), Fault.STATEMENT_PREDICATE),
    ],
)
def test_no_statement_is_written_that_would_not_be_read(made: Statement, expected: Fault) -> None:
    assert fault(statement.write, made) is expected


@given(
    st.dictionaries(
        st.sampled_from([*FIELDS, "predicate"]), VALUES | st.sampled_from(list(FIELDS.values()))
    )
)
def test_any_object_is_a_statement_or_refused(value: dict[str, Value]) -> None:
    try:
        read = statement.parse(strictjson.write(value))
    except AttestError:
        return
    assert statement.parse(statement.write(read)) == read


def test_base64_of_others_is_decoded_like_the_standard_one() -> None:
    data = bytes(range(256))
    text = {**GOOD, "payload": base64.urlsafe_b64encode(data).decode()}
    assert dsse.parse(json.dumps(text).encode()).payload == data
