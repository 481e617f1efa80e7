"""When a transition happened: the `at` of its event (semantics 6).

Caused by a result, an event is as old as the confirming result (`t` + duration); caused by a
deadline, as the deadline. Both are found the same way: the first moment at which everything
that had happened by then, that moment included, shows it. That can only be the end of a result
or a deadline, so only those are tried.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence

from alerts.events import Incident, SystemView
from alerts.policy import incidents, next_due
from alerts.transitions import Transition, TransitionKind
from collector.truths import Live, prolonged
from probes.history import History

DAY_MS = 86_400_000

Found = Sequence[tuple[Transition, Incident]]
"""Transitions, each with the incident that the truth shows for it."""


class TooDeepError(Exception):
    """What is settled hides the moments asked for: `wanted` says from when on, by system."""

    def __init__(self, wanted: Mapping[str, int]) -> None:
        super().__init__("settled too far")
        self.wanted = dict(wanted)


def occasions(
    found: Found,
    folded: Mapping[str, Live],
    deep: Mapping[str, Live],
    history: History,
    *,
    since: int,
    now: int,
) -> list[int]:
    """The instant of each transition found at `now`; `since` is when was last looked.

    TooDeepError names systems that are settled too far; they are looked up in `deep` first.
    """
    if not found:
        return []
    past = _Past(found, folded, deep, history, now)
    wanted: dict[str, int] = {}
    out: list[int] = []
    for transition, shown in found:
        try:
            out.append(past.first(transition, shown, since - 1))
        except TooDeepError as error:
            wanted |= {name: min(t, wanted.get(name, t)) for name, t in error.wanted.items()}
    if wanted:
        raise TooDeepError(wanted)
    return out


class _Past:
    """What was to be seen at earlier moments by the systems with transitions.

    Other systems are taken as they are known now.
    """

    def __init__(
        self,
        found: Found,
        folded: Mapping[str, Live],
        deep: Mapping[str, Live],
        history: History,
        now: int,
    ) -> None:
        systems = {transition.incident.system for transition, _ in found}
        self._lives = {name: deep.get(name, folded[name]) for name in systems if name in folded}
        self._deep = deep
        self._folded = folded
        self._history = history
        self._now = now
        self._seen: dict[int, tuple[list[Incident], int | None]] = {}
        ends = {
            r.t + r.duration_ms
            for live in self._lives.values()
            for line in live.tail.values()
            for r in line
        }
        self._ends = sorted(end for end in ends if end < now)

    def first(self, transition: Transition, shown: Incident, since: int) -> int:
        """The first moment that shows the transition; `now` when none before it does."""

        def shows(moment: int) -> bool:
            return any(_shows(transition, shown, one) for one in self._known(moment)[0])

        low = shown.started_at
        if low < since and not shows(since):
            low = since
        elif shows(low):
            return low
        ends = self._ends[bisect_right(self._ends, low) :]
        place = bisect_left(ends, 1, key=lambda moment: int(shows(moment)))
        low = ends[place - 1] if place else low
        high = ends[place] if place < len(ends) else self._now
        return self._deadline(shows, low, high)

    def _deadline(self, shows: Callable[[int], bool], low: int, high: int) -> int:
        """The first deadline between `low` and `high` that shows it, else `high`."""
        moment = low
        while True:
            following = self._known(moment)[1]
            if following is None or following >= high:
                return high
            moment = following
            if shows(moment):
                return moment

    def _known(self, moment: int) -> tuple[list[Incident], int | None]:
        """What was to be seen, and the next deadline at which time alone could change it."""
        if moment not in self._seen:
            now = moment + 1  # knowledge includes the moment, and a timer due then has fired
            self._must_reach(moment)
            then = {name: live.earlier(self._history, moment) for name, live in self._lives.items()}
            views: dict[str, SystemView] = {
                name: then[name].view if name in then else prolonged(live, self._now)
                for name, live in self._folded.items()
            }
            dues = [live.until for live in then.values()] + [next_due(views, self._history, now)]
            following = min((due for due in dues if due is not None and due > now), default=None)
            self._seen[moment] = (
                incidents(views, self._history, now),
                None if following is None else following - 1,
            )
        return self._seen[moment]

    def _must_reach(self, moment: int) -> None:
        hidden = [
            name
            for name, live in self._lives.items()
            if moment + 1 < live.settled.reach or (name not in self._deep and moment < live.ended)
        ]
        if hidden:
            # By a day more, so that what is settled had ended then.
            raise TooDeepError(dict.fromkeys(hidden, moment - DAY_MS))


def _shows(transition: Transition, shown: Incident, seen: Incident) -> bool:
    if (seen.system, seen.family, seen.started_at) != (
        shown.system,
        shown.family,
        shown.started_at,
    ):
        return False
    then = transition.incident
    match transition.kind:
        case TransitionKind.OPENED | TransitionKind.FOUND_LATE:
            shows = True
        case TransitionKind.REOPENED:
            shows = seen.reopened >= then.reopened
        case TransitionKind.CAUSE_ADDED:
            shows = then.causes[-1] in seen.causes
        case TransitionKind.SITE_ADDED:
            shows = then.sites[-1] in seen.sites
        case TransitionKind.RAISED:
            shows = seen.category >= then.category and seen.priority <= then.priority
        case TransitionKind.ATTACHED | TransitionKind.PARTED:
            shows = seen.attached_to == then.attached_to
        case TransitionKind.PAGED:
            shows = not seen.quiet
        case TransitionKind.RECOVERED | TransitionKind.CORRECTED | TransitionKind.RESOLVED:
            shows = seen.recovered_at == shown.recovered_at
    return shows


def shown_for(
    found: Iterable[Transition], derived: Sequence[Incident], matched: Mapping[str, Incident]
) -> list[tuple[Transition, Incident]]:
    """Pair each transition with the derived incident behind it, or with its own.

    `matched` says which recorded incident each derived one continues, by the derived key.
    """
    behind = {i.key: i for i in derived} | {
        matched[i.key].key: i for i in derived if i.key in matched
    }
    return [(t, behind.get(t.incident.key, t.incident)) for t in found]
