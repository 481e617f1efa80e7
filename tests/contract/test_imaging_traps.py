"""Trap 11: three failures that pynetdicom's own association ends in the same way, as `is_aborted`.

What the library says is shown beside what the kind says, against the same port.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from probes.contract import Outcome
from probes.kinds.dicom_echo import KIND
from probes.reasons import Reason
from probes.testing.dicom_server import DicomServer
from tests.contract.conformance import expect, steps
from tests.contract.test_dicom_echo import spec

DOWN, MISCONFIGURED = Outcome.DOWN, Outcome.MISCONFIGURED


@pytest.fixture
async def node() -> AsyncIterator[DicomServer]:
    simulator = DicomServer()
    await simulator.start()
    yield simulator
    await simulator.stop()


def associate(port: int, patience_s: float = 0.4) -> Association:
    entity = AE(ae_title="WARDWATCH")
    entity.acse_timeout = entity.dimse_timeout = entity.network_timeout = patience_s
    entity.add_requested_context("1.2.840.10008.1.1")
    return entity.associate("127.0.0.1", port, ae_title="ARCHIVE")


# the library leaves the socket of a refused connection to the garbage collector
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_a_refused_port_a_silent_peer_and_a_refused_service_are_three_different_things(
    node: DicomServer,
) -> None:
    expected = {
        "refuse": (DOWN, Reason.TCP_REFUSED, [("connect", "down", "tcp.refused")]),
        "hang": (
            DOWN,
            Reason.DICOM_TIMEOUT,
            [("connect", "up", "ok"), ("associate", "down", "dicom.timeout")],
        ),
        "context_3": (
            MISCONFIGURED,
            Reason.DICOM_NO_CONTEXT,
            [("connect", "up", "ok"), ("associate", "misconfigured", "dicom.no_context")],
        ),
    }
    for fault, (outcome, reason, told) in expected.items():
        node.set_fault(fault)
        theirs = await asyncio.to_thread(associate, node.port)
        assert (theirs.is_aborted, theirs.is_rejected, theirs.is_established) == (
            True,
            False,
            False,
        )
        seen = await expect(KIND, spec(node.port), outcome, reason, timeout_ms=400)
        assert steps(seen) == told
    assert len({reason for _, reason, _ in expected.values()}) == 3


async def test_a_rejection_is_a_fourth_and_an_answer_without_a_status_is_not_up(
    node: DicomServer,
) -> None:
    node.set_fault("reject_1_1_3")
    theirs = await asyncio.to_thread(associate, node.port, 20)
    assert theirs.is_rejected
    await expect(KIND, spec(node.port), MISCONFIGURED, Reason.DICOM_CALLING_AE)
    # the library's C-ECHO gives an empty Dataset for an answer that never comes
    node.set_fault("hangs_late")
    theirs = await asyncio.to_thread(associate, node.port, 20)
    theirs.dimse_timeout = 0.4
    assert theirs.is_established
    assert "Status" not in await asyncio.to_thread(theirs.send_c_echo)
    await expect(KIND, spec(node.port), DOWN, Reason.DICOM_TIMEOUT, timeout_ms=400)
    await asyncio.to_thread(theirs.abort)
