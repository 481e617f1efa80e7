"""Which results of a batch can be true at all. The rest is counted, and left out of the fold.

Pure. The batch's bytes are stored whatever stands in them; what is left out is still evidence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from probes.history import History
from probes.results import Result

YEAR_2000_MS = 946_684_800_000
AHEAD_MS = 300_000
"""A result may claim to be this much later than it was received: clocks differ a little."""


class Flaw(StrEnum):
    """Why a result is left out; of several the first. A batch cannot hold a negative duration."""

    UNKNOWN_CHECK = "unknown_check"
    NOT_ASSIGNED = "not_assigned"
    TOO_OLD = "too_old"
    FUTURE = "future"


@dataclass(frozen=True, slots=True)
class Known:
    """What any version of a history names; `checks_of` are those ever assigned to an agent."""

    checks: frozenset[str]
    agents: frozenset[str]
    checks_of: Mapping[str, frozenset[str]]

    @classmethod
    def of(cls, history: History) -> Known:
        configs = [v.config for v in history.versions]
        checks_of: dict[str, set[str]] = {}
        for config in configs:
            for name in config.checks:
                for agent in config.agents_of(name):
                    checks_of.setdefault(agent, set()).add(name)
        return cls(
            frozenset(name for c in configs for name in c.checks),
            frozenset(name for c in configs for name in c.agents),
            {agent: frozenset(names) for agent, names in checks_of.items()},
        )


@dataclass(frozen=True, slots=True)
class Sorted:
    """`kept` in the order given; `rejected` counts the others."""

    kept: tuple[Result, ...]
    rejected: Mapping[Flaw, int]


def sort_out(results: Iterable[Result], received_at: int, known: Known) -> Sorted:
    """Results of one batch received at `received_at` (UTC ms), judged by the versions known now.

    That a check or an assignment came with a later version is no flaw: the fold judges each
    result by the version in force at its own time.
    """
    kept: list[Result] = []
    rejected: Counter[Flaw] = Counter()
    for result in results:
        flaw = _flaw(result, received_at, known)
        if flaw is None:
            kept.append(result)
        else:
            rejected[flaw] += 1
    return Sorted(tuple(kept), dict(rejected))


def is_possible(t: int, received_at: int) -> bool:
    """Whatever the config: neither before 2000 nor later than it was received."""
    return t >= YEAR_2000_MS and not is_future(t, received_at)


def is_future(t: int, received_at: int) -> bool:
    return t > received_at + AHEAD_MS


def _flaw(result: Result, received_at: int, known: Known) -> Flaw | None:
    if result.check not in known.checks:
        return Flaw.UNKNOWN_CHECK
    if result.check not in known.checks_of.get(result.agent, ()):
        return Flaw.NOT_ASSIGNED
    if result.t < YEAR_2000_MS:
        return Flaw.TOO_OLD
    if is_future(result.t, received_at):
        return Flaw.FUTURE
    return None
