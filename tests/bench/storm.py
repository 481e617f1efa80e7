"""What it costs to see that everything has failed at once: one look of the live collector."""

from __future__ import annotations

import asyncio
import tempfile
import time

from collector import memory
from collector.store.open import open_store
from probes.contract import Outcome
from tests.support.rounds import a_round
from tests.support.storm import EVERY, hospital, minute, send, systems

OUTCOMES = [*[Outcome.UP] * 5, *[Outcome.DOWN] * 2]
"""Of every system, minute by minute; the last confirms what the one before was the first of."""
LIMIT_S = 5
"""How long a storm of 2 000 systems may take."""


def look_us(count: int) -> float:
    """CPU microseconds of the look that finds `count` systems down, store and all; of a process
    set up as the collector's is.
    """
    memory.look_seldom()
    return asyncio.run(_look_us(count))


async def _look_us(count: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        store = await open_store(f"sqlite:///{folder}/w.db")
        async with a_round(store, used=hospital(count, count // 10)) as one:
            for number, outcome in enumerate(OUTCOMES):
                await send(one, minute(systems(count), number, outcome))
                await one.clock.advance(EVERY)
                if number < len(OUTCOMES) - 1:
                    await one.evaluator.step()
            begun = time.process_time()
            await one.evaluator.step()
            took = time.process_time() - begun
            past = one.evaluator._past
            if past is None or len(past.incidents) != count + 1:
                raise AssertionError("it was meant to see every system down")
        await store.close()
    return took * 1e6
