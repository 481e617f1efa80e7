"""Interfaces of clearinghouses in JSON: what is asked, and how any answer is judged, without sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.contract import Fact, Outcome
from probes.reasons import MEANINGS, Reason
from probes.testing.payer_answers import Answers, hear
from probes.wire import clearinghouse_availity as availity
from probes.wire import clearinghouse_optum as optum
from probes.wire import clearinghouse_stedi as stedi
from probes.wire import clearinghouse_token as token
from probes.wire.clearinghouse import loop_of
from probes.wire.x12_answer import T4, Answer, FollowUp, Interim, Loop, Rejection, Verdict
from probes.wire.x12_judge import AAA, judge
from probes.wire.x12_question import (
    Asked,
    Asks,
    Claim,
    Envelope,
    Member,
    Numbers,
    Party,
    Payer,
    Provider,
    Question,
    write,
)

TOKEN, CONTROL = "WW0123456789ABCDEFGH", "000004711"
RUN = Numbers(4711, TOKEN, UUID(int=7), 1_767_614_400_000)  # 2026-01-05T12:00Z
ENVELOPE = Envelope(Party("ZZ", "UPTIMEMON"), Party("ZZ", "PAYERTEST"))
ID = "1234567890"


def asked(asks: Asks = Asks.ELIGIBILITY, *, production: bool = False) -> Asked:
    claim = Claim(date(2026, 1, 2), "100") if asks is Asks.CLAIM_STATUS else None
    question = Question(
        asks,
        Payer("99999", "TESTPAYER"),
        Provider("1999999984", "ZZTEST CLINIC"),
        Member("ZZUP0001", "ZZTEST", "UPTIME", date(1980, 1, 1)),
        "30",
        claim,
        production,
    )
    return Asked(question, RUN)


CLAIM = asked(Asks.CLAIM_STATUS)
Read = Callable[[Asked, int, bytes], Answer | Verdict]


def by_availity(one: Asked, status: int, body: bytes) -> Answer | Verdict:
    mock = None if one.question.production else "true"
    return availity.read(one, status, mock, body, None)


def by_stedi_raw(one: Asked, status: int, body: bytes) -> Answer | Verdict:
    return stedi.read_raw(one, status, body, 1 << 20)


READS: dict[str, Read] = {
    "stedi": stedi.read,
    "stedi raw": by_stedi_raw,
    "optum": optum.read,
    "availity": by_availity,
}


def network(**more: Any) -> dict[str, Any]:
    """What Stedi and Optum answer, with what comes back of the question."""
    whole: dict[str, Any] = {
        "meta": {"traceId": TOKEN, "applicationMode": "test"},
        "controlNumber": CONTROL,
        "subscriber": {"memberId": "ZZUP0001"},
        "benefitsInformation": [{"code": "1"}, {"code": "C"}],
        **more,
    }
    return {key: value for key, value in whole.items() if value is not None}


def judged(one: Asked, heard: Answer | Verdict) -> tuple[str, str]:
    verdict = judge(one.question.asks, heard).verdict if isinstance(heard, Answer) else heard
    return verdict[0].value, verdict[1].value


def told(read: Read, document: Any, status: int = 200, one: Asked | None = None) -> tuple[str, str]:
    used = one or asked()
    return judged(used, read(used, status, json.dumps(document).encode()))


def test_stedi_is_asked_in_json_with_our_trace_and_in_x12_with_a_whole_interchange() -> None:
    subscriber = {
        "memberId": "ZZUP0001",
        "firstName": "UPTIME",
        "lastName": "ZZTEST",
        "dateOfBirth": "19800101",
    }
    assert json.loads(stedi.body(asked())) == {
        "tradingPartnerServiceId": "99999",
        "submitterTransactionIdentifier": TOKEN,
        "provider": {"organizationName": "ZZTEST CLINIC", "npi": "1999999984"},
        "subscriber": subscriber,
        "encounter": {"serviceTypeCodes": ["30"]},
    }
    assert json.loads(stedi.body(CLAIM)) == {
        "tradingPartnerServiceId": "99999",
        "providers": [
            {
                "organizationName": "ZZTEST CLINIC",
                "npi": "1999999984",
                "providerType": "BillingProvider",
            }
        ],
        "subscriber": subscriber,
        "encounter": {
            "beginningDateOfService": "20260102",
            "endDateOfService": "20260102",
            "trackingNumber": TOKEN,
            "submittedAmount": "100",
        },
    }
    raw = json.loads(stedi.raw_body(asked(), ENVELOPE))
    assert list(raw) == ["x12"]
    assert raw["x12"].startswith("ISA*00*")
    assert f"~TRN*1*{TOKEN}*9WARDWATCH~" in raw["x12"]
    assert stedi.path(Asks.ELIGIBILITY, raw=True) == (
        "change/medicalnetwork/eligibility/v3/raw-x12"
    )


def test_optum_is_asked_with_a_control_number_and_a_trace_of_nobody() -> None:
    assert json.loads(optum.body(asked()))["controlNumber"] == CONTROL
    assert optum.path(Asks.CLAIM_STATUS) == "medicalnetwork/claimstatus/v2/"
    assert optum.health_path(Asks.ELIGIBILITY) == "medicalnetwork/eligibility/v3/healthcheck"
    assert optum.fields(asked()) == {
        "x-chng-trace-id": "00000000-0000-0000-0000-000000000007",
        "x-optum-correlation-id": "00000000-0000-0000-0000-000000000007",
    }


def test_availity_is_asked_with_forms() -> None:
    form = {key: value for key, (value,) in parse_qs(availity.form(asked()).decode()).items()}
    assert form == {
        "payerId": "99999",
        "providerLastName": "ZZTEST CLINIC",
        "providerNpi": "1999999984",
        "asOfDate": "2026-01-05",
        "serviceType": "30",
        "memberId": "ZZUP0001",
        "patientLastName": "ZZTEST",
        "patientFirstName": "UPTIME",
        "patientBirthDate": "1980-01-01",
        "subscriberRelationship": "18",
    }
    claim = {key: value for key, (value,) in parse_qs(availity.form(CLAIM).decode()).items()}
    assert (claim["payer.id"], claim["fromDate"], claim["claimAmount"]) == (
        "99999",
        "2026-01-02",
        "100",
    )
    assert "claimNumber" not in claim
    assert availity.fields(Asks.CLAIM_STATUS)["X-HTTP-Method-Override"] == "GET"
    assert "X-HTTP-Method-Override" not in availity.fields(Asks.ELIGIBILITY)


@pytest.mark.parametrize("read", [stedi.read, optum.read])
def test_benefits_are_up_and_none_are_down(read: Read) -> None:
    assert told(read, network()) == ("up", "ok")
    nothings: list[Any] = [[], [{"code": "V"}], [{"code": ""}], [{}], None]
    for nothing in nothings:
        found = told(read, network(benefitsInformation=nothing))
        assert found == ("down", "x12.no_benefits")
    plan = network(benefitsInformation=None, planStatus=[{"statusCode": "6"}])
    assert told(read, plan) == ("up", "ok")


PARENTS = {
    Loop.CLEARINGHOUSE: ("payer", "Loop 2000A"),
    Loop.PAYER: ("payer", "Loop 2100A"),
    Loop.PROVIDER: ("provider", "Loop 2100B"),
    Loop.MEMBER: ("subscriber", "Loop 2100C"),
}


@pytest.mark.parametrize("read", [stedi.read, optum.read])
def test_an_aaa_in_json_is_judged_by_the_table_of_x12(read: Read) -> None:
    for (loop, code), (outcome, reason) in AAA.items():
        parent, location = PARENTS[loop]
        written = "T4" if code == T4 else f"{code:02d}"
        error = {"code": written, "location": location, "followupAction": "Resubmission Allowed"}
        document = network(benefitsInformation=None, **{parent: {"aaaErrors": [error]}})
        heard = read(asked(), 200, json.dumps(document).encode())
        assert heard == Answer((Rejection(loop, code, None, FollowUp.R),))
        assert judged(asked(), heard) == (outcome.value, reason.value)


def test_42_is_the_clearinghouses_the_payers_or_the_look_ups_by_its_place() -> None:
    def at(**places: Any) -> tuple[str, str]:
        return told(stedi.read, network(benefitsInformation=None, **places))

    error: dict[str, Any] = {"field": "AAA", "code": "42"}
    assert at(payer={"aaaErrors": [error]}) == ("down", "x12.aaa_42_payer")
    assert at(payer={"aaaErrors": [{**error, "location": "Loop 2000A"}]}) == (
        "down",
        "x12.aaa_42_clearinghouse",
    )
    assert at(errors=[error]) == ("down", "x12.aaa_42_clearinghouse")
    assert at(errors=[{**error, "location": "Loop 2100A"}]) == ("down", "x12.aaa_42_payer")
    assert at(subscriber={"aaaErrors": [error]}) == ("degraded", "x12.aaa_42_subscriber")
    assert at(dependents=[{"aaaErrors": [error]}]) == ("degraded", "x12.aaa_42_subscriber")
    # told twice, once with its place: the place counts
    both = at(subscriber={"aaaErrors": [error]}, errors=[error])
    assert both == ("degraded", "x12.aaa_42_subscriber")


def test_an_error_that_is_no_aaa_is_ours_if_it_names_a_field() -> None:
    def errors(*entries: dict[str, Any]) -> tuple[str, str]:
        return told(optum.read, network(errors=entries))

    field = {"field": "subscriber.dateOfBirth", "code": "INVALID_VALUE"}
    assert errors(field) == ("misconfigured", "x12.request")
    assert errors({"code": "NETWORK", "description": "x"}) == ("down", "x12.api_error")
    response: dict[str, Any] = {"errorResponse": {"code": "SYSTEM", "errors": []}}
    assert told(optum.read, network(**response), one=CLAIM) == ("down", "x12.api_error")
    response = {"errorResponse": {"errors": [field]}}
    assert told(optum.read, network(**response), one=CLAIM) == ("misconfigured", "x12.request")


def test_a_999_in_json_is_an_interim_answer() -> None:
    bare = network(benefitsInformation=None)
    rejected = {**bare, "transactionSetAcknowledgement": "R"}
    assert optum.read(asked(), 200, json.dumps(rejected).encode()) == Answer(
        interim=Interim(accepted=False, is_ta1=False)
    )
    assert told(optum.read, rejected) == ("misconfigured", "x12.999_rejected")
    accepted = {**bare, "transactionSetAcknowledgement": "A"}
    assert told(optum.read, accepted) == ("down", "x12.only_acknowledged")


@pytest.mark.parametrize(
    ("read", "changes", "expected"),
    [
        (stedi.read, {"meta": {"traceId": "OTHER"}}, "x12.foreign_answer"),
        (stedi.read, {"meta": {}}, "x12.foreign_answer"),
        (stedi.read, {"meta": {"traceId": TOKEN}, "controlNumber": "9"}, "ok"),
        (optum.read, {"controlNumber": "000000009"}, "x12.foreign_answer"),
        (optum.read, {"controlNumber": None}, "x12.foreign_answer"),
        (optum.read, {"controlNumber": CONTROL, "meta": {"traceId": "OTHER"}}, "ok"),
    ],
)
def test_an_answer_without_anything_of_our_question_is_foreign(
    read: Read, changes: dict[str, Any], expected: str
) -> None:
    assert told(read, network(**changes))[1] == expected


def test_a_payer_that_fails_need_not_name_our_question() -> None:
    error = {"aaaErrors": [{"code": "42"}]}
    bare = {"payer": error}
    assert told(stedi.read, bare) == ("down", "x12.aaa_42_payer")
    assert told(stedi.read, {"subscriber": error})[1] == "x12.foreign_answer"


@pytest.mark.parametrize("read", [stedi.read, optum.read])
@pytest.mark.parametrize(
    ("mode", "one", "expected"),
    [
        ("test", asked(), "ok"),
        ("sandbox", asked(), "ok"),
        ("production", asked(production=True), "ok"),
        ("anything", asked(production=True), "ok"),
        (None, asked(), "ok"),
        ("production", asked(), "x12.wrong_mode"),
        ("sandbox", asked(production=True), "x12.wrong_mode"),
        ("test", asked(production=True), "x12.wrong_mode"),
    ],
)
def test_an_answer_from_where_we_did_not_ask_is_dropped(
    read: Read, mode: str | None, one: Asked, expected: str
) -> None:
    document = network(meta={"traceId": TOKEN, "applicationMode": mode})
    assert told(read, document, one=one)[1] == expected


def test_x12_from_where_we_did_not_ask_is_dropped_too() -> None:
    one = asked()
    x12 = Answers(hear(write(one.question, one.run, ENVELOPE).decode()), "ZZQUILL").eligibility()
    for mode, expected in (("test", "ok"), (None, "ok"), ("production", "x12.wrong_mode")):
        document = {"x12": x12, "meta": {"applicationMode": mode}}
        assert told(by_stedi_raw, document, one=one)[1] == expected


@pytest.mark.parametrize("name", READS)
def test_a_status_is_judged_before_its_body(name: str) -> None:
    expected = {
        400: ("misconfigured", "x12.request"),
        401: ("misconfigured", "x12.credentials"),
        403: ("misconfigured", "http.status"),
        404: ("misconfigured", "http.status"),
        409: ("degraded", "http.throttled"),
        422: ("misconfigured", "x12.request"),
        429: ("degraded", "http.throttled"),
        500: ("down", "http.status"),
        504: ("down", "http.status"),
    }
    body = {"code": "TOO_MANY_REQUESTS", "message": "slow down"}
    assert {status: told(READS[name], body, status) for status in expected} == expected


def test_a_400_with_an_aaa_is_judged_by_it() -> None:
    document = {"payer": {"aaaErrors": [{"code": "T4"}]}}
    assert told(stedi.read, document, 400) == ("misconfigured", "x12.request")
    document = {"payer": {"aaaErrors": [{"code": "42"}]}}
    assert told(stedi.read, document, 400) == ("down", "x12.aaa_42_payer")


def claims(*categories: str, tracking: str | None = TOKEN) -> dict[str, Any]:
    statuses = [
        {"claimStatus": {"statusCategoryCode": code, "trackingNumber": tracking}}
        for code in categories
    ]
    return network(claims=statuses, benefitsInformation=None)


@pytest.mark.parametrize("read", [stedi.read, optum.read])
@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (("F1",), ("up", "ok")),
        (("A4",), ("up", "ok")),
        (("F1", "E1"), ("down", "x12.stc_e1_payer")),
        (("E2",), ("down", "x12.stc_e2_payer")),
        (("E0",), ("misconfigured", "x12.request")),
        (("E4",), ("misconfigured", "x12.enrolment")),
        (("?",), ("down", "x12.no_status")),
        ((), ("down", "x12.no_status")),
    ],
)
def test_the_status_of_a_claim_is_judged_by_its_category(
    read: Read, codes: tuple[str, ...], expected: tuple[str, str]
) -> None:
    assert told(read, claims(*codes), one=CLAIM) == expected


def test_the_status_of_somebody_elses_claim_is_foreign() -> None:
    other = claims("F1", tracking="OTHER")
    assert told(stedi.read, other, one=CLAIM) == ("degraded", "x12.foreign_answer")
    line = {"serviceDetails": [{"status": [{"statusCategoryCode": "F1"}]}]}
    assert told(stedi.read, {"claims": [line]}, one=CLAIM)[1] == "x12.foreign_answer"
    assert told(optum.read, network(claims=[line]), one=CLAIM) == ("up", "ok")


def test_x12_inside_json_is_judged_as_x12() -> None:
    isa = (
        f"ISA*00*{'':10}*00*{'':10}*ZZ*{'PAYERTEST':15}*ZZ*{'UPTIMEMON':15}"
        "*260105*1201*^*00501*000000077*0*T*:~"
    )
    inner = f"BHT*0022*11*{TOKEN}*20260105*1201~HL*1**20*1~NM1*PR*2*X*****PI*9~AAA*Y**42*R~"
    x12 = (
        f"{isa}GS*HB*A*B*20260105*1201*77*X*005010X279A1~ST*271*0001*005010X279A1~{inner}"
        "SE*6*0001~GE*1*77~IEA*1*000000077~"
    )
    assert told(by_stedi_raw, {"x12": x12}) == ("down", "x12.aaa_42_payer")
    assert told(by_stedi_raw, {"x12": x12.replace(TOKEN, "OTHER")})[1] == "x12.foreign_answer"
    assert told(by_stedi_raw, {"x12": x12[:200]}) == ("down", "x12.truncated")
    assert told(by_stedi_raw, {"x12": "UNB+"}) == ("down", "x12.not_x12")
    assert told(by_stedi_raw, {"x12": ""}) == ("down", "x12.not_x12")
    assert told(by_stedi_raw, {"x12": 7}) == ("down", "x12.not_x12")
    assert told(by_stedi_raw, {"errors": [{"code": "42", "field": "AAA"}]}) == (
        "down",
        "x12.aaa_42_clearinghouse",
    )


def coverage(code: str, **more: Any) -> dict[str, Any]:
    plans = [{"statusCode": "1", "benefits": [{"statusCode": "1"}]}]
    return {"id": ID, "statusCode": code, "plans": plans, **more}


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (coverage("4"), ("up", "ok")),
        (coverage("4", plans=[]), ("down", "x12.no_benefits")),
        (coverage("4", plans=[{"benefits": [{"statusCode": "6"}]}]), ("up", "ok")),
        (coverage("3"), ("down", "x12.wrong_answer")),
        (coverage("0"), ("down", "x12.only_acknowledged")),
        (coverage("R1"), ("down", "x12.only_acknowledged")),
        (coverage("7"), ("down", "x12.unreachable_payer")),
        (coverage("15"), ("down", "x12.unreachable_payer")),
        (coverage("19"), ("misconfigured", "x12.aaa_other")),
        (coverage("99"), ("down", "x12.api_error")),
        ({}, ("down", "x12.api_error")),
        ({"userMessage": "x", "statusCode": 500}, ("down", "http.status")),
        ({"developerMessage": "x", "statusCode": 200}, ("down", "x12.api_error")),
        ({"userMessage": "x", "statusCode": 401}, ("misconfigured", "x12.credentials")),
    ],
)
def test_a_coverage_is_judged_by_its_state(
    document: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert told(by_availity, document) == expected


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ({"field": "payerId", "code": "42"}, ("down", "x12.aaa_42_payer")),
        ({"field": "payerId", "code": 80}, ("down", "x12.aaa_80_payer")),
        ({"field": "providerNpi", "code": "51"}, ("misconfigured", "x12.enrolment")),
        ({"field": "memberId", "code": "72"}, ("misconfigured", "x12.member")),
        ({"field": "patientLastName", "code": "73"}, ("misconfigured", "x12.member")),
        ({"code": "42"}, ("down", "x12.aaa_42_payer")),
        ({"code": "42", "location": "Loop 2000A"}, ("down", "x12.aaa_42_clearinghouse")),
    ],
)
def test_a_payers_error_is_judged_by_whose_field_it_names(
    message: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert told(by_availity, coverage("19", validationMessages=[message])) == expected


def test_what_is_still_to_come_is_looked_for_by_its_id_and_nothing_else_is() -> None:
    def id_of(status: int, document: Any, one: Asked | None = None) -> str | None:
        return availity.pending(one or asked(), status, "true", json.dumps(document).encode())

    assert id_of(202, {"id": ID}) == ID
    assert id_of(200, {"id": 77, "statusCode": "0"}) == "77"
    assert id_of(200, coverage("4")) is None
    assert id_of(500, {"id": ID}) is None
    assert id_of(202, []) is None
    for hostile in ("", "../token", "a/b", "x" * 65, "1?q=2", None, {"a": 1}):
        assert id_of(202, {"id": hostile}) is None
    listed = {"claimStatuses": [{"id": ID, "statusCode": "0"}]}
    assert id_of(202, listed, CLAIM) == ID
    assert id_of(202, listed) is None
    live = asked(production=True)
    assert id_of(202, {"id": ID}, live) is None
    assert availity.pending(live, 202, None, b'{"id":"1"}') == "1"
    assert availity.pending(asked(), 202, None, b'{"id":"1"}') is None


def test_an_answer_under_another_id_is_foreign() -> None:
    def read(sought: str) -> Answer | Verdict:
        return availity.read(asked(), 200, "true", json.dumps(coverage("4")).encode(), sought)

    assert judged(asked(), read(ID)) == ("up", "ok")
    assert judged(asked(), read("1")) == ("degraded", "x12.foreign_answer")


def test_demo_and_live_are_told_apart_by_a_header_field_alone() -> None:
    body = json.dumps(coverage("4")).encode()

    def read(mock: str | None, *, production: bool) -> str:
        one = asked(production=production)
        return judged(one, availity.read(one, 200, mock, body, None))[1]

    assert read("true", production=False) == read(None, production=True) == "ok"
    assert read(" TRUE ", production=False) == read("false", production=True) == "ok"
    for mock in (None, "", "false"):
        assert read(mock, production=False) == "x12.wrong_mode"
    assert read("true", production=True) == "x12.wrong_mode"


def test_the_status_of_a_claim_at_availity() -> None:
    def details(*codes: str) -> dict[str, Any]:
        found = [{"statusDetails": [{"categoryCode": code}]} for code in codes]
        return {"id": ID, "statusCode": "4", "claimStatuses": found}

    assert told(by_availity, details("F1"), one=CLAIM) == ("up", "ok")
    assert told(by_availity, details("E1"), one=CLAIM) == ("down", "x12.stc_e1_payer")
    assert told(by_availity, details(), one=CLAIM) == ("down", "x12.no_status")
    line = {"serviceLines": [{"statusDetails": [{"categoryCode": "P1"}]}]}
    whole = {"id": ID, "statusCode": "4", "claimStatuses": [line]}
    assert told(by_availity, whole, one=CLAIM) == ("up", "ok")


@pytest.mark.parametrize("name", READS)
def test_a_page_is_no_answer(name: str) -> None:
    for body in (b"", b"<html>", b"[]", b"null", b'"x"', b"{", b"\xff", b'{"a":1} x'):
        heard = READS[name](asked(), 200, body)
        assert judged(asked(), heard) == ("down", "x12.not_json")


def test_a_health_check_says_that_the_interface_is_there() -> None:
    assert optum.judge_health(200, b'{"status":"ok"}')[1] is Reason.OK
    assert optum.judge_health(200, b'{"status":"UP","version":"V2"}')[1] is Reason.OK
    assert optum.judge_health(200, b'{"status":"DOWN"}')[1] is Reason.X12_API_ERROR
    assert optum.judge_health(200, b"ok")[1] is Reason.X12_NOT_JSON
    assert optum.judge_health(503, b"")[1] is Reason.HTTP_STATUS


@pytest.mark.parametrize(
    ("location", "loop"),
    [
        ("Loop 2000A", Loop.CLEARINGHOUSE),
        ("Loop 2100A", Loop.PAYER),
        ("2100B", Loop.PROVIDER),
        ("Loop 2100C", Loop.MEMBER),
        ("Loop2110D.EQ", Loop.MEMBER),
        ("Loop 2100E", None),
        ("Loop 12100A", None),
        ("", None),
        ("$.payerBenefits[0].payer", None),
    ],
)
def test_a_loop_is_found_behind_its_name(location: str, loop: Loop | None) -> None:
    assert loop_of(location) is loop


@pytest.mark.parametrize(
    ("status", "document", "outcome", "reason", "kept_s"),
    [
        (200, {"access_token": "a", "token_type": "Bearer", "expires_in": 300}, "up", "ok", 270),
        (200, {"access_token": "a", "expires_in": 3600}, "up", "ok", 3240),
        (200, {"access_token": "a", "expires_in": 300, "scope": "x x-demo"}, "up", "ok", 270),
        (200, {"access_token": "a", "scope": "x"}, "misconfigured", "x12.credentials", None),
        (200, {"token_type": "bearer"}, "down", "x12.not_token", None),
        (200, [], "down", "x12.not_token", None),
        (400, {"error": "invalid_scope"}, "misconfigured", "x12.credentials", None),
        (401, {"error": "invalid_client"}, "misconfigured", "x12.credentials", None),
        (401, None, "misconfigured", "x12.credentials", None),
        (429, {}, "degraded", "http.throttled", None),
        (503, {}, "down", "http.status", None),
    ],
)
def test_an_answer_of_the_token_endpoint_is_judged(
    status: int, document: Any, outcome: str, reason: str, kept_s: int | None
) -> None:
    about: dict[Fact, int] = {}
    body = json.dumps(document).encode()
    verdict, granted = token.judge(status, body, "x x-demo", about)
    assert (verdict[0].value, verdict[1].value) == (outcome, reason)
    assert (None if granted is None else granted.kept_s) == kept_s


def test_a_token_is_shown_nowhere() -> None:
    _, granted = token.judge(200, b'{"access_token":"s3cr3t"}', "", {})
    assert granted is not None
    assert (granted.token, "s3cr3t" in repr(granted)) == ("s3cr3t", False)


def test_a_scope_is_asked_for_where_there_is_one() -> None:
    assert token.form("id", "s/&", "") == (
        b"grant_type=client_credentials&client_id=id&client_secret=s%2F%26"
    )
    assert token.form("id", "s", "a b").endswith(b"&scope=a+b")


KEYS = st.sampled_from(
    [
        *("meta", "traceId", "applicationMode", "controlNumber", "errors", "errorResponse"),
        *("payer", "provider", "subscriber", "dependents", "aaaErrors", "code", "location"),
        *("followupAction", "field", "claims", "claimStatus", "statusCategoryCode", "x12"),
        *("trackingNumber", "serviceDetails", "status", "benefitsInformation", "planStatus"),
        *("statusCode", "plans", "benefits", "validationMessages", "claimStatuses", "id"),
        *("statusDetails", "categoryCode", "serviceLines", "userMessage", "description"),
        "transactionSetAcknowledgement",
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(max_size=8),
    st.sampled_from(["42", "80", "T4", "75", "AAA", "Loop 2000A", "4", "0", "19", "R", TOKEN]),
)
ANY_JSON = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=5)
    ),
    max_leaves=25,
)
STATUSES = st.one_of(
    st.sampled_from([200, 202, 400, 401, 403, 409, 429, 500]), st.integers(100, 599)
)


def is_verdict(heard: Answer | Verdict, asks: Asks) -> None:
    outcome, reason = judge(asks, heard).verdict if isinstance(heard, Answer) else heard
    assert outcome.value in MEANINGS[reason][0]
    assert outcome is not Outcome.UNKNOWN


@given(st.sampled_from([asked(), CLAIM]), STATUSES, ANY_JSON | st.binary(max_size=200))
def test_whatever_comes_is_an_answer_or_a_verdict(one: Asked, status: int, value: Any) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    for read in READS.values():
        is_verdict(read(one, status, body), one.question.asks)
    optum.judge_health(status, body)
    found = availity.pending(one, status, "true", body)
    assert found is None or found.replace("-", "").replace("_", "").isalnum()


@pytest.mark.parametrize("name", ["stedi", "optum", "availity"])
def test_every_beginning_of_an_answer_is_none(name: str) -> None:
    document = coverage("4") if name == "availity" else network()
    whole = json.dumps(document).encode()
    assert judged(asked(), READS[name](asked(), 200, whole)) == ("up", "ok")
    for end in range(len(whole)):
        heard = READS[name](asked(), 200, whole[:end])
        assert judged(asked(), heard) == ("down", "x12.not_json")
    heard = READS[name](asked(), 200, whole + b"\x00garbage")
    assert judged(asked(), heard) == ("down", "x12.not_json")


def test_deep_json_is_no_answer() -> None:
    deep = b'{"a":' * 20_000 + b"1" + b"}" * 20_000
    for read in READS.values():
        assert judged(asked(), read(asked(), 200, deep)) == ("down", "x12.not_json")
