"""What was to be seen of systems at earlier moments, by the results that had ended by then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Mapping, Sequence

from alerts.events import Incident, State, SystemView
from alerts.instants import value
from alerts.policy import incidents, next_due
from collector.truths import Live, is_due, prolonged
from probes.history import History

DAY_MS = 86_400_000
_TROUBLE: frozenset[State | None] = frozenset({State.DOWN, State.DEGRADED})


class TooDeepError(Exception):
    """What is settled hides the moments asked for: `wanted` says from when on, by system."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        super().__init__("settled too far")
        self.wanted = dict(wanted)


class Hindsight:
    """The systems `moving` as they were known at a moment, that moment included; all others as
    they are known at `now`. Those in `deep` are looked up there first.
    """

    def __init__(
        self,
        moving: Collection[str],
        folded: Mapping[str, Live],
        deep: Mapping[str, Live],
        history: History,
        now: int,
    ) -> None:
        self._lives = {name: deep.get(name, folded[name]) for name in moving if name in folded}
        self._deep = deep
        self._folded = folded
        self._history = history
        self._now = now
        self._ends: dict[str, list[int]] = {}
        self._counts: dict[str, int] = {}
        self._then: dict[tuple[str, int], Live] = {}
        self._views: dict[str, SystemView] = {}
        self._seen: dict[tuple[tuple[str, ...], int], list[Incident]] = {}

    def ends(self, systems: Sequence[str], after: int) -> list[int]:
        """When results of the moving ones among some systems ended, later than `after`."""
        lines = [self._ends_of(name) for name in systems if name in self._lives]
        found = {end for line in lines for end in line[bisect_right(line, after) :]}
        return sorted(found)

    def incidents(self, systems: Sequence[str], moment: int) -> list[Incident]:
        """Those of some systems, as far as these systems alone have a say in them.

        TooDeepError names those that are settled too far.
        """
        key = (tuple(systems), moment)
        if key not in self._seen:
            # Knowledge includes the moment, and a timer due then has fired.
            views, _ = self._known(systems, moment)
            self._seen[key] = incidents(views, self._history, moment + 1)
        return self._seen[key]

    def next_deadline(self, systems: Sequence[str], moment: int) -> int | None:
        """The next moment at which time alone could change the incidents of some systems."""
        views, untils = self._known(systems, moment)
        dues = [*untils, next_due(views, self._history, moment + 1)]
        following = min((due for due in dues if due is not None and due > moment + 1), default=None)
        return None if following is None else following - 1

    def is_troubled(self, system: str, t: int, moment: int) -> bool:
        """Is the system down or degraded at `t`, or one of its sites down, as known at a moment?
        Only then can an incident of its availability have begun at `t`.
        """
        view = self._known([system], moment)[0].get(system)
        return view is not None and (
            value(view.states, t) in _TROUBLE
            or any(value(line, t) is State.DOWN for line in view.site_states.values())
        )

    def is_steady(self, system: str, moment: int, until: int) -> bool:
        """Does time alone, up to but not at a later moment, leave what was known as it was?"""
        untils = self._known([system], moment)[1]
        return all(due is None or due > until for due in untils)

    def is_as_now(self, system: str, moment: int) -> bool:
        """Has neither a result nor time alone changed what was known since?"""
        live = self._lives.get(system)
        return live is not None and self._rewound(system, live, moment) is not None

    def _known(
        self, systems: Sequence[str], moment: int
    ) -> tuple[dict[str, SystemView], list[int | None]]:
        """Views, and when the moving ones of them may change by time alone."""
        moving = [name for name in systems if name in self._lives]
        self._must_reach(moving, moment)
        then = {name: self._as_known(name, moment) for name in moving}
        views = {name: seen for name, (seen, _) in then.items()}
        still = [name for name in systems if name in self._folded and name not in then]
        views |= {name: self._view(name) for name in still}
        return views, [until for _, until in then.values()]

    def _as_known(self, name: str, moment: int) -> tuple[SystemView, int | None]:
        """The system by the results that had ended by the moment."""
        live, ended = self._lives[name], bisect_right(self._ends_of(name), moment)
        seen = self._rewound(name, live, moment)
        if seen is not None:
            return seen
        before = live.known_before(self._history, moment)
        if before is not None:
            return before
        held = self._then.get((name, ended))
        if held is None or held.at > moment + 1 or is_due(held, moment + 1):
            held = self._then[name, ended] = live.earlier(self._history, moment)
        return prolonged(held, moment + 1), held.until

    def _rewound(self, name: str, live: Live, moment: int) -> tuple[SystemView, int | None] | None:
        self._ends_of(name)
        if live.gathered != self._counts[name]:
            return None
        return live.rewound(self._history, moment)

    def _view(self, name: str) -> SystemView:
        if name not in self._views:
            self._views[name] = prolonged(self._folded[name], self._now)
        return self._views[name]

    def _ends_of(self, name: str) -> list[int]:
        if name not in self._ends:
            tail = self._lives[name].tail
            every = [r.t + r.duration_ms for line in tail.values() for r in line]
            ended = [end for end in every if end < self._now]
            self._ends[name] = sorted(set(ended))
            self._counts[name] = len(ended)
        return self._ends[name]

    def _must_reach(self, systems: Sequence[str], moment: int) -> None:
        hidden = [
            name
            for name in systems
            if moment + 1 < self._lives[name].settled.reach
            or (name not in self._deep and moment < self._lives[name].ended)
        ]
        if hidden:
            # By a day more, so that what is settled had ended then.
            raise TooDeepError(dict.fromkeys(hidden, moment - DAY_MS))
