"""What a report calls a system. Pure."""

from __future__ import annotations

from collector.reports.predicate import Predicate


def name_of(read: Predicate, system: str) -> str:
    """The operator's name of it; its id where there is none."""
    return next((one.name for one in read.scope.systems if one.id == system), system)
