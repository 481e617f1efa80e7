"""Small hospitals and results written as words, for tests of the truth fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.events import State
from collector.core.truth import SystemTruth, fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Timeline

T0 = 1_767_225_600_000
"""2026-01-01T00:00:00Z."""
OUTCOMES = {
    "u": Outcome.UP,
    "g": Outcome.DEGRADED,
    "d": Outcome.DOWN,
    "m": Outcome.MISCONFIGURED,
    "x": Outcome.UNKNOWN,
}
LETTERS = {
    State.UP: "U",
    State.DEGRADED: "G",
    State.DOWN: "D",
    State.UNKNOWN: "?",
    State.NOT_MONITORED: "-",
}


def check(**changes: Any) -> dict[str, Any]:
    """Every 60 s, 10 s to answer: a result holds 130 s."""
    entry = {"system": "ehr", "kind": "http", "every": "60s", "timeout": "10s", "from": ["a"]}
    return entry | changes


def config(**changes: Any) -> Config:
    """System `ehr`, check `c` from agent `a`; agents `a`, `b` at `north` and `s` at `south`."""
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "org", "name": "Org", "timezone": "UTC"},
            "sites": {"north": {"name": "North"}, "south": {"name": "South"}},
            "agents": {"a": {"site": "north"}, "b": {"site": "north"}, "s": {"site": "south"}},
            "systems": {"ehr": system()},
            "checks": {"c": check()},
        }
        | changes
    )


def system(**changes: Any) -> dict[str, Any]:
    return {"name": "EHR", "impact": {"class": "clinical"}, "slo": {"target": "99.9"}} | changes


def result(t: int, outcome: Outcome, check_id: str = "c", agent: str = "a") -> Result:
    """A run of 5 ms that began at `t` (UTC milliseconds)."""
    return Result(check_id, agent, t, outcome, "any", 5, t + 5)


def at(words: str, check_id: str = "c", agent: str = "a", every: int = 60) -> list[Result]:
    """One letter a slot, from `T0` on: `u` up, `g` degraded, `d` down, `m` misconfigured,
    `x` unknown, `.` nothing."""
    return [
        result(T0 + n * every * 1000, OUTCOMES[letter], check_id, agent)
        for n, letter in enumerate(words)
        if letter != "."
    ]


def fold(
    words: str | Mapping[tuple[str, str], str],
    *,
    until: int,
    every: int = 60,
    used: Config | None = None,
    history: Sequence[tuple[int | None, Config]] = (),
) -> SystemTruth:
    """The truth of `ehr`, `until` seconds after `T0`; replay semantics."""
    lines = {("c", "a"): words} if isinstance(words, str) else words
    versions = [Version(t, c) for t, c in history] or [Version(None, used or config())]
    results = {source: at(line, *source, every) for source, line in lines.items()}
    return fold_system("ehr", History(versions), results, T0 + until * 1000, T0)


def told(states: Timeline[State]) -> str:
    """`U0 D60 ?250`: each state and the seconds after `T0` at which it begins."""
    return " ".join(f"{LETTERS[span.value]}{(span.start - T0) // 1000}" for span in states)
