"""Month to date of 500 systems with a year behind them: CPU of our numbers beside PromQL's
`avg_over_time` over the same results in Prometheus.

The month has a result a minute, the eleven before it one an hour. Eight years are folded from
seeded results, and each stands for its share of the systems: to ask for a number touches the same
in all of them. Prometheus holds all 500 series, backfilled with promtool.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import tempfile
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from collector.core.document import document
from collector.core.truth import SystemTruth
from collector.truths import Live
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.bench.machine import MEASURED, Started, fetch, fetch_json, free_port, until
from tests.bench.row import Row
from tests.bench.target import NOT_UP, SEED

SYSTEMS, YEARS = 500, 8
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
MONTH = 1_780_272_000_000
"""2026-06-01T00:00:00Z; it is asked for at its end."""
NOW = MONTH + 30 * 24 * HOUR_MS
START = MONTH - 335 * 24 * HOUR_MS
ASKED = 5
GOAL = 0.25


def rows() -> list[Row]:
    outcomes = [list(year(number)) for number in range(YEARS)]
    history = History([Version(START, config("1h", YEARS)), Version(MONTH, config("1m", SYSTEMS))])
    truths = {f"s{number}": truth(f"s{number}", history, outcomes) for number in range(YEARS)}
    every = {
        f"s{number}": replace(truths[f"s{number % YEARS}"], system=f"s{number}")
        for number in range(SYSTEMS)
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        backfill(folder, outcomes)
        ours, theirs = [], []
        port = free_port()
        (folder / "prometheus.yml").write_text("{}")
        words = [f"--storage.tsdb.path={folder}/data", "--storage.tsdb.retention.time=100y"]
        listen = [f"--web.listen-address=127.0.0.1:{port}", "--log.level=error"]
        command = ["prometheus", f"--config.file={folder}/prometheus.yml", *words, *listen]
        with Started("prometheus", command, folder / "prometheus.log", MEASURED) as prometheus:
            until(lambda: fetch(f"http://127.0.0.1:{port}/-/ready"), [prometheus])
            for _ in range(ASKED):
                begun = time.process_time()
                said = json.dumps(document(every, history, MONTH, NOW, NOW, {}))
                ours.append((time.process_time() - begun) * 1000)
                before = prometheus.used()
                answers = ask(port)
                theirs.append(prometheus.used().since(before).cpu_s * 1000)
    agree(json.loads(said), answers, outcomes)
    samples = len(outcomes[0]) * SYSTEMS
    return [
        Row(
            "month to date, 500 systems, CPU",
            statistics.median(ours),
            "PromQL avg_over_time",
            statistics.median(theirs),
            "ms",
            GOAL,
            more={"samples": samples, "of_the_month": (NOW - MONTH) // MINUTE_MS * SYSTEMS},
        )
    ]


def year(seed: int) -> Iterator[tuple[int, bool]]:
    """(instant, is it up): 0.2 % not, each alone."""
    rng = random.Random(SEED + seed)
    for at in (*range(START, MONTH, HOUR_MS), *range(MONTH, NOW, MINUTE_MS)):
        yield at, rng.random() >= NOT_UP


def config(every: str, systems: int) -> Config:
    names = [f"s{number}" for number in range(systems)]
    impact = {"class": "clinical"}
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "bench", "name": "Bench", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {name: {"name": f"System {name}", "impact": impact} for name in names},
            "checks": {
                f"c{name}": {"system": name, "kind": "any", "every": every, "timeout": "10s"}
                for name in names
            },
        }
    )


def truth(name: str, history: History, outcomes: list[list[tuple[int, bool]]]) -> SystemTruth:
    """As a collector that was there all the year would know it."""
    live = Live(name)
    rng = random.Random(SEED)
    line = [
        Result(
            f"c{name}",
            "north-1",
            at,
            Outcome.UP if right else Outcome.DOWN,
            "ok" if right else "http.status",
            took := int(rng.lognormvariate(3, 0.7)),
            at + took,
        )
        for at, right in outcomes[int(name[1:])]
    ]
    size = 2_880
    for first in range(0, len(line), size):
        part = line[first : first + size]
        now = min(part[-1].t + MINUTE_MS // 2, NOW)
        live.take(part, now)
        live.fold(history, now)
        live.settle(now - 15 * MINUTE_MS, now)
    live.fold(history, NOW)
    return live.truth


def backfill(folder: Path, outcomes: list[list[tuple[int, bool]]]) -> None:
    """All series; the years before the month by themselves, so that few passes are made of it."""
    for name, first, last in (("year", START, MONTH), ("month", MONTH, NOW)):
        path = folder / f"{name}.om"
        with path.open("w") as file:
            file.write("# TYPE probe_success gauge\n")
            for number in range(SYSTEMS):
                start = f'probe_success{{system="s{number}"}} '
                file.writelines(
                    f"{start}{right:d} {at // 1000}\n"
                    for at, right in outcomes[number % YEARS]
                    if first <= at < last
                )
            file.write("# EOF\n")
        words = ["promtool", "tsdb", "create-blocks-from", "openmetrics"]
        long = "--max-block-duration=4374h"
        command = [*words, long, "--quiet", str(path), str(folder / "data")]
        subprocess.run(command, check=True, capture_output=True)
        path.unlink()


def ask(port: int) -> dict[str, float]:
    """The share of the month that each system was up."""
    query = f"avg_over_time(probe_success[{(NOW - MONTH) // 1000}s])"
    words = urllib.parse.urlencode({"query": query, "time": (NOW - 1) / 1000})
    found = fetch_json(f"http://127.0.0.1:{port}/api/v1/query?{words}")["data"]["result"]
    return {one["metric"]["system"]: float(one["value"][1]) for one in found}


def agree(
    said: dict[str, dict[str, dict[str, dict[str, int]]]],
    answers: dict[str, float],
    outcomes: list[list[tuple[int, bool]]],
) -> None:
    """AssertionError unless both sides looked at the same results."""
    if len(answers) != SYSTEMS or len(said["systems"]) != SYSTEMS:
        raise AssertionError("not every system was answered for")
    for number in range(YEARS):
        month = [right for at, right in outcomes[number] if at >= MONTH]
        runs = said["systems"][f"s{number}"]["runs"]
        share = answers[f"s{number}"]
        if runs != {"judged": len(month), "good": sum(month)}:
            raise AssertionError(f"ours counted {runs}")
        if abs(share - sum(month) / len(month)) > 1e-4:
            raise AssertionError(f"Prometheus counted {share}")
