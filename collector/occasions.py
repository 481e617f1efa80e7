"""When a transition happened: the `at` of its event (semantics 6).

Caused by a result, an event is as old as the confirming result (`t` + duration); caused by a
deadline, as the deadline. Both are found the same way: the first instant at which everything
that had happened by then, folded as of then, shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache

from alerts.events import Incident, SystemView
from alerts.policy import incidents
from alerts.transitions import Transition, TransitionKind
from collector.truths import Folded, Source, fold, prolonged
from probes.history import History
from probes.results import Result


def occasions(
    found: Sequence[tuple[Transition, Incident]],
    folded: Mapping[str, Folded],
    history: History,
    results: Mapping[Source, Sequence[Result]],
    now: int,
) -> list[int]:
    """The `at` of each transition. Each comes with the incident the truth shows for it."""
    if not found:
        return []
    systems = {transition.incident.system for transition, _ in found}
    done = {source: [(r.t + r.duration_ms, r) for r in line] for source, line in results.items()}

    @cache
    def known_at(t: int) -> tuple[Incident, ...]:
        past = {source: [r for end, r in line if end <= t] for source, line in done.items()}
        views: dict[str, SystemView] = {
            name: fold(name, history, past, t).view if name in systems else prolonged(f, now)
            for name, f in folded.items()
        }
        return tuple(incidents(views, history, t))

    ends = {end for line in done.values() for end, _ in line}

    def at(transition: Transition, shown: Incident) -> int:
        first = _first(
            lambda t: any(_shows(transition, shown, i) for i in known_at(t)), shown.started_at, now
        )
        # A timer due at d has fired at d + 1; a result counts from the millisecond it ended.
        return first if first in ends or first == now else first - 1

    return [at(transition, shown) for transition, shown in found]


def _first(shows: Callable[[int], bool], low: int, high: int) -> int:
    """The first instant in `[low, high]` that shows; `high` when it only shows there."""
    while low < high:
        middle = (low + high) // 2
        if shows(middle):
            high = middle
        else:
            low = middle + 1
    return high


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
