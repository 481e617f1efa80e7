"""What the rules make of the truth, derived anew only where a view has changed or a timer is due.

Systems that have a say in each other's incidents are derived together, and no others with them:
what is said of them holds until the view of one of them changes, or until the instant at which
time alone changes it (`alerts/policy.py`, `dues`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from alerts import policy
from alerts.concerns import Concerns
from alerts.events import Incident, SystemView
from alerts.instants import FAR
from collector import changes
from collector.lasting import view_later
from collector.store.incidents import Flips, Place
from collector.truths import Live
from probes.history import History


class Views(Mapping[str, SystemView]):
    """Every folded system as it is at `now`, UTC ms; each is made when somebody asks for it."""

    def __init__(self, folded: Mapping[str, Live], now: int) -> None:
        # What others fold later does not show here.
        self._bases = {name: (live.view, live.at) for name, live in folded.items()}
        self._now = now
        self._made: dict[str, SystemView] = {}

    def __getitem__(self, system: str) -> SystemView:
        made = self._made.get(system)
        if made is None:
            made = self._made[system] = view_later(*self._bases[system], self._now)
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._bases)

    def __len__(self) -> int:
        return len(self._bases)


@dataclass(frozen=True, slots=True)
class Derived:
    """`dues` are by the derived incident's key, as `policy.dues` has them."""

    incidents: Sequence[Incident]
    dues: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Group:
    """What was derived when the views had these editions, and until when it stands."""

    editions: tuple[object, ...]
    derived: Derived
    until: int


class Deriving:
    """One per process."""

    def __init__(self) -> None:
        self._history: History | None = None
        self._systems: frozenset[str] = frozenset()
        self._together: Sequence[tuple[str, ...]] = ()
        self._groups: dict[tuple[str, ...], _Group] = {}
        self._places: dict[str, tuple[object, dict[Place, Flips]]] = {}

    def derive(
        self, folded: Mapping[str, Live], views: Views, history: History, now: int
    ) -> Derived:
        """All incidents as `policy.incidents` gives them at `now`, which never goes back."""
        if history is not self._history or folded.keys() != self._systems:
            self._history, self._systems, self._groups = history, frozenset(folded), {}
            self._together = Concerns(history).together(folded)
        found = [self._group(names, folded, views, history, now) for names in self._together]
        return Derived(
            sorted((one for d in found for one in d.incidents), key=policy.by_start),
            {key: due for d in found for key, due in d.dues.items()},
        )

    def places(self, folded: Mapping[str, Live], views: Views) -> dict[Place, Flips]:
        """The state changes of every system and of every site of it."""
        out: dict[Place, Flips] = {}
        for name, live in folded.items():
            known = self._places.get(name)
            if known is None or known[0] is not live.edition:
                known = self._places[name] = (live.edition, changes.flips([views[name]]))
            out |= known[1]
        return out

    def _group(
        self,
        names: tuple[str, ...],
        folded: Mapping[str, Live],
        views: Views,
        history: History,
        now: int,
    ) -> Derived:
        editions = tuple([folded[name].edition for name in names])
        known = self._groups.get(names)
        if known is None or known.editions != editions or known.until <= now:
            own = {name: views[name] for name in names}
            dues = policy.dues(own, history, now)
            until = min(dues.values(), default=FAR)
            derived = Derived(policy.incidents(own, history, now), dues)
            known = self._groups[names] = _Group(editions, derived, until)
        return known.derived
