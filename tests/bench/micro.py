"""CPU time of our code beside a named peer, in one process."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fhir.resources.R4B.capabilitystatement import CapabilityStatement
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message

from collector.core.truth import fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.testing.fhir_statement import capability_statement
from probes.wire.fhir_statement import judge_statement
from probes.wire.hl7 import parse_ack
from tests.bench import live, storm
from tests.bench.row import Row

ROUNDS = 5
ACK = (
    b"MSH|^~\\&|LAB|NORTH|WARDWATCH|NORTH|20260701050000+0000||ACK^A08^ACK|77|T|2.5.1\r"
    b"MSA|AA|UP4Q2M7XK5\r"
)


@dataclass(frozen=True, slots=True)
class Pair:
    name: str
    beside: str
    ours: Callable[[], object]
    theirs: Callable[[], object]
    goal: float


def rows() -> list[Row]:
    found = []
    for pair in pairs():
        ours, theirs = cpu_us(pair.ours), cpu_us(pair.theirs)
        found.append(Row(pair.name, ours, pair.beside, theirs, "us", pair.goal))
    return [*found, *_storms()]


def cpu_us(work: Callable[[], object]) -> float:
    """Median CPU microseconds of one call, over rounds of at least 0.1 s."""
    work()
    figures = []
    for _ in range(ROUNDS):
        calls, start = 0, time.process_time()
        while time.process_time() - start < 0.1:
            work()
            calls += 1
        figures.append((time.process_time() - start) / calls * 1e6)
    return statistics.median(figures)


def results(count: int) -> dict[tuple[str, str], list[Result]]:
    """One check every 30 s; every 500th result fails, so that blips are folded too."""
    return {
        ("ehr-read", "north-1"): [
            Result(
                "ehr-read",
                "north-1",
                1_767_225_600_000 + n * 30_000,
                Outcome.DOWN if n % 500 == 0 else Outcome.UP,
                "ok",
                12,
                1_767_225_600_012 + n * 30_000,
            )
            for n in range(count)
        ]
    }


def config() -> Config:
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "bench", "name": "Bench", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {"ehr": {"name": "EHR", "impact": {"class": "clinical"}}},
            "checks": {
                "ehr-read": {"system": "ehr", "kind": "any", "every": "30s", "timeout": "10s"}
            },
        }
    )


def pairs() -> Sequence[Pair]:
    document = capability_statement(
        "https://ehr.example.org/fhir", fhir_version="4.0.1", without=None, text="bench"
    )
    body = json.dumps(document).encode()
    month = results(86_400)
    history = History([Version(None, config())])
    now = 1_767_225_600_000 + 86_400 * 30_000
    line = month["ehr-read", "north-1"]
    recorded = live.history(config())

    def fold() -> object:
        return fold_system("ehr", history, month, now, 1_767_225_600_000)

    def floor() -> object:
        # What any fold must do at the least: order the results and look at each.
        return sum(r.outcome is Outcome.DOWN for r in sorted(line, key=lambda r: r.t))

    return (
        Pair(
            "read an HL7 acknowledgement",
            "hl7apy",
            lambda: parse_ack(ACK),
            lambda: parse_message(
                ACK.decode(), find_groups=False, validation_level=VALIDATION_LEVEL.TOLERANT
            ),
            0.02,
        ),
        Pair(
            "judge a CapabilityStatement",
            "fhir.resources R4B",
            lambda: judge_statement("application/fhir+json", body, "4.0", ()),
            lambda: CapabilityStatement.model_validate_json(body),
            0.1,
        ),
        Pair("fold a month of one check", "sort and count", fold, floor, 50),
        Pair(
            "take an unchanged result, a month behind it",
            "an hour behind it",
            live.more_of_the_same(recorded, live.MONTH),
            live.more_of_the_same(recorded, live.HOUR),
            1.5,
        ),
        Pair(
            "fold a change, a month behind it",
            "an hour behind it",
            live.a_change(recorded, live.MONTH),
            live.a_change(recorded, live.HOUR),
            2,
        ),
        Pair(
            "a month's availability from intervals",
            "from its results",
            live.month_from_intervals(recorded),
            live.month_from_results(recorded),
            0.05,
        ),
    )


def _storms() -> list[Row]:
    """A look that sees everything fail at once is timed once: it cannot be taken twice."""
    whole, part = storm.look_us(2_000), storm.look_us(500)
    answered = storm.acknowledged_us(2_000)
    name, limit = "see 2 000 systems fail at once", f"{storm.LIMIT_S} s"
    return [
        Row(name, whole, limit, storm.LIMIT_S * 1e6, "us", 1),
        Row(name, whole, "500 systems", part, "us", 5),
        Row(
            "take in 2 000 acknowledgements while it plans",
            answered,
            limit,
            storm.LIMIT_S * 1e6,
            "us",
            1,
        ),
    ]
