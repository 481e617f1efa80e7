"""The kind `x12_eligibility` against a clearinghouse that fails on command, over real sockets."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Observation, Outcome, Slot
from probes.kinds.x12_eligibility import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.payer import SOAP_PATH, Payer
from tests.contract.conformance import environment, expect, observe, steps
from tests.support.payers import WAYS, access, member, spec

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN

FAULTS: dict[str, tuple[Outcome, Reason]] = {
    "none": (UP, Reason.OK),
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.HTTP_TIMEOUT),
    "slow": (DEGRADED, Reason.SLOW),
    "401": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "404": (MISCONFIGURED, Reason.HTTP_STATUS),
    "429": (DEGRADED, Reason.HTTP_THROTTLED),
    "500": (DOWN, Reason.HTTP_STATUS),
    "html200": (DOWN, Reason.X12_NOT_CORE),
    "cut_body": (DOWN, Reason.X12_NOT_CORE),
    "truncated": (DOWN, Reason.HTTP_TRUNCATED),
    "unauthorized": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "sender_illegal": (MISCONFIGURED, Reason.X12_CORE_REJECTED),
    "receiver_error": (DOWN, Reason.X12_CORE_ERROR),
    "unlisted_error": (DOWN, Reason.X12_CORE_ERROR),
    "envelope_error": (DOWN, Reason.X12_CORE_ERROR),
    "wrong_type": (UP, Reason.OK),
    "no_payload": (DOWN, Reason.X12_NOT_X12),
    "fault_sender": (MISCONFIGURED, Reason.X12_SOAP_FAULT),
    "fault_receiver": (DOWN, Reason.X12_SOAP_FAULT),
    "fault_login": (MISCONFIGURED, Reason.X12_CREDENTIALS),
    "fault_unknown": (DOWN, Reason.X12_SOAP_FAULT),
    "other_element": (DOWN, Reason.X12_NOT_CORE),
    "ta1_rejected": (MISCONFIGURED, Reason.X12_TA1_REJECTED),
    "ta1_accepted": (DOWN, Reason.X12_ONLY_ACKNOWLEDGED),
    "999_rejected": (MISCONFIGURED, Reason.X12_999_REJECTED),
    "999_accepted": (DOWN, Reason.X12_ONLY_ACKNOWLEDGED),
    "not_x12": (DOWN, Reason.X12_NOT_X12),
    "x12_truncated": (DOWN, Reason.X12_TRUNCATED),
    "x12_count": (DOWN, Reason.X12_MALFORMED),
    "foreign_trace": (DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "foreign_ta1": (DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "foreign_999": (DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "two_answers": (DEGRADED, Reason.X12_FOREIGN_ANSWER),
    "other_set": (DOWN, Reason.X12_WRONG_ANSWER),
    "aaa_42_clearinghouse": (DOWN, Reason.X12_AAA_42_CLEARINGHOUSE),
    "aaa_42_payer": (DOWN, Reason.X12_AAA_42_PAYER),
    "aaa_80_payer": (DOWN, Reason.X12_AAA_80_PAYER),
    "aaa_42_subscriber": (DEGRADED, Reason.X12_AAA_42_SUBSCRIBER),
    "no_benefits": (DOWN, Reason.X12_NO_BENEFITS),
}
# Where a form has no way to say what SOAP says, or says it elsewhere
BY_FORM = {
    "cut_body": (DOWN, Reason.X12_TRUNCATED),
    "fault_sender": (MISCONFIGURED, Reason.X12_CORE_REJECTED),
    "fault_receiver": (DOWN, Reason.X12_CORE_ERROR),
    "fault_unknown": (DOWN, Reason.X12_CORE_ERROR),
}


@pytest.fixture
async def payer() -> AsyncIterator[Payer]:
    simulator = Payer()
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


def test_every_fault_of_the_simulator_has_an_expected_end() -> None:
    assert tuple(FAULTS) == Payer.FAULTS
    assert set(BY_FORM) < set(FAULTS)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
async def test_each_way_to_fail_has_its_outcome_and_reason(
    payer: Payer, fault: str, way: str
) -> None:
    payer.set_fault(fault)
    expected = FAULTS[fault] if way == "core_soap" else BY_FORM.get(fault, FAULTS[fault])
    given = spec(payer, way)
    slow = {"slow_after": "190ms"} if fault == "slow" else {}
    timeout_ms = 300 if fault == "hang" else 5_000
    await expect(KIND, {**given, **slow}, *expected, timeout_ms=timeout_ms)
    asked = len(payer.questions)
    assert asked <= 1
    payer.set_fault("none")
    await expect(KIND, given, UP, Reason.OK)
    assert len(payer.questions) == asked + 1


async def test_who_failed_is_told_by_the_steps(payer: Payer) -> None:
    async def told(fault: str) -> list[tuple[str, str, str]]:
        payer.set_fault(fault)
        return steps((await observe(KIND, spec(payer))).observation)

    assert await told("refuse") == [("connect", "down", "tcp.refused")]
    assert await told("aaa_42_clearinghouse") == [
        ("connect", "up", "ok"),
        ("clearinghouse", "down", "x12.aaa_42_clearinghouse"),
    ]
    assert await told("aaa_42_payer") == [
        ("connect", "up", "ok"),
        ("clearinghouse", "up", "ok"),
        ("payer", "down", "x12.aaa_42_payer"),
    ]
    assert await told("none") == [
        ("connect", "up", "ok"),
        ("clearinghouse", "up", "ok"),
        ("payer", "up", "ok"),
    ]


async def test_facts_are_numbers_of_lists(payer: Payer) -> None:
    seen = await expect(KIND, spec(payer), UP, Reason.OK)
    assert seen.facts == {
        Fact.HTTP_STATUS: 200,
        Fact.BODY_BYTES: seen.facts[Fact.BODY_BYTES],
        Fact.BENEFITS: 1,
    }
    payer.aaa = ("2100A", "N**T4*C")
    seen = await expect(KIND, spec(payer), MISCONFIGURED, Reason.X12_REQUEST)
    assert seen.facts[Fact.AAA_CODE] == 904
    assert (seen.facts[Fact.AAA_FOLLOW_UP], seen.facts[Fact.BENEFITS]) == (1, 0)
    payer.set_fault("ta1_rejected")
    seen = await expect(KIND, spec(payer), MISCONFIGURED, Reason.X12_TA1_REJECTED)
    assert seen.facts[Fact.TA1_NOTE] == 6


async def test_an_agreed_member_is_rejected_as_agreed(payer: Payer) -> None:
    nobody: dict[str, Any] = {"member": member(id="ZZNOBODY1")}
    given = spec(payer, **nobody, expect_rejection=["72", "75"])
    seen = await expect(KIND, given, UP, Reason.OK)
    assert seen.facts[Fact.AAA_CODE] == 75
    await expect(KIND, spec(payer, **nobody), MISCONFIGURED, Reason.X12_MEMBER)
    other = spec(payer, **nobody, expect_rejection=["72"])
    await expect(KIND, other, MISCONFIGURED, Reason.X12_MEMBER)
    known = spec(payer, expect_rejection=["72", "75"])
    await expect(KIND, known, DOWN, Reason.X12_NOT_REJECTED)


async def test_a_provider_who_is_not_enrolled_is_our_matter(payer: Payer) -> None:
    given = spec(payer, provider={"npi": "1234567893", "name": "ZZTEST OTHER"})
    seen = await expect(KIND, given, MISCONFIGURED, Reason.X12_ENROLMENT)
    assert seen.facts[Fact.AAA_CODE] == 51


async def test_the_envelope_says_what_core_wants(payer: Payer) -> None:
    for way in WAYS:
        await expect(KIND, spec(payer, way), UP, Reason.OK)
        told = payer.envelopes[-1]
        payload = told.pop("Payload")
        assert len(told.pop("PayloadID")) == 36
        assert len(told.pop("TimeStamp")) == len("2026-01-01T12:00:00Z")
        assert told == {
            "PayloadType": "X12_270_Request_005010X279A1",
            "ProcessingMode": "RealTime",
            "SenderID": "UPTIMEMON",
            "ReceiverID": "PAYERTEST",
            "CORERuleVersion": "2.2.0",
        }
        assert payload.startswith("ISA*00*          *00*          *ZZ*UPTIMEMON      *ZZ*")


async def test_a_number_is_never_used_again_and_nothing_is_sent_twice(payer: Payer) -> None:
    class Ticking(SystemClock):
        tenths = 17_672_688_000

        def now_ms(self) -> int:
            return self.tenths * 100

    payer.takes_again = False
    clock = Ticking()
    env = replace(environment(), clock=clock)
    async with KIND.open(KIND.parse(spec(payer)), env) as probe:
        for _ in range(5):
            seen = await probe.run(Slot("check-1", 0))
            assert (seen.outcome, seen.reason) == (UP, Reason.OK)
            clock.tenths += 1
        payer.set_fault("500")
        await probe.run(Slot("check-1", 0))
    assert len({one.control for one in payer.questions}) == 5
    assert len({one.token for one in payer.questions}) == 5
    assert all(len(one.control) == 9 and one.control.isdigit() for one in payer.questions)
    assert len(payer.questions) == 5


async def test_a_duplicate_number_is_rejected_and_told(payer: Payer) -> None:
    class Stopped(SystemClock):
        def now_ms(self) -> int:
            return 1_767_268_800_000

    payer.takes_again = False
    for outcome in (UP, MISCONFIGURED):
        env = replace(environment(), clock=Stopped())
        async with KIND.open(KIND.parse(spec(payer)), env) as probe:
            seen = await probe.run(Slot("check-1", 0))
        assert seen.outcome is outcome
    assert (seen.reason, seen.facts[Fact.TA1_NOTE]) == (Reason.X12_TA1_REJECTED, 25)


async def test_production_is_asked_only_where_the_file_names_an_agreement(payer: Payer) -> None:
    payer.takes_production = False
    await expect(KIND, spec(payer), UP, Reason.OK)
    assert payer.questions[-1].usage == "T"
    given = spec(payer, production="true", agreement="CHG0031")
    seen = await expect(KIND, given, MISCONFIGURED, Reason.X12_TA1_REJECTED)
    assert (payer.questions[-1].usage, seen.facts[Fact.TA1_NOTE]) == ("P", 20)


class _Fast(SystemClock):
    """Twenty seconds pass in one: what is measured, not what is waited for."""

    def monotonic_ns(self) -> int:
        return super().monotonic_ns() * 20


async def test_a_right_answer_after_twenty_seconds_is_degraded(payer: Payer) -> None:
    async def seen(slow_ms: int) -> Observation:
        payer.slow_ms = slow_ms
        env = replace(environment(timeout_ms=60_000), clock=_Fast())
        async with KIND.open(KIND.parse(spec(payer)), env) as probe:
            return await probe.run(Slot("check-1", 0))

    payer.set_fault("slow")
    late = await seen(1_050)
    assert (late.outcome, late.reason) == (DEGRADED, Reason.X12_OVER_20S)
    payer.aaa = ("2100A", "Y**42*R")
    assert (await seen(1_050)).reason is Reason.X12_AAA_42_PAYER  # wrong and late is wrong
    payer.aaa = None
    assert (await seen(20)).reason is Reason.OK


async def test_a_target_that_says_when_to_come_again_is_not_asked_before(payer: Payer) -> None:
    payer.set_fault("429")
    env = environment()
    async with KIND.open(KIND.parse(spec(payer)), env) as probe:
        first = await probe.run(Slot("check-1", 0))
        payer.set_fault("none")
        second = await probe.run(Slot("check-1", 0))
    assert (first.reason, first.facts[Fact.RETRY_AFTER_S]) == (Reason.HTTP_THROTTLED, 7)
    assert (second.outcome, second.reason) == (UNKNOWN, Reason.AGENT_RETRY_AFTER)
    assert payer.questions == []


@pytest.mark.parametrize("way", WAYS)
async def test_user_and_password_are_shown_over_tls_and_a_wrong_one_is_told(
    authority: Authority, way: str
) -> None:
    simulator = Payer(login=("uptime", "<p&ss>"))
    await simulator.start(tls=authority.server().server_context())
    try:
        login = {"user": "uptime", "password": "file:/run/core"}
        connect = {way: access(simulator, way, login=login, ca=authority.ca)}
        given = spec(simulator, connect=connect)
        right, wrong = {"file:/run/core": b"<p&ss>\n"}, {"file:/run/core": b"other"}
        seen = await expect(KIND, given, UP, Reason.OK, secrets=right)
        assert seen.facts[Fact.CERT_DAYS_LEFT] >= 0
        await expect(KIND, given, MISCONFIGURED, Reason.X12_CREDENTIALS, secrets=wrong)
        await expect(KIND, given, UNKNOWN, Reason.AGENT_SECRET, secrets={})
    finally:
        await simulator.stop()


async def test_a_client_certificate_is_shown_and_the_lack_of_one_is_ours(
    authority: Authority,
) -> None:
    simulator = Payer()
    server = authority.server().server_context(authority.ca)
    await simulator.start(tls=server)
    try:
        ours = authority.client()
        shown = {"client_cert": ours.cert, "client_key": ours.key}
        connect = {"core_soap": access(simulator, ca=authority.ca, **shown)}
        await expect(KIND, spec(simulator, connect=connect), UP, Reason.OK)
        connect = {"core_soap": access(simulator, ca=authority.ca)}
        without = spec(simulator, connect=connect)
        await expect(KIND, without, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
    finally:
        await simulator.stop()


async def test_what_is_larger_than_the_cap_is_not_read(payer: Payer) -> None:
    connect = {"core_soap": access(payer, max_body="1024")}
    given = spec(payer, connect=connect)
    await expect(KIND, given, MISCONFIGURED, Reason.HTTP_TOO_LARGE)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"provider": {"npi": "1999999983", "name": "ZZTEST"}}, "ends it with 4, not 3"),
        ({"provider": {"npi": "199999998", "name": "ZZTEST"}}, "an NPI has ten digits"),
        ({"production": "true"}, "name its owner's agreement under agreement"),
        ({"slow_after": "20s"}, "slow_after lies below the 20s"),
        ({"expect_rejection": ["42"]}, "codes of AAA03 that are about a member"),
        ({"member": {"id": "ZZ1"}}, "source"),
        ({"member": member(last_name="ZZ*TEST")}, "inner blanks"),
        ({"connect": {}}, "write exactly one of core_soap"),
    ],
)
def test_a_spec_that_cannot_be_is_refused_with_the_reason(
    payer: Payer, more: dict[str, Any], told: str
) -> None:
    with pytest.raises(ValidationError) as raised:
        KIND.parse({**spec(payer), **more})
    assert told in str(raised.value)


def test_a_check_without_an_agreement_asks_seldom(payer: Payer) -> None:
    assert KIND.writes(KIND.parse(spec(payer, agreement="CHG0031"))) is None
    writes = KIND.writes(KIND.parse(spec(payer)))
    assert writes is not None
    assert writes.least_every_ms == 300_000


async def test_the_simulator_plants_what_nobody_may_keep() -> None:
    simulator = Payer(("ZZQUILL", "MRN-88442117"))
    await simulator.start()
    try:
        await expect(KIND, spec(simulator), UP, Reason.OK)
        asked = write_soap(simulator.payloads[0])
        async with aiohttp.ClientSession() as session:
            for fault in ("none", "aaa_42_payer", "fault_login", "html200", "500"):
                simulator.set_fault(fault)
                async with session.post(simulator.origin + SOAP_PATH, data=asked) as reply:
                    text = await reply.text()
                assert "ZZQUILL MRN-88442117" in text
                if fault == "none":
                    assert text.count("ZZQUILL") > 8  # names, number, birth date, address, message
    finally:
        await simulator.stop()


def write_soap(payload: str) -> str:
    core = "http://www.caqh.org/SOAP/WSDL/CORERule2.2.0.xsd"
    return (
        '<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
        f'<c:COREEnvelopeRealTimeRequest xmlns:c="{core}"><Payload>{payload}</Payload>'
        "</c:COREEnvelopeRealTimeRequest></e:Body></e:Envelope>"
    )


async def test_nothing_of_a_member_leaves_the_run(caplog: pytest.LogCaptureFixture) -> None:
    canaries = tuple(secrets.token_hex(8) for _ in range(3))
    caplog.set_level("DEBUG")
    simulator = Payer(canaries)
    await simulator.start()
    told = []
    try:
        for way in WAYS:
            for fault in (f for f in FAULTS if f not in {"hang", "refuse"}):
                simulator.set_fault(fault)
                told.append(repr((await observe(KIND, spec(simulator, way))).observation))
            simulator.set_fault("none")
            for loop in ("2100A", "2100B", "2100C", "2100D"):
                simulator.aaa = (loop, "N**75*C")
                told.append(repr((await observe(KIND, spec(simulator, way))).observation))
            simulator.aaa = None
    finally:
        await simulator.stop()
    kept = "\n".join([*told, caplog.text])
    assert [canary for canary in canaries if canary in kept] == []
    assert [one.token for one in simulator.questions if one.token in kept] == []
