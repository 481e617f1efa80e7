"""Whose word a webhook is, which incident it names and what it tells: vectors, garbage, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts.channels import registry
from alerts.inbound import (
    Effect,
    Fault,
    Inbound,
    Request,
    Told,
    UnreadableError,
    incident_of,
    is_shortened,
    judged,
)
from alerts.lookup import bounded_key
from alerts.people import Act, ActKind, Facts, standing
from probes.signing import SecretError
from tests.support import inbound as product
from tests.support.inbound import PRODUCTS, Sent, encoded
from tests.support.soak import longer

AT = 1_767_225_632_000
KEY = "st-elsewhere.ehr.availability.1767225611000.desk"
EVERY = sorted(PRODUCTS)
TIMED = {"slack", "webhook", "zendesk"}
"""Kinds that sign a time."""


def inbound(kind: str) -> Inbound:
    found = registry.load(kind).inbound
    assert found is not None
    return found


def fault(kind: str, sent: Sent, at: int = AT, secret: bytes | None = None) -> Fault | None:
    of = inbound(kind)
    keys = of.keys(secret or PRODUCTS[kind].secret)
    return of.verify(keys, Request(sent.headers, sent.body, at))


def made(kind: str, told: str = "acknowledged", text: str = "", id_: str = "7") -> Sent:
    of = PRODUCTS[kind]
    return of.sign(of.body(KEY, told, text, id_), AT)


def heard(kind: str, sent: Sent) -> tuple[str, Told, tuple[str, ...]]:
    (found,) = inbound(kind).heard(Request(sent.headers, sent.body, AT))
    return found.key, found.told, found.texts


def test_these_kinds_tell_us_and_no_others() -> None:
    assert [k for k in registry.CHANNELS if registry.load(k).inbound is not None] == EVERY


def test_standard_webhooks_own_vector_is_right() -> None:
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    sent = Sent(headers, b'{"test": 2432232314}')
    assert fault("webhook", sent, 1_614_265_330_000) is None
    assert (
        fault("webhook", Sent(headers, b'{"test": 2432232315}'), 1_614_265_330_000) is Fault.WRONG
    )


def test_signatures_written_out_are_right() -> None:
    """Made once by openssl: `printf BODY | openssl dgst -sha256 -hmac 5c1d0c7e-wardwatch`."""
    digest = "162f7bb2f0a0a683b207b2e355ad7f1b63f12615a61fd0ceafa5e8ca6b51fc2a"
    body = b'{"a":1}'
    assert fault("pagerduty", Sent({"x-pagerduty-signature": f"v1={digest}"}, body)) is None
    assert fault("jira", Sent({"x-hub-signature": f"sha256={digest}"}, body)) is None
    stamped = {
        "x-slack-request-timestamp": "1767225632",
        "x-slack-signature": "v0=b612a400b3554af23f93567b6b0401a124287688e2bf8fae778d31d3a193f063",
    }
    assert fault("slack", Sent(stamped, body)) is None
    signed = {
        "x-zendesk-webhook-signature": "CD3VW4nX7QFw+G5JSP8nGzPSK97ORwbxdhXSfWlDH+Q=",
        "x-zendesk-webhook-signature-timestamp": "2026-01-01T00:00:32Z",
    }
    assert fault("zendesk", Sent(signed, body)) is None
    assert (
        fault(
            "teams",
            Sent({"authorization": "HMAC tM694wmCRD7DbBj6ma0Qpw5wW7p3n1fDfoTey2SuUPs="}, body),
        )
        is None
    )


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_signed_is_theirs_and_what_is_not_is_not(kind: str) -> None:
    sent, other = made(kind), b"another-secret-of-theirs"
    assert fault(kind, sent) is None
    assert fault(kind, Sent({}, sent.body)) is Fault.UNSIGNED
    foreign = {"teams": b"QUFBQUFBQUFBQUFBQUFBQUFBQUE=", "webhook": b"whsec_" + b"A" * 32}
    assert fault(kind, sent, secret=foreign.get(kind, other)) is Fault.WRONG
    for name, value in sent.headers.items():
        if "signature" in name and "timestamp" not in name:
            for wrong in (value[:-3], value + "0", value.swapcase(), "v1", "=", "é" * 40, "v1=zz"):
                if wrong != value and wrong.lower() != value:
                    assert fault(kind, Sent({**sent.headers, name: wrong}, sent.body)) is not None
    if PRODUCTS[kind].sign is not product.bearer:  # a secret that is sent proves no body
        assert fault(kind, Sent(sent.headers, sent.body + b" ")) is Fault.WRONG


@pytest.mark.parametrize("kind", EVERY)
def test_while_a_secret_changes_the_old_and_the_new_are_right(kind: str) -> None:
    new = {"teams": b"QUFBQUFBQUFBQUFBQUFBQUFBQUE=", "webhook": b"whsec_" + b"A" * 32}
    both = new.get(kind, b"another-secret-of-theirs") + b"\n" + PRODUCTS[kind].secret + b"\n"
    assert fault(kind, made(kind), secret=both) is None


@pytest.mark.parametrize("kind", EVERY)
def test_only_a_signed_time_is_looked_at_and_five_minutes_are_taken(kind: str) -> None:
    for late in (-300_000, 300_000):
        assert fault(kind, made(kind), AT + late) is None
    for late in (-301_000, 301_000, 10**12):
        assert fault(kind, made(kind), AT + late) is (Fault.OLD if kind in TIMED else None)


def test_of_several_signatures_one_is_enough_and_not_any_number_is_looked_at() -> None:
    sent = made("pagerduty")
    right = sent.headers["x-pagerduty-signature"]
    wrong = "v1=" + "0" * 64

    def with_(value: str) -> Fault | None:
        return fault("pagerduty", Sent({"x-pagerduty-signature": value}, sent.body))

    assert with_(f"{wrong}, {right}") is None
    assert with_(f"v2={'0' * 64},{right}") is None
    assert with_(",".join([*[wrong] * 15, right])) is None
    assert with_(",".join([*[wrong] * 16, right])) is Fault.WRONG


def test_of_standard_webhooks_only_version_1_is_a_signature_and_sixteen_are_looked_at() -> None:
    sent = made("webhook")
    right = sent.headers["webhook-signature"]
    wrong = "v1," + "A" * 43 + "="

    def with_(value: str) -> Fault | None:
        return fault("webhook", Sent({**sent.headers, "webhook-signature": value}, sent.body))

    assert with_(f"{wrong} v1a,AAAA {right}") is None
    assert with_(right.removeprefix("v1,")) is Fault.WRONG
    assert with_(" ".join([*[wrong] * 15, right])) is None
    assert with_(" ".join([*[wrong] * 16, right])) is Fault.WRONG


def test_a_secret_is_long_enough_or_none() -> None:
    for kind in EVERY:
        for text in (b"", b" \n", b"short", PRODUCTS[kind].secret + b" short", b"\xff\xfe\x00"):
            with pytest.raises(SecretError):
                inbound(kind).keys(text)


@pytest.mark.parametrize("kind", EVERY)
def test_each_product_tells_of_an_acknowledgement_and_a_resolution(kind: str) -> None:
    text = "" if kind in ("slack", "teams") else "was seen"
    texts = heard(kind, made(kind, text=text))[2]
    assert heard(kind, made(kind))[:2] == (KEY, Told.ACKNOWLEDGED)
    assert heard(kind, made(kind, "resolved"))[:2] == (KEY, Told.RESOLVED)
    assert heard(kind, made(kind, "moved"))[1] is Told.WROTE
    assert not text or texts == (text,)


def test_an_event_has_the_name_that_was_signed_with_it() -> None:
    def event(kind: str, sent: Sent) -> str | None:
        (found,) = inbound(kind).heard(Request(sent.headers, sent.body, AT))
        return found.event

    for kind in EVERY:
        once, again = event(kind, made(kind)), event(kind, made(kind))
        assert once == again
        if kind != "webhook":  # named by a header
            assert (once is None and kind == "jsm") or once != event(kind, made(kind, id_="8"))
    body = product.plain_body(KEY, "acknowledged")
    assert event("webhook", product.standard(body, AT, id_="msg_1")) != event(
        "webhook", product.standard(body, AT, id_="msg_2")
    )
    assert event("zendesk", product.zendesk(body, AT)) != event(
        "zendesk", product.zendesk(body, AT + 1_000)
    )
    without = encoded({"key": KEY, "event": "acknowledged"})
    assert event("servicenow", product.bearer(without, AT)) is None


def test_in_jira_only_a_move_to_another_status_counts() -> None:
    document = product.jira_body(KEY, "acknowledged").replace(b'"field": "status"', b'"field": "x"')
    assert heard("jira", product.jira(document, AT))[:2] == (KEY, Told.WROTE)
    labels = {"issue": {"fields": {"labels": ["v1.2.3", "wardwatch", KEY]}}}
    assert heard("jira", product.jira(encoded(labels), AT)) == (KEY, Told.WROTE, ())
    nodes = {"type": "doc", "content": [{"type": "text", "text": "MRN 1234567"}, ["more"]]}
    said = heard("jira", product.jira(encoded({"comment": {"body": nodes}}), AT))
    assert said == ("", Told.WROTE, ("more", "MRN 1234567"))


def test_people_write_a_word_and_a_key() -> None:
    for word, told in (("ack", Told.ACKNOWLEDGED), ("ACKNOWLEDGE", Told.ACKNOWLEDGED)):
        body = b"command=%2Fwardwatch&text=" + f"++{word}++{KEY}".encode()
        assert heard("slack", product.slack(body, AT))[:2] == (KEY, told)
    for text in ("", "help", "acknowledge", "please acknowledge it"):
        body = b"command=%2Fwardwatch&text=" + text.replace(" ", "+").encode()
        assert heard("slack", product.slack(body, AT))[0] == ""
    tried = product.slack(b"ssl_check=1&token=x", AT)
    assert inbound("slack").heard(Request(tried.headers, tried.body, AT)) == ()


@pytest.mark.parametrize("kind", EVERY)
def test_what_is_not_of_the_product_is_unreadable_whatever_it_is(kind: str) -> None:
    deep = b"[" * 65_000
    for body in (b"", b"\xff\xfe", b"[]", b"{", b"null", b"1" * 9_000, deep, b'{"a":' + deep):
        sent = PRODUCTS[kind].sign(body, AT)
        with pytest.raises(UnreadableError):
            inbound(kind).heard(Request(sent.headers, sent.body, AT))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
names = st.sampled_from(
    [
        "key", "event", "id", "text", "issue", "fields", "labels", "status", "statusCategory",
        "changelog", "items", "comment", "body", "action", "alert", "alias", "note", "data",
        "incident_key", "event_type", "content", "toString", "field",
    ]
)  # fmt: skip
documents = st.recursive(
    json_values, lambda inner: st.dictionaries(names, inner, max_size=6), max_leaves=10
)
bodies = st.binary(max_size=200) | documents.map(encoded)


@given(kind=st.sampled_from(EVERY), body=bodies)
@settings(max_examples=longer(100), deadline=None)
def test_any_body_is_heard_or_unreadable(kind: str, body: bytes) -> None:
    headers = {"webhook-id": "\udcff", "x-zendesk-webhook-signature-timestamp": "\ud800"}
    try:
        found = inbound(kind).heard(Request(headers, body, AT))
    except UnreadableError:
        return
    for one in found:
        assert (
            incident_of(one.key, "st-elsewhere", "desk") is None or "." in one.key or "_" in one.key
        )


header_values = st.text(max_size=80) | st.binary(max_size=60).map(
    lambda b: b.decode("utf-8", "surrogateescape")
)
header_names = st.sampled_from(
    sorted({name for kind in EVERY for name in made(kind).headers} | {"authorization"})
)


@given(
    kind=st.sampled_from(EVERY),
    headers=st.dictionaries(header_names, header_values, max_size=4),
    body=st.binary(max_size=100),
    at=st.integers(min_value=0, max_value=2**53),
)
@settings(max_examples=longer(100), deadline=None)
def test_no_guess_is_right(kind: str, headers: Mapping[str, str], body: bytes, at: int) -> None:
    for prefix in ("", "v1=", "sha256=", "v0=", "HMAC ", "Bearer ", "v1,"):
        sent = Sent({name: prefix + value for name, value in headers.items()}, body)
        assert fault(kind, sent, at) is not None


def test_a_ticket_key_names_the_incident_and_its_channel() -> None:
    def of(text: str) -> str | None:
        return incident_of(text, "st-elsewhere", "desk")

    own = "ehr.availability.1767225611000"
    assert of(KEY) == own
    assert of(KEY.replace(".", "_")) == own  # as Salesforce has it
    assert of(own) == own  # as people write it
    assert incident_of(own, "ehr", "desk") == own  # an organization called like its system
    assert incident_of(f"ehr.{own}.desk", "ehr", "desk") == own
    assert of(KEY.replace("desk", "other")) is None
    assert of("another.ehr.availability.1767225611000.desk") is None
    for text in (
        "",
        "ehr",
        own + "\n",
        own + "\x00",
        "ehr.availability.",
        "é" + own,
        own + "1" * 9,
    ):
        assert of(text) is None


def test_a_key_cut_short_by_a_field_is_known_by_its_digest() -> None:
    key = f"{'e' * 60}.availability.1767225611000"
    whole = f"st-elsewhere.{key}.{'d' * 40}"
    cut = bounded_key(whole, 100)
    assert len(cut) == 100
    assert incident_of(cut, "st-elsewhere", "d" * 40) is None
    assert is_shortened(cut, key, "st-elsewhere", "d" * 40, 100)
    assert not is_shortened(cut, key + "0", "st-elsewhere", "d" * 40, 100)


PERSON = Act(ActKind.ACKNOWLEDGED, "ann", 100, until=200)
SERVICE = Act(ActKind.ACKNOWLEDGED, "channel.other", 100, by_service=True)
OPEN = Facts(None, resolved=False, category=3)
RECOVERED, RESOLVED = Facts(90, resolved=False, category=3), Facts(90, resolved=True, category=2)


@pytest.mark.parametrize(
    ("facts", "acts", "acknowledged", "resolved"),
    [
        (OPEN, (), Effect.ACKNOWLEDGED, Effect.STILL_ON),
        (OPEN, (PERSON,), Effect.UNCHANGED, Effect.STILL_ON),
        (OPEN, (SERVICE,), Effect.UNCHANGED, Effect.STILL_ON),
        (OPEN, (replace(PERSON, until=140),), Effect.ACKNOWLEDGED, Effect.STILL_ON),
        (RECOVERED, (), Effect.OVER, Effect.PEOPLE_ONLY),
        (RESOLVED, (), Effect.OVER, Effect.UNCHANGED),
        (OPEN, (Act(ActKind.MERGED, "ann", 100, into="x"),), Effect.OVER, Effect.UNCHANGED),
        (OPEN, (Act(ActKind.FALSE_POSITIVE, "ann", 9),), Effect.OVER, Effect.UNCHANGED),
    ],
)
def test_what_comes_of_it_follows_from_what_the_incident_stands_at(
    facts: Facts, acts: tuple[Act, ...], acknowledged: Effect, resolved: Effect
) -> None:
    now = standing(facts, acts, 150)
    assert judged(Told.ACKNOWLEDGED, now) is acknowledged
    assert judged(Told.RESOLVED, now) is resolved
    assert judged(Told.WROTE, now) is Effect.NOTHING
