"""What the config in force said about a system when an incident of it started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.instants import covering
from probes.config import Config
from probes.config_policy import Policy
from probes.config_systems import Impact
from probes.history import History, Version
from probes.spans import Interval


@dataclass(frozen=True, slots=True)
class Terms:
    """Fixed at an incident's start (semantics 5); durations in milliseconds."""

    policy: Policy
    impact: Impact
    depends_on: tuple[str, ...]


def terms(history: History, outages: Sequence[Interval], system: str, t: int) -> Terms:
    """The terms of `system` at `t`; KeyError when no version knows the system."""
    return terms_of(in_force(history, outages, system, t), system)


def terms_of(config: Config, system: str) -> Terms:
    definition = config.systems[system]
    return Terms(config.policy, definition.impact, definition.depends_on)


def in_force(history: History, outages: Sequence[Interval], system: str, t: int) -> Config:
    return version_in_force(history, outages, system, t).config


def agreed(
    history: History, number: int | None, outages: Sequence[Interval], system: str, t: int
) -> Config:
    """The config whose terms an incident has that started at `t`: the version its first row names
    by its `number`. Rows of earlier releases name none, and one may not be read yet: then the one
    in force at `t`.
    """
    named = None if number is None else history.numbered(number)
    return in_force(history, outages, system, t) if named is None else named.config


def version_in_force(history: History, outages: Sequence[Interval], system: str, t: int) -> Version:
    """The version that speaks for `system` at `t`; KeyError when no version knows the system.

    What a version changes of a system that is down takes effect when that outage ends
    (semantics 2), so inside one of its `outages` the version before the outage speaks.
    """
    outage = covering(outages, t)
    instants = ([outage.start - 1] if outage else []) + [t]
    for version in (history.version_at(instant) for instant in instants):
        if version is not None and system in version.config.systems:
            return version
    first = next((v for v in history.versions if system in v.config.systems), None)
    if first is None:
        raise KeyError(system)
    return first
