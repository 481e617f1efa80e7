"""The operator's file as it stood: what it says of one system (semantics 2, last paragraph).

A version shows of the file what numbers of this system depend on, and nothing else. Durations are
milliseconds.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from collector.verifyscript.recurring import datetime_in, ms_of, zone_of
from collector.verifyscript.spans import FAR
from collector.verifyscript.voices import Rule

_FEEDS = {"feed_silence"}
"""Kinds of check that judge a feed: they count for no state and no number."""
_ON_COLLECTOR = {"feed_silence", "heartbeat"}
_COLLECTOR = "collector"

Source = tuple[str, str]
"""(check, agent)."""


class Terms:
    """A version's words about one system, recorded at `at`. `system` is None where it has none."""

    def __init__(self, name: str, at: int, config: Any) -> None:
        self.name = name
        self.at = at
        self.config = config
        self.system = config["systems"].get(name)
        self.checks = {n: c for n, c in config["checks"].items() if c["system"] == name}
        self.agents = {n: self._agents_of(one) for n, one in self.checks.items()}

    def _agents_of(self, check: Any) -> list[str]:
        """Those it names, or every agent but the collector's own."""
        if check["kind"] in _ON_COLLECTOR:
            return [_COLLECTOR]
        named = check["from"]
        return list(named) if named is not None else [a for a in self.sites if a != _COLLECTOR]

    @property
    def sites(self) -> dict[str, str]:
        """The site of each agent."""
        return {name: agent["site"] for name, agent in self.config["agents"].items()}

    def counts(self, check: str) -> bool:
        return check in self.checks and self.checks[check]["kind"] not in _FEEDS

    def decides(self, source: Source) -> bool:
        """Can this (check, agent) put the system down?"""
        return self.rule(source) is not None and self.checks[source[0]]["role"] != "supporting"

    def rule(self, source: Source) -> Rule | None:
        """None for a (check, agent) that this version does not have."""
        check, agent = source
        if not self.counts(check) or agent not in self.agents[check]:
            return None
        said = self.checks[check]
        hold = 2 * said["every"] + said["timeout"]
        return Rule(said["confirm"]["down"], said["confirm"]["up"], hold)

    def ms(self, text: str) -> int:
        """An instant that the file names; without an offset it is in the organization's zone."""
        return ms_of(datetime_in(text), zone_of(self.config["organization"]["timezone"]))

    def begins(self, start: int) -> int | None:
        """From when this version, in force from `start` on, monitors the system; None if never."""
        if self.system is None:
            return None
        wanted = self.system["effective_from"]
        return start if wanted is None else max(start, self.ms(wanted))

    def about(self) -> Any:
        """All that a state depends on: what a version changes of it waits for the outage's end."""
        own = None if self.system is None else {**self.system, "payer": None}
        sites = self.sites
        assigned = {a: sites[a] for agents in self.agents.values() for a in agents}
        users = {site: one["users"] for site, one in self.config["sites"].items()}
        return own, self.checks, assigned, users


class InForce(NamedTuple):
    """`terms` judge the system over [start, end); `waited`: an outage's end let them in."""

    start: int
    end: int
    terms: Terms
    waited: bool


def in_force_at(versions: list[InForce], t: int) -> InForce | None:
    """Before the first, its own rules hold for what was measured: the first one's."""
    found = None
    for one in versions:
        if found is None or one.start <= t:
            found = one
    return found


def lasting(versions: list[InForce]) -> list[InForce]:
    """The same, the last one for ever."""
    return [*versions[:-1], *(one._replace(end=FAR) for one in versions[-1:])]
