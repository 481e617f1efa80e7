"""The DICOM kinds against nodes we did not write: dcmtk's storescp, wlmscpfs and dcmqrscp, Orthanc.

Their options make them fail; what none of them does, the simulator does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from probes import dicom_codec
from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds import dicom_echo, dicom_find, dicomweb
from probes.reasons import Reason
from probes.sockets import Socket
from probes.testing.certificates import Authority
from tests.contract.conformance import expect, steps
from tests.support.dicom_peers import (
    TITLE,
    Orthanc,
    dcmqrscp,
    orthanc,
    storescp,
    with_tls,
    wlmscpfs,
)

pytestmark = pytest.mark.xdist_group("dicom_peers")

UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED = Outcome.MISCONFIGURED
NOBODY = {Fact.MATCHES: 0, Fact.DIMSE_STATUS: 0}
ECHO, FIND = dicom_echo.KIND, dicom_find.KIND
FOUND = "ZZNOMATCH-FOUND"
"""Whom the peers' worklists hold: an id that a check may ask for, and that matches there."""


def spec(at: int, **more: Any) -> dict[str, Any]:
    place = {"host": "127.0.0.1", "port": str(at)}
    return {**place, "called_ae": TITLE, "calling_ae": "WARDWATCH", **more}


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with orthanc(tmp_path_factory.mktemp("orthanc"), datetime.now(UTC).date()) as found:
        yield found


@pytest.mark.parametrize("model", ["worklist", "study_root", "patient_root"])
async def test_orthanc_finds_nobody(peer: Orthanc, model: str) -> None:
    seen = await expect(FIND, spec(peer.dicom, model=model), UP, Reason.OK)
    assert seen.facts == NOBODY


async def test_orthanc_finds_who_is_there(peer: Orthanc) -> None:
    given = spec(peer.dicom, model="worklist", patient_id=FOUND)
    seen = await expect(FIND, given, DEGRADED, Reason.DICOM_MATCH)
    assert seen.facts == {Fact.MATCHES: 1, Fact.DIMSE_STATUS: 0}


async def test_orthanc_rejects_a_called_title_and_aborts_a_query_of_a_calling_one(
    peer: Orthanc,
) -> None:
    await expect(ECHO, spec(peer.dicom), UP, Reason.OK)
    other = spec(peer.dicom, called_ae="OTHER")
    seen = await expect(ECHO, other, MISCONFIGURED, Reason.DICOM_CALLED_AE)
    assert seen.facts == {Fact.REJECT_RESULT: 1, Fact.REJECT_SOURCE: 1, Fact.REJECT_REASON: 7}
    # who calls does not matter to its echo; a query is aborted once the association stands
    stranger = spec(peer.dicom, calling_ae="OTHER")
    await expect(ECHO, stranger, UP, Reason.OK)
    seen = await expect(FIND, {**stranger, "model": "study_root"}, DOWN, Reason.DICOM_ABORTED)
    assert seen.facts == {Fact.ABORT_SOURCE: 0, Fact.ABORT_REASON: 0}


async def test_orthancs_dicomweb_finds_nobody(peer: Orthanc) -> None:
    seen = await expect(dicomweb.KIND, {"base_url": peer.dicom_web}, UP, Reason.OK)
    assert (seen.facts[Fact.HTTP_STATUS], seen.facts[Fact.MATCHES]) == (200, 0)
    elsewhere = {"base_url": f"{peer.dicom_web}/elsewhere"}
    await expect(dicomweb.KIND, elsewhere, MISCONFIGURED, Reason.HTTP_STATUS)


async def test_storescp_echoes_and_knows_no_queries(tmp_path: Path) -> None:
    with storescp(tmp_path) as port:
        seen = await expect(ECHO, spec(port), UP, Reason.OK)
        assert steps(seen)[-1] == ("echo", "up", "ok")
        given = spec(port, model="study_root")
        seen = await expect(FIND, given, MISCONFIGURED, Reason.DICOM_NO_CONTEXT)
        assert seen.facts == {Fact.CONTEXT_RESULT: 3}


async def test_the_latency_of_storescp_is_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It writes its answer in two pieces, with Nagle: 44 ms of two kernels, less than 1 ms of its own."""
    with storescp(tmp_path) as port:

        async def echo_ms() -> float:
            seen = await expect(ECHO, spec(port), UP, Reason.OK)
            return seen.steps[-1].duration_us / 1000

        quick = min([await echo_ms() for _ in range(5)])
        monkeypatch.setattr(Socket, "acknowledge_at_once", lambda _: None)
        delayed = min([await echo_ms() for _ in range(5)])
    assert quick < 20
    assert delayed > 35


async def test_storescp_that_refuses_gives_no_reason(tmp_path: Path) -> None:
    with storescp(tmp_path, "--refuse") as port:
        seen = await expect(ECHO, spec(port), MISCONFIGURED, Reason.DICOM_REJECTED)
    assert seen.facts == {Fact.REJECT_RESULT: 1, Fact.REJECT_SOURCE: 1, Fact.REJECT_REASON: 1}


async def test_storescp_that_wants_an_implementation_uid_gets_ours(tmp_path: Path) -> None:
    with storescp(tmp_path, "--reject") as port:
        await expect(ECHO, spec(port), UP, Reason.OK)


async def test_storescp_under_tls_wants_our_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    with storescp(tmp_path, *with_tls(authority.server(), authority)) as port:
        seen = await expect(ECHO, spec(port, tls=tls), UP, Reason.OK)
        assert seen.facts[Fact.CERT_DAYS_LEFT] == 90
        without = spec(port, tls={"ca": authority.ca})
        await expect(ECHO, without, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)
        await expect(ECHO, spec(port, tls={}), MISCONFIGURED, Reason.TLS_UNTRUSTED)
        # asked in plain text it closes over our bytes, which the kernel turns into a reset
        await expect(ECHO, spec(port), MISCONFIGURED, Reason.DICOM_CLOSED)


async def test_wlmscpfs_has_a_worklist_of_its_title_alone(tmp_path: Path) -> None:
    with wlmscpfs(tmp_path, datetime.now(UTC).date()) as port:
        seen = await expect(FIND, spec(port, model="worklist"), UP, Reason.OK)
        assert seen.facts == NOBODY
        there = spec(port, model="worklist", patient_id=FOUND)
        seen = await expect(FIND, there, DEGRADED, Reason.DICOM_MATCH)
        assert seen.facts == {Fact.MATCHES: 1, Fact.DIMSE_STATUS: 0}
        other = spec(port, model="worklist", called_ae="OTHER")
        await expect(FIND, other, MISCONFIGURED, Reason.DICOM_CALLED_AE)
        archive = spec(port, model="study_root")
        await expect(FIND, archive, MISCONFIGURED, Reason.DICOM_REJECTED)


async def test_orthanc_under_tls_wants_our_certificate(tmp_path: Path) -> None:
    authority = Authority(tmp_path, SystemClock().now_ms())
    client = authority.client()
    tls = {"ca": authority.ca, "client_cert": client.cert, "client_key": client.key}
    day = datetime.now(UTC).date()
    with orthanc(tmp_path, day, (authority.server(), authority)) as secured:
        given = spec(secured.dicom, tls=tls, model="worklist")
        seen = await expect(FIND, given, UP, Reason.OK)
        assert seen.facts == {**NOBODY, Fact.CERT_DAYS_LEFT: 90}
        without = spec(secured.dicom, tls={"ca": authority.ca})
        await expect(ECHO, without, MISCONFIGURED, Reason.TLS_CLIENT_REJECTED)


async def test_wlmscpfs_at_its_limit_of_associations_is_busy(tmp_path: Path) -> None:
    day = datetime.now(UTC).date()
    with wlmscpfs(tmp_path, day, "--max-associations", "1") as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(dicom_codec.association(TITLE, "MODALITY", dicom_codec.VERIFICATION))
        assert (await reader.readexactly(6))[0] == 2  # accepted, and held open
        seen = await expect(ECHO, spec(port), DEGRADED, Reason.DICOM_BUSY)
        assert seen.facts == {Fact.REJECT_RESULT: 2, Fact.REJECT_SOURCE: 3, Fact.REJECT_REASON: 2}
        writer.transport.abort()


async def test_wlmscpfs_that_sleeps_is_down_at_the_deadline(tmp_path: Path) -> None:
    with wlmscpfs(tmp_path, datetime.now(UTC).date(), "--sleep-before", "3") as port:
        given = spec(port, model="worklist")
        seen = await expect(FIND, given, DOWN, Reason.DICOM_TIMEOUT, timeout_ms=500)
    assert [name for name, outcome, _ in steps(seen) if outcome == "up"] == ["connect", "associate"]


async def test_dcmqrscp_finds_nobody_and_calls_a_stranger_wrongly_called(tmp_path: Path) -> None:
    with dcmqrscp(tmp_path) as port:
        for model in ("study_root", "patient_root"):
            seen = await expect(FIND, spec(port, model=model), UP, Reason.OK)
            assert seen.facts == NOBODY
        worklist = spec(port, model="worklist")
        await expect(FIND, worklist, MISCONFIGURED, Reason.DICOM_NO_CONTEXT)
        # it says 7, called title, of a calling title and of a host it does not know, too
        for title in ("called_ae", "calling_ae"):
            other = spec(port, model="study_root", **{title: "OTHER"})
            await expect(FIND, other, MISCONFIGURED, Reason.DICOM_CALLED_AE)
