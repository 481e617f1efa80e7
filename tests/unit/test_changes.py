"""From transitions to rows: versions, status and what late evidence leaves as it is."""

from __future__ import annotations

from dataclasses import replace

from alerts.transitions import Transition, TransitionKind
from collector.changes import rows
from collector.store.incidents import Recorded, Status
from tests.unit.alerts.courses import INCIDENT, START

OVER = replace(INCIDENT, recovered_at=START + 60_000)
EARLIER = replace(INCIDENT, recovered_at=START + 30_000)


def after(status: Status, kind: TransitionKind) -> tuple[int, str, int | None]:
    recorded = {INCIDENT.key: Recorded(3, OVER, status, START, None)}
    ((row,), _) = rows([(Transition(kind, EARLIER), START + 90_000)], recorded)
    return row.version, row.status, row.incident.recovered_at


def test_a_resolved_incident_whose_end_moves_stays_resolved() -> None:
    assert after("resolved", TransitionKind.CORRECTED) == (4, "resolved", START + 30_000)
    assert after("recovered", TransitionKind.CORRECTED) == (4, "recovered", START + 30_000)
    assert after("open", TransitionKind.RECOVERED) == (4, "recovered", START + 30_000)
