"""What is final of one system: a fold may start from here instead of from the first result.

It stands as long as no result comes for a time that is settled. One that comes for a silence of
its agent takes some of it back (`taken_back`); any other needs an older one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from alerts.events import State
from collector.core import agent_state
from collector.core.agent_state import Heard, Rules
from collector.core.outages import Outage
from collector.core.versions import Decided
from collector.core.windows import FAR
from probes.results import Result
from probes.spans import Interval, Timeline, intersect, until

Source = tuple[str, str]
"""(check, agent)."""


@dataclass(frozen=True, slots=True)
class Settled:
    """Final up to `until`: timelines, `outages` that ended before it, what versions became.

    `open_since` is the start of an outage that is open there. `voices` are each settled up to
    their own instant, which is not before `until`. `conflicts` are those of results taken.
    """

    until: int = -FAR
    voices: Mapping[Source, Heard] = field(default_factory=dict)
    decided: Decided = field(default_factory=Decided)
    checks: Mapping[str, Timeline[State]] = field(default_factory=dict)
    sites: Mapping[str, Timeline[State]] = field(default_factory=dict)
    states: Timeline[State] = ()
    access: tuple[Interval, ...] = ()
    rejected: tuple[Interval, ...] = ()
    expires: Timeline[int | None] = ()
    burning: tuple[Interval, ...] = ()
    outages: tuple[Outage, ...] = ()
    open_since: int | None = None
    conflicts: int = 0

    def is_late(self, source: Source, t: int) -> bool:
        """Does a result at `t` come for a time that is settled?"""
        return t < self.late_before(source)

    def late_before(self, source: Source) -> int:
        heard = self.voices.get(source)
        return self.until if heard is None else max(heard.edge, self.until)

    def upto(self, source: Source) -> int:
        """Results of this voice before that instant are taken."""
        heard = self.voices.get(source)
        return -FAR if heard is None else heard.until

    @property
    def edge(self) -> int:
        """A result from then on is late for nobody."""
        return max((h.edge for h in self.voices.values()), default=self.until)

    @property
    def reach(self) -> int:
        """The latest instant up to which any voice is settled."""
        return max((h.until for h in self.voices.values()), default=self.until)


NOTHING = Settled()


def cut(given: Settled, outages: tuple[Outage, ...], to: int) -> Settled:
    """`given` where nothing from `to` on is final; `outages` are all that are known."""
    span = (Interval(-FAR, to),)
    return replace(
        given,
        until=to,
        decided=given.decided.before(to),
        checks={name: until(line, to) for name, line in given.checks.items()},
        sites={name: until(line, to) for name, line in given.sites.items()},
        states=until(given.states, to),
        access=intersect(given.access, span),
        rejected=intersect(given.rejected, span),
        expires=until(given.expires, to),
        burning=intersect(given.burning, span),
        outages=tuple(o for o in outages if o.end is not None and o.end < to),
        open_since=next(
            (o.start for o in outages if o.start < to and (o.end is None or o.end >= to)), None
        ),
    )


def taken_back(
    given: Settled,
    source: Source,
    line: Sequence[Result],
    rules: Rules,
    to: int,
    *,
    waiting: bool,
) -> Settled | None:
    """`given` for a result of `source` at `to`; `line` are those of it that are not settled.

    None where an older one is needed: the voice has said something since, or what becomes of a
    config version may change, and with it what other voices said. `waiting`: some version is
    recorded and not decided.
    """
    heard = given.voices.get(source)
    if heard is not None and to < heard.edge:
        back = agent_state.taken_back(heard, line, rules, to)
        if back is None:
            return None
        given = replace(given, voices={**given.voices, source: back})
    if to >= given.until:
        return given
    if waiting or any(date >= to for date in given.decided.dates):
        return None
    last = () if given.open_since is None else (Outage(given.open_since, None, None, None),)
    return cut(given, (*given.outages, *last), to)
