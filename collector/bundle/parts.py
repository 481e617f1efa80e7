"""A disclosed part of a version as a config that the fold can read, whatever stands in it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from collector.attest import projection
from collector.bundle.faults import BundleError, BundleFault
from collector.bundle.layout import ROWS
from probes import recurrence
from probes.config import Config
from probes.config_checks import InGroup
from probes.config_windows import Window
from probes.configfile import parse_canonical


def part_of(system: str, data: bytes, row: int) -> Config:
    """BundleError unless it is a part of this system, in its one spelling, that holds together."""
    config = _part(system, data)
    if config is None:
        raise BundleError(BundleFault.ROWS_PART, f"{ROWS} row {row}")
    return config


@lru_cache(maxsize=64)
def _part(system: str, data: bytes) -> Config | None:
    try:
        if projection.projections(data) != {system: data}:
            return None
        config = parse_canonical(data)
    except WRONG:
        return None
    return config if _holds_together(config, system) else None


WRONG = (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError)
"""What reading JSON of any form raises, the model's own error among them."""


def _holds_together(config: Config, system: str) -> bool:
    """Do all its references lead somewhere? The whole file was checked when it was recorded; here
    nobody knows who wrote it.
    """
    groups = config.systems[system].groups
    return (
        all(agent.site in config.sites for agent in config.agents.values())
        and all(
            agent in config.agents for name in config.checks for agent in config.agents_of(name)
        )
        and all(
            check.role.group in groups
            for check in config.checks.values()
            if isinstance(check.role, InGroup)
        )
        and all(map(repeats_rightly, config.maintenance))
    )


def repeats_rightly(window: Window) -> bool:
    """Is its rule one that can be followed?"""
    try:
        if window.rrule is not None:
            recurrence.parse(window.rrule)
    except ValueError:
        return False
    return True


def data_of(data: bytes) -> dict[str, Any]:
    """A row's content; BundleError for what is no object."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise BundleError(BundleFault.ROWS_CONTENT, ROWS)
    return found
