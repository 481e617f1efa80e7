"""The kind `hl7` against a listener that fails on command and against python-hl7's server."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import hl7
import hl7.mllp
import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Outcome, Phase, Slot, StepName
from probes.kinds.hl7 import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.mllp_listener import MllpListener
from probes.wire.hl7 import AckCode, Acknowledgement
from probes.wire.hl7_judge import Expect, judge
from tests.contract.conformance import environment, expect, observe
from tests.support.streams import serving
from tests.support.tls import alerting_server

CANARIES = ("ZZTESTPATIENT^WILHELMINA", "MRN-00774411", "1931-04-05")
UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN

FAULTS: dict[str, tuple[Outcome, Reason]] = {
    "none": (UP, Reason.OK),
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.HL7_NO_ACK),
    "slow": (DEGRADED, Reason.SLOW),
    "late_ack": (UP, Reason.OK),
    "wrong_id": (DOWN, Reason.HL7_WRONG_ID),
    "ae": (MISCONFIGURED, Reason.HL7_ACK_ERROR),
    "ar": (MISCONFIGURED, Reason.HL7_ACK_REJECT),
    "ae_206": (DEGRADED, Reason.HL7_ACK_ERROR),
    "ar_207": (DOWN, Reason.HL7_ACK_REJECT),
    "eof": (DOWN, Reason.HL7_CLOSED),
    "garbage": (UP, Reason.OK),
    "malformed": (DOWN, Reason.HL7_ACK_MALFORMED),
    "truncated": (DOWN, Reason.HL7_CLOSED),
    "split": (UP, Reason.OK),
    "two_acks": (UP, Reason.OK),
    "reset": (DOWN, Reason.TCP_RESET),
    "ce": (DOWN, Reason.HL7_ACK_ERROR),
    "commit_block": (UP, Reason.OK),
    "nak_block": (DOWN, Reason.HL7_ACK_REJECT),
    "ends_after": (UP, Reason.OK),
    "full": (DOWN, Reason.TCP_RESET),
    "internal": (DOWN, Reason.HL7_ACK_ERROR),
}
FACTS: dict[str, dict[Fact, int]] = {
    "late_ack": {Fact.STALE_ACKS: 1},
    "wrong_id": {Fact.STALE_ACKS: 1},
    "ae": {Fact.ERR_CODE: 101},
    "ar": {Fact.ERR_CODE: 202},
    "ae_206": {Fact.ERR_CODE: 206},
    "ar_207": {Fact.ERR_CODE: 207},
    "garbage": {Fact.GARBAGE_BYTES: len("220 ready \r\n" + " ".join(CANARIES))},
    "two_acks": {Fact.DUPLICATE_ACKS: 1},
    "ce": {Fact.ERR_CODE: 207},
    "commit_block": {Fact.COMMITS: 1},
    "internal": {Fact.ERR_CODE: 207},
}
# of one message alone: tests/contract/test_hl7_ladder.py
OF_OTHERS = {
    "accepts_all",
    "commit_only",
    "no_match",
    "query_error",
    "no_query_status",
    "crossed",
    "first_hangs",
    "undo_hangs",
    "undo_ae",
    "undo_locked",
}


@pytest.fixture
async def listener() -> AsyncIterator[MllpListener]:
    simulator = MllpListener(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


def spec(port: int, **more: Any) -> dict[str, Any]:
    return {
        "host": "127.0.0.1",
        "port": str(port),
        "processing_id": "T",
        "patient": {"id": "ZZ0001", "assigning_authority": "TEST", "name": "ZZTEST^UPTIME"},
        "slow_after": "190ms",
        **more,
    }


def test_every_fault_of_the_listener_has_an_expected_end() -> None:
    assert FAULTS.keys() | OF_OTHERS == set(MllpListener.FAULTS)
    assert not FAULTS.keys() & OF_OTHERS


@pytest.mark.parametrize("fault", FAULTS)
async def test_each_way_to_fail_has_its_outcome_and_reason(
    listener: MllpListener, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener.set_fault(fault)
    seen = await expect(KIND, spec(listener.port), *FAULTS[fault], timeout_ms=400)
    assert seen.facts == FACTS.get(fault, {})
    told = repr(seen) + caplog.text
    assert [part for part in (*CANARIES, *listener.control_ids) if part in told] == []
    listener.set_fault("none")
    await expect(KIND, spec(listener.port), UP, Reason.OK)


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_message_is_sent_once_whatever_happens(listener: MllpListener, fault: str) -> None:
    listener.set_fault(fault)
    run = await observe(KIND, spec(listener.port), timeout_ms=250)
    await asyncio.sleep(0.02)
    accepted, sent = int(fault != "refuse"), int(fault not in ("refuse", "full"))
    made = (run.connections, listener.connections, len(listener.control_ids))
    assert made == (1, accepted, sent)


async def test_each_run_has_a_control_id_of_its_own(listener: MllpListener) -> None:
    for _ in range(3):
        await observe(KIND, spec(listener.port))
    assert len(set(listener.control_ids)) >= 2  # the seed of the runs is one, the time differs
    assert {len(control_id) for control_id in listener.control_ids} == {20}


async def test_a_good_run_leaves_phases_and_steps(listener: MllpListener) -> None:
    seen = await expect(KIND, spec(listener.port), UP, Reason.OK)
    target = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
    assert set(seen.phases) == {Phase.CONNECT, Phase.PARSE, *target}
    connect, ack = seen.steps
    assert (connect.name, connect.outcome, connect.reason) == (StepName.CONNECT, UP, Reason.OK)
    assert connect.duration_us == seen.phases[Phase.CONNECT]
    assert (ack.name, ack.outcome, ack.reason) == (StepName.ACK, UP, Reason.OK)
    assert ack.duration_us == sum(seen.phases[phase] for phase in target)


async def test_a_refused_port_is_a_failed_connect_step(listener: MllpListener) -> None:
    listener.set_fault("refuse")
    seen = await expect(KIND, spec(listener.port), DOWN, Reason.TCP_REFUSED)
    (step,) = seen.steps
    assert (step.name, step.outcome, step.reason) == (StepName.CONNECT, DOWN, Reason.TCP_REFUSED)


async def test_a_hung_interface_is_down_though_its_port_is_open(listener: MllpListener) -> None:
    listener.set_fault("hang")
    seen = await expect(KIND, spec(listener.port), DOWN, Reason.HL7_NO_ACK, timeout_ms=120)
    connect, ack = seen.steps
    assert (connect.outcome, ack.outcome) == (UP, DOWN)
    assert 80_000 <= seen.phases[Phase.FIRST_BYTE] <= 1_000_000


@pytest.mark.parametrize(
    ("code", "error", "expected"),
    [
        ("AA", None, (UP, Reason.OK)),
        ("CA", 0, (UP, Reason.OK)),
        ("AE", None, (MISCONFIGURED, Reason.HL7_ACK_ERROR)),
        ("AE", 100, (MISCONFIGURED, Reason.HL7_ACK_ERROR)),
        ("CE", 204, (MISCONFIGURED, Reason.HL7_ACK_ERROR)),
        ("CE", 206, (DEGRADED, Reason.HL7_ACK_ERROR)),
        ("AE", 207, (DOWN, Reason.HL7_ACK_ERROR)),
        ("AR", None, (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
        ("AR", 200, (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
        ("CR", 203, (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
        ("AR", 204, (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
        ("AR", 206, (MISCONFIGURED, Reason.HL7_ACK_REJECT)),
        ("CR", 207, (DOWN, Reason.HL7_ACK_REJECT)),
    ],
)
def test_the_code_and_the_error_decide(
    code: str, error: int | None, expected: tuple[Outcome, Reason]
) -> None:
    ack = Acknowledgement(AckCode(code), "WW1", error)
    assert judge(ack, Expect.ACCEPTED, None) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (b"x" * 70_000, Reason.HL7_ACK_MALFORMED),
        (b"\x0b" + b"x" * 1_100_000, Reason.HL7_ACK_MALFORMED),
        (b"220 ready\r\n", Reason.HL7_CLOSED),
        (b"\x0b\x06\x1c\r", Reason.HL7_CLOSED),
        (b"\x0b\x15\x1c\r", Reason.HL7_ACK_REJECT),
        (b"\x0b\x07\x1c\r", Reason.HL7_ACK_MALFORMED),
        (b"\x0bMSH|^~\\&|\rMSA|AA|\r\x1c\r", Reason.HL7_WRONG_ID),
        (b"\x0bMSH|^~\\&|\rMSA|AA|WWOTHER\r\x1c\r\x0bMSH|^~", Reason.HL7_WRONG_ID),
    ],
)
async def test_what_is_no_answer_of_ours_is_down(answer: bytes, expected: Reason) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x1c\r")
        writer.write(answer)
        await writer.drain()

    async with serving(serve) as port:
        await expect(KIND, spec(port), DOWN, expected)


async def test_an_endless_trickle_of_old_answers_stops_at_the_deadline() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\x1c\r")
        while True:
            writer.write(b"\x0bMSH|^~\\&|\rMSA|AA|WWOTHER\r\x1c\r")
            await writer.drain()
            await asyncio.sleep(0.005)

    async with serving(serve) as port:
        seen = await expect(KIND, spec(port), DOWN, Reason.HL7_WRONG_ID, timeout_ms=150)
    assert seen.facts[Fact.STALE_ACKS] >= 2


async def test_an_independent_peer_reads_the_message_and_its_answer_is_up() -> None:
    """python-hl7 is the peer: its own framing, parser and acknowledgement."""
    read: list[hl7.Message] = []

    async def serve(reader: Any, writer: Any) -> None:
        message = await reader.readmessage()
        read.append(message)
        writer.writemessage(message.create_ack("AA"))
        await writer.drain()
        writer.close()

    server = await hl7.mllp.start_hl7_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    more = {"sending_facility": "WARD", "receiving_application": "LAB", "version": "2.4"}
    await expect(KIND, spec(port, **more), UP, Reason.OK)
    server.close()
    await server.wait_closed()
    (message,) = read
    header = message.segment("MSH")
    assert [str(header[n]) for n in (3, 4, 5, 6)] == ["WARDWATCH", "WARD", "LAB", ""]
    assert [str(header[n]) for n in (9, 11, 12)] == ["ADT^A08^ADT_A01", "T", "2.4"]
    assert str(message.segment("PID")[3]) == "ZZ0001^^^TEST^MR"
    assert str(message.segment("PID")[5]) == "ZZTEST^UPTIME"


async def test_only_the_time_and_the_control_id_differ_between_runs() -> None:
    read: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        read.append(await reader.readuntil(b"\x1c\r"))

    async with serving(serve) as port:
        for _ in range(2):
            await expect(KIND, spec(port), DOWN, Reason.HL7_CLOSED)
    first, second = (message.split(b"|") for message in read)
    assert len(first) == len(second)
    assert {n for n, pair in enumerate(zip(first, second, strict=True)) if len(set(pair)) > 1} <= {
        6,
        9,
    }


async def test_over_tls_the_days_left_are_a_fact(authority: Authority) -> None:
    listener = MllpListener(CANARIES)
    port = await listener.start(tls=authority.server(days_left=3).server_context(authority.ca))
    client = authority.client()
    files = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    seen = await expect(KIND, spec(port, tls=files), UP, Reason.OK)
    await listener.stop()
    assert seen.facts == {Fact.CERT_DAYS_LEFT: 3}
    assert seen.steps[0].duration_us == seen.phases[Phase.CONNECT] + seen.phases[Phase.TLS]


async def test_a_demanded_client_certificate_that_is_missing_is_misconfigured(
    authority: Authority,
) -> None:
    with alerting_server(authority.server().server_context(authority.ca)) as port:
        given = spec(port, tls={"ca": authority.ca})
        await expect(KIND, given, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)


async def test_an_untrusted_listener_gets_no_message(authority: Authority) -> None:
    listener = MllpListener(CANARIES)
    port = await listener.start(tls=authority.server().server_context())
    await expect(KIND, spec(port, tls={}), MISCONFIGURED, Reason.TLS_UNTRUSTED)
    await listener.stop()
    assert listener.control_ids == []


A08 = (
    b"MSH|^~\\&|PROBE|WARD|||20200101||ADT^A08^ADT_A01|1|T|2.5.1\n"
    b"EVN||20260101\nPID|1||ZZ0001^^^TEST^MR||ZZTEST^UPTIME\nPV1|1|N\nZWW|1\n"
)


def from_file(port: int, path: str) -> dict[str, Any]:
    return {"host": "127.0.0.1", "port": str(port), "template": f"file:{path}"}


async def test_an_operators_own_message_is_sent_with_a_new_time_and_id(
    listener: MllpListener, tmp_path: Path
) -> None:
    path = tmp_path / "a08.hl7"
    path.write_bytes(A08)
    given = from_file(listener.port, str(path))
    KIND.prepare(KIND.parse(given))
    secrets = {given["template"]: A08}
    await expect(KIND, given, UP, Reason.OK, secrets=secrets)
    assert listener.control_ids[0].startswith("WW")


async def test_without_its_file_nothing_is_sent(listener: MllpListener) -> None:
    given = from_file(listener.port, "/nowhere/a08.hl7")
    await expect(KIND, given, UNKNOWN, Reason.AGENT_SECRET, connections=0)
    assert listener.connections == 0
    with pytest.raises(ValueError, match=r"^the template's file cannot be read$"):
        KIND.prepare(KIND.parse(given))


async def test_a_file_that_appears_later_is_used_from_the_next_run_on(
    listener: MllpListener,
) -> None:
    given = from_file(listener.port, "/run/a08.hl7")
    files: dict[str, bytes] = {}
    env = dataclasses.replace(environment(), read_secret=lambda reference: files[reference])
    slot = Slot("check-1", env.clock.now_ms())
    async with KIND.open(KIND.parse(given), env) as probe:
        first = await probe.run(slot)
        files[given["template"]] = A08
        second = await probe.run(slot)
    assert [first.outcome, second.outcome] == [UNKNOWN, UP]


PATIENT = {"id": "ZZ0001", "assigning_authority": "TEST", "name": "ZZTEST^UPTIME"}


@pytest.mark.parametrize(
    "bad",
    [
        {"host": "lab example"},
        {"port": "0"},
        {"port": "65536"},
        {"surprise": "1"},
        {"patient": None},
        {"processing_id": None},
        {"processing_id": "X"},
        {"version": "2.3"},
        {"version": "2.9"},
        {"template": "adt_a08"},
        {"message": "adt_a01"},
        {"template": "file:a08.hl7"},
        {"template": "file:/etc/a08.hl7"},
        {"patient": {**PATIENT, "id": "ZZ|1"}},
        {"patient": {**PATIENT, "id": "ZZ^1"}},
        {"patient": {**PATIENT, "name": "ZZTEST\rPID|2"}},
        {"patient": {**PATIENT, "name": "ZZTEST\n"}},
        {"patient": {"id": "ZZ0001"}},
        {"sending_application": "A|B"},
        {"sending_facility": ""},
        {"slow_after": "2"},
        {"tls": {"ca": "ca.pem"}},
        {"tls": {"client_cert": "/etc/c.pem"}},
        {"tls": {"verify": "no"}},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse({**spec(6661), **bad})
