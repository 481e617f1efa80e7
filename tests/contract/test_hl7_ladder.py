"""The messages of the kind `hl7`, each with its right answer and every wrong one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from probes.clock import SystemClock
from probes.contract import Fact, Outcome, Phase, Slot
from probes.kinds.hl7 import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.mllp_listener import MllpListener
from tests.contract.conformance import environment, expect, steps
from tests.contract.test_hl7 import CANARIES
from tests.support.streams import serving
from tests.support.tls import alerting_server

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED = Outcome.MISCONFIGURED
PATIENT = {"id": "ZZ0001", "assigning_authority": "TEST", "name": "ZZTEST^UPTIME"}
WITH: dict[str, dict[str, Any]] = {
    "connect": {},
    "bad_type": {"processing_id": "T"},
    "nmq": {"processing_id": "T"},
    "query": {"processing_id": "T", "patient": PATIENT},
    "adt_a08": {"processing_id": "T", "patient": PATIENT},
}
for pair in ("visit", "schedule", "order"):
    WITH[pair] = {
        "processing_id": "P",
        "patient": PATIENT,
        "identifier": "ZZUP1",
        "allow_writes": "true",
    }
WITH["charge"] = {**WITH["visit"], "allow_charges": "true"}


@pytest.fixture
async def listener() -> AsyncIterator[MllpListener]:
    simulator = MllpListener(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


def spec(listener: MllpListener, message: str, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": str(listener.port),
        "message": message,
        **WITH[message],
        **more,
    }


SENT = {
    "connect": [],
    "bad_type": ["ZWW^ZWW"],
    "nmq": ["NMQ^N01"],
    "query": ["QBP^Q22"],
    "adt_a08": ["ADT^A08"],
    "visit": ["ADT^A04", "ADT^A11"],
    "schedule": ["SIU^S12", "SIU^S15"],
    "order": ["ORM^O01", "ORM^O01"],
    "charge": ["DFT^P03"],
}


@pytest.mark.parametrize("message", SENT)
async def test_a_listener_that_is_well_is_up_and_nothing_is_left_behind(
    listener: MllpListener, message: str
) -> None:
    seen = await expect(KIND, spec(listener, message), UP, Reason.OK, connections=2)
    assert listener.types == SENT[message]
    assert not listener.standing
    if len(SENT[message]) == 2:
        assert seen.facts == {Fact.NOT_UNDONE: 0}
        assert [name for name, _, _ in steps(seen)] == ["connect", "ack", "cancel"]


ANSWERS: list[tuple[str, str, tuple[Outcome, Reason]]] = [
    ("bad_type", "accepts_all", (MISCONFIGURED, Reason.HL7_NOT_REJECTED)),
    ("bad_type", "ae", (UP, Reason.OK)),
    ("bad_type", "ar", (UP, Reason.OK)),
    ("bad_type", "internal", (DOWN, Reason.HL7_ACK_ERROR)),
    ("bad_type", "hang", (DOWN, Reason.HL7_NO_ACK)),
    ("nmq", "ar", (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
    ("query", "no_match", (MISCONFIGURED, Reason.HL7_NO_MATCH)),
    ("query", "query_error", (MISCONFIGURED, Reason.HL7_ACK_ERROR)),
    ("query", "no_query_status", (DOWN, Reason.HL7_ACK_MALFORMED)),
    ("query", "crossed", (DOWN, Reason.HL7_WRONG_PATIENT)),
    ("query", "ae_206", (DEGRADED, Reason.HL7_ACK_ERROR)),
    ("query", "internal", (DOWN, Reason.HL7_ACK_ERROR)),
    ("charge", "ae", (MISCONFIGURED, Reason.HL7_ACK_ERROR)),
]


@pytest.mark.parametrize(("message", "fault", "expected"), ANSWERS)
async def test_each_wrong_answer_has_its_outcome_and_reason(
    listener: MllpListener, message: str, fault: str, expected: tuple[Outcome, Reason]
) -> None:
    listener.set_fault(fault)
    seen = await expect(KIND, spec(listener, message), *expected, timeout_ms=300)
    assert [part for part in (*CANARIES, *listener.control_ids) if part in repr(seen)] == []


async def test_a_patient_the_index_does_not_know_is_missing_test_data(
    listener: MllpListener,
) -> None:
    other = {"patient": {**PATIENT, "id": "ZZ0009"}}
    await expect(KIND, spec(listener, "query", **other), MISCONFIGURED, Reason.HL7_NO_MATCH)


PAIRS: list[tuple[str, tuple[Outcome, Reason], list[tuple[str, str, str]], int]] = [
    # an answer that never came: what it made is taken back all the same
    (
        "first_hangs",
        (DOWN, Reason.HL7_NO_ACK),
        [("connect", "up", "ok"), ("ack", "down", "hl7.no_ack"), ("cancel", "up", "ok")],
        0,
    ),
    (
        "undo_hangs",
        (DOWN, Reason.HL7_NOT_UNDONE),
        [("connect", "up", "ok"), ("ack", "up", "ok"), ("cancel", "down", "hl7.not_undone")],
        1,
    ),
    (
        "undo_ae",
        (MISCONFIGURED, Reason.HL7_NOT_UNDONE),
        [
            ("connect", "up", "ok"),
            ("ack", "up", "ok"),
            ("cancel", "misconfigured", "hl7.not_undone"),
        ],
        1,
    ),
    (
        "undo_locked",
        (DEGRADED, Reason.HL7_NOT_UNDONE),
        [("connect", "up", "ok"), ("ack", "up", "ok"), ("cancel", "degraded", "hl7.not_undone")],
        1,
    ),
    # refused both times: nothing was made
    (
        "ae",
        (MISCONFIGURED, Reason.HL7_ACK_ERROR),
        [
            ("connect", "up", "ok"),
            ("ack", "misconfigured", "hl7.ack_error"),
            ("cancel", "misconfigured", "hl7.ack_error"),
        ],
        0,
    ),
    # rejected as a message: nothing is there to take back
    (
        "ar",
        (MISCONFIGURED, Reason.HL7_ACK_REJECT),
        [("connect", "up", "ok"), ("ack", "misconfigured", "hl7.ack_reject")],
        0,
    ),
    ("refuse", (DOWN, Reason.TCP_REFUSED), [("connect", "down", "tcp.refused")], 0),
]


@pytest.mark.parametrize("message", ["visit", "order"])
@pytest.mark.parametrize(("fault", "expected", "layers", "left"), PAIRS)
async def test_a_pair_is_taken_back_or_says_that_it_is_not(
    listener: MllpListener,
    message: str,
    fault: str,
    expected: tuple[Outcome, Reason],
    layers: list[tuple[str, str, str]],
    left: int,
) -> None:
    listener.set_fault(fault)
    given = spec(listener, message)
    env = environment(timeout_ms=400)
    async with KIND.open(KIND.parse(given), env) as probe:
        seen = await probe.run(Slot("check-1", 0))
        assert (seen.outcome, seen.reason) == expected
        assert steps(seen) == layers
        assert seen.facts[Fact.NOT_UNDONE] == left
        sent = list(listener.types)
        listener.set_fault("none")
        again = await probe.run(Slot("check-1", 0))
        assert (again.outcome, again.facts[Fact.NOT_UNDONE]) == (UP, 0)
        assert listener.types == sent + SENT[message]
    assert not listener.standing


async def test_a_check_that_is_closed_takes_back_what_may_stand(listener: MllpListener) -> None:
    listener.set_fault("undo_ae")
    env = environment(timeout_ms=400)
    async with KIND.open(KIND.parse(spec(listener, "visit")), env) as probe:
        await probe.run(Slot("check-1", 0))
        assert listener.standing == {"ZZUP1"}
        listener.set_fault("none")
    assert listener.types == ["ADT^A04", "ADT^A11", "ADT^A11"]
    assert not listener.standing


async def test_what_stands_from_an_earlier_run_is_taken_back_though_the_next_is_rejected(
    listener: MllpListener,
) -> None:
    env = environment(timeout_ms=400)
    async with KIND.open(KIND.parse(spec(listener, "visit")), env) as probe:
        listener.set_fault("undo_ae")
        await probe.run(Slot("check-1", 0))
        for fault in ("ar", "ae"):  # a rejection now says nothing of what was made before
            listener.set_fault(fault)
            seen = await probe.run(Slot("check-1", 0))
            assert [name for name, _, _ in steps(seen)] == ["connect", "ack", "cancel"]
            assert seen.facts[Fact.NOT_UNDONE] == 1
        listener.set_fault("none")
        seen = await probe.run(Slot("check-1", 0))
    assert (seen.outcome, seen.facts) == (UP, {Fact.NOT_UNDONE: 0})
    assert listener.types == ["ADT^A04", "ADT^A11"] * 4
    assert not listener.standing


async def test_what_a_crash_left_standing_is_what_the_next_run_takes_back(
    listener: MllpListener,
) -> None:
    listener.standing.add("ZZUP1")  # the identifier is the same at every run
    await expect(KIND, spec(listener, "schedule"), UP, Reason.OK, connections=2)
    assert not listener.standing


async def test_a_duplicate_key_is_undone_for_it_stands() -> None:
    """AR with 205: an earlier one was left behind."""
    types: list[bytes] = []

    async def serve(reader: Any, writer: Any) -> None:
        head = (await reader.readuntil(b"\x1c\r"))[1:].split(b"|")
        types.append(head[8])
        code = b"AR" if head[8].startswith(b"SIU^S12") else b"AA"
        answer = b"MSH|^~\\&|\rMSA|" + code + b"|" + head[9] + b"\r"
        answer += b"ERR|||205\r" if code == b"AR" else b""
        writer.write(b"\x0b" + answer + b"\x1c\r")
        await writer.drain()

    async with serving(serve) as port:
        given = {"host": "127.0.0.1", "port": str(port), "message": "schedule", **WITH["schedule"]}
        seen = await expect(KIND, given, MISCONFIGURED, Reason.HL7_ACK_REJECT, connections=2)
    assert types == [b"SIU^S12^SIU_S12", b"SIU^S15^SIU_S12"]
    assert seen.facts == {Fact.ERR_CODE: 205, Fact.NOT_UNDONE: 0}


ENHANCED = {"ack": "enhanced"}
APPLICATION = {"ack": "enhanced", "application_ack": "true"}


async def test_a_commit_ends_a_run_that_asked_for_no_more(listener: MllpListener) -> None:
    seen = await expect(KIND, spec(listener, "adt_a08", **ENHANCED), UP, Reason.OK)
    assert seen.facts == {Fact.COMMITS: 1}


async def test_a_commit_is_no_answer_of_the_application(listener: MllpListener) -> None:
    given = spec(listener, "adt_a08", **APPLICATION)
    seen = await expect(KIND, given, UP, Reason.OK)
    assert seen.facts == {Fact.COMMITS: 1}
    listener.set_fault("commit_only")
    seen = await expect(KIND, given, DOWN, Reason.HL7_NO_ACK, timeout_ms=200)
    assert seen.facts == {Fact.COMMITS: 1}


@pytest.mark.parametrize("fault", ["ce", "internal"])
async def test_a_refused_commit_ends_the_run(listener: MllpListener, fault: str) -> None:
    listener.set_fault(fault)
    given = spec(listener, "adt_a08", **APPLICATION)
    await expect(KIND, given, DOWN, Reason.HL7_ACK_ERROR)


async def test_a_query_in_enhanced_mode_waits_for_the_answer_behind_the_commit(
    listener: MllpListener,
) -> None:
    seen = await expect(KIND, spec(listener, "query", **APPLICATION), UP, Reason.OK)
    assert seen.facts == {Fact.COMMITS: 1}


async def test_a_port_that_closes_at_once_is_no_listener(listener: MllpListener) -> None:
    listener.set_fault("full")
    await expect(KIND, spec(listener, "connect"), DOWN, Reason.TCP_RESET)
    listener.set_fault("refuse")
    await expect(KIND, spec(listener, "connect"), DOWN, Reason.TCP_REFUSED)

    async def end(_reader: Any, _writer: Any) -> None:
        return

    async with serving(end) as port:
        given = {"host": "127.0.0.1", "port": str(port), "message": "connect"}
        await expect(KIND, given, DOWN, Reason.HL7_CLOSED)


async def test_connecting_alone_ends_in_time_and_sends_nothing(listener: MllpListener) -> None:
    given = spec(listener, "connect")
    await expect(KIND, given, UP, Reason.OK, timeout_ms=50)
    seen = await expect(KIND, {**given, "slow_after": "9s"}, UP, Reason.OK)
    assert steps(seen) == [("connect", "up", "ok")]
    assert listener.control_ids == []


async def test_connecting_alone_sees_that_our_certificate_is_refused(tmp_path: Any) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    context = authority.server().server_context(authority.ca)
    given = {"host": "127.0.0.1", "message": "connect", "tls": {"ca": authority.ca}}
    with alerting_server(context) as port:
        refused = (MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
        await expect(KIND, {**given, "port": str(port)}, *refused)
    good = MllpListener()
    port = await good.start(tls=context)
    client = authority.client()
    shown = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    seen = await expect(KIND, {**given, "port": str(port), "tls": shown}, UP, Reason.OK)
    await good.stop()
    assert set(seen.phases) == {Phase.CONNECT, Phase.TLS}
    assert good.control_ids == []
