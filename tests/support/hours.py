"""Hours of results, written short, for tests that tell one story live and in replay."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from collector.numbers import Numbers
from collector.replay import Input, replay
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import ORG, START, Round, config, document, result

MINUTE = 60_000
HOUR = 60 * MINUTE
LETTERS = {
    "u": Outcome.UP,
    "g": Outcome.DEGRADED,
    "d": Outcome.DOWN,
    "m": Outcome.MISCONFIGURED,
    "x": Outcome.UNKNOWN,
}


def every_minute(**changes: Any) -> dict[str, Any]:
    """A check from `north-1` every minute; a result holds 130 s."""
    entry: dict[str, Any] = document()["checks"]["ehr-read"]
    return entry | {"every": "60s", "timeout": "10s"} | changes


def minutely(**changes: Any) -> Config:
    """`ehr-read` every minute; `check` changes it."""
    checks = {"ehr-read": every_minute(**changes.pop("check", {}))}
    return config(**{"checks": checks} | changes)


def spell(
    words: str,
    *,
    start: int = 0,
    every: int = MINUTE,
    check: str = "ehr-read",
    agent: str = "north-1",
) -> list[Result]:
    """One letter a slot, from `start` ms after `START` on; `.` is silence."""
    return [
        result(start + n * every, LETTERS[letter], check=check, agent=agent)
        for n, letter in enumerate(words)
        if letter != "."
    ]


async def play(
    one: Round, results: Iterable[Result], until: int, *, group: int = 10 * MINUTE
) -> None:
    """Send what falls due, a batch per agent and `group` ms, looking after each; `until` ms after
    `START`."""
    waiting = sorted(results, key=lambda r: r.t)
    while one.clock.now_ms() < START + until:
        edge = min(one.clock.now_ms() + group, START + until)
        await one.clock.advance(edge - one.clock.now_ms())
        due = [r for r in waiting if r.t < edge]
        waiting = waiting[len(due) :]
        for agent in sorted({r.agent for r in due}):
            await one.send([r for r in due if r.agent == agent])
        await one.evaluator.step()


async def numbers(one: Round, start: int, end: int) -> dict[str, Any]:
    """What the API answers for `[start, end)` ms after `START`, by system."""
    answer = await Numbers(one.evaluator, one.store, one.clock, ORG).availability(
        START + start, START + end
    )
    systems: dict[str, Any] = answer["systems"]
    return systems


def replayed(
    results: Iterable[Result],
    versions: Sequence[tuple[int, Config]],
    start: int,
    end: int,
    now: int | None = None,
) -> dict[str, Any]:
    """The replay document; instants are ms after `START`."""
    by_source: dict[tuple[str, str], list[Result]] = {}
    for each in sorted(results, key=lambda r: r.t):
        by_source.setdefault((each.check, each.agent), []).append(each)
    history = History([Version(START + at, used) for at, used in versions])
    edge = end if now is None else now
    return replay(history, Input(by_source, 0), START + start, START + end, START + edge)
