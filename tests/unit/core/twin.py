"""Semantics 2 to 4 once more, from the text alone: instant by instant, slow and plain.

Time is in units of two minutes. Nothing here reads product code, so that the fold and this can
only agree by both being right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from probes.contract import Outcome

UNIT = 120_000
HOUR = 30
WORST = [Outcome.DOWN, Outcome.MISCONFIGURED, Outcome.UNKNOWN, Outcome.DEGRADED, Outcome.UP]
GOOD = {Outcome.UP: "up", Outcome.DEGRADED: "degraded"}
SITES = {"a": "north", "b": "north", "s": "south"}

Line = list[tuple[int, Outcome]]
Source = tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """The values in force at a result: runs that confirm, and how long it holds."""

    n: int
    m: int
    hold: int


Heard = list[tuple[int, Outcome, Rule]]


def settled(line: Line, now: int) -> Line:
    """One result an instant, the worse of two; without explicit unknowns (2.1)."""
    out: Line = []
    for t in sorted({t for t, _ in line if t < now}):
        outcome = min((o for u, o in line if u == t), key=WORST.index)
        if outcome is not Outcome.UNKNOWN:
            out.append((t, outcome))
    return out


def heard(line: Line, now: int, rule_at: Callable[[int], Rule | None]) -> Heard:
    """Settled results, each with the values in force at its time; the unassigned say nothing."""
    return [(t, o, rule) for t, o in settled(line, now) for rule in [rule_at(t)] if rule]


def runs(line: Heard) -> list[Heard]:
    """Judged results in runs; another side or a gap anywhere between breaks one (2.2)."""
    out: list[Heard] = []
    broken = True
    for n, (t, outcome, rule) in enumerate(line):
        broken = broken or line[n - 1][0] + line[n - 1][2].hold < t
        if outcome is Outcome.MISCONFIGURED:
            continue
        if broken or (out[-1][-1][1] is Outcome.DOWN) != (outcome is Outcome.DOWN):
            out.append([])
        out[-1].append((t, outcome, rule))
        broken = False
    return out


def outages(line: Heard) -> list[tuple[int, int | None]]:
    found: list[tuple[int, int | None]] = []
    for run in runs(line):
        is_open = bool(found) and found[-1][1] is None
        if run[0][1] is Outcome.DOWN:
            if not is_open and any(place >= r.n for place, (_, _, r) in enumerate(run, 1)):
                found.append((run[0][0], None))
        elif is_open and any(place >= r.m for place, (_, _, r) in enumerate(run, 1)):
            found[-1] = (found[-1][0], run[0][0])
    return found


def ended_by_good(line: Heard, t: int) -> bool:
    """Was the failing run of `t` ended by a good result and not by a gap or the present?"""
    for left, right in pairwise(entry for entry in line if entry[0] >= t):
        if left[0] + left[2].hold < right[0]:
            return False
        if right[1] in GOOD:
            return True
    return False


def confirmed(line: Heard, t: int) -> bool:
    """Is the misconfigured result at `t` one of `n` in a row, no judged result between?"""
    row: list[tuple[int, int]] = []
    for at, outcome, rule in line:
        if outcome is not Outcome.MISCONFIGURED:
            if at > t:
                break
            row = []
        else:
            row.append((at, rule.n))
    return any(place >= n for place, (_, n) in enumerate(row, 1))


def base(line: Heard, x: int) -> str:
    """2.1 and 2.2 at one instant."""
    before = [entry for entry in line if entry[0] <= x]
    if not before or before[-1][0] + before[-1][2].hold <= x:
        return "unknown"
    t, outcome, _ = before[-1]
    if outcome is Outcome.MISCONFIGURED:
        return "misconfigured" if confirmed(line, t) else base(line, t - 1)
    if any(left <= t and (right is None or t < right) for left, right in outages(line)):
        return "down"
    if outcome in GOOD:
        return GOOD[outcome]
    return "degraded" if ended_by_good(line, t) else "unknown"


def voice(line: Heard, x: int) -> str:
    """2.3 on top."""
    state = base(line, x)
    holders = [entry for entry in line if entry[0] <= x < entry[0] + entry[2].hold]
    if not holders or holders[-1][1] is Outcome.MISCONFIGURED:
        return state
    if holders[-1][0] != max(t for t, _, _ in line if t <= x):
        return state
    judged = [(t, o) for t, o, _ in line if o is not Outcome.MISCONFIGURED]
    begun = {run[0][0] for run in runs(line)}
    for first in range(len(judged) - 9):
        ten = judged[first : first + 10]
        failing = [t for t, o in ten if o is Outcome.DOWN]
        separate = sum(t == failing[0] or t in begun for t in failing)
        if ten[-1][0] - ten[0][0] > HOUR or separate < 3:
            continue
        end = min((t for t, o in judged if t > failing[-1] and o in GOOD), default=10**9)
        if failing[0] <= holders[-1][0] < end:
            if len(failing) >= 5:
                return "down"
            state = "down" if state == "down" else "degraded"
    return state


def vote(states: Sequence[str], need: int | None = None) -> str:
    """2.4, over agents and over sites."""
    fresh = [s for s in states if s not in ("unknown", "misconfigured")]
    wanted = Fraction(len(states), 2) if need is None else min(need, len(states))
    if not fresh or len(fresh) < wanted:
        return "unknown"
    if fresh.count("down") >= Fraction(2, 3) * len(fresh):
        return "down"
    if "down" in fresh or fresh.count("degraded") >= Fraction(2, 3) * len(fresh):
        return "degraded"
    return "up"


@dataclass(frozen=True)
class Watched:
    """A check as one version has it. `role`: critical, supporting, or a member of the group."""

    agents: tuple[str, ...]
    role: str = "critical"
    n: int = 2
    m: int = 1
    need: int | None = None
    every: int = 1
    timeout: int = 1

    @property
    def rule(self) -> Rule:
        return Rule(self.n, self.m, 2 * self.every + self.timeout)


@dataclass(frozen=True)
class Slot:
    """A window for the system from unit to unit; `approved` by somebody else, at a unit."""

    id: str
    start: int
    end: int
    approved: int | None


@dataclass(frozen=True)
class Plan:
    """One version of the system, recorded at a unit; without checks the system is removed."""

    at: int
    checks: Mapping[str, Watched]
    k: int = 1
    effective: int | None = None
    windows: tuple[Slot, ...] = ()


def system_of(states: Mapping[str, str], plan: Plan, *, at_site: bool) -> str:
    """2.5, first match wins; `states` has the checks that count here."""
    of: dict[str, list[str]] = {"critical": [], "supporting": [], "group": []}
    for name, state in states.items():
        of[plan.checks[name].role].append(state)
    critical, supporting, group = of["critical"], of["supporting"], of["group"]
    if not critical and not group:
        return "not_monitored"
    s = len(group)
    k = min(plan.k, s) if at_site else plan.k
    if "down" in critical or (group and group.count("down") > s - k):
        return "down"
    if "unknown" in critical or (group and group.count("up") + group.count("degraded") < k):
        return "unknown"
    if "degraded" in critical or group.count("up") < s:
        return "degraded"
    if "down" in supporting or "degraded" in supporting:
        return "degraded"
    return "up"


Assigned = Callable[[int], Plan | None]
"""The version in force at a unit."""


class Twin:
    """One system's story: its versions, the results of each (check, agent), the present."""

    def __init__(self, plans: Sequence[Plan], lines: Mapping[Source, Line], now: int) -> None:
        self.plans, self.lines, self.now = plans, lines, now
        self._told: dict[tuple[tuple[int, Outcome, Rule], ...], list[str]] = {}
        self.entered: set[int] = set()
        self.in_force = self._in_force()
        self.voices = self._voices(self._by(self.in_force))
        self.checks, self.sites, self.states = self._states(self.in_force, self.voices)
        self.outages = self._stretches(self.states)

    def _by(self, chosen: Sequence[Plan | None]) -> Assigned:
        """Before the first version its own rules hold; after the last known unit, the last."""

        def at(t: int) -> Plan | None:
            known = [p for p in chosen if p is not None]
            if not known:
                return None
            first = chosen.index(known[0])
            return chosen[min(max(t, first), len(chosen) - 1)]

        return at

    def _voices(self, at: Assigned) -> dict[Source, list[str]]:
        def rule_of(source: Source) -> Callable[[int], Rule | None]:
            def rule_at(t: int) -> Rule | None:
                plan = at(t)
                watched = None if plan is None else plan.checks.get(source[0])
                return watched.rule if watched and source[1] in watched.agents else None

            return rule_at

        self.heard = {
            source: heard(line, self.now, rule_of(source)) for source, line in self.lines.items()
        }
        return {source: self._line(line) for source, line in self.heard.items()}

    def _line(self, line: Heard) -> list[str]:
        key = tuple(line)
        if key not in self._told:
            self._told[key] = [voice(line, x) for x in range(self.now)]
        return self._told[key]

    def _states(
        self, chosen: Sequence[Plan | None], voices: Mapping[Source, list[str]]
    ) -> tuple[dict[str, list[str]], dict[str, list[str]], list[str]]:
        names = {name for plan in self.plans for name in plan.checks}
        checks: dict[str, list[str]] = {name: [] for name in sorted(names)}
        sites: dict[str, list[str]] = {"north": [], "south": []}
        states: list[str] = []
        for x, plan in enumerate(chosen):
            monitored = plan and plan.checks and (plan.effective is None or x >= plan.effective)
            if not plan or not monitored:
                for line in (*checks.values(), *sites.values(), states):
                    line.append("not_monitored")
                continue
            here: dict[str, dict[str, str]] = {}
            for name, watched in plan.checks.items():
                for site in sites:
                    own = [a for a in watched.agents if SITES[a] == site]
                    if own:
                        said = [voices[name, a][x] for a in own]
                        here.setdefault(name, {})[site] = vote(said, watched.need)
            everywhere = {
                name: vote(list(by_site.values()), plan.checks[name].need)
                for name, by_site in here.items()
            }
            for name, line in checks.items():
                line.append(everywhere.get(name, "not_monitored"))
            for site, line in sites.items():
                there = {n: by_site[site] for n, by_site in here.items() if site in by_site}
                line.append(system_of(there, plan, at_site=True))
            states.append(system_of(everywhere, plan, at_site=False))
        return checks, sites, states

    def _in_force(self) -> list[Plan | None]:
        """What changes a system that is down waits for the end of that outage (2, last)."""
        chosen: list[Plan | None] = []
        current: Plan | None = None
        waiting: Plan | None = None
        for x in range(self.now):
            for plan in self.plans:
                waiting = plan if plan.at == x else waiting
            if waiting and not (waiting.checks and self._is_open(chosen, current)):
                if waiting.at < x:
                    self.entered.add(x)
                current, waiting = waiting, None
            chosen.append(current)
        return chosen

    def _is_open(self, before: Sequence[Plan | None], current: Plan | None) -> bool:
        """Is an outage open at the next unit, by the version that is in force so far?"""
        chosen = [*before, current]
        _, _, states = self._states(chosen, self._voices(self._by(chosen)))
        found = self._stretches(states)
        return bool(found) and found[-1][1] is None

    def _stretches(self, states: Sequence[str]) -> list[tuple[int, int | None]]:
        """From the first down unit to the first up, degraded or not monitored one (3)."""
        found: list[tuple[int, int | None]] = []
        for x, state in enumerate(states):
            is_open = bool(found) and found[-1][1] is None
            if state == "down" and not is_open:
                found.append((x, None))
            if is_open and (
                state in ("up", "degraded", "not_monitored")
                or (state == "unknown" and x in self.entered)
            ):
                found[-1] = (found[-1][0], x)
        return found

    def uncertainty(self, start: int, end: int) -> tuple[int, int | None]:
        """`min` and `max` of a closed outage, in units, by checks that can put the system down."""
        failing = [start]
        good: list[int] = []
        for source, line in self.heard.items():
            own = self.voices[source]
            failing += [
                t
                for t, o, _rule in line
                if start <= t < end
                and o is Outcome.DOWN
                and own[t] == "down"
                and self._decides(source, t)
            ]
            if own[start] == "down" and self._decides(source, start):
                good += [t for t, o, _rule in line if t < start and o in GOOD]
        return max(failing) - start, None if not good else end - max(good)

    def _decides(self, source: Source, x: int) -> bool:
        """By the version in force: a check that is gone by then says nothing, whatever it held."""
        plan = self.in_force[x]
        own = None if plan is None else plan.checks.get(source[0])
        return own is not None and source[1] in own.agents and own.role != "supporting"

    def access(self) -> list[bool]:
        """Unknown time that would not be unknown had every confirmed misconfigured been up (5)."""
        pardoned = {
            source: ["up" if s == "misconfigured" else s for s in line]
            for source, line in self.voices.items()
        }
        _, _, otherwise = self._states(self.in_force, pardoned)
        return [
            state == "unknown" and other != "unknown"
            for state, other in zip(self.states, otherwise, strict=True)
        ]

    def rejected(self, x: int) -> bool:
        """Is a critical check, up before with the same config, refused everywhere now (5)?"""
        plan = self.in_force[x]
        if plan is None or self.states[x] == "not_monitored":
            return False
        for name, watched in plan.checks.items():
            if watched.role != "critical":
                continue
            if any(self.voices[name, a][x] != "misconfigured" for a in watched.agents):
                continue
            first = x
            while first > 0 and self._definition(name, first - 1) == watched:
                first -= 1
            seen = [
                t
                for a in watched.agents
                for t, o, _rule in self.heard[name, a]
                if first <= t and o in GOOD
            ]
            if any(
                self.checks[name][y] == "up" and min(seen, default=y + 1) <= y
                for y in range(first, x + 1)
            ):
                return True
        return False

    def _definition(self, name: str, x: int) -> Watched | None:
        plan = self.in_force[x]
        return None if plan is None else plan.checks.get(name)

    def excluded(self, x: int) -> bool:
        """Does approved maintenance of the version recorded last cover unit `x` (4)?"""
        recorded = [p for p in self.plans if p.at <= min(x, self.now - 1)]
        if not recorded:
            return False
        for slot in recorded[-1].windows:
            if not slot.start <= x < slot.end or slot.approved is None:
                continue
            if slot.approved >= slot.start:
                continue
            covered = any(
                left <= slot.approved
                and (right is None or slot.approved < right)
                and left <= x
                and (right is None or x < right)
                for left, right in self.outages
            )
            if not covered:
                return True
        return False

    def klass(self, x: int, states: Sequence[str]) -> str:
        """The class of a unit; first match (3)."""
        if x >= self.now or states[x] == "not_monitored":
            return "not_monitored"
        return "excluded" if self.excluded(x) else states[x]

    def eligible_whole(self, end: int) -> int:
        """`E_whole` of `[0, end)` by contract-v1: future approved windows removed."""
        count = 0
        for x in range(end):
            if x < self.now:
                count += self.klass(x, self.states) not in ("not_monitored", "excluded")
                continue
            plan = self.in_force[-1]
            monitored = plan and plan.checks and (plan.effective is None or x >= plan.effective)
            count += bool(monitored) and not self.excluded(x)
        return count


def verdict(up: int, down: int, unknown: int, target: Fraction) -> str:
    """Of a finished period."""
    eligible = up + down + unknown
    if up + down == 0:
        return "no_data"
    if Fraction(up, eligible) >= target:
        return "met"
    if Fraction(up + unknown, eligible) < target:
        return "breached"
    return "indeterminate"
