"""A simulated hospital: what is asked of a sample, its operator's file, and what befalls it.

Nothing of it is measured. The organization's name says so in every version, and so in every part
and every report that is made of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from probes import configfile, times
from probes.config import Config
from probes.contract import Outcome
from probes.spans import Interval

ORG = "simulated-hospital"
NAME = "Simulated Hospital"
ORIGIN = "simulated.example/wardwatch/evidence"
ZONE = "America/Chicago"
START = 1_782_882_000_000
"""2026-07-01 in Chicago."""
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
_NAMES = ("ehr", "lab", "pharmacy", "billing", "imaging", "portal", "scheduling", "labels")


class Fault(StrEnum):
    """What may befall it."""

    OUTAGE = "outage"
    BLIP = "blip"
    WINDOW = "window"
    UNAPPROVED = "unapproved"
    VERSION = "version"
    SILENCE = "silence"
    LATE = "late"
    AWAY = "away"
    RESTART = "restart"
    HOLE = "hole"
    TOMBSTONE = "tombstone"
    ROTATION = "rotation"
    CORRECTION = "correction"


EVERY_FAULT = frozenset(Fault)


@dataclass(frozen=True, slots=True)
class Story:
    """What a sample is to be like; lengths in milliseconds. `noise`: runs of a thousand that fail or
    say nothing without anything being wrong. `checks` are asked of each system by every agent. The first `disclosed` systems are in the bundle.
    """

    seed: int = 1
    systems: int = 3
    checks: int = 1
    agents: int = 3
    days: int = 31
    every: int = 900_000
    batch: int = 3 * HOUR_MS
    checkpoint: int = 6 * HOUR_MS
    witnesses: int = 1
    log_keys: int = 1
    noise: int = 2
    disclosed: int = 2
    faults: frozenset[Fault] = EVERY_FAULT

    @property
    def start(self) -> int:
        return START

    @property
    def end(self) -> int:
        return START + self.days * DAY_MS

    @property
    def evidence_from(self) -> int:
        """The UTC midnight that is a day before, or more."""
        return (START - DAY_MS) // DAY_MS * DAY_MS

    @property
    def begin(self) -> int:
        """When the log was started."""
        return self.evidence_from - DAY_MS // 2

    def at(self, permille: int) -> int:
        """An instant of the period, on a slot's border."""
        return START + (self.end - START) * permille // 1000 // self.every * self.every

    @property
    def system_names(self) -> tuple[str, ...]:
        return tuple(_NAMES[n] if n < len(_NAMES) else f"system-{n}" for n in range(self.systems))

    @property
    def agent_names(self) -> tuple[str, ...]:
        names = ("north-1", "south-1", "outside-1")
        return tuple(names[n] if n < len(names) else f"agent-{n}" for n in range(self.agents))

    def has(self, fault: Fault) -> bool:
        return fault in self.faults

    @property
    def outage(self) -> Interval:
        return Interval(self.at(200), self.at(200) + 5 * self.every)

    @property
    def window(self) -> Interval:
        """Of the approved window, a night hour of the organization."""
        return self._night(450)

    @property
    def unapproved(self) -> Interval:
        return self._night(820)

    @property
    def silence(self) -> Interval:
        """Of all agents."""
        return Interval(self.at(600), self.at(600) + 2 * HOUR_MS + 12 * self.every)

    @property
    def away(self) -> Interval:
        """Of the collector: batches come when it is there again."""
        return Interval(self.at(650), self.at(650) + 4 * HOUR_MS)

    @property
    def late(self) -> Interval:
        """Sealed then, and brought a while after."""
        return Interval(self.at(400), self.at(400) + 3 * self.batch)

    @property
    def buried(self) -> Interval:
        """Sealed then, and given up for want of room."""
        return Interval(self.at(750), self.at(750) + 4 * self.batch)

    def _night(self, permille: int) -> Interval:
        day = (self.at(permille) - START) // DAY_MS
        first = START + day * DAY_MS + 2 * HOUR_MS
        return Interval(first, first + 2 * HOUR_MS)


def config(story: Story, keys: Sequence[str], version: int = 1) -> Config:
    """The operator's file; `keys` are pinned, of agents from the fourth on and of the third.

    `version` 2 asks the second system half as often; 3 changes nothing that a number reads.
    """
    checks: dict[str, Any] = {}
    for n, system in enumerate(story.system_names):
        slower = 2 if version > 1 and n == 1 else 1
        checks[f"{system}-read"] = _check(system, story.every * slower, story.agent_names)
        for more in range(1, story.checks):
            checks[f"{system}-read-{more}"] = _check(system, story.every, story.agent_names)
        if n % 2 == 0:
            told = _check(system, 2 * story.every, story.agent_names[:1])
            checks[f"{system}-write"] = {**told, "role": "supporting"}
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": ORG, "name": NAME, "timezone": ZONE},
            "sites": {
                "north": {"name": "North", "users": "300"},
                "south": {"name": "South", "users": "120"},
            },
            "agents": {name: _agent(n, keys[n]) for n, name in enumerate(story.agent_names)},
            "systems": {
                name: _system(n, name, version) for n, name in enumerate(story.system_names)
            },
            "checks": checks,
            "maintenance": _windows(story),
        }
    )


def outcome_of(story: Story, system: int, t: int) -> Outcome:
    """What an agent sees of a system at an instant, but for noise."""
    if system == 0 and story.has(Fault.OUTAGE) and _in(story.outage, t):
        return Outcome.DOWN
    if system == 0 and story.has(Fault.WINDOW) and _in(story.window, t):
        return Outcome.DOWN
    if system == 0 and story.has(Fault.UNAPPROVED) and _in(story.unapproved, t):
        return Outcome.DOWN
    if system == 1 and story.has(Fault.BLIP) and story.at(300) <= t < story.at(300) + story.every:
        return Outcome.DOWN
    return Outcome.UP


def _in(span: Interval, t: int) -> bool:
    return span.start <= t < span.end


def _agent(n: int, key: str) -> dict[str, Any]:
    told: dict[str, Any] = {"site": "north" if n % 2 == 0 else "south"}
    if n >= _PINNED:
        told |= {"key": key, "operator": "Simulated Auditors"}
    return told


_PINNED = 2
"""Agents from this one on are another operator's, with keys in the file; the others enrol."""


def is_pinned(n: int) -> bool:
    return n >= _PINNED


def _system(n: int, name: str, version: int) -> dict[str, Any]:
    told: dict[str, Any] = {
        "name": f"Simulated {name}",
        "impact": {"class": "clinical" if n == 0 else "administrative"},
    }
    if n == 0:
        told["slo"] = {"target": "99.9", "minimum": "99"}
    elif n == 1:
        told["slo"] = {"target": "99.5", "scope": "worst_site"}
    if version > _IRRELEVANT:
        told["runbook"] = "https://wiki.example/simulated"
    return told


_IRRELEVANT = 2


def _check(system: str, every: int, agents: Sequence[str]) -> dict[str, Any]:
    return {"system": system, "kind": "tcp", "every": every, "timeout": 30_000, "from": [*agents]}


def _windows(story: Story) -> list[dict[str, Any]]:
    if not story.has(Fault.UNAPPROVED):
        return []
    return [
        {
            "id": "never-approved",
            "systems": [story.system_names[0]],
            **window_times(story.unapproved),
            "proposed": {"by": "change-1", "at": "2026-06-01T00:00:00Z"},
        }
    ]


def window_times(span: Interval) -> dict[str, Any]:
    return {"start": _wall(span.start), "end": _wall(span.end), "timezone": ZONE}


def _wall(at: int) -> str:
    return times.from_ms(at, ZoneInfo(ZONE)).replace(tzinfo=None).isoformat()


def canonical(found: Config) -> bytes:
    return configfile.canonical(found)
