from __future__ import annotations

import asyncio

from probes.clock import ManualClock, SystemClock


async def test_a_manual_clock_wakes_sleepers_in_order_and_at_their_time() -> None:
    clock = ManualClock(1_000)
    woken: list[tuple[str, int]] = []

    async def sleeper(name: str, for_ms: int) -> None:
        await clock.sleep_ms(for_ms)
        woken.append((name, clock.now_ms()))

    tasks = [asyncio.create_task(sleeper("b", 200)), asyncio.create_task(sleeper("a", 50))]
    await asyncio.sleep(0)
    await clock.advance(100)
    assert woken == [("a", 1_050)]
    await clock.advance(100)
    assert woken == [("a", 1_050), ("b", 1_200)]
    await asyncio.gather(*tasks)


def test_a_wall_step_leaves_the_monotonic_clock_alone() -> None:
    clock = ManualClock(5_000)
    clock.step_wall(-3_000)
    assert (clock.now_ms(), clock.monotonic_ns()) == (2_000, 0)


async def test_the_system_clock_sleeps_at_least_as_long_as_asked() -> None:
    clock = SystemClock()
    before = clock.monotonic_ns()
    await clock.sleep_ms(20)
    assert clock.monotonic_ns() - before >= 19_000_000
    await clock.sleep_ms(-5)
