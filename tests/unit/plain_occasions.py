"""`collector/occasions.py` once more, plainly: every system at every moment that is tried."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence

from alerts.events import Incident, SystemView
from alerts.policy import incidents, next_due
from alerts.transitions import Transition
from collector.occasions import shows as shown_by
from collector.truths import Live, prolonged
from probes.history import History


def plain_occasions(
    found: Sequence[tuple[Transition, Incident]],
    folded: Mapping[str, Live],
    history: History,
    *,
    since: int,
    now: int,
) -> list[int]:
    """Of systems of which nothing is settled."""
    past = _Past(found, folded, history, now)
    return [past.first(transition, shown, since - 1) for transition, shown in found]


class _Past:
    def __init__(
        self,
        found: Sequence[tuple[Transition, Incident]],
        folded: Mapping[str, Live],
        history: History,
        now: int,
    ) -> None:
        self._lives = {t.incident.system: folded[t.incident.system] for t, _ in found}
        self._folded = folded
        self._history = history
        self._now = now
        ends = {
            r.t + r.duration_ms
            for live in self._lives.values()
            for line in live.tail.values()
            for r in line
        }
        self._ends = sorted(end for end in ends if end < now)

    def first(self, transition: Transition, shown: Incident, since: int) -> int:
        def shows(moment: int) -> bool:
            return any(shown_by(transition, shown, one) for one in self._known(moment)[0])

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
        moment = low
        while True:
            following = self._known(moment)[1]
            if following is None or following >= high:
                return high
            moment = following
            if shows(moment):
                return moment

    def _known(self, moment: int) -> tuple[list[Incident], int | None]:
        now = moment + 1
        then = {name: live.earlier(self._history, moment) for name, live in self._lives.items()}
        views: dict[str, SystemView] = {
            name: then[name].view if name in then else prolonged(live, self._now)
            for name, live in self._folded.items()
        }
        dues = [live.until for live in then.values()] + [next_due(views, self._history, now)]
        following = min((due for due in dues if due is not None and due > now), default=None)
        return incidents(views, self._history, now), None if following is None else following - 1
