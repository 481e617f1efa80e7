"""The kind `dicom_find` against a node that fails on command, over real sockets."""

from __future__ import annotations

import asyncio
import itertools
import logging
import struct
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds.dicom_find import KIND
from probes.reasons import Reason
from probes.testing import dicom_pdus
from probes.testing.dicom_server import DicomServer
from probes.times import from_ms
from tests.contract import test_dicom_echo
from tests.contract.conformance import expect, observe, steps
from tests.contract.test_dicom_echo import CANARIES
from tests.support.streams import serving

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
NO_STUDY = b"2.25.291252700250515020317235322582873279579"
MODELS = {
    "worklist": "1.2.840.10008.5.1.4.31",
    "study_root": "1.2.840.10008.5.1.4.1.2.2.1",
    "patient_root": "1.2.840.10008.5.1.4.1.2.1.1",
}
BEFORE_THE_QUERY = (
    "reject",
    "abort",
    "context",
    "half_accept",
    "hang",
    "closes",
    "other_context",
    "tls",
)
FAULTS = {
    **{
        fault: expected
        for fault, expected in test_dicom_echo.FAULTS.items()
        if not fault.startswith(BEFORE_THE_QUERY) or fault.endswith("_late")
    },
    "match": (DEGRADED, Reason.DICOM_MATCH),
    "matches_without_end": (DEGRADED, Reason.DICOM_MATCH),
}


def spec(at: int, **more: Any) -> dict[str, Any]:
    return test_dicom_echo.spec(at, **{"model": "worklist", **more})


@pytest.fixture
async def node() -> AsyncIterator[DicomServer]:
    simulator = DicomServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


async def test_each_way_to_fail_after_the_association_has_its_outcome_and_reason(
    node: DicomServer,
) -> None:
    for fault, expected in FAULTS.items():
        node.set_fault(fault)
        given = {**test_dicom_echo.failing(node.port, fault), "model": "worklist"}
        seen = await observe(KIND, given, timeout_ms=900)
        told = (seen.observation.outcome, seen.observation.reason)
        assert (fault, told) == (fault, expected)


async def test_nothing_the_node_says_or_finds_is_kept_logged_or_printed(
    node: DicomServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for fault in ("match", "matches_without_end", "status_c123", "garbage", "bomb_late", "none"):
        node.set_fault(fault)
        run = await observe(KIND, spec(node.port))
        told += repr(run.observation)
    printed = capfd.readouterr()
    told += caplog.text + printed.out + printed.err
    assert [canary for canary in CANARIES if canary in told] == []
    assert "NOMATCH" not in told


@pytest.mark.parametrize("model", MODELS)
async def test_nobody_found_is_up_in_every_model(node: DicomServer, model: str) -> None:
    seen = await expect(KIND, spec(node.port, model=model), UP, Reason.OK)
    assert seen.facts == {Fact.MATCHES: 0, Fact.DIMSE_STATUS: 0}
    assert steps(seen) == [("connect", "up", "ok"), ("associate", "up", "ok"), ("find", "up", "ok")]
    assert node.asked == [MODELS[model]]
    assert (node.released, node.aborted) == (1, 0)


async def test_somebody_found_is_counted_and_degraded(node: DicomServer) -> None:
    node.set_fault("match")
    seen = await expect(KIND, spec(node.port), DEGRADED, Reason.DICOM_MATCH)
    assert seen.facts == {Fact.MATCHES: 1, Fact.DIMSE_STATUS: 0}


async def test_matches_without_an_end_are_cut_off_at_ten(node: DicomServer) -> None:
    node.set_fault("matches_without_end")
    seen = await expect(KIND, spec(node.port), DEGRADED, Reason.DICOM_MATCH)
    assert seen.facts == {Fact.MATCHES: 10}
    assert node.released == 0


async def test_a_failure_after_a_match_is_the_failure(node: DicomServer) -> None:
    """One pending answer, then the end of the connection: nobody knows what else there was."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = dicom_pdus.requested(await pdu(reader))
        writer.write(dicom_pdus.accept(asked, 0, b""))
        command = dicom_pdus.commanded(await pdu(reader))
        assert command is not None
        found = dicom_pdus.identifier(b"ZZTEST")
        writer.write(dicom_pdus.response(asked.context, command, 0xFF00, b"", found))
        await writer.drain()
        await pdu(reader)  # the identifier

    async with serving(serve) as port:
        seen = await expect(KIND, spec(port), DOWN, Reason.DICOM_CLOSED)
    assert seen.facts == {Fact.MATCHES: 1}


@pytest.mark.parametrize(
    ("sizes", "flagged"), [((1,), 0x0101), ((7, 1), 0x0101), ((1000,), 0x0102)]
)
async def test_however_an_answer_is_cut_it_is_one_answer(
    sizes: tuple[int, ...], flagged: int
) -> None:
    """Fragments of a few bytes, several in a PDU; and a last response that announces a data set, which
    the standard does not let it have, and sends none.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = dicom_pdus.requested(await pdu(reader))
        writer.write(dicom_pdus.accept(asked, 0, b""))
        command = dicom_pdus.commanded(await pdu(reader))
        assert command is not None
        await pdu(reader)  # the identifier
        right = dicom_pdus.response(asked.context, command, 0, b"", None)[12:]
        no_data_set = b"\0\0\0\x08\2\0\0\0"  # CommandDataSetType, and its length
        assert no_data_set + b"\1\1" in right
        right = right.replace(no_data_set + b"\1\1", no_data_set + flagged.to_bytes(2, "little"))
        parts = list(cut(right, sizes))
        sent = [
            (len(part) + 2).to_bytes(4, "big")
            + bytes((asked.context, 3 if at == len(parts) - 1 else 1))
            + part
            for at, part in enumerate(parts)
        ]
        for at in range(0, len(sent), 3):
            writer.write(dicom_pdus.pdu(dicom_pdus.DATA, b"".join(sent[at : at + 3])))
        await reader.read(10)

    async with serving(serve) as port:
        seen = await expect(KIND, spec(port), UP, Reason.OK)
    assert seen.facts == {Fact.MATCHES: 0, Fact.DIMSE_STATUS: 0}


def cut(data: bytes, sizes: tuple[int, ...]) -> Iterator[bytes]:
    for size in itertools.cycle(sizes):
        if not data:
            return
        yield data[:size]
        data = data[size:]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (
            "study_root",
            {(8, 0x52): b"STUDY ", (0x10, 0x20): b"ZZUPTIME-NOMATCH", (0x20, 0xD): NO_STUDY},
        ),
        ("patient_root", {(8, 0x52): b"PATIENT ", (0x10, 0x20): b"ZZUPTIME-NOMATCH"}),
        ("worklist", {(0x10, 0x20): b"ZZUPTIME-NOMATCH", (0x40, 0x100): None, (0x40, 2): None}),
    ],
)
async def test_a_query_names_nobody_and_asks_for_nothing_else(
    model: str, expected: dict[tuple[int, int], bytes | None]
) -> None:
    """The identifier as it goes over the line: no key is empty, none has a wildcard."""
    sent: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked = dicom_pdus.requested(await pdu(reader))
        writer.write(dicom_pdus.accept(asked, 0, b""))
        sent.extend([await pdu(reader), await pdu(reader)])

    before = from_ms(SystemClock().now_ms()).date()
    async with serving(serve) as port:
        await expect(KIND, spec(port, model=model), DOWN, Reason.DICOM_CLOSED)
    days = {before, datetime.now(UTC).date()}
    found = elements(sent[1][6:])
    assert set(found) == set(expected)
    for tag, value in expected.items():
        assert value is None or found[tag] == value
    if model == "worklist":
        assert found[0x40, 2] in {f"{day:%Y%m%d}".encode() for day in days}
    assert all(found.values())


async def pdu(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(6)
    return await reader.readexactly(int.from_bytes(head[2:], "big"))


def elements(data: bytes) -> dict[tuple[int, int], bytes]:
    """Implicit VR Little Endian, sequences entered."""
    found: dict[tuple[int, int], bytes] = {}
    at = 0
    while at < len(data):
        group, number, length = struct.unpack_from("<HHL", data, at)
        value = data[at + 8 : at + 8 + length]
        if group == 0xFFFE:
            found |= elements(value)
        else:
            found[group, number] = value
            found |= elements(value) if value[:4] == b"\xfe\xff\x00\xe0" else {}
        at += 8 + length
    return found


@pytest.mark.parametrize(
    ("patient_id", "why"),
    [
        ("*", "no wildcard"),
        ("ZZNOMATCH*", "no wildcard"),
        ("ZZNOMATCH?", "no wildcard"),
        ("", "no patient has"),
        ("MRN-00774411", "no patient has"),
        ("ZZ0001", "no patient has"),
        ("zznomatch", "no patient has"),
        ("ZZ NOMATCH", "no patient has"),
        ("ZZNOMATCH\\ZZ0001", "no patient has"),
        ("ZZNOMATCH" + "0" * 56, "no patient has"),
    ],
)
def test_an_id_that_somebody_could_have_is_refused(patient_id: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        KIND.parse(spec(104, patient_id=patient_id))


@pytest.mark.parametrize("bad", [{"model": "everything"}, {"keys": {}}, {"called_ae": "A" * 17}])
def test_a_spec_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse(spec(104, **bad))


def test_the_model_is_needed() -> None:
    with pytest.raises(ValidationError):
        KIND.parse(test_dicom_echo.spec(104))
