"""Which config version judges a system at which instant (semantics 2, last paragraph)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from collector.core.windows import FAR, segments
from probes.config import Config
from probes.history import History


@dataclass(frozen=True, slots=True)
class InForce:
    """`config` judges the system over `[start, end)`; `waited` for an outage to end at `start`.

    `number` is its place among the recorded versions.
    """

    start: int
    end: int
    config: Config
    waited: bool = False
    number: int = 0


@dataclass(frozen=True, slots=True)
class Decided:
    """Versions in force, and for each recorded one the instant that decided what becomes of it:
    when it was recorded, when the outage it waited for ended, or when the next overtook it.
    """

    versions: tuple[InForce, ...] = ()
    dates: tuple[int, ...] = ()

    def before(self, t: int) -> Decided:
        """What states before `t` have decided."""
        count = next((n for n, date in enumerate(self.dates) if date >= t), len(self.dates))
        kept = [v for v in self.versions if v.number < count]
        return Decided((*kept[:-1], *(_until(v, FAR) for v in kept[-1:])), self.dates[:count])


OutageAt = Callable[[Sequence[InForce], int], tuple[bool, int | None]]
"""Given versions in force, is an outage open at an instant, and when does it end?"""


def in_force(
    system: str, history: History, now: int, outage_at: OutageAt, known: Decided
) -> Decided:
    """Versions recorded before `now`, each from when it takes effect for this system.

    A version that arrives during an outage of the system waits until the outage ends; one
    overtaken before then never takes effect. Removing the system ends it at once.
    That outage has then ended, even if the new version knows nothing at that instant: else a
    version that watches in vain could never be mended. `known` is what was decided before.
    """
    recorded = [(start, config) for start, _, config in segments(history) if start < now]
    chosen = list(known.versions)
    dates = list(known.dates)
    for n in range(len(dates), len(recorded)):
        start, config = recorded[n]
        following = recorded[n + 1][0] if n + 1 < len(recorded) else FAR
        at = start
        if chosen and system in config.systems and _differs(system, chosen[-1].config, config):
            is_open, end = outage_at([*chosen[:-1], _until(chosen[-1], FAR)], start)
            if is_open:
                if end is None or end >= following:
                    dates.append(following)
                    continue
                at = end
        if chosen:
            chosen[-1] = _until(chosen[-1], at)
        chosen.append(InForce(at, FAR, config, waited=at > start, number=n))
        dates.append(at)
    return Decided(tuple(chosen), tuple(dates))


def _until(one: InForce, end: int) -> InForce:
    return replace(one, end=end)


def _differs(system: str, old: Config, new: Config) -> bool:
    return _about(system, old) != _about(system, new)


def _about(system: str, config: Config) -> object:
    """All that the truth fold reads of a version for one system; of what a payer owes, nothing."""
    found = config.systems.get(system)
    own = None if found is None else found.model_copy(update={"payer": None})
    checks = {name: config.checks[name] for name in config.checks_of(system)}
    agents = {
        agent: config.agents[agent].site for name in checks for agent in config.agents_of(name)
    }
    users = {site: value.users for site, value in config.sites.items()}
    return (own, checks, agents, users)
