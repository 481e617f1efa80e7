"""Live equals replay when nothing was late and nobody acted: numbers, incidents, detection."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from collector.numbers import Numbers
from collector.replay import Input, replay
from collector.store.incidents import read_incidents
from collector.store.open import open_store
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.times import rfc3339
from tests.support.rounds import ORG, START, a_round, config, document, result

SLOTS = 70
DAY_MS = 86_400_000
POLICY = {
    "degraded_after": "60s",
    "blind_after": "60s",
    "recover_for": "30s",
    "reopen_within": "60s",
    "raise_after": "120s",
}
MOODS = (*Outcome, None)


def weather(seed: int) -> list[tuple[str, int, Outcome]]:
    """(agent, ms, outcome): what each agent sees changes now and then, and silence is among it."""
    rng = random.Random(seed)
    out: list[tuple[str, int, Outcome]] = []
    for agent, offset in (("north-1", 1_000), ("south-1", 4_000)):
        mood: Outcome | None = Outcome.UP
        for slot in range(SLOTS):
            if rng.random() < 0.12:
                mood = rng.choice([*MOODS, Outcome.UP, Outcome.UP])
            if mood:
                out.append((agent, slot * 10_000 + offset, mood))
    return sorted(out, key=lambda each: each[1])


@pytest.mark.parametrize("seed", range(6))
async def test_live_equals_replay_when_nothing_is_late(tmp_path: Path, seed: int) -> None:
    checks = document()["checks"]
    del checks["ehr-read"]["from"]
    # What is unconfirmed when it is looked at is acted on as it is then, and corrected later.
    checks["ehr-read"]["confirm"] = {"down": 1}
    # A billing system, so that the answers within 20 s are compared too.
    systems = document()["systems"]
    systems["ehr"]["impact"]["service"] = "billing"
    systems["ehr"]["slo"] = {"target": "80"}
    used = config(policy=POLICY, checks=checks, systems=systems)
    results: dict[tuple[str, str], list[Result]] = {}
    store = await open_store(f"sqlite:///{tmp_path}/w.db")
    async with a_round(store, used=used) as one:
        for agent, ms, outcome in weather(seed):
            # The certificate has 7 days left at first; on one slot in three nobody says so.
            days = None if ms % 30_000 < 10_000 else (7 * DAY_MS + 200_500 - ms) // DAY_MS
            each = replace(result(ms, outcome, agent=agent), cert_days_left=days)
            results.setdefault((each.check, agent), []).append(each)
            await one.clock.advance(max(0, each.t + 500 - one.clock.now_ms()))
            await one.send([each])
            await one.evaluator.step()
        await one.tick(200_000)
        now = one.clock.now_ms()
        numbers = await Numbers(one.evaluator, store, one.clock, ORG).availability(START, now)
        rows = await store.read(read_incidents, ORG)
    await store.close()
    expected = replay(History([Version(START, used)]), Input(results, 0), START, now, now)
    assert numbers["systems"] == expected["systems"]
    assert expected["systems"]["ehr"]["caqh"]["months"][0]["responses"] > 0
    assert live(rows) == expected["incidents"]
    assert expected["incidents"]


def live(rows: list[Any]) -> list[dict[str, Any]]:
    """The recorded incidents in the form and order of the replay contract."""
    found = sorted(rows, key=lambda row: (row.incident.started_at, row.incident.family))
    return [
        {
            "system": row.incident.system,
            "family": row.incident.family.value,
            "causes": [cause.value for cause in row.incident.causes],
            "category": row.incident.category,
            "priority": row.incident.priority.value,
            "started_at": rfc3339(row.incident.started_at),
            "detected_at": rfc3339(row.detected_at),
            "recovered_at": row.incident.recovered_at and rfc3339(row.incident.recovered_at),
            "attached_to": row.incident.attached_to,
            "quiet": row.incident.quiet,
            "reopened": row.incident.reopened,
            "flapping": row.incident.flapping,
            "sites": list(row.incident.sites),
        }
        for row in found
    ]
