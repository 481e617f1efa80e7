"""Config versions in the order they took effect; every instant is judged by the one in force."""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from probes.config import Config


@dataclass(frozen=True, slots=True)
class Version:
    """`at` is UTC milliseconds, or None for a config that holds throughout."""

    at: int | None
    config: Config


class History:
    """At least one version, sorted by instant; before the first there is no config."""

    def __init__(self, versions: Iterable[Version]) -> None:
        self.versions = tuple(sorted(versions, key=lambda v: -1 if v.at is None else v.at))
        if not self.versions:
            raise ValueError("a history has at least one version")
        self._starts = [-1 if v.at is None else v.at for v in self.versions]

    def at(self, t: int) -> Config | None:
        """The version in force at `t`; None before the first was recorded."""
        position = bisect.bisect_right(self._starts, t) - 1
        return self.versions[position].config if position >= 0 else None

    @property
    def latest(self) -> Config:
        return self.versions[-1].config
