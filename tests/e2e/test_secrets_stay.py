"""A whole agent signs in and fails to: no client id, key, assertion or token reaches a sink of its.

A deliberately leaky control must be caught, or the search proves nothing.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import random
import secrets
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agent.disk import MemoryDisk
from agent.service import Service
from agent.spoolfiles import Limits
from agent.world import World
from probes.agentconfig import part_of
from probes.clock import SystemClock
from probes.config import Config
from probes.net import Network
from probes.segments import Run
from probes.testing.certificates import Authority
from probes.testing.fhir_server import FhirServer
from probes.testing.smart_server import Client, SmartServer
from tests.e2e.test_phi_canary import forms, layers
from tests.support.client_keys import jwk, rsa_pem
from tests.support.spooling import at_once

CLIENT, SECRET = "wardwatch-quibble", "hunter2-quibble"
KEY = Ed25519PrivateKey.from_private_bytes(b"agent".ljust(32))


class Listening(SmartServer):
    """Writes down the assertions it was sent."""

    def __init__(self) -> None:
        super().__init__()
        self.assertions: list[str] = []

    def _by_assertion(self, assertion: str) -> Client:
        self.assertions.append(assertion)
        return super()._by_assertion(assertion)


def config(base_url: str, ca: str, smart: SmartServer) -> Config:
    backend = {"smart_backend": {"client_id": CLIENT, "key": "file:/run/ehr.pem"}}
    classic = {
        "client_secret": {
            "client_id": f"{CLIENT}-2",
            "secret": "file:/run/secret",
            "token_url": smart.token_url,
            "scope": "system/Patient.read",
        }
    }
    access = {"base_url": base_url, "ca": ca}
    read = {**access, "read": "Patient/zz-uptime-1", "metadata": "false"}
    specs: dict[str, tuple[str, dict[str, Any]]] = {
        **{f"read-{n}": ("fhir", {**read, "auth": backend}) for n in range(6)},
        "classic": ("fhir", {**read, "auth": classic}),
        "sign-in": ("smart", {**access, "auth": backend}),
        "nothing": ("fhir", {**read, "auth": {"bearer": "file:/run/absent"}}),
    }
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}},
            "checks": {
                name: {
                    "system": "ehr", "kind": kind, "every": "30s", "timeout": "20s", "spec": spec,
                }
                for name, (kind, spec) in specs.items()
            },
        }
    )  # fmt: skip


async def rounds(used: Config, world: World, faults: list[str], smart: SmartServer) -> Any:
    """A life of the agent for each fault; what it said, counted and spooled."""
    told: list[list[Run]] = []
    disk, metrics = MemoryDisk(), b""
    for fault in faults:
        smart.set_fault(fault, at="token")
        runs: list[Run] = []
        service = Service(
            part_of(used, "north-1"), lambda: KEY, disk, Limits(1 << 26, 86_400_000), world,
            once=runs.append,
        )  # fmt: skip
        await service.run(None, asyncio.Event())
        metrics += service.metrics.text()
        told.append(runs)
    files = [disk.open(name) for name in disk.names()]
    spool = b"".join(file.read(0, file.size()) for file in files)
    return told, metrics, spool


def leaks(hidden: list[bytes], sinks: dict[str, bytes]) -> list[str]:
    found = set()
    for name, data in sinks.items():
        for layer in layers(data):
            if any(form in layer for text in hidden for form in forms(text.decode())):
                found.add(name)
    return sorted(found)


async def test_no_client_id_key_assertion_or_token_reaches_any_sink_of_an_agent(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    authority = Authority(tmp_path, SystemClock().now_ms())
    smart = Listening()
    smart.clients = {
        CLIENT: Client(keys=[jwk(rsa_pem())]),
        f"{CLIENT}-2": Client(secret=SECRET, scopes="system/Patient.read"),
    }
    fhir = FhirServer(smart=smart)
    await fhir.start(tls=authority.server().server_context())
    clock = SystemClock()
    held = {"file:/run/ehr.pem": rsa_pem(), "file:/run/secret": SECRET.encode()}
    world = World(
        clock, random.Random(1), Network(clock), held.__getitem__, secrets.token_bytes, at_once
    )
    try:
        used = config(fhir.base_url, authority.ca, smart)
        told, metrics, spool = await rounds(used, world, ["none"], smart)
        by_first = smart.asked["token"]
        world.tokens.held._kept.clear()
        more = await rounds(used, world, ["invalid_client", "error200", "reduced"], smart)
    finally:
        await fhir.stop()
    assert by_first <= 3  # six readers share one, the two others ask for themselves
    first = {run.check: (run.outcome.value, run.reason) for run in told[0]}
    assert first.pop("nothing") == ("unknown", "agent.secret")  # and the rest runs
    assert set(first.values()) == {("up", "ok")}
    assert {run.reason for run in more[0][0]} == {"smart.token_rejected", "agent.secret"}
    assert smart.assertions
    assert len(smart.granted) >= 3

    numbers = rsa_pem().splitlines()[1:-1:8]
    hidden = [CLIENT.encode(), SECRET.encode(), *numbers, *(t.encode() for t in smart.granted)]
    hidden += [part.encode() for text in smart.assertions for part in text.split(".")[1:]]
    hidden += [jti.encode() for jti in smart.seen]
    sinks = {
        "log": caplog.text.encode(),
        "metrics": metrics + more[1],
        "spool": spool,
        "spool after": more[2],
        "runs": repr(told).encode() + repr(more[0]).encode(),
    }
    assert len(spool) > 300
    assert b"read-0" in metrics
    assert leaks(hidden, sinks) == []
    leaky = {name: data + b" leaked: " + hidden[-1] for name, data in sinks.items()}
    assert leaks(hidden, leaky) == sorted(sinks)
    assert leaks(hidden, {"base64": base64.b64encode(b"x" + numbers[1])}) == ["base64"]
