"""What the config in force said about a system when an incident of it started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alerts.instants import covering
from probes.config import Config, Impact, Policy
from probes.history import History
from probes.spans import Interval


@dataclass(frozen=True, slots=True)
class Terms:
    """Fixed at an incident's start (semantics 5); durations in milliseconds."""

    policy: Policy
    impact: Impact
    depends_on: tuple[str, ...]


def terms(history: History, outages: Sequence[Interval], system: str, t: int) -> Terms:
    """The terms of `system` at `t`; KeyError when no version knows the system."""
    config = in_force(history, outages, system, t)
    definition = config.systems[system]
    return Terms(config.policy, definition.impact, definition.depends_on)


def in_force(history: History, outages: Sequence[Interval], system: str, t: int) -> Config:
    """The config that speaks for `system` at `t`; KeyError when no version knows the system.

    What a version changes of a system that is down takes effect when that outage ends
    (semantics 2), so inside one of its `outages` the version before the outage speaks.
    """
    outage = covering(outages, t)
    instants = ([outage.start - 1] if outage else []) + [t]
    for config in (history.at(instant) for instant in instants):
        if config is not None and system in config.systems:
            return config
    first = next((v.config for v in history.versions if system in v.config.systems), None)
    if first is None:
        raise KeyError(system)
    return first
