"""The kind `dicomweb` against a server that fails on command, over real sockets."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probes.clock import SystemClock
from probes.contract import Fact, Outcome
from probes.kinds.dicomweb import KIND
from probes.reasons import Reason
from probes.testing.certificates import Authority
from probes.testing.dicomweb_server import DicomwebServer
from tests.contract.conformance import expect, observe, steps

CANARIES = (f"ZZ{secrets.token_hex(5)}", f"MRN-{secrets.token_hex(4)}", secrets.token_hex(8))
UP, DEGRADED, DOWN = Outcome.UP, Outcome.DEGRADED, Outcome.DOWN
MISCONFIGURED, UNKNOWN = Outcome.MISCONFIGURED, Outcome.UNKNOWN
NOT_DICOM = (DOWN, Reason.DICOMWEB_NOT_DICOM)

FAULTS: dict[str, tuple[Outcome, Reason]] = {
    "none": (UP, Reason.OK),
    "refuse": (DOWN, Reason.TCP_REFUSED),
    "no_content": (UP, Reason.OK),
    "plain_json": (UP, Reason.OK),
    "hang": (DOWN, Reason.HTTP_TIMEOUT),
    "slow": (DEGRADED, Reason.SLOW),
    "match": (DEGRADED, Reason.DICOM_MATCH),
    "html": NOT_DICOM,
    "empty": NOT_DICOM,
    "not_json": NOT_DICOM,
    "object": NOT_DICOM,
    "texts": NOT_DICOM,
    "deep": NOT_DICOM,
    "other_media": NOT_DICOM,
    "huge": (MISCONFIGURED, Reason.HTTP_TOO_LARGE),
    "400": (MISCONFIGURED, Reason.HTTP_STATUS),
    "401": (MISCONFIGURED, Reason.DICOMWEB_AUTH),
    "403": (MISCONFIGURED, Reason.DICOMWEB_AUTH),
    "404": (MISCONFIGURED, Reason.HTTP_STATUS),
    "406": (MISCONFIGURED, Reason.HTTP_STATUS),
    "413": (MISCONFIGURED, Reason.DICOMWEB_TOO_BROAD),
    "429": (DEGRADED, Reason.HTTP_THROTTLED),
    "500": (DOWN, Reason.HTTP_STATUS),
    "503": (DOWN, Reason.HTTP_STATUS),
    "302": (MISCONFIGURED, Reason.HTTP_STATUS),
    "206": (DOWN, Reason.HTTP_STATUS),
}


@pytest.fixture
async def server() -> AsyncIterator[DicomwebServer]:
    simulator = DicomwebServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, SystemClock().now_ms())


def spec(server: DicomwebServer, **more: Any) -> dict[str, Any]:
    return {"base_url": server.base_url, "slow_after": "9s", **more}


def test_every_fault_of_the_server_has_an_expected_end() -> None:
    assert tuple(FAULTS) == DicomwebServer.FAULTS


async def test_each_way_to_fail_has_its_end_and_nothing_said_is_kept_or_logged(
    server: DicomwebServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = ""
    for fault, expected in FAULTS.items():
        server.set_fault(fault)
        given = spec(server, slow_after="190ms") if fault == "slow" else spec(server)
        seen = (await observe(KIND, given, timeout_ms=900)).observation
        assert (fault, seen.outcome, seen.reason) == (fault, *expected)
        told += repr(seen)
    told += caplog.text
    assert [canary for canary in CANARIES if canary in told] == []


async def test_the_query_names_nobody_and_asks_for_one_study(server: DicomwebServer) -> None:
    seen = await expect(KIND, spec(server), UP, Reason.OK)
    query = {"PatientID": "ZZUPTIME-NOMATCH", "limit": "1"}
    assert server.asked == [("GET /dicom-web/studies", query, "application/dicom+json", "")]
    assert seen.facts == {Fact.HTTP_STATUS: 200, Fact.ANSWER_BYTES: 2, Fact.MATCHES: 0}
    assert steps(seen) == [("connect", "up", "ok"), ("find", "up", "ok")]


async def test_a_match_is_counted_and_a_busy_server_says_when_to_come_again(
    server: DicomwebServer,
) -> None:
    server.set_fault("match")
    seen = await expect(KIND, spec(server), DEGRADED, Reason.DICOM_MATCH)
    assert seen.facts[Fact.MATCHES] == 1
    server.set_fault("503")
    seen = await expect(KIND, spec(server), DOWN, Reason.HTTP_STATUS)
    assert seen.facts[Fact.RETRY_AFTER_S] == 30
    assert Fact.MATCHES not in seen.facts


async def test_a_secret_is_read_by_reference_and_shown_over_tls_alone(authority: Authority) -> None:
    server = DicomwebServer(CANARIES)
    await server.start(tls=authority.server().server_context())
    given = spec(server, ca=authority.ca, auth={"bearer": "file:/run/token"})
    seen = await expect(KIND, given, UP, Reason.OK, secrets={"file:/run/token": b"hunter2\n"})
    assert seen.facts[Fact.CERT_DAYS_LEFT] == 90
    assert server.asked[-1][3] == "Bearer hunter2"
    await expect(KIND, given, UNKNOWN, Reason.AGENT_SECRET)
    await expect(KIND, spec(server), MISCONFIGURED, Reason.TLS_UNTRUSTED)
    await server.stop()


@pytest.mark.parametrize(
    "bad",
    [
        {},
        {"base_url": "pacs.example.org"},
        {"base_url": "https://pacs.example.org/dicom-web?x=1"},
        {"base_url": "https://pacs.example.org", "patient_id": "*"},
        {"base_url": "https://pacs.example.org", "patient_id": "MRN1"},
        {"base_url": "https://pacs.example.org", "client_cert": "/etc/c.pem"},
        {"base_url": "http://pacs.example.org", "ca": "/etc/ca.pem"},
        {"base_url": "http://pacs.example.org", "auth": {"bearer": "file:/run/token"}},
        {"base_url": "https://pacs.example.org", "auth": {"bearer": "hunter2"}},
        {"base_url": "https://pacs.example.org", "limit": "100"},
    ],
)
def test_a_spec_that_makes_no_sense_is_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        KIND.parse(bad)
