"""The kind `dicom_echo` against a node that fails on command, over real sockets."""

from __future__ import annotations

import asyncio
import logging
import secrets
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.configfile import ConfigErrors, load
from probes.contract import Fact, Outcome, Phase, Scheme, Slot
from probes.dicom_line import THREADS, in_thread
from probes.kinds.dicom_echo import KIND
from probes.net import Connection
from probes.reasons import Reason
from probes.sockets import Socket
from probes.testing import dicom_pdus
from probes.testing.certificates import Authority
from probes.testing.dicom_server import DicomServer
from tests.contract.conformance import CountingNetwork, environment, expect, observe, steps
from tests.support.streams import hold, serving

FILE = """\
version: 1
organization: {id: org, name: Org, timezone: America/Chicago}
sites: {north: {name: North}}
agents: {north-1: {site: north}}
systems: {pacs: {name: Archive, impact: {class: clinical}}}
checks:
  echo:
    system: pacs
    kind: dicom_echo
    every: 1m
    timeout: 10s
    spec: {host: pacs.example.org, port: 104, called_ae: ARCHIVE, calling_ae: WARDWATCH}
"""
CANARIES = (f"ZZ{secrets.token_hex(5)}", f"MRN-{secrets.token_hex(4)}", secrets.token_hex(8))
UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN
MALFORMED = (DOWN, Reason.DICOM_MALFORMED)
PROVIDER = (DOWN, Reason.DICOM_PROVIDER_ABORTED)
FAILED = (DOWN, Reason.DICOM_FAILED)
WARNED = (DEGRADED, Reason.DICOM_FAILED)
REJECTED = (MISCONFIGURED, Reason.DICOM_REJECTED)

FAULTS: dict[str, tuple[Outcome, Reason]] = {
    "none": (UP, Reason.OK),
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "hang": (DOWN, Reason.DICOM_TIMEOUT),
    "slow": (DEGRADED, Reason.SLOW),
    "closes_at_once": (MISCONFIGURED, Reason.DICOM_CLOSED),
    "closes": (MISCONFIGURED, Reason.DICOM_CLOSED),
    "closes_late": (DOWN, Reason.DICOM_CLOSED),
    "half_accept": (DOWN, Reason.DICOM_CLOSED),
    "half_answer": (DOWN, Reason.DICOM_CLOSED),
    "hangs_late": (DOWN, Reason.DICOM_TIMEOUT),
    "reset": (MISCONFIGURED, Reason.DICOM_CLOSED),
    "reset_late": (DOWN, Reason.TCP_RESET),
    "garbage": (DOWN, Reason.DICOM_NOT_DICOM),
    "http": (DOWN, Reason.DICOM_NOT_DICOM),
    "tls_alert": (DOWN, Reason.DICOM_NOT_DICOM),
    "bomb": (DOWN, Reason.DICOM_NOT_DICOM),
    "bomb_late": MALFORMED,
    "other_pdu": MALFORMED,
    "other_pdu_late": MALFORMED,
    "other_context": MALFORMED,
    "no_contexts": MALFORMED,
    "no_status": MALFORMED,
    "other_message": MALFORMED,
    "other_command": MALFORMED,
    "broken_command": MALFORMED,
    "empty_fragment": MALFORMED,
    "match": (UP, Reason.OK),  # of queries alone: tests/contract/test_dicom_find.py
    "matches_without_end": (UP, Reason.OK),
    "split": (UP, Reason.OK),
    "in_halves": (UP, Reason.OK),
    "no_release": (UP, Reason.OK),
    "wants_release": (DOWN, Reason.DICOM_CLOSED),
    "reject_1_1_1": REJECTED,
    "reject_1_1_2": (MISCONFIGURED, Reason.DICOM_PROTOCOL),
    "reject_1_1_3": (MISCONFIGURED, Reason.DICOM_CALLING_AE),
    "reject_1_1_7": (MISCONFIGURED, Reason.DICOM_CALLED_AE),
    "reject_1_1_9": REJECTED,
    "reject_1_2_1": REJECTED,
    "reject_1_2_2": (MISCONFIGURED, Reason.DICOM_PROTOCOL),
    "reject_1_3_1": (DEGRADED, Reason.DICOM_BUSY),
    "reject_1_3_2": (DEGRADED, Reason.DICOM_BUSY),
    "reject_2_1_1": (DEGRADED, Reason.DICOM_REJECTED),
    "reject_2_1_3": (MISCONFIGURED, Reason.DICOM_CALLING_AE),
    "reject_2_2_1": (DEGRADED, Reason.DICOM_REJECTED),
    "reject_2_3_1": (DEGRADED, Reason.DICOM_BUSY),
    "reject_2_3_2": (DEGRADED, Reason.DICOM_BUSY),
    "reject_2_3_5": (DEGRADED, Reason.DICOM_REJECTED),
    "reject_0_1_1": MALFORMED,
    "reject_3_1_1": MALFORMED,
    "reject_1_9_1": MALFORMED,
    "abort_0_0": (MISCONFIGURED, Reason.DICOM_ABORTED),
    "abort_2_0": PROVIDER,
    "abort_2_1": PROVIDER,
    "abort_2_2": PROVIDER,
    "abort_2_6": PROVIDER,
    "abort_1_0": MALFORMED,
    "late_abort_0_0": (DOWN, Reason.DICOM_ABORTED),
    "late_abort_2_0": PROVIDER,
    "late_abort_2_1": PROVIDER,
    "late_abort_2_2": PROVIDER,
    "late_abort_2_6": PROVIDER,
    "late_abort_1_0": MALFORMED,
    "context_1": (MISCONFIGURED, Reason.DICOM_NO_CONTEXT),
    "context_2": (MISCONFIGURED, Reason.DICOM_NO_CONTEXT),
    "context_3": (MISCONFIGURED, Reason.DICOM_NO_CONTEXT),
    "context_4": (MISCONFIGURED, Reason.DICOM_NO_CONTEXT),
    "context_9": MALFORMED,
    "status_0105": FAILED,
    "status_0107": WARNED,
    "status_0110": FAILED,
    "status_0122": (MISCONFIGURED, Reason.DICOM_UNSUPPORTED),
    "status_0124": (MISCONFIGURED, Reason.DICOM_NOT_AUTHORIZED),
    "status_0210": FAILED,
    "status_0211": (MISCONFIGURED, Reason.DICOM_UNSUPPORTED),
    "status_0212": (MISCONFIGURED, Reason.DICOM_IDENTIFIER),
    "status_a700": (DEGRADED, Reason.DICOM_RESOURCES),
    "status_a702": (DEGRADED, Reason.DICOM_RESOURCES),
    "status_a900": (MISCONFIGURED, Reason.DICOM_IDENTIFIER),
    "status_b000": WARNED,
    "status_c000": FAILED,
    "status_c123": FAILED,
    "status_fe00": FAILED,
}
FACTS: dict[str, dict[Fact, int]] = {
    "none": {Fact.DIMSE_STATUS: 0},
    "refuse": {},
    "closes": {},
    "reject_2_3_1": {Fact.REJECT_RESULT: 2, Fact.REJECT_SOURCE: 3, Fact.REJECT_REASON: 1},
    "reject_1_1_3": {Fact.REJECT_RESULT: 1, Fact.REJECT_SOURCE: 1, Fact.REJECT_REASON: 3},
    "abort_0_0": {Fact.ABORT_SOURCE: 0, Fact.ABORT_REASON: 0},
    "late_abort_2_6": {Fact.ABORT_SOURCE: 2, Fact.ABORT_REASON: 6},
    "context_4": {Fact.CONTEXT_RESULT: 4},
    "status_c123": {Fact.DIMSE_STATUS: 0xC123},
}


def spec(at: int, **more: Any) -> dict[str, Any]:
    node = {"host": "127.0.0.1", "port": str(at), "called_ae": "ARCHIVE"}
    return {**node, "calling_ae": "WARDWATCH", "slow_after": "9s", **more}


def failing(at: int, fault: str) -> dict[str, Any]:
    """The spec for a node with that fault: only of the slow one time is asked for."""
    return spec(at, slow_after="390ms" if fault == "slow" else "9s")


@pytest.fixture
async def node() -> AsyncIterator[DicomServer]:
    simulator = DicomServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


def test_every_fault_of_the_node_has_an_expected_end() -> None:
    assert tuple(FAULTS) == DicomServer.FAULTS


async def test_each_way_to_fail_has_its_outcome_and_reason(node: DicomServer) -> None:
    for fault, expected in FAULTS.items():
        node.set_fault(fault)
        seen = await observe(KIND, failing(node.port, fault), timeout_ms=900)
        told = (seen.observation.outcome, seen.observation.reason)
        assert (fault, told) == (fault, expected)
        if fault in FACTS:
            assert (fault, seen.observation.facts) == (fault, FACTS[fault])


async def test_nothing_the_node_says_is_kept_logged_or_printed(
    node: DicomServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for fault in FAULTS:
        node.set_fault(fault)
        run = await observe(KIND, spec(node.port), timeout_ms=250)
        told += repr(run.observation)
    printed = capfd.readouterr()
    told += caplog.text + printed.out + printed.err
    assert [canary for canary in CANARIES if canary in told] == []
    assert "ARCHIVE" not in told


async def test_a_good_echo_leaves_phases_facts_and_steps(node: DicomServer) -> None:
    seen = await expect(KIND, spec(node.port), UP, Reason.OK)
    assert steps(seen) == [("connect", "up", "ok"), ("associate", "up", "ok"), ("echo", "up", "ok")]
    assert set(seen.phases) >= {Phase.CONNECT, Phase.SEND, Phase.FIRST_BYTE, Phase.PARSE}
    assert seen.steps[0].duration_us == seen.phases[Phase.CONNECT]
    talk = (Phase.SEND, Phase.FIRST_BYTE, Phase.BODY)
    took = sum(seen.phases.get(phase, 0) for phase in talk)
    assert seen.steps[1].duration_us + seen.steps[2].duration_us == took
    assert (node.connections, node.associations, node.released, node.aborted) == (1, 1, 1, 0)
    assert node.titles == [("ARCHIVE", "WARDWATCH")]


@pytest.mark.parametrize(
    ("fault", "left"),
    [
        ("none", (1, 0)),
        ("status_c000", (1, 0)),
        ("context_3", (1, 0)),
        ("other_message", (0, 1)),
        ("reject_1_1_3", (0, 0)),
        ("late_abort_0_0", (0, 0)),
    ],
)
async def test_leave_is_taken_as_the_standard_has_it(
    node: DicomServer, fault: str, left: tuple[int, int]
) -> None:
    """What stands is released, what is broken aborted, and whoever is gone is let go."""
    node.set_fault(fault)
    await expect(KIND, spec(node.port), *FAULTS[fault])
    await asyncio.sleep(0.05)
    assert (node.released, node.aborted) == left


@pytest.mark.parametrize(
    ("word", "accepts", "told"),
    [
        (dicom_pdus.short(3, 2, 3, 2), False, (DEGRADED, Reason.DICOM_BUSY)),
        (dicom_pdus.short(7, 0, 0, 0), False, (MISCONFIGURED, Reason.DICOM_ABORTED)),
        (dicom_pdus.short(7, 0, 0, 0), True, (DOWN, Reason.DICOM_ABORTED)),
    ],
)
async def test_what_a_node_says_before_it_resets_us_is_read(
    word: bytes,
    accepts: bool,  # noqa: FBT001
    told: tuple[Outcome, Reason],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A node at its limit rejects and resets without reading: our own request fails then, and its
    reason stands in the kernel.
    """
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if accepts:
            head = await reader.readexactly(6)
            asked = dicom_pdus.requested(await reader.readexactly(int.from_bytes(head[2:], "big")))
            writer.write(dicom_pdus.accept(asked, 0, b""))
        writer.write(word)
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()
        await asyncio.sleep(0)
        gone.set()

    send = Connection.send

    async def late(self: Connection, data: bytes) -> None:
        if not accepts or data[0] == dicom_pdus.DATA:
            await gone.wait()
        await send(self, data)

    monkeypatch.setattr(Connection, "send", late)
    async with serving(serve) as port:
        await expect(KIND, spec(port), *told)


async def test_a_rejection_is_a_step_of_its_own_behind_a_good_connection(node: DicomServer) -> None:
    node.set_fault("reject_1_1_7")
    seen = await expect(KIND, spec(node.port), MISCONFIGURED, Reason.DICOM_CALLED_AE)
    connected = ("connect", "up", "ok")
    assert steps(seen) == [connected, ("associate", "misconfigured", "dicom.called_ae")]


async def test_the_time_is_the_nodes_and_not_that_of_two_kernels_waiting_for_each_other(
    node: DicomServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node with Nagle writes an answer in two pieces, as dcmtk does; the second waits until the
    first is acknowledged, which a kernel delays for 40 ms unless it is told not to, after each write.
    """
    node.set_fault("in_halves")

    async def echo_ms() -> float:
        seen = await expect(KIND, spec(node.port), UP, Reason.OK)
        return seen.steps[-1].duration_us / 1000

    asked: list[None] = []
    quick = Socket.acknowledge_at_once

    def counted(self: Socket) -> None:
        asked.append(None)
        quick(self)

    monkeypatch.setattr(Socket, "acknowledge_at_once", counted)
    with_it = min([await echo_ms() for _ in range(5)])
    assert len(asked) == 3 * 5  # association, echo, release
    monkeypatch.setattr(Socket, "acknowledge_at_once", lambda _: None)
    without = min([await echo_ms() for _ in range(5)])
    assert with_it < 20
    assert without > 35


async def test_nodes_that_hang_take_no_thread_and_no_time_of_others(node: DicomServer) -> None:
    """Fifty that say nothing, ten times the threads there are: the one that is well is up at once."""
    async with serving(hold) as port:
        env = environment(timeout_ms=1500)
        config = KIND.parse(spec(port))
        async with KIND.open(config, env) as probe:
            hanging = [asyncio.ensure_future(probe.run(Slot("check-1", 0))) for _ in range(50)]
            await asyncio.sleep(0.3)
            seen = await expect(KIND, spec(node.port, slow_after="1s"), UP, Reason.OK)
            ours = [one for one in threading.enumerate() if one.name.startswith("dicom")]
            assert len(ours) <= THREADS
            assert seen.phases[Phase.PARSE] < 1_000_000
            found = await asyncio.gather(*hanging)
    assert {(one.outcome, one.reason) for one in found} == {(DOWN, Reason.DICOM_TIMEOUT)}


async def test_an_agent_that_does_not_get_to_read_blames_nobody(node: DicomServer) -> None:
    held = threading.Event()
    async with KIND.open(KIND.parse(spec(node.port)), environment(timeout_ms=100)) as probe:
        taken = [asyncio.ensure_future(in_thread(held.wait)) for _ in range(THREADS)]
        seen = await probe.run(Slot("check-1", 0))
        held.set()
        await asyncio.gather(*taken)
    assert (seen.outcome, seen.reason) == (UNKNOWN, Reason.AGENT_STALLED)
    assert steps(seen) == [("connect", "up", "ok"), ("associate", "unknown", "agent.stalled")]


def test_the_library_is_not_loaded_with_the_kind() -> None:
    """It takes half a second and 32 MB: agents without such a check never see it."""
    words = (
        "import sys, probes.kinds.dicom_echo, probes.kinds.dicom_find; "
        "sys.exit('pynetdicom' in sys.modules or 'pydicom' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", words], check=False).returncode == 0


async def test_the_host_decides_which_nodes_may_be_asked(node: DicomServer) -> None:
    schemes: list[Scheme] = []

    def allow(_address: object, _port: int, scheme: Scheme) -> bool:
        schemes.append(scheme)
        return False

    network = CountingNetwork(allow)
    forbidden = (UNKNOWN, Reason.AGENT_NOT_ALLOWED)
    await expect(KIND, spec(node.port), *forbidden, network=network)
    await expect(KIND, spec(node.port, tls={}), *forbidden, network=network)
    assert schemes == [Scheme.DICOM, Scheme.DICOMS]
    assert node.connections == 0


async def test_tls_is_verified_and_the_certificates_end_is_a_fact(authority: Authority) -> None:
    node = DicomServer(CANARIES)
    await node.start(tls=authority.server().server_context(authority.ca))
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    seen = await expect(KIND, spec(node.port, tls=tls), UP, Reason.OK)
    assert seen.facts == {Fact.DIMSE_STATUS: 0, Fact.CERT_DAYS_LEFT: 90}
    assert Phase.TLS in seen.phases
    without = spec(node.port, tls={"ca": authority.ca})
    await expect(KIND, without, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
    await expect(KIND, spec(node.port, tls={}), MISCONFIGURED, Reason.TLS_UNTRUSTED)
    await node.stop()
    with_other_name = DicomServer()
    await with_other_name.start(tls=authority.server(("elsewhere.example.org",)).server_context())
    given = spec(with_other_name.port, tls={"ca": authority.ca})
    await expect(KIND, given, MISCONFIGURED, Reason.TLS_HOSTNAME)
    await with_other_name.stop()


async def test_tls_to_a_plain_node_is_told_and_expired_ones_are_down(
    node: DicomServer, authority: Authority
) -> None:
    given = spec(node.port, tls={"ca": authority.ca})
    seen = await observe(KIND, given, timeout_ms=400)
    assert seen.observation.outcome is DOWN  # asyncio's node closes on what is no PDU
    expired = DicomServer()
    await expired.start(tls=authority.server(days_left=-1).server_context())
    given = spec(expired.port, tls={"ca": authority.ca})
    await expect(KIND, given, DOWN, Reason.TLS_EXPIRED)
    await expired.stop()


async def test_an_unreadable_certificate_is_our_trouble(node: DicomServer) -> None:
    given = spec(node.port, tls={"ca": "/nowhere/ca.pem"})
    await expect(KIND, given, UNKNOWN, Reason.AGENT_SECRET)


def test_without_the_library_the_file_says_which_extra_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "wardwatch.yaml"
    file.write_text(FILE, encoding="utf-8")
    load(str(file))
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(ConfigErrors) as raised:
        load(str(file))
    needed = "needs the library pynetdicom: pip install 'wardwatch[dicom]'"
    assert [problem.message for problem in raised.value.problems] == [needed]


@pytest.mark.parametrize(
    "bad",
    [
        {"called_ae": "SEVENTEEN-LETTERS"},
        {"called_ae": ""},
        {"called_ae": "   "},
        {"called_ae": " ARCHIVE"},
        {"called_ae": "ARCH\\IVE"},
        {"calling_ae": "WÄRD"},
        {"calling_ae": "A\nB"},
        {"port": "0"},
        {"port": "65536"},
        {"host": "two words"},
        {"tls": {"client_cert": "/etc/c.pem"}},
        {"tls": {"verify": "no"}},
        {"slow_after": "5"},
        {"surprise": "1"},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse(spec(104, **bad))


@pytest.mark.parametrize("missing", ["host", "port", "called_ae", "calling_ae"])
def test_both_titles_and_the_place_are_needed(missing: str) -> None:
    given = spec(104)
    del given[missing]
    with pytest.raises(ValidationError):
        KIND.parse(given)
