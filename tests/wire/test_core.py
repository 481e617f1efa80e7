"""The CORE envelope in SOAP and in a form: errors by field, faults by code, and any bytes at all."""

from __future__ import annotations

import base64
import quopri
import tracemalloc
from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Outcome
from probes.reasons import Reason
from probes.testing.payer_answers import Answers, hear
from probes.wire import core_mime, core_soap
from probes.wire.core import judge_status
from probes.wire.multipart import MultipartError, read_parts, write_form
from probes.wire.x12_answer import Answer, Verdict
from probes.wire.x12_question import Asked, numbers, write
from tests.wire.test_x12_oracle import AT_MS, ENVELOPE, question

ASKED = Asked(question(), numbers(AT_MS, 12345))
PAYLOAD = write(ASKED.question, ASKED.run, ENVELOPE)
BENEFITS = Answers(hear(PAYLOAD.decode()), "ZZQUILL").eligibility()
D, M = "down", "misconfigured"
SOAP = "http://www.w3.org/2003/05/soap-envelope"


def fields(**more: str) -> dict[str, str]:
    return {
        "PayloadType": "X12_271_Response_005010X279A1",
        "Payload": BENEFITS,
        "ErrorCode": "Success",
        "ErrorMessage": "ZZQUILL",
        **more,
    }


def in_soap(told: dict[str, str]) -> str:
    inside = "".join(f"<x:{name}>{text}</x:{name}>" for name, text in told.items())
    return _soap(
        f"<x:COREEnvelopeRealTimeResponse xmlns:x='urn:x'>{inside}</x:COREEnvelopeRealTimeResponse>"
    )


def _soap(inside: str) -> str:
    return f"<s:Envelope xmlns:s='{SOAP}'><s:Header/><s:Body>{inside}</s:Body></s:Envelope>"


def read_soap(
    body: str | bytes, status: int = 200, kind: str = "application/soap+xml"
) -> Answer | Verdict:
    data = body if isinstance(body, bytes) else body.encode()
    return core_soap.read(ASKED, status, kind, data, 1 << 20)


def read_mime(told: dict[str, str], status: int = 200) -> Answer | Verdict:
    body = write_form("part", [(name, text.encode()) for name, text in told.items()])
    return core_mime.read(ASKED, status, "multipart/form-data; boundary=part", body, 1 << 20)


def verdict(found: Answer | Verdict) -> tuple[str, str]:
    assert not isinstance(found, Answer)
    return found[0].value, found[1].value


def test_an_answer_comes_out_of_either_envelope() -> None:
    expected = Answer(has_benefits=True)
    assert read_soap(in_soap(fields())) == expected
    assert read_mime(fields()) == expected
    # a CDATA section, another prefix or none, blanks and line ends around and inside
    lines = BENEFITS.replace("~", "~\r\n")
    wrapped = fields(Payload=f"\n <![CDATA[{lines}]]>\n ")
    assert read_soap(in_soap(wrapped).replace("x:", "").replace("xmlns:x", "xmlns")) == expected
    assert read_soap(in_soap(fields(ErrorCode=" Success "))) == expected
    assert read_mime(fields(ErrorCode="")) == expected


def test_a_server_that_speaks_mtom_to_everybody_is_understood() -> None:
    body = (
        b"--b\r\nContent-Type: application/xop+xml; charset=UTF-8\r\nContent-ID: <root>\r\n\r\n"
        + in_soap(fields()).encode()
        + b"\r\n--b--\r\n"
    )
    kind = 'multipart/related; type="application/xop+xml"; start="<root>"; boundary="b"'
    assert read_soap(body, kind=kind) == Answer(has_benefits=True)
    assert verdict(read_soap(body[:60], kind=kind)) == (D, "x12.not_core")


def test_an_answer_in_mtom_may_have_its_root_anywhere_and_its_payload_in_another_part() -> None:
    include = (
        '<i:Include xmlns:i="http://www.w3.org/2004/08/xop/include" href="cid:pay%2Bload@payer"/>'
    )
    body = (
        b"\r\n--uuid:1+id=7\r\nContent-ID: <pay+load@payer>\r\n\r\n"
        + BENEFITS.encode()
        + b"\r\n--uuid:1+id=7\r\nContent-ID: <http://tempuri.org/0>\r\n"
        b"Content-Type: application/xop+xml\r\nContent-Transfer-Encoding: base64\r\n\r\n"
        + base64.encodebytes(in_soap(fields(Payload=include)).encode())
        + b"\r\n--uuid:1+id=7--"
    )
    kind = 'multipart/related;start="<http://tempuri.org/0>";boundary="uuid:1+id=7"'
    assert read_soap(body, kind=kind) == Answer(has_benefits=True)
    other = body.replace(b"<pay+load@payer>", b"<other>")
    assert verdict(read_soap(other, kind=kind)) == (D, "x12.not_x12")
    broken = body.replace(b"base64\r\n\r\n", b"base64\r\n\r\nA")
    assert verdict(read_soap(broken, kind=kind)) == (D, "x12.not_core")


def test_many_fields_that_refer_to_one_part_cost_no_more_than_one() -> None:
    part = b"A" * 100_000
    include = '<Include href="cid:a"/>'
    told = {f"F{n}": include for n in range(1_000)}
    body = b"--b\r\n\r\n%b\r\n--b\r\nContent-ID: <a>\r\n\r\n%b\r\n--b--" % (
        in_soap({**told, **fields(Payload=include)}).encode(),
        part,
    )
    tracemalloc.start()
    try:
        found = read_soap(body, kind='multipart/related; boundary="b"')
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert verdict(found) == (D, "x12.not_x12")
    assert peak < 40 * len(body)


@pytest.mark.parametrize("outer", ["realTimeTransactionResponse", "RealTimeTransactionResult"])
def test_an_answer_may_stand_in_the_element_of_its_operation(outer: str) -> None:
    text = in_soap(fields()).replace("<s:Body>", f"<s:Body><n:{outer} xmlns:n='urn:n'>")
    text = text.replace("</s:Body>", f"</n:{outer}></s:Body>")
    assert read_soap(text) == Answer(has_benefits=True)


def test_a_cdata_section_that_was_escaped_with_all_else_is_none() -> None:
    told = fields(Payload=f"&lt;![CDATA[{BENEFITS}]]&gt;")
    assert read_soap(in_soap(told)) == Answer(has_benefits=True)


def test_names_in_the_charset_of_the_header_field_are_no_fault() -> None:
    text = in_soap(fields(ErrorMessage="PE\xd1A"))
    for charset in ("iso-8859-1", '"Windows-1252"', "latin1"):
        kind = f"application/soap+xml;charset={charset}; action=x"
        assert read_soap(text.encode("latin-1"), kind=kind) == Answer(has_benefits=True)
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?>' + text
    kind = "application/soap+xml; charset=utf-8"
    assert read_soap(declared.encode("latin-1"), kind=kind) == Answer(has_benefits=True)
    for charset in ("utf-8", "none", "utf-32", "x" * 999):
        kind = f"application/soap+xml; charset={charset}"
        assert verdict(read_soap(text.encode("latin-1"), kind=kind)) == (D, "x12.not_core")


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [
        ("Quoted-Printable", quopri.encodestring),
        ("BASE64", base64.encodebytes),
        ("8bit", bytes),
        ("binary", bytes),
    ],
)
def test_a_part_of_a_form_may_be_encoded_for_its_way(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    """As libraries for mail write lines that are longer than mail allows."""
    parts = [
        b'--b\r\nContent-Disposition: form-data; name="%b"\r\n'
        b"Content-Transfer-Encoding: %b\r\n\r\n%b\r\n"
        % (name.encode(), encoding.encode(), encode(text.encode()))
        for name, text in fields().items()
    ]
    kind = "multipart/form-data; boundary=b"
    found = core_mime.read(ASKED, 200, kind, b"".join(parts) + b"--b--", 1 << 20)
    assert found == Answer(has_benefits=True)


NAMES = ("PayloadType", "ProcessingMode", "PayloadID", "PayloadLength", "TimeStamp", "SenderID")
ERRORS = [
    *(
        (f"{name}{fault}", M, "x12.core_rejected")
        for name in NAMES
        for fault in ("Illegal", "Required", "NotUnderstood")
    ),
    ("ReceiverIDIllegal", M, "x12.core_rejected"),
    ("CORERuleVersionIllegal", M, "x12.core_rejected"),
    ("CheckSumNotUnderstood", M, "x12.core_rejected"),
    ("PayloadRequired", M, "x12.core_rejected"),
    ("VersionMismatch", M, "x12.core_rejected"),
    ("ChecksumMismatched", M, "x12.core_rejected"),
    ("Sender", M, "x12.core_rejected"),
    ("UserNameRequired", M, "x12.credentials"),
    ("PasswordIllegal", M, "x12.credentials"),
    ("UnAuthorized", M, "x12.credentials"),
    ("Receiver", D, "x12.core_error"),
    ("ZZQUILL", D, "x12.core_error"),
    ("Failure", D, "x12.core_error"),
]


@pytest.mark.parametrize(("code", "outcome", "reason"), ERRORS)
@pytest.mark.parametrize("kind", ["CoreEnvelopeError", "X12_271_Response_005010X279A1"])
def test_an_error_code_says_whose_it_is_whatever_the_type(
    code: str, outcome: str, reason: str, kind: str
) -> None:
    told = fields(ErrorCode=code, PayloadType=kind)
    assert verdict(read_soap(in_soap(told))) == (outcome, reason)
    assert verdict(read_mime(told)) == (outcome, reason)
    assert verdict(read_mime(told, status=500)) == (outcome, reason)
    assert verdict(read_soap(in_soap(told), status=500)) == (outcome, reason)


FAULTS = [
    ("s:Sender", "", M, "x12.soap_fault"),
    ("s:Receiver", "", D, "x12.soap_fault"),
    ("s:VersionMismatch", "", M, "x12.soap_fault"),
    ("s:MustUnderstand", "", M, "x12.soap_fault"),
    ("s:DataEncodingUnknown", "", M, "x12.soap_fault"),
    ("s:ZZQUILL", "", D, "x12.soap_fault"),
    ("", "", D, "x12.soap_fault"),
    ("s:Sender", "w:FailedAuthentication", M, "x12.credentials"),
    ("s:Receiver", "w:InvalidSecurityToken", M, "x12.credentials"),
    ("s:Sender", "w:Other", M, "x12.soap_fault"),
    ("s:Receiver", "w:SecurityError", M, "x12.credentials"),
]


@pytest.mark.parametrize(("code", "inner", "outcome", "reason"), FAULTS)
@pytest.mark.parametrize("status", [200, 500])
def test_a_fault_is_judged_by_its_code(
    code: str, inner: str, outcome: str, reason: str, status: int
) -> None:
    deeper = f"<s:Subcode><s:Value>x:Any</s:Value><s:Subcode><s:Value>{inner}</s:Value></s:Subcode></s:Subcode>"
    text = _soap(
        f"<s:Fault><s:Code><s:Value>{code}</s:Value>{deeper if inner else ''}</s:Code>"
        "<s:Reason><s:Text>ZZQUILL</s:Text></s:Reason></s:Fault>"
    )
    assert verdict(read_soap(text, status)) == (outcome, reason)


def test_a_fault_of_soap_1_1_is_understood_too() -> None:
    text = _soap("<s:Fault><faultcode>s:Client</faultcode></s:Fault>")
    assert verdict(read_soap(text, 500)) == (M, "x12.soap_fault")
    for code in ("w:FailedAuthentication", "w:SecurityError"):
        assert verdict(read_soap(text.replace("s:Client", code), 500)) == (M, "x12.credentials")
    dotted = text.replace("s:Client", "s:Client.Authentication")
    assert verdict(read_soap(dotted, 500)) == (M, "x12.soap_fault")


STATUSES = [
    *((status, M, "x12.credentials") for status in (401, 403, 407)),
    *((status, M, "http.status") for status in (301, 302, 400, 404, 405, 410, 413, 415, 422)),
    *((status, "degraded", "http.throttled") for status in (425, 429)),
    *((status, D, "http.status") for status in (408, 418, 500, 502, 503, 504)),
]


@pytest.mark.parametrize(("status", "outcome", "reason"), STATUSES)
def test_a_status_other_than_2xx_is_judged_by_itself(
    status: int, outcome: str, reason: str
) -> None:
    assert verdict(read_soap("ZZQUILL", status)) == (outcome, reason)
    assert verdict(core_mime.read(ASKED, status, "text/html", b"ZZQUILL", 99)) == (outcome, reason)
    # A page with benefits and 500 is no answer.
    assert verdict(read_soap(in_soap(fields()), status)) == (outcome, reason)
    assert verdict(read_mime(fields(), status)) == (outcome, reason)
    assert judge_status(200) is judge_status(202) is None


NOT_CORE = [
    "",
    "ZZQUILL",
    "<html/>",
    _soap(""),
    _soap("<x:Other xmlns:x='urn:x'/>"),
    in_soap(fields()).replace("s:Envelope", "s:Letter"),
    in_soap(fields())[:-3],
    "<!DOCTYPE a [<!ENTITY b 'c'>]>" + in_soap(fields()),
]


@pytest.mark.parametrize("body", NOT_CORE)
def test_a_success_without_an_envelope_is_no_answer(body: str) -> None:
    assert verdict(read_soap(body)) == (D, "x12.not_core")


def test_a_form_without_the_fields_of_an_envelope_is_no_answer() -> None:
    assert verdict(read_mime({"Something": "ZZQUILL"})) == (D, "x12.not_core")
    body = write_form("part", [("Payload", b"x")])
    for kind in (None, "text/html", "multipart/form-data", "multipart/form-data; boundary="):
        assert verdict(core_mime.read(ASKED, 200, kind, body, 99)) == (D, "x12.not_core")
    kind = "multipart/form-data; boundary=part"
    assert verdict(core_mime.read(ASKED, 200, kind, body[:-4], 99)) == (D, "x12.truncated")
    assert verdict(core_mime.read(ASKED, 200, kind, b"ZZQUILL", 99)) == (D, "x12.not_core")


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"Payload": BENEFITS.replace("ST*271*", "ST*278*")}, "x12.wrong_answer"),
        ({"PayloadType": "CoreEnvelopeError"}, "x12.core_error"),
        ({"Payload": " \n"}, "x12.not_x12"),
        ({"Payload": "UNB+UNOA:1+ZZQUILL"}, "x12.not_x12"),
        ({"Payload": BENEFITS[:200]}, "x12.truncated"),
    ],
)
def test_an_envelope_with_the_wrong_thing_inside_is_down(told: dict[str, str], reason: str) -> None:
    assert verdict(read_soap(in_soap(fields(**told)))) == (D, reason)
    assert verdict(read_mime(fields(**told))) == (D, reason)


@pytest.mark.parametrize(
    "kind", ["X12_270_Request_005010X279A1", "x12_271_response_005010X279", "RealTime", ""]
)
def test_the_x12_inside_tells_what_it_is_whatever_the_payload_type_says(kind: str) -> None:
    told = fields(PayloadType=kind)
    assert read_soap(in_soap(told)) == Answer(has_benefits=True)
    assert read_mime(told) == Answer(has_benefits=True)
    del told["PayloadType"]
    assert read_soap(in_soap(told)) == Answer(has_benefits=True)


def test_a_user_and_a_password_with_any_signs_are_written_so_that_they_come_back() -> None:
    login = ("a&b", "]]><x>'\"&amp;")
    root = ET.fromstring(core_soap.write(ASKED, "S", "R", login, PAYLOAD))  # noqa: S314 - ours
    texts = [one.text for one in root.iter() if one.tag.endswith(("}Username", "}Password"))]
    assert texts == list(login)
    assert [one.text for one in root.iter("Payload")] == [PAYLOAD.decode()]
    form = core_mime.write(ASKED, "S", "R", login, PAYLOAD)
    told = {part.name: part.content for part in read_parts(core_mime.content_type(ASKED), form)}
    assert told["UserName"] == login[0].encode()
    assert told["Password"] == login[1].encode()
    assert told["Payload"] == PAYLOAD
    assert list(told)[:6] == [*NAMES[:3], "TimeStamp", "UserName", "Password"]


def test_of_the_question_in_soap_the_outermost_element_alone_has_the_namespace_of_core() -> None:
    root = ET.fromstring(core_soap.write(ASKED, "S", "R", None, PAYLOAD))  # noqa: S314 - ours
    (inner,) = root[0]
    assert root[0].tag == f"{{{SOAP}}}Body"
    core = "http://www.caqh.org/SOAP/WSDL/CORERule2.2.0.xsd"
    assert inner.tag == f"{{{core}}}COREEnvelopeRealTimeRequest"
    assert [one.tag for one in inner] == [
        *("PayloadType", "ProcessingMode", "PayloadID", "TimeStamp", "SenderID", "ReceiverID"),
        *("CORERuleVersion", "Payload"),
    ]


@given(
    st.lists(
        st.tuples(st.text("abcXYZ", min_size=1, max_size=9), st.binary(max_size=60)),
        min_size=1,
        max_size=8,
    )
)
def test_a_form_comes_apart_as_it_was_put_together(told: list[tuple[str, bytes]]) -> None:
    body = write_form("0a1b2c3d4e", told)
    for kind in (
        'multipart/form-data; boundary="0a1b2c3d4e"',
        "Multipart/Form-Data;charset=x; BOUNDARY=0a1b2c3d4e",
    ):
        assert [(part.name, part.content) for part in read_parts(kind, body)] == told
        assert [
            (part.name, part.content) for part in read_parts(kind, b"pre\r\n" + body + b"post")
        ] == told


@pytest.mark.parametrize(
    "body",
    [
        b"--b--",
        b"--b\r\nno head\r\n--b--",
        b"--b\r\n" + b"x: y\r\n" * 3000 + b"\r\nc\r\n--b--",
        b"--b\r\n\r\nc\r\n" * 100 + b"--b--",
    ],
)
def test_a_form_beyond_its_bounds_is_refused(body: bytes) -> None:
    with pytest.raises(MultipartError):
        read_parts("multipart/form-data; boundary=b", body)


WHOLE_SOAP = in_soap(fields()).encode()
WHOLE_FORM = write_form("part", [(name, text.encode()) for name, text in fields().items()])


@given(
    st.sampled_from([WHOLE_SOAP, WHOLE_FORM]),
    st.lists(
        st.tuples(st.integers(0, 1400), st.integers(0, 80), st.binary(max_size=20)),
        min_size=1,
        max_size=3,
    ),
    st.sampled_from([200, 500]),
    st.sampled_from(["application/soap+xml", "multipart/form-data; boundary=part", None]),
)
def test_any_bytes_give_an_answer_or_a_verdict_and_no_text(
    data: bytes, edits: list[tuple[int, int, bytes]], status: int, kind: str | None
) -> None:
    for at, length, more in edits:
        data = data[:at] + more + data[at + length :]
    for read in (core_soap.read, core_mime.read):
        found = read(ASKED, status, kind, data, 1 << 20)
        assert "ZZQUILL" not in repr(found)
        if not isinstance(found, Answer):
            assert found[0] in Outcome
            assert found[1] in Reason
