"""Simulated traffic of an interface, seeded: a weekly pattern, days that differ, bursts, clumps of messages."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from probes.times import from_ms

FIVE = 300_000
HOUR = 3_600_000
DAY = 24 * HOUR
ZONE = ZoneInfo("America/Chicago")
MONDAY = 1_780_290_000_000
"""2026-06-01 00:00 in Chicago."""


@dataclass(frozen=True, slots=True)
class Shape:
    """`busy` messages an hour at ten on a weekday; `clump` messages come together, on average."""

    busy: int
    night: float = 0.1
    weekend: float = 0.4
    day_spread: float = 0.15
    clump: int = 2
    burst_a_week: int = 2


ADT = Shape(150)
RESULTS = Shape(60, night=0.3, weekend=0.8, clump=5, burst_a_week=5)
CLINIC = Shape(25, night=0.0, weekend=0.05)
SHAPES = {"adt": ADT, "results": RESULTS, "clinic": CLINIC}


def rate(shape: Shape, t: int) -> float:
    """Messages an hour that are to be expected at an instant."""
    local = from_ms(t, ZONE)
    hour = local.hour + local.minute / 60
    day = max(0.0, math.sin((hour - 5.5) / 14 * math.pi)) if 5.5 <= hour <= 19.5 else 0.0
    level = shape.night + (1 - shape.night) * day
    return shape.busy * level * (shape.weekend if local.weekday() >= 5 else 1)


def traffic(shape: Shape, start: int, end: int, seed: int) -> dict[int, int]:
    """Messages by the start of five minutes."""
    rng = random.Random(seed)
    days = {
        d: math.exp(rng.gauss(0, shape.day_spread))
        for d in range((start - DAY) // DAY, (end + DAY) // DAY)
    }
    bursts = {
        rng.randrange(start, end) // FIVE * FIVE
        for _ in range(shape.burst_a_week * (end - start) // (7 * DAY))
    }
    counts = {}
    for bucket in range(start, end, FIVE):
        # between the means a gamma: hours differ more than chance alone makes them
        mean = rate(shape, bucket) / 12 * days[bucket // DAY] * rng.gammavariate(12, 1 / 12)
        events = _poisson(rng, mean / shape.clump)
        came = sum(1 + _poisson(rng, shape.clump - 1) for _ in range(events))
        if bucket in bursts:
            came += rng.randrange(shape.busy // 4, shape.busy)
        counts[bucket] = came
    return counts


def _poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
