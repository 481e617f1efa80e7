"""Sets the stage: hospital, collector and two agents as real processes, a receiver beside them.

Used by the demo and by the end-to-end tests. Everything listens on 127.0.0.1 and stands in one
folder; every process is ended by its own id.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import secrets
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import aiohttp

from collector import keyfile
from probes.clock import SystemClock
from probes.times import from_ms
from tests.demo.receiver import TicketReceiver
from tests.support.entering import Person, enrol, log_in, printed_code

BIN = Path(sys.executable).parent
SITES = {"north": "north-1", "south": "south-1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def operator_file(
    ports: dict[str, int],
    keys: dict[str, str],
    secret: Path,
    job: Path,
    log_key: Path,
    now_ms: int,
) -> str:
    """The operator's YAML of the simulated hospital; times are short so that a story fits."""
    tonight = from_ms(now_ms) + timedelta(hours=6)
    proposed = (from_ms(now_ms) - timedelta(days=3)).strftime("%Y-%m-%dT%H:%M:%SZ")
    approved = (from_ms(now_ms) - timedelta(days=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"""\
version: 1
organization: {{id: st-elsewhere, name: St Elsewhere Health, timezone: America/Chicago}}
policy: {{degraded_after: 10s, blind_after: 30s, recover_for: 5s, reopen_within: 30s, raise_after: 1m}}
sites:
  north: {{name: North Campus, users: 1200}}
  south: {{name: South Campus, users: 300}}
agents:
  north-1: {{site: north, key: "{keys["north-1"]}"}}
  south-1: {{site: south, key: "{keys["south-1"]}"}}
  collector: {{site: north}}
systems:
  ehr:
    name: Electronic health record
    impact: {{class: point_of_care, service: critical_clinical}}
    slo: {{target: "99.95", minimum: "99.5"}}
  lab:
    name: Laboratory orders
    impact:
      class: clinical
      service: critical_clinical
      workaround: {{name: Telephone and paper requisition, valid_for: 4h}}
    slo: {{target: "99.9"}}
  portal:
    name: Staff portal
    impact: {{class: administrative, service: general}}
    slo: {{target: "99.9"}}
  scheduling:
    name: Scheduling
    impact: {{class: clinical, service: general}}
    slo: {{target: "99.9"}}
  pacs:
    name: Imaging archive
    impact: {{class: clinical, service: general}}
  terminology:
    name: Terminology server
    impact: {{class: administrative, service: general}}
  billing:
    name: Eligibility by payer
    impact: {{class: administrative, service: billing}}
    slo: {{target: "90", minimum: "86"}}
    payer:
      timezone: America/New_York
      target: 90
      published_downtime:
        - id: sundays
          kind: routine
          published: 2026-01-02T09:00:00-05:00
          start: 2026-01-04T00:00
          end: 2026-01-04T06:00
          rrule: FREQ=WEEKLY;BYDAY=SU
  claims:
    name: Nightly claims
    impact: {{class: administrative, service: billing}}
checks:
  nightly-claims:
    system: claims
    kind: heartbeat
    every: 5s
    timeout: 2s
    spec: {{secret: "file:{job}", interval: 10s, grace: 20s, max_run: 20s}}
  ehr-read:
    system: ehr
    kind: fhir
    every: 5s
    timeout: 2s
    spec: {{base_url: "http://127.0.0.1:{ports["ehr"]}/fhir/R4", read: Patient/zz-uptime-1}}
  lab-orders:
    system: lab
    kind: hl7
    every: 5s
    timeout: 2s
    spec:
      host: 127.0.0.1
      port: {ports["lab"]}
      processing_id: T
      message: adt_a08
      patient: {{id: ZZ0001, assigning_authority: TEST, name: ZZTEST^UPTIME}}
  lab-channel:
    system: lab
    kind: engine
    every: 5s
    timeout: 2s
    role: supporting
    spec:
      engine: mirth
      base_url: http://127.0.0.1:{ports["engine"]}
      channel: ADT from registration
      max_queued: 50
      moving: {{within: 1m}}
  portal-login:
    system: portal
    kind: http
    every: 5s
    timeout: 2s
    spec: {{url: "http://127.0.0.1:{ports["portal"]}/login", contains: Sign in}}
  clinic-slots:
    system: scheduling
    kind: scheduling
    every: 5s
    timeout: 2s
    spec:
      base_url: http://127.0.0.1:{ports["scheduling"]}/fhir/R4
      schedule: zz-clinic
      slots: {{within: 7d}}
      appointments: {{patient: zz-uptime-1}}
  archive-echo:
    system: pacs
    kind: dicom_echo
    every: 5s
    timeout: 2s
    spec: {{host: 127.0.0.1, port: {ports["pacs"]}, called_ae: ARCHIVE, calling_ae: WARDWATCH}}
  worklist-query:
    system: pacs
    kind: dicom_find
    every: 5s
    timeout: 2s
    spec:
      host: 127.0.0.1
      port: {ports["pacs"]}
      called_ae: WORKLIST
      calling_ae: WARDWATCH
      model: worklist
  codes-icd:
    system: terminology
    kind: terminology
    every: 5s
    timeout: 2s
    spec:
      base_url: http://127.0.0.1:{ports["terminology"]}/fhir/R4
      system: icd-10-cm
      codes: [{{code: E11.9, display: diabetes}}]
      release: "2026"
  payer-eligibility:
    system: billing
    kind: x12_eligibility
    every: 5s
    timeout: 2s
    spec:
      connect:
        core_soap:
          url: http://127.0.0.1:{ports["payer"]}/core/soap
          sender: {{id: UPTIMEMON}}
          receiver: {{id: PAYERTEST}}
      payer: {{id: "99999", name: TESTPAYER}}
      provider: {{npi: "1999999984", name: ZZTEST CLINIC}}
      member: {{source: agreed_fake, id: ZZNOBODY1, last_name: ZZTEST, first_name: UPTIME, born: 1980-01-01}}
      expect_rejection: ["72", "73", "75"]
      agreement: simulated
maintenance:
  - id: portal-tonight
    systems: [portal]
    start: {tonight:%Y-%m-%dT%H:00}
    end: {tonight + timedelta(hours=1):%Y-%m-%dT%H:00}
    timezone: UTC
    proposed: {{by: change-1, at: {proposed}}}
    approval: {{by: approver-1, at: {approved}, ref: CHG0031}}
channels:
  desk: {{kind: webhook, url: "http://127.0.0.1:{ports["receiver"]}/hook", secret: "file:{secret}"}}
routes:
  - {{families: [availability, access, blind], to: [desk]}}
evidence_log:
  origin: st-elsewhere.example.org/demo
  keys: [file:{log_key}]
  checkpoint_every: 10s
"""


class Stage:
    """`async with Stage(folder) as stage`: everything runs; leaving it ends it all."""

    def __init__(
        self, folder: Path, database: str | None = None, canaries: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.database = database or f"sqlite:///{folder / 'wardwatch.db'}"
        self.config = folder / "wardwatch.yaml"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.agent_ports = {agent: free_port() for agent in SITES.values()}
        raw = bytes(range(24, 56))
        self.receiver = TicketReceiver(raw)
        self.ports: dict[str, int] = {}
        self.processes: dict[str, Process] = {}
        self.token = folder / "token"
        self.admin: Person | None = None
        self._canaries = canaries
        self._secret = folder / "hook.secret"
        self._secret.write_text("whsec_" + base64.b64encode(raw).decode(), encoding="utf-8")
        self._job = folder / "nightly-claims.secret"
        self._job.write_text(f"{secrets.token_hex(32)}\n", encoding="ascii")
        self._log_key = folder / "log.key"
        if not self._log_key.exists():
            keyfile.make(self._log_key)
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        try:
            await self._set()
        except BaseException:
            await self._strike()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._strike()

    async def _set(self) -> None:
        with self._log("hospital") as log:
            hospital = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "tests.demo.hospital",
                *self._canaries,
                stdout=PIPE,
                stderr=log,
                cwd=Path(__file__).resolve().parents[2],
                env={**os.environ, "JOB_ADDRESS": self.job_address},
            )
        self.processes["hospital"] = hospital
        if hospital.stdout is None:
            raise RuntimeError("the hospital process has no output")
        line = await asyncio.wait_for(hospital.stdout.readline(), 60)
        self.ports = {**json.loads(line), "receiver": await self.receiver.start()}
        keys = {agent: await self._agent_key(agent) for agent in SITES.values()}
        files = (self._secret, self._job, self._log_key)
        text = operator_file(self.ports, keys, *files, SystemClock().now_ms())
        self.config.write_text(text, encoding="utf-8")
        await self.start_collector()
        await self.enter()
        for agent in SITES.values():
            await self.start_agent(agent)

    @property
    def job_address(self) -> str:
        """Where the nightly job reports."""
        return f"{self.url}/heartbeat/{self._job.read_text('ascii').strip()}"

    async def _agent_key(self, agent: str) -> str:
        process = await asyncio.create_subprocess_exec(
            BIN / "wardwatch-agent", "key", "--state", self.folder / agent, stdout=PIPE
        )
        out, _ = await process.communicate()
        return out.decode().split()[1]

    async def start_collector(self) -> None:
        await self.spawn(
            "collector",
            BIN / "wardwatch",
            "collector",
            "--config",
            self.config,
            "--database",
            self.database,
            "--listen",
            f"127.0.0.1:{self.port}",
        )
        await self.ready()

    async def enter(self) -> None:
        """The first admin, by the link the collector printed, and a token for what is asked."""
        if self.token.exists():
            return
        log = self.folder / "collector.log"
        code = await printed_code(lambda: log.read_text("utf-8"))
        now_s = SystemClock().now_ms() // 1000
        self.admin = person = await enrol(self.session, self.url, code, "admin-1", now_s)
        self.token.touch(0o600)
        self.token.write_text(await log_in(self.session, self.url, person, now_s), "ascii")

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.read_text('ascii')}"}

    async def start_agent(self, agent: str) -> None:
        await self.spawn(
            agent,
            BIN / "wardwatch-agent",
            "run",
            "--config",
            self.config,
            "--agent",
            agent,
            "--collector",
            self.url,
            "--state",
            self.folder / agent,
            "--allow",
            "127.0.0.1",
            "--listen",
            f"127.0.0.1:{self.agent_ports[agent]}",
        )

    async def spawn(self, name: str, *command: str | Path) -> None:
        with self._log(name) as log:
            self.processes[name] = await asyncio.create_subprocess_exec(
                *command, stdout=log, stderr=STDOUT
            )

    def _log(self, name: str) -> BinaryIO:
        return (self.folder / f"{name}.log").open("ab")

    async def ready(self, within_s: float = 60) -> None:
        """Wait until the collector says that it is ready; its log is named when it does not."""
        deadline = asyncio.get_running_loop().time() + within_s
        while asyncio.get_running_loop().time() < deadline:
            code = self.processes["collector"].returncode
            if code is not None:
                raise RuntimeError(f"the collector ended ({code}); see {self.folder}/collector.log")
            try:
                async with self.session.get(f"{self.url}/readyz") as reply:
                    if reply.status == 200:
                        return
            except aiohttp.ClientError:
                pass  # not listening yet
            await asyncio.sleep(0.1)
        raise RuntimeError(f"the collector is not ready; see {self.folder}/collector.log")

    @property
    def session(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the stage is not set")
        return self._session

    async def api(self, path: str) -> Any:
        url = f"{self.url}/api/v1/{path}"
        async with self.session.get(url, headers=self.headers) as reply:
            reply.raise_for_status()
            return await reply.json()

    async def fault(self, simulator: str, name: str) -> None:
        url = f"http://127.0.0.1:{self.ports['control']}/{simulator}/{name}"
        async with self.session.post(url) as reply:
            reply.raise_for_status()

    def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        self.processes[name].send_signal(signal.SIGKILL)

    async def _strike(self) -> None:
        for process in reversed(list(self.processes.values())):
            if process.returncode is None:
                process.terminate()
        for process in self.processes.values():
            try:
                await asyncio.wait_for(process.wait(), 15)
            except TimeoutError:
                process.kill()
                await process.wait()
        await self.receiver.stop()
        if self._session is not None:
            await self._session.close()
