"""A hospital whose systems all fail at once, because of the network they depend on."""

from __future__ import annotations

from collections.abc import Sequence

from probes.config import Config
from probes.contract import Outcome
from probes.results import Result
from tests.support.rounds import Round, config, result

EVERY = 60_000
PARENT = "net"
SENT_AT_ONCE = 500
"""Results in a batch."""


def systems(count: int) -> list[str]:
    return [f"s-{n:04}" for n in range(count)]


def hospital(count: int, alone: int = 0) -> Config:
    """`net`, so many systems that depend on it, and as many `alone` of them that do not.

    One check each, every minute by `north-1`, confirmed by two; `desk` hears all, `pager` P1.
    """
    names = systems(count)
    written = {
        name: {
            "name": f"System {name}",
            "impact": {"class": "clinical" if n % 2 else "administrative"},
            "depends_on": [PARENT] if n >= alone else [],
        }
        for n, name in enumerate(names)
    }
    written[PARENT] = {"name": "Network", "impact": {"class": "administrative"}}
    return config(
        systems=written,
        checks={
            name: {
                "system": name,
                "kind": "http",
                "every": "60s",
                "timeout": "10s",
                "from": ["north-1"],
                "spec": {"url": "https://ehr.example.org/"},
            }
            for name in written
        },
        channels={
            name: {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
            for name in ("desk", "pager")
        },
        routes=[
            {"families": ["availability", "access", "blind"], "to": ["desk"]},
            {"families": ["availability"], "min_priority": "P1", "to": ["pager"]},
        ],
    )


def minute(names: Sequence[str], number: int, outcome: Outcome) -> list[Result]:
    """A result of each in minute `number`, spread over 50 s of it, `net` first."""
    each = [PARENT, *names]
    gap = 50_000 // len(each)
    return [
        result(number * EVERY + place * gap, outcome, check=name) for place, name in enumerate(each)
    ]


async def send(one: Round, results: Sequence[Result]) -> None:
    for n in range(0, len(results), SENT_AT_ONCE):
        await one.send(results[n : n + SENT_AT_ONCE])
