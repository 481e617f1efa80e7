"""Our two processes as operators start them: a collector on SQLite, and an agent."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import sqlalchemy

from collector.store import ledger
from probes import batch
from probes.contract import Outcome
from probes.segments import Run
from tests.bench.machine import BIN, MEASURED, Started, fetch, free_port, until

ORG = "bench"
AGENT = "north-1"
FAR = 1 << 52
ALLOW = ["--allow", "127.0.0.1"]
PER_SYSTEM = 8
"""Checks of one system."""


def operator_file(key: str, checks: dict[str, dict[str, object]]) -> str:
    """JSON is YAML; it may have 1 MiB."""
    systems = list(dict.fromkeys(str(check["system"]) for check in checks.values()))
    return json.dumps(
        {
            "version": "1",
            "organization": {"id": ORG, "name": "Bench", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {AGENT: {"site": "north", "key": key}},
            "systems": {
                name: {"name": f"System {name[1:]}", "impact": {"class": "clinical"}}
                for name in systems
            },
            "checks": checks,
        },
        separators=(",", ":"),
    )


def http_checks(
    count: int, url: str, every: str, timeout: str, ca: str | None = None
) -> dict[str, dict[str, object]]:
    spec: dict[str, object] = {"url": url}
    if ca is not None:
        spec["ca"] = ca
    return {
        f"c{number}": {
            "system": f"s{number // PER_SYSTEM}",
            "kind": "http",
            "every": every,
            "timeout": timeout,
            "spec": spec,
        }
        for number in range(count)
    }


class Ours:
    """Collector and agent in one folder; `start` and `stop` both."""

    def __init__(self, folder: Path, checks: dict[str, dict[str, object]]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.state = folder / "agent"
        self.database = folder / "wardwatch.db"
        self.config = folder / "wardwatch.yaml"
        words: list[str | Path] = [BIN / "wardwatch-agent", "key", "--state", self.state]
        said = subprocess.run(words, check=True, capture_output=True, text=True).stdout
        key = next(word for word in said.split() if word.startswith("ed25519:"))
        self.config.write_text(operator_file(key, checks), encoding="utf-8")
        self.port, self.agent_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.port}"

    def start_collector(self) -> Started:
        words: list[str | Path] = [
            "collector",
            "--config",
            self.config,
            "--database",
            f"sqlite:///{self.database}",
        ]
        listen = ["--listen", f"127.0.0.1:{self.port}"]
        started = Started(
            "collector",
            [BIN / "wardwatch", *words, *listen],
            self.folder / "collector.log",
            MEASURED,
        )
        until(lambda: fetch(f"{self.url}/readyz"), [started])
        return started

    def start_agent(self, flight: int | None = None) -> Started:
        """With `flight`, driven by `tests/bench/drive.py`."""
        program: list[str | Path] = [BIN / "wardwatch-agent"]
        if flight is not None:
            program = [sys.executable, "-m", "tests.bench.drive", str(flight)]
        words: list[str | Path] = [
            "run",
            "--config",
            self.config,
            "--agent",
            AGENT,
            "--collector",
            self.url,
        ]
        more: list[str | Path] = [
            "--state",
            self.state,
            "--listen",
            f"127.0.0.1:{self.agent_port}",
            *ALLOW,
        ]
        started = Started("agent", [*program, *words, *more], self.folder / "agent.log", MEASURED)
        until(lambda: fetch(f"http://127.0.0.1:{self.agent_port}/healthz"), [started])
        return started

    def stored(self) -> list[list[Run]]:
        """Every run the collector has, by batch; while nobody writes."""
        engine = sqlalchemy.create_engine(f"sqlite:///{self.database}")
        found: list[list[Run]] = []
        after: tuple[int, int] | None = None
        with engine.connect() as conn:
            while part := ledger.read_between(conn, ORG, 0, FAR, after, 100):
                found += [batch.runs_of(batch.open_batch(row.data)) for row in part]
                after = (part[-1].chain, part[-1].seq)
        engine.dispose()
        return found


def flips(batches: list[list[Run]]) -> int:
    """How often an outcome differs from the same check's last one."""
    last: dict[str, Outcome] = {}
    count = 0
    for run in sorted((run for part in batches for run in part), key=lambda run: run.at_ms):
        count += last.get(run.check, run.outcome) is not run.outcome
        last[run.check] = run.outcome
    return count
