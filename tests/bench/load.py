"""Seeded evidence for the benches: agents, checks and signed batches of a simulated hospital.

Durations are log-normal, 0.2 % of the results are not up, in rows of ten on average.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import batch
from probes.batch import Anchors, Place
from probes.config import Config
from probes.contract import Outcome
from probes.segments import Run

ORG = "st-elsewhere"
START = 1_767_225_600_000
EVERY_MS = 30_000
CHECKS_A_SYSTEM = 10
NOT_UP = 0.002
ROW = 10
"""How many failures in a row there are on average."""
PHASES = (
    ("resolve", 300, 0.5),
    ("connect", 800, 0.4),
    ("tls", 4_000, 0.3),
    ("send", 60, 0.3),
    ("first_byte", 20_000, 0.5),
)
"""(name, median in microseconds, sigma of its logarithm)."""


@dataclass(frozen=True, slots=True)
class Load:
    """`agents` agents with `checks` checks each, every 30 s; each check is one agent's alone."""

    agents: int
    checks: int
    seed: int = 1

    @property
    def flips(self) -> float:
        """How often a result differs from its check's last one, on average."""
        return 2 * NOT_UP / ROW

    def config(self) -> Config:
        systems: dict[str, Any] = {}
        checks: dict[str, Any] = {}
        for agent in self.names():
            for number in range(self.checks):
                system = system_of(agent, number)
                systems[system] = {"name": f"System {system}", "impact": {"class": "clinical"}}
                checks[check_of(agent, number)] = {
                    "system": system,
                    "kind": "any",
                    "every": "30s",
                    "timeout": "10s",
                    "from": [agent],
                }
        return Config.model_validate(
            {
                "version": "1",
                "organization": {"id": ORG, "name": "St Elsewhere Health", "timezone": "UTC"},
                "sites": {"north": {"name": "North Campus"}},
                "agents": {name: {"site": "north", "key": public(name)} for name in self.names()},
                "systems": systems,
                "checks": checks,
            }
        )

    def names(self) -> list[str]:
        return [f"north-{number}" for number in range(self.agents)]

    def rounds(self, count: int) -> Iterator[list[Run]]:
        """All runs of every agent's checks in turn, 30 s after 30 s: agent by agent."""
        rng = Random(self.seed)
        failing = dict.fromkeys(self.names(), frozenset[int]())
        offsets = [number * EVERY_MS // self.checks for number in range(self.checks)]
        for turn in range(count):
            for agent in self.names():
                was = failing[agent]
                now = frozenset(n for n in range(self.checks) if rng.random() < _chance(n in was))
                failing[agent] = now
                slots = (START + turn * EVERY_MS + offset for offset in offsets)
                yield [run(agent, n, slot, rng, up=n not in now) for n, slot in enumerate(slots)]


def _chance(failing: bool) -> float:  # noqa: FBT001 - said by the one caller beside it
    return 1 - 1 / ROW if failing else NOT_UP / ROW


def run(agent: str, number: int, slot_ms: int, rng: Random, *, up: bool) -> Run:
    phases = {name: int(m * rng.lognormvariate(0, s)) for name, m, s in PHASES}
    return Run(
        system_of(agent, number),
        check_of(agent, number),
        slot_ms,
        slot_ms + int(rng.lognormvariate(0.5, 0.6)),
        Outcome.UP if up else Outcome.DOWN,
        "ok" if up else "http.status",
        sum(phases.values()) + int(80 * rng.lognormvariate(0, 0.4)),
        phases,
        {"http_status": 200 if up else 503},
    )


class Sealer:
    """Chains of batches, one an agent."""

    def __init__(self, seed: int = 1) -> None:
        self._rng = Random(seed)
        self._last: dict[str, tuple[str, int, str]] = {}

    def seal(self, agent: str, runs: list[Run]) -> bytes:
        epoch, seq, prev = self._last.get(agent) or (
            self._rng.randbytes(16).hex(),
            0,
            batch.NO_PREVIOUS,
        )
        place = Place(ORG, agent, epoch, seq + 1, prev, "9c1f0f1a5a7d2c3e")
        newest = max(run.at_ms for run in runs)
        anchors = Anchors(newest + 50, (newest - START) * 1_000_000 + 77_000_000_000_000, 3, 12)
        data = batch.seal(key(agent), place, anchors, runs, self._rng.randbytes(16))
        self._last[agent] = (epoch, seq + 1, batch.header_hash(batch.open_batch(data)))
        return data


def key(agent: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(agent.encode().ljust(32))


def public(agent: str) -> str:
    raw = key(agent).public_key().public_bytes_raw()
    return f"ed25519:{base64.b64encode(raw).decode()}"


def system_of(agent: str, number: int) -> str:
    return f"{agent}-system-{number // CHECKS_A_SYSTEM:03d}"


def check_of(agent: str, number: int) -> str:
    return f"{agent}-check-{number:04d}"
