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
from collector.truths import Folded, Source, fold, prolonged
from probes.history import History
from probes.results import Result

DAY_MS = 86_400_000

Found = Sequence[tuple[Transition, Incident]]
"""Transitions, each with the incident that the truth shows for it."""


def occasions(
    found: Found,
    folded: Mapping[str, Folded],
    history: History,
    results: Mapping[Source, Sequence[Result]],
    *,
    since: int,
    now: int,
) -> list[int]:
    """The instant of each transition found at `now`; `since` is when was last looked."""
    if not found:
        return []
    past = _Past(found, folded, history, results, now)
    return [past.first(transition, shown, since - 1) for transition, shown in found]


class _Past:
    """What was to be seen at earlier moments by the systems with transitions.

    Only a day and the runs before their incidents are folded again: nothing older bears on them.
    Other systems are taken as they are known now.
    """

    def __init__(
        self,
        found: Found,
        folded: Mapping[str, Folded],
        history: History,
        results: Mapping[Source, Sequence[Result]],
        now: int,
    ) -> None:
        self._systems = {transition.incident.system for transition, _ in found}
        self._folded = folded
        self._history = history
        self._now = now
        self._seen: dict[int, tuple[list[Incident], int | None]] = {}
        checks = {name: c for v in history.versions for name, c in v.config.checks.items()}
        runs = [(c.confirm.down + c.confirm.up + 1) * c.hold_ms for c in checks.values()]
        back = DAY_MS + 2 * max(runs, default=0)
        start = min(shown.started_at for _, shown in found) - back
        self._results = {
            source: line[bisect_left(line, start, key=lambda r: r.t) :]
            for source, line in results.items()
            if source[0] in checks
        }
        ends = {r.t + r.duration_ms for line in self._results.values() for r in line}
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
            past = {
                source: [r for r in line if r.t + r.duration_ms <= moment]
                for source, line in self._results.items()
            }
            then = {name: fold(name, self._history, past, now) for name in self._systems}
            views: dict[str, SystemView] = {
                name: then[name].view if name in then else prolonged(f, self._now)
                for name, f in self._folded.items()
            }
            dues = [f.until for f in then.values()] + [next_due(views, self._history, now)]
            following = min((due for due in dues if due is not None and due > now), default=None)
            self._seen[moment] = (
                incidents(views, self._history, now),
                None if following is None else following - 1,
            )
        return self._seen[moment]


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
            shows = seen.category >= then.category
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
