"""Our own witness on loopback, as a log of ours asks one."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from collector.attest.vkey import VerifierKey
from collector.witness.answers import Answers
from collector.witness.kept import Kept
from collector.witness.keyfile import WitnessKey
from collector.witness.witnessing import Witnessing
from probes.clock import Clock
from tests.support.logkeys import key_of
from tests.support.lossy_folder import LossyFolder


@dataclass
class RunningWitness:
    """`entry`: what the operator's file says of it under `witnesses`."""

    name: str
    key: WitnessKey
    witnessing: Witnessing
    port: int
    disk: LossyFolder

    @property
    def entry(self) -> str:
        url = f"http://127.0.0.1:{self.port}"
        return f"{self.name}: {{url: {url}, key: {self.key.verifier.text()}}}"

    def size(self, origin: str) -> int:
        held = self.witnessing.held.get(origin)
        return 0 if held is None else held.checkpoint.size


@asynccontextmanager
async def witness(
    name: str,
    keys: list[VerifierKey],
    clock: Clock,
    *,
    port: int = 0,
    disk: LossyFolder | None = None,
) -> AsyncIterator[RunningWitness]:
    """It trusts these keys, each for the log of its name; `disk` is what it has kept."""
    kept = LossyFolder(random.Random(1)) if disk is None else disk
    own = WitnessKey(f"{name}.example.net", key_of(name))
    logs: dict[str, list[VerifierKey]] = {}
    for key in keys:
        logs.setdefault(key.name, []).append(key)
    witnessing = Witnessing(own, logs, Kept(kept, own.verifier), clock)
    runner = web.AppRunner(Answers(witnessing).app(), access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        bound: int = runner.addresses[0][1]
        yield RunningWitness(name, own, witnessing, bound, kept)
    finally:
        await runner.cleanup()


def entries(witnesses: Mapping[str, RunningWitness] | list[RunningWitness]) -> str:
    found = witnesses.values() if isinstance(witnesses, Mapping) else witnesses
    return f"{{{', '.join(one.entry for one in found)}}}"
