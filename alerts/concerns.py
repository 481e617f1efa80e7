"""Which systems an incident can depend on, in whatever version of the config. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from probes.config_systems import System
from probes.history import History


class Concerns:
    """`parents`, and what its category can come from: `above` and `below` a system."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._near: dict[str, tuple[str, ...]] = {}
        self._children: dict[str, list[str]] | None = None

    def parents(self, system: str) -> tuple[str, ...]:
        """All it has ever depended on, directly."""
        return self._named(system, lambda found: found.depends_on)

    def above(self, systems: Iterable[str]) -> tuple[str, ...]:
        """The systems, their parents and those their workarounds require, and theirs, sorted.

        As far as these say anything of each other's incidents, no other system has a say in it.
        """
        return _closure(systems, self._nearest)

    def below(self, system: str) -> tuple[str, ...]:
        """All that can hang on it, at any depth, sorted; without itself."""
        if self._children is None:
            self._children = {}
            for name in {s for v in self._history.versions for s in v.config.systems}:
                for parent in self.parents(name):
                    self._children.setdefault(parent, []).append(name)
        children = self._children
        found = _closure([system], lambda name: children.get(name, ()))
        return tuple(name for name in found if name != system)

    def together(self, systems: Iterable[str]) -> list[tuple[str, ...]]:
        """These systems, each with all that have a say in its incidents and all in whose it has
        one, in whatever version; sorted, none twice.
        """
        systems = sorted(systems)
        near: dict[str, set[str]] = {name: set() for name in systems}
        for name in systems:
            for other in self._nearest(name):
                near[name].add(other)
                near.setdefault(other, set()).add(name)
        found: list[tuple[str, ...]] = []
        known, reached = set(systems), set[str]()
        for name in systems:
            if name not in reached:
                group = _closure([name], near.__getitem__)
                reached.update(group)
                found.append(tuple(one for one in group if one in known))
        return found

    def _nearest(self, system: str) -> tuple[str, ...]:
        if system not in self._near:
            self._near[system] = self._named(
                system,
                lambda found: (
                    *found.depends_on,
                    *(found.impact.workaround.requires if found.impact.workaround else ()),
                ),
            )
        return self._near[system]

    def _named(self, system: str, of: Callable[[System], Iterable[str]]) -> tuple[str, ...]:
        found = (v.config.systems.get(system) for v in self._history.versions)
        return tuple(dict.fromkeys(name for one in found if one is not None for name in of(one)))


def _closure(systems: Iterable[str], following: Callable[[str], Iterable[str]]) -> tuple[str, ...]:
    reached = set(systems)
    waiting = list(reached)
    while waiting:
        fresh = set(following(waiting.pop())) - reached
        reached |= fresh
        waiting += fresh
    return tuple(sorted(reached))
