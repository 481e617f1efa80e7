"""When an incident could first be known (the replay contract's `detected_at`).

The first moment, not before the due time of a timer, at which what had been received shows the
condition. It may lie after `now`, and after the incident's end, when evidence came late.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alerts.events import Incident, SystemView
from alerts.policy import incidents
from collector.core.truth import Source, fold_system
from collector.core.view import view
from probes.history import History
from probes.results import Result

DAY_MS = 86_400_000
HOLDS_BACK = 20


def detected_at(
    incident: Incident,
    views: Mapping[str, SystemView],
    history: History,
    results: Mapping[Source, Sequence[Result]],
    first_seen: int,
) -> int:
    """`results` are those of the incident's system, in order of `t`, late ones too.

    Only the day before the incident is folded again (or twenty holds, if longer): by then every
    run and row that can reach into it has begun.
    """
    checks = [c for v in history.versions for c in v.config.checks.values()]
    back = max([DAY_MS, *(HOLDS_BACK * c.hold_ms for c in checks)])
    since = incident.started_at - back
    recent = {source: [r for r in line if r.t >= since] for source, line in results.items()}
    moments = sorted({r.received for line in recent.values() for r in line})
    candidates = [incident.due_at, *(m for m in moments if m > incident.due_at)]
    start = min(first_seen, views[incident.system].states[0].start)
    for moment in candidates:
        known = {
            source: [r for r in line if r.received <= moment] for source, line in recent.items()
        }
        # Knowledge at a moment includes that moment, and a timer due at d has fired at d + 1.
        truth = fold_system(incident.system, history, known, moment + 1, start)
        seen = incidents({**views, incident.system: view(truth)}, history, moment + 1)
        if any(_same(one, incident) for one in seen):
            return moment
    return candidates[-1]


def _same(one: Incident, incident: Incident) -> bool:
    return (
        one.system == incident.system
        and one.family is incident.family
        and (one.recovered_at is None or one.recovered_at > incident.started_at)
    )
