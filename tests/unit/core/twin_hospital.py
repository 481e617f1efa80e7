"""One system of an operator's file once more, from the text alone: YAML as dicts, results as JSON.

The slow twin of the replay document: states unit by unit (two minutes), versions that wait,
windows by wall clock. The rules of 2.1 to 2.4 are those of `twin.py`; nothing is product code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from probes.contract import Outcome
from tests.unit.core.twin import GOOD, UNIT, Heard, Line, Rule, heard, voice, vote

File = Mapping[str, Any]
"""The operator's file as read from YAML, every scalar as text."""
Source = tuple[str, str]
FAR = 10**6

_told: dict[tuple[tuple[tuple[int, Outcome, Rule], ...], int], list[str]] = {}


@dataclass(frozen=True)
class Recorded:
    """A version of the file from a unit on; None: it holds throughout."""

    at: int | None
    file: File


@dataclass(frozen=True)
class Scene:
    """All that is given. `zero` is unit 0 in UTC ms; the rest is in units from it."""

    zero: int
    versions: tuple[Recorded, ...]
    results: tuple[Mapping[str, Any], ...] = field(repr=False)
    start: int
    end: int
    now: int

    def unit(self, written: str, zone: str) -> int:
        """An instant, or wall clock in a zone: in a gap the offset before it, of two the first."""
        at = datetime.fromisoformat(written)
        at = at if at.tzinfo else at.replace(tzinfo=ZoneInfo(zone))
        ms = (at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
        assert (ms - self.zero) % UNIT == 0
        return (ms - self.zero) // UNIT

    def text(self, x: int) -> str:
        at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.zero + x * UNIT)
        return at.strftime("%Y-%m-%dT%H:%M:%S.000Z")

    @property
    def known(self) -> list[Recorded]:
        return [v for v in self.versions if v.at is None or v.at < self.now]

    def recorded(self, x: int) -> File | None:
        """The version recorded last at unit `x`, as known now."""
        past = [v.file for v in self.known if v.at is None or v.at <= x]
        return past[-1] if past else None


def units(duration: str) -> int:
    found = re.fullmatch(r"([0-9]+)m", duration)
    assert found
    return int(found[1]) * 60_000 // UNIT


def agents_of(file: File, check: str) -> list[str]:
    return list(file["checks"][check].get("from", file["agents"]))


def checks_of(file: File, system: str) -> list[str]:
    return [name for name, one in file["checks"].items() if one["system"] == system]


def role_of(file: File, check: str) -> str:
    """critical, supporting, or the name of the group after a colon."""
    role = file["checks"][check].get("role", "critical")
    return role if isinstance(role, str) else f":{role['group']}"


def rule_of(file: File, system: str, source: Source) -> Rule | None:
    """The values in force for a (check, agent) of this system, None where it is none."""
    check, agent = source
    entry = file["checks"].get(check)
    if entry is None or entry["system"] != system or agent not in agents_of(file, check):
        return None
    confirm = entry.get("confirm", {})
    return Rule(
        int(confirm.get("down", 2)),
        int(confirm.get("up", 1)),
        2 * units(entry["every"]) + units(entry["timeout"]),
    )


def system_of(states: Mapping[str, str], file: File, system: str, *, at_site: bool) -> str:
    """2.5, first match wins; `states` has the checks that count here."""
    said: dict[str, list[str]] = {}
    for check, state in states.items():
        said.setdefault(role_of(file, check), []).append(state)
    critical, supporting = said.pop("critical", []), said.pop("supporting", [])
    if not critical and not said:
        return "not_monitored"
    need = {name: int(file["systems"][system]["groups"][name[1:]]["need"]) for name in said}
    if at_site:
        need = {name: min(k, len(said[name])) for name, k in need.items()}
    down = {name: states.count("down") for name, states in said.items()}
    works = {n: states.count("up") + states.count("degraded") for n, states in said.items()}
    if "down" in critical or any(down[n] > len(said[n]) - need[n] for n in said):
        return "down"
    if "unknown" in critical or any(works[n] < need[n] for n in said):
        return "unknown"
    if "degraded" in critical or any(s != "up" for states in said.values() for s in states):
        return "degraded"
    return "degraded" if "down" in supporting or "degraded" in supporting else "up"


class TwinSystem:
    """States of the system and its sites at every unit of `[0, now)`, outages, blips, runs."""

    def __init__(self, name: str, scene: Scene) -> None:
        self.name, self.scene, self.now = name, scene, max(scene.now, 0)
        self.lines: dict[Source, Line] = {}
        for one in scene.results:
            source = (one["check"], one["agent"])
            if any(rule_of(v.file, name, source) for v in scene.versions):
                at = scene.unit(one["at"], "UTC")
                self.lines.setdefault(source, []).append((at, Outcome(one["outcome"])))
        firsts = [t for line in self.lines.values() for t, _ in line if t < self.now]
        self.first_seen = min([scene.start, *firsts])
        self.entered: set[int] = set()
        self.in_force = self._in_force()
        self.heard = self._heard(self.in_force)
        self.voices = {source: self._line(line) for source, line in self.heard.items()}
        self.sites, self.states = self._states(self.in_force, self.voices)
        self.outages = self._stretches(self.states)

    def begins(self, file: File, x: int) -> bool:
        """Does this version, in force at unit `x`, monitor the system then?"""
        found = file["systems"].get(self.name)
        if found is None:
            return False
        if "effective_from" in found:
            zone = file["organization"]["timezone"]
            return x >= self.scene.unit(found["effective_from"], zone)
        return self.scene.versions[0].at is not None or x >= self.first_seen

    def future(self, x: int, site: str | None) -> bool:
        """Will unit `x`, not before now, be monitored here by what is in force?"""
        if not self.scene.known:
            return False
        file = self.in_force[-1] if self.in_force else self.scene.recorded(self.now)
        if file is None or not self.begins(file, x):
            return False
        if site is None:
            return True
        return any(
            file["agents"][agent]["site"] == site
            for check in checks_of(file, self.name)
            if role_of(file, check) != "supporting"
            for agent in agents_of(file, check)
        )

    def decides(self, source: Source, x: int) -> bool:
        """Can this (check, agent) put the system down, by the version in force at `x`?"""
        file = self.in_force[x]
        return (
            file is not None
            and rule_of(file, self.name, source) is not None
            and role_of(file, source[0]) != "supporting"
        )

    def judged(self) -> list[tuple[int, bool]]:
        """(when, was it good) of every judged result that is heard."""
        return [
            (t, outcome in GOOD)
            for line in self.heard.values()
            for t, outcome, _ in line
            if outcome is not Outcome.MISCONFIGURED
        ]

    def blips(self) -> list[int]:
        """The first failing results of runs too short to confirm that a good result ended."""
        return [start for line in self.heard.values() for start in _blips(line)]

    def uncertainty(self, start: int, end: int) -> tuple[int, int | None]:
        failing, good = [start], []
        for source, line in self.heard.items():
            own = self.voices[source]
            failing += [
                t
                for t, o, _ in line
                if start <= t < end
                and o is Outcome.DOWN
                and own[t] == "down"
                and self.decides(source, t)
            ]
            if own[start] == "down" and self.decides(source, start):
                good += [t for t, o, _ in line if t < start and o in GOOD]
        return max(failing) - start, None if not good else end - max(good)

    def _in_force(self) -> list[File | None]:
        """Unit by unit; what changes a system that is down waits for the end of that outage."""
        chosen: list[File | None] = []
        current: File | None = None
        waiting: Recorded | None = None
        for x in range(self.now):
            for version in self.scene.known:
                if version.at == x or (version.at is None and x == 0):
                    waiting = version
            if waiting is not None:
                stays = self.name in waiting.file["systems"] and current is not None
                if not (stays and self._is_open([*chosen, current])):
                    if waiting.at is not None and waiting.at < x:
                        self.entered.add(x)
                    current, waiting = waiting.file, None
            chosen.append(current)
        return chosen

    def _is_open(self, chosen: Sequence[File | None]) -> bool:
        voices = {source: self._line(line) for source, line in self._heard(chosen).items()}
        _, states = self._states(chosen, voices)
        found = self._stretches(states)
        return bool(found) and found[-1][1] is None

    def _heard(self, chosen: Sequence[File | None]) -> dict[Source, Heard]:
        """Results before the first version are history, judged by it."""
        files = [file for file in chosen if file is not None]
        if not files:
            return {}
        first = next(x for x, file in enumerate(chosen) if file is not None)

        def rule_at(source: Source, t: int) -> Rule | None:
            file = chosen[min(max(t, first), len(chosen) - 1)]
            return None if file is None else rule_of(file, self.name, source)

        return {
            source: heard(line, self.now, partial(rule_at, source))
            for source, line in self.lines.items()
        }

    def _line(self, line: Heard) -> list[str]:
        key = (tuple(line), self.now)
        if len(_told) > 20_000:
            _told.clear()
        if key not in _told:
            _told[key] = [voice(line, x) for x in range(self.now)]
        return _told[key]

    def _states(
        self, chosen: Sequence[File | None], voices: Mapping[Source, list[str]]
    ) -> tuple[dict[str, list[str]], list[str]]:
        names = {site for v in self.scene.versions for site in v.file["sites"]}
        sites: dict[str, list[str]] = {site: [] for site in sorted(names)}
        states: list[str] = []
        silent = ["unknown"] * self.now
        for x, file in enumerate(chosen):
            if file is None or not self.begins(file, x):
                for line in (*sites.values(), states):
                    line.append("not_monitored")
                continue
            here: dict[str, dict[str, str]] = {site: {} for site in sites}
            everywhere: dict[str, str] = {}
            for check in checks_of(file, self.name):
                said: dict[str, list[str]] = {}
                for agent in agents_of(file, check):
                    state = voices.get((check, agent), silent)[x]
                    said.setdefault(file["agents"][agent]["site"], []).append(state)
                quorum = file["checks"][check].get("quorum", {})
                need = int(quorum["need"]) if "need" in quorum else None
                for site, votes in said.items():
                    here[site][check] = vote(votes, need)
                everywhere[check] = vote([here[site][check] for site in said], need)
            for site, line in sites.items():
                line.append(system_of(here[site], file, self.name, at_site=True))
            states.append(system_of(everywhere, file, self.name, at_site=False))
        return sites, states

    def _stretches(self, states: Sequence[str]) -> list[tuple[int, int | None]]:
        found: list[tuple[int, int | None]] = []
        start: int | None = None
        for x, state in enumerate(states):
            over = state in ("up", "degraded", "not_monitored")
            if start is not None and (over or (state == "unknown" and x in self.entered)):
                found.append((start, x))
                start = None
            if state == "down" and start is None:
                start = x
        return found if start is None else [*found, (start, None)]


def _blips(line: Heard) -> list[int]:
    """2.2: failing runs of fewer than `n`, outside outages, ended by a good result."""
    found: list[int] = []
    failing: list[tuple[int, Rule]] = []
    good: list[Rule] = []
    in_outage = False
    for place, (t, outcome, rule) in enumerate(line):
        if place and line[place - 1][0] + line[place - 1][2].hold < t:
            failing, good = [], []
        if outcome is Outcome.DOWN:
            good = []
            failing.append((t, rule))
            in_outage = in_outage or len(failing) >= rule.n
        elif outcome in GOOD:
            if in_outage:
                good.append(rule)
                in_outage = len(good) < rule.m
            elif failing:
                found.append(failing[0][0])
            failing = []
    return found
