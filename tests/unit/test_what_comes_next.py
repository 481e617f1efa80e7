"""When an incident is to be looked at again: of itself alone, whichever process says so."""

from __future__ import annotations

from typing import Any

import pytest

from collector.store.incidents import read_incidents
from collector.store.store import Store
from probes.config import Config
from probes.contract import Outcome
from tests.support.rounds import ORG, START, Round, a_round, config, document, result

UP, DOWN, DEGRADED = Outcome.UP, Outcome.DOWN, Outcome.DEGRADED
LAB, EHR = f"lab.availability.{START + 16_000}", f"ehr.availability.{START + 11_000}"


def hospital() -> Config:
    """`ehr` becomes more serious 30 min after its start, `lab` is of offices and does not."""
    given = document()
    systems: dict[str, Any] = given["systems"] | {
        "lab": {"name": "Lab", "impact": {"class": "administrative", "service": "general"}}
    }
    checks: dict[str, Any] = given["checks"]
    return config(
        systems=systems,
        checks=checks | {"lab-read": checks["ehr-read"] | {"system": "lab"}},
        policy={"recover_for": "60s", "degraded_after": "1s"},
    )


async def trouble(one: Round) -> None:
    """`ehr` is impaired since 11 s, `lab` down since 16 s; both are seen at 40 s."""
    ups = [result(1_000, UP), result(6_000, UP, check="lab-read")]
    await one.send(ups)
    await one.tick(8_000)
    ehr = [result(t, DEGRADED) for t in (11_000, 21_000, 31_000)]
    lab = [result(t, DOWN, check="lab-read") for t in (16_000, 26_000, 36_000)]
    await one.clock.advance(31_900)
    await one.send([*ehr, *lab])
    await one.tick(100)


async def rows(store: Store) -> dict[str, int | None]:
    """Milliseconds after the start, by key."""
    found = await store.read(read_incidents, ORG)
    return {
        row.incident.key: None if row.next_due is None else row.next_due - START for row in found
    }


async def held(one: Round, seconds: int) -> None:
    """The same goes on, looked at every ten seconds."""
    now = one.clock.now_ms() - START
    for t in range(now, now + seconds * 1_000, 10_000):
        await one.send([result(t, DEGRADED), result(t + 1, DOWN, check="lab-read")])
        await one.tick(10_000)


async def test_an_incident_that_nothing_happened_to_has_its_own_next_instant(
    store: Store,
) -> None:
    """`ehr` warns of its answer after an hour and rises before; `lab` waits for a business day."""
    async with a_round(store, used=hospital()) as one:
        await trouble(one)
        first = await rows(store)
        assert first[EHR] == 11_000 + 30 * 60_000 + 1
        assert first[LAB] == 23 * 3_600_000 + 1
        await held(one, 30)
        assert await rows(store) == first


@pytest.mark.parametrize("wait_s", [0, 70])
async def test_another_process_and_a_restart_say_the_same_of_it(store: Store, wait_s: int) -> None:
    async with a_round(store, used=hospital()) as one:
        await trouble(one)
        await held(one, 20)
        before = await rows(store)
        now = one.clock.now_ms()
    async with a_round(store, holder="two", used=hospital(), now=now + wait_s) as other:
        await other.take_over()
        await other.evaluator.step()
        found = await rows(store)
        assert {key: found[key] for key in before} == before
    async with a_round(store, holder="two", used=hospital(), now=other.clock.now_ms()) as again:
        await again.take_over()
        await again.evaluator.step()
        found = await rows(store)
        assert {key: found[key] for key in before} == before
