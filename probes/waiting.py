"""Waiting for news or for time, whichever is first."""

from __future__ import annotations

import asyncio

from probes.clock import Clock


async def news_within(event: asyncio.Event, clock: Clock, duration_ms: int) -> bool:
    """Whether `event` was set within `duration_ms`; clears it."""
    news = asyncio.create_task(event.wait())
    time = asyncio.create_task(clock.sleep_ms(duration_ms))
    try:
        await asyncio.wait((news, time), return_when=asyncio.FIRST_COMPLETED)
        came = event.is_set()
        event.clear()
        return came
    finally:
        news.cancel()
        time.cancel()
        await asyncio.gather(news, time, return_exceptions=True)
