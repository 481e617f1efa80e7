"""From what each agent says to the state of the system (semantics 2.4 and 2.5), version by version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from collector.verifyscript.spans import FAR, Line, line_of
from collector.verifyscript.terms import InForce, Source, Terms, in_force_at, lasting
from collector.verifyscript.voices import GOOD, Heard, Rule, Voice, distinct, voice_of

Results = Mapping[Source, Sequence[tuple[int, str]]]
"""(instant, outcome) by (check, agent), in any order."""


class Outage(NamedTuple):
    """`end` None: it is open. `least` and `most`: how long it was at least and at most."""

    start: int
    end: int | None
    least: int | None
    most: int | None


class Truth(NamedTuple):
    """`line` and each of `sites`: up, degraded, down, unknown, not_monitored."""

    versions: list[InForce]
    voices: dict[Source, Voice]
    line: Line
    sites: dict[str, Line]
    outages: list[Outage]


def vote(states: Sequence[str], need: int | None) -> str:
    """2.4. What is rejected or silent does not vote."""
    fresh = [state for state in states if state not in ("unknown", "misconfigured")]
    wanted = -(-len(states) // 2) if need is None else min(need, len(states))
    if not fresh or len(fresh) < wanted:
        return "unknown"
    if 3 * fresh.count("down") >= 2 * len(fresh):
        return "down"
    if "down" in fresh or 3 * fresh.count("degraded") >= 2 * len(fresh):
        return "degraded"
    return "up"


def system_state(states: Mapping[str, str], terms: Terms, *, at_site: bool) -> str:
    """2.5, the first line that fits. `states`: of the checks that count here."""
    roles: dict[str, list[str]] = {"critical": [], "supporting": []}
    groups: dict[str, list[str]] = {}
    for check, state in states.items():
        role = terms.checks[check]["role"]
        if isinstance(role, dict):
            groups.setdefault(role["group"], []).append(state)
        else:
            roles[role].append(state)
    if not roles["critical"] and not groups:
        return "not_monitored"
    need = {name: terms.system["groups"][name]["need"] for name in groups}
    if at_site:
        need = {name: min(need[name], len(groups[name])) for name in groups}
    members = [state for group in groups.values() for state in group]
    if "down" in roles["critical"] or any(
        group.count("down") > len(group) - need[name] for name, group in groups.items()
    ):
        return "down"
    if "unknown" in roles["critical"] or any(
        group.count("up") + group.count("degraded") < need[name] for name, group in groups.items()
    ):
        return "unknown"
    if "degraded" in roles["critical"] or any(state != "up" for state in members):
        return "degraded"
    if "down" in roles["supporting"] or "degraded" in roles["supporting"]:
        return "degraded"
    return "up"


def judged(terms: Terms, said: Mapping[Source, str]) -> tuple[str, dict[str, str]]:
    """The state of the system, and of it at each site, by what each (check, agent) says."""
    sites = terms.sites
    everywhere: dict[str, str] = {}
    here: dict[str, dict[str, str]] = {}
    for check in filter(terms.counts, terms.checks):
        need = terms.checks[check]["quorum"]["need"]
        votes: dict[str, list[str]] = {}
        for agent in terms.agents[check]:
            votes.setdefault(sites[agent], []).append(said.get((check, agent), "unknown"))
        for site, states in votes.items():
            here.setdefault(site, {})[check] = vote(states, need)
        everywhere[check] = vote([here[site][check] for site in votes], need)
    at_sites = {site: system_state(states, terms, at_site=True) for site, states in here.items()}
    return system_state(everywhere, terms, at_site=False), at_sites


def truth_of(recorded: Sequence[Terms], results: Results, now: int) -> Truth:
    """All that is true of the system up to `now`, by the versions recorded before it."""
    known = [terms for terms in recorded if terms.at < now]
    lines = {source: distinct(line, now) for source, line in results.items()}
    versions: list[InForce] = []
    for n, terms in enumerate(known):
        following = known[n + 1].at if n + 1 < len(known) else FAR
        if terms.at >= following:
            continue  # of two that were recorded at one instant the later counts
        at = terms.at
        if versions and terms.system is not None and versions[-1].terms.about() != terms.about():
            end = _outage_at(lasting(versions), lines, now, at)
            if end is not None:
                if end >= following:
                    continue  # overtaken while the outage lasted
                at = end
        if versions:
            versions[-1] = versions[-1]._replace(end=at)
        versions.append(InForce(at, FAR, terms, waited=at > terms.at))
    voices, line, sites = _folded(versions, lines, now)
    outages = [_outage(start, end, versions, voices) for start, end in _stretches(line, versions)]
    return Truth(versions, voices, line, sites, outages)


def _outage_at(versions: list[InForce], lines: Results, now: int, t: int) -> int | None:
    """When the outage ends that is open at `t`, FAR if it does not; None if there is none."""
    _, line, _ = _folded(versions, lines, now)
    for start, end in _stretches(line, versions):
        if start <= t and (end is None or t < end):
            return FAR if end is None else end
    return None


def _folded(
    versions: list[InForce], lines: Results, now: int
) -> tuple[dict[Source, Voice], Line, dict[str, Line]]:
    voices = {
        source: voice_of(_heard(source, line, versions), now) for source, line in lines.items()
    }
    spans: list[tuple[int, int, str]] = []
    by_site: dict[str, list[tuple[int, int, str]]] = {}
    for version in versions:
        begins = version.terms.begins(version.start)
        end = min(version.end, now)
        start = end if begins is None else min(max(begins, version.start), end)
        spans.append((min(version.start, end), start, "not_monitored"))
        for left, right, state, sites in _pieces(version.terms, voices, start, end):
            spans.append((left, right, state))
            for site, there in sites.items():
                by_site.setdefault(site, []).append((left, right, there))
    line = line_of(spans)
    return voices, line, {site: line_of(found) for site, found in by_site.items()}


def _heard(source: Source, line: Sequence[tuple[int, str]], versions: list[InForce]) -> list[Heard]:
    """Each with the rule in force at its time; what nobody asked for then says nothing."""
    found: list[Heard] = []
    rules: list[Rule | None] = [version.terms.rule(source) for version in versions]
    place = 0
    for t, outcome in line:
        while place + 1 < len(versions) and versions[place + 1].start <= t:
            place += 1
        rule = rules[place] if rules else None
        if rule is not None:
            found.append(Heard(t, outcome, rule))
    return found


def _pieces(
    terms: Terms, voices: Mapping[Source, Voice], start: int, end: int
) -> list[tuple[int, int, str, dict[str, str]]]:
    """(start, end, state, states at sites) where nobody says anything new in between."""
    if start >= end:
        return []
    asked = [(c, a) for c in filter(terms.counts, terms.checks) for a in terms.agents[c]]
    edges = {start}
    turns: dict[int, dict[Source, str]] = {}
    said = dict.fromkeys(asked, "unknown")
    for source in asked:
        for left, right, state in voices[source].line if source in voices else []:
            if right > start and left < end:
                turns.setdefault(max(left, start), {})[source] = state
                edges.add(max(left, start))
    found: list[tuple[int, int, str, dict[str, str]]] = []
    told: dict[tuple[str, ...], tuple[str, dict[str, str]]] = {}
    order = sorted(edges)
    for left, right in zip(order, [*order[1:], end]):
        said.update(turns.get(left, {}))
        key = tuple(said.values())
        if key not in told:
            told[key] = judged(terms, said)
        found.append((left, right, *told[key]))
    return found


def _stretches(line: Line, versions: list[InForce]) -> list[tuple[int, int | None]]:
    """From the first instant of `down` to the first of `up` or `degraded` (semantics 3). It also ends
    where it let a version in that knows nothing then, and where monitoring ends.
    """
    let_in = [version.start for version in versions if version.waited]
    found: list[tuple[int, int | None]] = []
    start: int | None = None
    for left, right, state in line:
        if state == "down":
            start = left if start is None else start
        elif start is not None:
            ends = [left] if state != "unknown" else [t for t in let_in if left <= t < right]
            if ends:
                found.append((start, ends[0]))
                start = None
    return found if start is None else [*found, (start, None)]


def _outage(
    start: int, end: int | None, versions: list[InForce], voices: Mapping[Source, Voice]
) -> Outage:
    """With its uncertainty: only what can put the system down counts, by the version in force then."""
    if end is None:
        return Outage(start, None, None, None)
    last_failing, latest_good = start, None
    for source, voice in voices.items():
        down = [(left, right) for left, right, state in voice.line if state == "down"]
        for one in voice.heard:
            if start <= one.t < end and one.outcome == "down" and one.t > last_failing:
                version = in_force_at(versions, one.t)
                inside = any(left <= one.t < right for left, right in down)
                if inside and version is not None and version.terms.decides(source):
                    last_failing = one.t
        version = in_force_at(versions, start)
        is_down = any(left <= start < right for left, right in down)
        if is_down and version is not None and version.terms.decides(source):
            good = [one.t for one in voice.heard if one.t < start and one.outcome in GOOD]
            if good:
                latest_good = max(good[-1], latest_good or 0)
    most = None if latest_good is None else end - latest_good
    return Outage(start, end, last_failing - start, most)
