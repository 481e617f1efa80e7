from __future__ import annotations

import json
from collections.abc import AsyncIterator

import aiohttp
import pytest
from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from fhir.resources.R4B.operationoutcome import OperationOutcome
from fhir.resources.R4B.patient import Patient

from probes.testing.fhir_server import FhirServer

CANARIES = ("CANARY^ZZQUILL^ODETTE", "MRN-88442117")


@pytest.fixture
async def server() -> AsyncIterator[FhirServer]:
    simulator = FhirServer(CANARIES)
    await simulator.start()
    yield simulator
    await simulator.stop()


@pytest.mark.parametrize("canary", CANARIES)
async def test_the_simulator_really_plants_its_canaries(server: FhirServer, canary: str) -> None:
    silent = {"refuse", "hang", "truncated", "redirect", "gzip", "drip"}
    async with aiohttp.ClientSession() as session:
        for fault in sorted(set(FhirServer.FAULTS) - silent):
            server.set_fault(fault)
            for path in ("metadata", "Patient/zz-uptime-1"):
                async with session.get(f"{server.base_url}/{path}") as answer:
                    text = await answer.text()
                    assert canary in text
                    assert canary in answer.headers["X-Patient"]
                    assert canary in (answer.reason or "")


async def test_the_simulator_speaks_valid_fhir(server: FhirServer) -> None:
    async def asked(path: str) -> bytes:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{server.base_url}/{path}") as answer,
        ):
            assert answer.headers["Content-Type"] == "application/fhir+json"
            return await answer.read()

    body = await asked("metadata")
    statement = CapabilityStatement.model_validate_json(body)
    assert (statement.fhirVersion, statement.status, statement.kind) == (
        "4.0.1",
        "active",
        "instance",
    )
    assert json.loads(body)["implementation"]["url"] == server.base_url
    assert Patient.model_validate_json(await asked("Patient/zz-uptime-1")).id == "zz-uptime-1"
    server.set_fault("outcome200_error")
    assert OperationOutcome.model_validate_json(await asked("metadata")).issue[0].code
    server.set_fault("drift")
    CapabilityStatement.model_validate_json(await asked("metadata"))


@pytest.mark.parametrize("name", ["", "NONE", "teapot"])
def test_the_simulator_refuses_a_fault_it_does_not_have(name: str) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        FhirServer().set_fault(name)
