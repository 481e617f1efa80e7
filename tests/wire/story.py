"""The story that every recording of the wire tells, and what it must come to: written out apart.

Two systems, every outcome, phases, facts and steps, a chain of three batches: the first by the
host's own clock, the second with an offset of 7 s, the third by a clock that is not known. Seeded.

The bytes of the batches are those of the first commit that had a format, too: it was run, and
recorded the same.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from probes import batch, notice, tombstone
from probes.batch import Anchors, Place
from probes.contract import Outcome
from probes.notice import Notice
from probes.segments import Run, RunStep
from probes.tombstone import Why

ORG, AGENT, EPOCH = "st-elsewhere", "north-1", "c0ffee00c0ffee00c0ffee00c0ffee00"
CONFIG = "0123456789abcdef"
KEY = Ed25519PrivateKey.from_private_bytes(AGENT.encode().ljust(32))
SECRETS = (b"first 16 secrets", b"other 16 secrets", b"third 16 secrets")
START = 1_767_225_600_000
"""2026-01-01T00:00:00Z by the agent's wall clock."""
CLOCKS = ((0, 0, "host"), (7_000, 32, "collector"), (7_000, 2_001, "collector"))
"""Offset, error, source of each batch."""

_BAD = (
    (Outcome.DOWN, "tcp.refused"),
    (Outcome.DEGRADED, "slow"),
    (Outcome.MISCONFIGURED, "fhir.auth"),
    (Outcome.UNKNOWN, "agent.missed_slot"),
    (Outcome.DOWN, "http.of_a_newer_kind"),
)


def runs(number: int) -> list[Run]:
    """Of one batch, twenty slots of two checks."""
    rng = random.Random(number)
    return [run for slot in range(20) for run in _slot(number, slot, rng)]


def _slot(number: int, slot: int, rng: random.Random) -> Iterator[Run]:
    at = START + (number * 20 + slot) * 30_000
    outcome, reason = (Outcome.UP, "ok") if slot % 4 else _BAD[(slot // 4 + number) % len(_BAD)]
    us = int(rng.lognormvariate(10.5, 0.6))
    is_run = outcome is not Outcome.UNKNOWN
    yield Run(
        "ehr",
        "ehr-read",
        at,
        at + slot % 3,
        outcome,
        reason,
        us if is_run else 0,
        {"resolve": us // 9, "connect": us // 7, "tls": us // 5, "body": us // 3} if is_run else {},
        {"http_status": 200, "cert_days_left": 90 - slot} if is_run else {},
        (
            RunStep("metadata", Outcome.UP, "ok", us // 2),
            RunStep("read", outcome, reason, us // 2),
        )
        if is_run
        else (),
    )
    yield Run(
        "lab",
        "lab-orders",
        at + 5_000,
        at + 5_001,
        Outcome.UP,
        "ok",
        int(rng.lognormvariate(9.0, 0.5)),
        {"connect": 400},
        {"stale_acks": slot % 2},
    )


def record() -> list[bytes]:
    """The three batches by the code at hand."""
    prev, made = batch.NO_PREVIOUS, []
    for number, (offset, error, source) in enumerate(CLOCKS):
        place = Place(ORG, AGENT, EPOCH, number + 1, prev, CONFIG)
        anchors = Anchors(START + (number + 1) * 600_000, number * 10**9, offset, error, source)
        made.append(batch.seal(KEY, place, anchors, runs(number), SECRETS[number]))
        prev = batch.header_hash(batch.open_batch(made[-1]))
    return made


def record_others() -> dict[str, bytes]:
    """What else an agent signs: the first batch given up for want of room, and what it told."""
    first = batch.open_batch(record()[0])
    remains = tombstone.of_batches([first], Why.FULL_BYTES)
    told = Notice(
        version=1,
        org=ORG,
        agent=AGENT,
        id="0123456789abcdef0123456789abcdef",
        kind="system.down",
        at=START + 90_000,
        since=START + 60_000,
        system="ehr",
        cause="tcp.refused",
        checks=["ehr-read"],
        systems=[],
        taken=["webhook"],
    )
    return {
        "tombstone": tombstone.seal(KEY, Anchors(START + 600_000, 7), remains),
        "notice": notice.seal(KEY, told),
    }


def expected() -> list[dict[str, object]]:
    """What the collector must make of it: plain arithmetic, without the code that reads batches."""
    out: list[dict[str, object]] = []
    for number, (offset, error, _) in enumerate(CLOCKS):
        lost = error > 2_000
        out += [
            {
                "check": run.check,
                "t": run.at_ms + offset,
                "outcome": "unknown" if lost else run.outcome.value,
                "reason": "agent.clock" if lost else run.reason,
                "duration_ms": run.duration_us // 1000,
                "cert_days_left": run.facts.get("cert_days_left"),
            }
            for run in runs(number)
        ]
    return sorted(out, key=lambda one: (one["t"], one["check"]))


def in_order(found: Sequence[dict[str, object]]) -> list[dict[str, object]]:
    return sorted(found, key=lambda one: (one["t"], one["check"]))
