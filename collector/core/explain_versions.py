"""Which config version judges an instant, what it changed, and which ones wait (semantics 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from collector.core.steps import Reason, Rule, Step, Subject, Value
from collector.core.truth import SystemTruth
from collector.core.versions import InForce
from collector.core.windows import FAR
from probes.config import Config
from probes.history import Version

_WORDS = ("name", "runbook", "rrule", "spec", "ref")
"""Fields whose values are told of no further: they are words, addresses or settings of a kind."""


def explain_versions(truth: SystemTruth, at: int, recorded_by: Mapping[int, str]) -> list[Step]:
    """The version in force at `at` with what it changed, then those that are recorded and wait.

    `recorded_by` names who recorded a version, by its instant.
    """
    versions = truth.versions
    place = next((n for n, v in enumerate(versions) if v.start <= at < v.end), None)
    if place is None:
        return []
    chosen = versions[place]
    recorded = _recorded(truth, chosen)
    steps = [
        _step(
            Reason.WAITED if chosen.waited else Reason.IN_FORCE,
            "in_force",
            start=None if chosen.start == -FAR else chosen.start,
            end=None if chosen.end == FAR else chosen.end,
            recorded_at=recorded,
            by=None if recorded is None else recorded_by.get(recorded),
            outage_start=_outage_before(truth, recorded),
        )
    ]
    if place:
        steps += changes(truth.system, versions[place - 1].config, chosen.config)
    for version in truth.history.versions:
        if version.at is None or version.at > at or version.at <= (recorded or -FAR):
            continue
        steps.append(_waiting(truth, version, version.at, recorded_by))
        steps += changes(truth.system, chosen.config, version.config)
    return steps


def _waiting(truth: SystemTruth, version: Version, at: int, recorded_by: Mapping[int, str]) -> Step:
    """A version recorded at `at`, in an outage: nothing else makes one wait."""
    begins = next((v.start for v in truth.versions if _recorded(truth, v) == at), None)
    outage = next(o for o in truth.outages if o.covers(at))
    is_newest = version is truth.history.versions[-1]
    overtaken = begins is None and not (outage.end is None and is_newest)
    return _step(
        Reason.OVERTAKEN if overtaken else Reason.WAITS,
        "not_in_force",
        start=begins,
        recorded_at=at,
        by=recorded_by.get(at),
        outage_start=outage.start,
    )


def _outage_before(truth: SystemTruth, recorded: int | None) -> int | None:
    if recorded is None:
        return None
    return next((o.start for o in truth.outages if o.covers(recorded)), None)


def _recorded(truth: SystemTruth, chosen: InForce) -> int | None:
    """When the version was recorded; None for a config without an instant."""
    return max(
        (
            v.at
            for v in truth.history.versions
            if v.config is chosen.config and v.at is not None and v.at <= chosen.start
        ),
        default=None,
    )


def _step(
    reason: Reason,
    verdict: str,
    *,
    start: int | None = None,
    end: int | None = None,
    **facts: Value,
) -> Step:
    return Step(
        Rule.VERSIONS, reason, Subject.VERSION, verdict, start=start, end=end, facts=dict(facts)
    )


def changes(system: str, old: Config, new: Config) -> list[Step]:
    """What differs for one system: an entry added or removed, a value before and after."""
    before, after = dict(_about(system, old)), dict(_about(system, new))
    steps: list[Step] = []
    for entry in [*before, *(e for e in after if e not in before)]:
        if entry not in after or entry not in before:
            reason = Reason.ADDED if entry in after else Reason.REMOVED
            steps.append(_step(reason, "changed", path=entry))
            continue
        left, right = dict(_flat(entry, before[entry])), dict(_flat(entry, after[entry]))
        for path in [*left, *(p for p in right if p not in left)]:
            if left.get(path) == right.get(path):
                continue
            told = path.rpartition(".")[2] not in _WORDS
            steps.append(
                _step(
                    Reason.CHANGED,
                    "changed",
                    path=path,
                    before=_shown(left.get(path)) if told else None,
                    after=_shown(right.get(path)) if told else None,
                    told="yes" if told else "no",
                )
            )
    return steps


def _about(system: str, config: Config) -> Iterator[tuple[str, Any]]:
    """Entries that bear on the system's truth, by where they stand in the file."""
    if system in config.systems:
        yield f"systems.{system}", _plain(config.systems[system])
    agents: set[str] = set()
    for name in config.checks_of(system):
        yield f"checks.{name}", _plain(config.checks[name])
        agents.update(config.agents_of(name))
    for name in sorted(agents):
        yield f"agents.{name}", {"site": config.agents[name].site}
    for name in sorted({config.agents[a].site for a in agents}):
        yield f"sites.{name}", {"users": config.sites[name].users}
    for window in config.maintenance:
        if system in window.systems:
            yield f"maintenance.{window.id}", _plain(window)


def _plain(value: Any) -> dict[str, Any]:
    dumped: dict[str, Any] = value.model_dump(mode="json", by_alias=True)
    return dumped


def _flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and not path.endswith(".spec"):
        for key, below in value.items():
            yield from _flat(f"{path}.{key}", below)
    else:
        yield path, value


def _shown(value: Any) -> Value:
    if isinstance(value, list):
        return tuple(str(one) if isinstance(one, str | int) else "..." for one in value)
    plain: Value = value
    return plain
