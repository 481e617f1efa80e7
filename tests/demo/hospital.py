"""A simulated hospital in one process: an EHR, a laboratory interface, a staff portal,
scheduling, a terminology server, an imaging archive, an integration engine, a clearinghouse with a
payer, and a nightly job.

Prints one JSON line with its ports, then runs until it is told to stop. On the control port,
`POST /EHR/FAULT` (any simulator, any of its faults) makes it fail, `POST /ehr/none` mends it.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from typing import Protocol

from aiohttp import web
from yarl import URL

from probes.testing.batch_job import BatchJob
from probes.testing.dicom_server import DicomServer
from probes.testing.engine_products import MirthServer
from probes.testing.fhir_server import FhirServer
from probes.testing.mllp_listener import MllpListener
from probes.testing.payer import Payer
from probes.testing.portal import Portal
from probes.testing.scheduling_server import SchedulingServer
from probes.testing.terminology_server import TerminologyServer


class Simulator(Protocol):
    FAULTS: tuple[str, ...]

    async def start(self, host: str = ..., port: int = ...) -> int: ...
    async def stop(self) -> None: ...
    def set_fault(self, name: str) -> None: ...


async def run(canaries: tuple[str, ...]) -> None:
    simulators: dict[str, Simulator] = {
        "ehr": FhirServer(canaries=canaries),
        "engine": MirthServer(canaries=canaries),
        "lab": MllpListener(canaries=canaries),
        "payer": Payer(canaries=canaries),
        "pacs": DicomServer(canaries=canaries),
        "portal": Portal(canaries=canaries),
        "scheduling": SchedulingServer(canaries=canaries),
        "terminology": TerminologyServer(canaries=canaries),
        "job": BatchJob(URL(os.environ["JOB_ADDRESS"])),
    }
    ports = {name: await simulator.start() for name, simulator in simulators.items()}

    async def set_fault(request: web.Request) -> web.Response:
        simulator = simulators.get(request.match_info["simulator"])
        fault = request.match_info["fault"]
        if simulator is None or fault not in simulator.FAULTS:
            known = {name: list(s.FAULTS) for name, s in simulators.items()}
            return web.json_response(known, status=404)
        simulator.set_fault(fault)
        return web.json_response({"fault": fault})

    control = web.Application()
    control.router.add_post("/{simulator}/{fault}", set_fault)
    runner = web.AppRunner(control, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ports["control"] = runner.addresses[0][1]
    print(json.dumps(ports), flush=True)

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
    for simulator in simulators.values():
        await simulator.stop()
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(run(tuple(sys.argv[1:])))
