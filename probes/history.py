"""What was in force when: config versions, and what people did beside them.

Every instant is judged by the version in force then.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable
from dataclasses import dataclass

from probes.acts import Correction, RotaOverride, WindowAct
from probes.config import Config


@dataclass(frozen=True, slots=True)
class Version:
    """`at` is UTC milliseconds, or None for a config that holds throughout; `id` is the journal's,
    None for one that nobody recorded.
    """

    at: int | None
    config: Config
    id: int | None = None


class History:
    """At least one version, sorted by instant; before the first there is no config.

    `acts` on windows and `overrides` of who is on duty are in the order they were recorded,
    `corrections` in that of their requests.
    """

    def __init__(
        self,
        versions: Iterable[Version],
        acts: Iterable[WindowAct] = (),
        corrections: Iterable[Correction] = (),
        overrides: Iterable[RotaOverride] = (),
    ) -> None:
        self.versions = tuple(sorted(versions, key=lambda v: -1 if v.at is None else v.at))
        if not self.versions:
            raise ValueError("a history has at least one version")
        self._starts = [-1 if v.at is None else v.at for v in self.versions]
        self.acts = tuple(acts)
        self.corrections = tuple(corrections)
        self.overrides = tuple(overrides)

    def at(self, t: int) -> Config | None:
        """The config in force at `t`; None before the first was recorded."""
        version = self.version_at(t)
        return None if version is None else version.config

    def version_at(self, t: int) -> Version | None:
        position = bisect.bisect_right(self._starts, t) - 1
        return self.versions[position] if position >= 0 else None

    def known(self, now: int) -> History:
        """What was recorded before `now`; every version where none was, and nothing is monitored."""
        versions = [v for v in self.versions if v.at is None or v.at < now]
        acts = [act for act in self.acts if act.at < now]
        found = [one.known(now) for one in self.corrections]
        corrections = [one for one in found if one is not None]
        overrides = [one for o in self.overrides if (one := o.known(now)) is not None]
        whole = len(versions) in (0, len(self.versions)) and len(acts) == len(self.acts)
        if whole and (tuple(corrections), tuple(overrides)) == (self.corrections, self.overrides):
            return self
        return History(versions or self.versions, acts, corrections, overrides)

    def numbered(self, number: int) -> Version | None:
        """The version recorded in this row of the journal."""
        return next((v for v in self.versions if v.id == number), None)

    @property
    def latest(self) -> Config:
        return self.versions[-1].config

    @property
    def instants(self) -> tuple[int, ...]:
        """When anything of it was recorded; time passing one changes what is known. Who is on duty
        changes nothing that is known of a system.
        """
        signed = [
            s.at for c in self.corrections for s in (c.requested, c.approved) if s is not None
        ]
        return (
            *(v.at for v in self.versions if v.at is not None),
            *(act.at for act in self.acts),
            *signed,
        )
