"""When a transition happened: the `at` of its event (semantics 6).

Caused by a result, an event is as old as the confirming result (`t` + duration); caused by a
deadline, as the deadline. Both are found the same way: the first moment at which everything
that had happened by then, that moment included, shows it. That can only be the end of a result
or a deadline, so only those are tried, and only of the systems that have a say in it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence

from alerts.concerns import Concerns
from alerts.events import Family, Incident
from alerts.transitions import BEGINNING, Transition, TransitionKind
from collector.hindsight import Hindsight, TooDeepError
from collector.truths import Live
from probes.history import History

Found = Sequence[tuple[Transition, Incident]]
"""Transitions, each with the incident that the truth shows for it."""
_LINKED = (TransitionKind.ATTACHED, TransitionKind.PARTED)


def occasions(
    found: Found,
    derived: Sequence[Incident],
    folded: Mapping[str, Live],
    deep: Mapping[str, Live],
    history: History,
    *,
    since: int,
    now: int,
) -> list[int]:
    """The instant of each transition found at `now`; `since` is when was last looked, `derived`
    are all incidents as the truth shows them now.

    TooDeepError names systems that are settled too far; they are looked up in `deep` first.
    """
    if not found:
        return []
    moving = {transition.incident.system for transition, _ in found}
    past = Hindsight(moving, folded, deep, history, now)
    search = _Search(found, derived, past, Concerns(history), since - 1, now)
    wanted: dict[str, int] = {}
    for place in search.order:
        try:
            search.first(place)
        except TooDeepError as error:
            wanted |= {name: min(t, wanted.get(name, t)) for name, t in error.wanted.items()}
    if wanted:
        raise TooDeepError(wanted)
    return [search.first(place) for place in range(len(found))]


class _Search:
    """The first moment that shows a transition, by its place among those found."""

    def __init__(
        self,
        found: Found,
        derived: Sequence[Incident],
        past: Hindsight,
        concerns: Concerns,
        since: int,
        now: int,
    ) -> None:
        self._found = found
        self._past = past
        self._concerns = concerns
        self._since = since
        self._now = now
        self._firsts: dict[int, int] = {}
        self._places: dict[str, list[int]] = {}
        for place, (_, shown) in enumerate(found):
            self._places.setdefault(shown.key, []).append(place)
        self._derived: dict[str, list[Incident]] = {}
        for incident in derived:
            if incident.family is Family.AVAILABILITY:
                self._derived.setdefault(incident.system, []).append(incident)

    @property
    def order(self) -> list[int]:
        """All places, what hangs on a system before the system: nothing is asked for in depth."""

        def depth(place: int) -> int:
            transition = self._found[place][0]
            raised = transition.kind is TransitionKind.RAISED
            return len(self._concerns.below(transition.incident.system)) if raised else 0

        return sorted(range(len(self._found)), key=depth)

    def first(self, place: int) -> int:
        """`now` when no moment before it shows the transition."""
        if place not in self._firsts:
            self._firsts[place] = 0  # in a circle that two config versions close
            try:
                self._firsts[place] = self._first(place)
            except TooDeepError:
                del self._firsts[place]
                raise
        return self._firsts[place]

    def _first(self, place: int) -> int:
        transition, shown = self._found[place]
        system = transition.incident.system
        if transition.kind in _LINKED:
            return self._by(place, (system, *self._concerns.parents(system)))
        if transition.kind is not TransitionKind.RAISED:
            return self._by(place, (system,))
        best = self._by(place, self._concerns.above([system]))
        if shown.family is Family.AVAILABILITY:
            # One that hangs on it may have brought the category: the first that did.
            for bound, below in self._bringing(shown, transition.incident.category):
                if bound >= best:
                    break
                systems = self._concerns.above([system, below])
                if self._shows(place, systems, self._now - 1):
                    best = min(best, self._by(place, systems))
        return best

    def _bringing(self, shown: Incident, category: int) -> list[tuple[int, str]]:
        """Systems below that may have brought the category, each with a moment before which it
        had not.
        """
        out = []
        for system in self._concerns.below(shown.system):
            bounds = [
                self._reached(incident, category)
                for incident in self._derived.get(system, ())
                if incident.category >= category
                and (incident.recovered_at is None or incident.recovered_at > shown.started_at)
            ]
            if bounds:
                out.append((min(bounds), system))
        return sorted(out)

    def _reached(self, incident: Incident, category: int) -> int:
        for place in self._places.get(incident.key, ()):
            transition = self._found[place][0]
            raised = transition.kind is TransitionKind.RAISED
            if transition.kind in BEGINNING or (
                raised and transition.incident.category == category
            ):
                return self.first(place)
        return 0

    def _by(self, place: int, systems: Sequence[str]) -> int:
        """The first moment that shows it, as far as these systems have a say."""
        low = self._found[place][1].started_at
        if low < self._since and not self._shows(place, systems, self._since):
            low = self._since
            moments = self._past.ends(systems, low)
        else:
            moments = [low, *self._past.ends(systems, low)]
        n = bisect_left(moments, 1, key=lambda moment: int(self._shows(place, systems, moment)))
        if n == 0 and moments and moments[0] == self._found[place][1].started_at:
            return moments[0]
        low = moments[n - 1] if n else low
        return self._deadline(place, systems, low, moments[n] if n < len(moments) else self._now)

    def _deadline(self, place: int, systems: Sequence[str], low: int, high: int) -> int:
        """The first deadline between `low` and `high` that shows it, else `high`."""
        shown = self._found[place][1]
        if (
            self._begins(place)
            and not self._past.is_troubled(shown.system, shown.started_at, low)
            and self._past.is_steady(shown.system, low, high)
        ):
            return high
        moment = low
        while True:
            following = self._past.next_deadline(systems, moment)
            if following is None or following >= high:
                return high
            moment = following
            if self._shows(place, systems, moment):
                return moment

    def _begins(self, place: int) -> bool:
        """Is it that an incident of availability has begun? Then nothing need be derived to see
        that it has not yet, or has as it has now: growing time takes nothing back.
        """
        transition, shown = self._found[place]
        return transition.kind in BEGINNING and shown.family is Family.AVAILABILITY

    def _shows(self, place: int, systems: Sequence[str], moment: int) -> bool:
        transition, shown = self._found[place]
        if self._begins(place):
            if not self._past.is_troubled(shown.system, shown.started_at, moment):
                return False
            if shown.due_at <= moment and self._past.is_as_now(shown.system, moment):
                return True
        seen = self._past.incidents(systems, moment)
        return any(shows(transition, shown, one) for one in seen)


def shows(transition: Transition, shown: Incident, seen: Incident) -> bool:
    if (seen.system, seen.family, seen.started_at) != (
        shown.system,
        shown.family,
        shown.started_at,
    ):
        return False
    then = transition.incident
    match transition.kind:
        case TransitionKind.OPENED | TransitionKind.FOUND_LATE:
            seen_then = True
        case TransitionKind.REOPENED:
            seen_then = seen.reopened >= then.reopened
        case TransitionKind.CAUSE_ADDED:
            seen_then = then.causes[-1] in seen.causes
        case TransitionKind.SITE_ADDED:
            seen_then = then.sites[-1] in seen.sites
        case TransitionKind.RAISED:
            seen_then = seen.category >= then.category and seen.priority <= then.priority
        case TransitionKind.ATTACHED | TransitionKind.PARTED:
            seen_then = seen.attached_to == then.attached_to
        case TransitionKind.PAGED:
            seen_then = not seen.quiet
        case TransitionKind.RECOVERED | TransitionKind.CORRECTED | TransitionKind.RESOLVED:
            seen_then = seen.recovered_at == shown.recovered_at
    return seen_then


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
