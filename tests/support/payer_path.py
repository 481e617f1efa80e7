"""A payer's path for tests: one check an hour, and a calendar of the payer's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.core import caqh
from collector.core.payer import PayerReport, payer_report, reach
from collector.core.truth import fold_system
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.stories import check, config, system

HOUR, DAY = 3_600_000, 86_400_000
SPRING = 1_772_946_000_000
"""2026-03-08T00:00 in New York, a Sunday of 23 hours: the week has 167."""
SPRING_END = SPRING + 167 * HOUR
UP, DOWN, DEGRADED = Outcome.UP, Outcome.DOWN, Outcome.DEGRADED

SUNDAYS = {
    "id": "sundays",
    "kind": "routine",
    "published": "2026-01-02T14:00:00Z",
    "start": "2026-01-04T00:00",
    "end": "2026-01-04T06:00",
    "rrule": "FREQ=WEEKLY;BYDAY=SU",
}
THURSDAY = {
    "id": "migration",
    "kind": "non_routine",
    "published": "2026-03-06T14:00:00Z",
    "start": "2026-03-12T01:00",
    "end": "2026-03-12T05:00",
}
FRIDAY = {
    "id": "friday",
    "kind": "unscheduled",
    "published": "2026-03-13T05:45:00Z",
    "start": "2026-03-13T01:00",
    "end": "2026-03-13T14:00",
}
CALENDAR = (SUNDAYS, THURSDAY, FRIDAY)


def payer(
    downtime: Sequence[Mapping[str, Any]] = CALENDAR,
    *,
    timezone: str = "America/New_York",
    **changes: Any,
) -> Config:
    """System `ehr` is the path; check `c` runs every hour, a result holds 3 h."""
    owed = {
        "timezone": timezone,
        "target": "90",
        "quarterly_hours": "24",
        "published_downtime": list(downtime),
    }
    impact = {"class": "administrative", "service": "billing"}
    return config(
        **{
            "organization": {"id": "org", "name": "Org", "timezone": "America/Chicago"},
            "systems": {"ehr": system(name="Payer A", impact=impact, payer=owed, slo=None)},
            "checks": {"c": check(every="1h", timeout="1h", confirm={"down": "1"})},
        }
        | changes
    )


def run(
    t: int, outcome: Outcome = UP, reason: str = "ok", duration: int = 900, agent: str = "a"
) -> Result:
    return Result("c", agent, t, outcome, reason, duration, t + duration)


def hourly(
    start: int = SPRING,
    count: int = 167,
    bad: Mapping[int, str] | None = None,
    slow: Sequence[int] = (),
) -> list[Result]:
    """Up every hour; in the hours of `bad` down for that reason, in those of `slow` after 25 s."""
    out: list[Result] = []
    for n in range(count):
        t = start + n * HOUR
        if bad and n in bad:
            out.append(run(t, DOWN, bad[n], 30_000))
        elif n in slow:
            out.append(run(t, DEGRADED, "x12.over_20s", 25_000))
        else:
            out.append(run(t))
    return out


SPRING_RUNS = hourly(
    bad={
        **dict.fromkeys(range(4), "x12.aaa_42_payer"),
        **dict.fromkeys(range(96, 100), "x12.aaa_42_clearinghouse"),
        **dict.fromkeys(range(120, 133), "x12.aaa_80_payer"),
        **dict.fromkeys((150, 151), "tcp.refused"),
    },
    slow=range(10, 15),
)
"""A week with four outages: in published downtime, in one published late, one told of as it
began, one of which nobody said a word.
"""


def report(
    runs: Sequence[Result],
    used: Config | History | None = None,
    *,
    start: int = SPRING,
    end: int = SPRING_END,
    now: int | None = None,
) -> PayerReport:
    """By replay."""
    history = used if isinstance(used, History) else History([Version(None, used or payer())])
    now = end if now is None else now
    results: dict[tuple[str, str], list[Result]] = {}
    for one in runs:
        results.setdefault((one.check, one.agent), []).append(one)
    truth = fold_system("ehr", history, results, now, start)
    owed = next(o for v in history.versions if (o := caqh.payer_of("ehr", v.config)) is not None)
    rollups = caqh.rolled(results, history, reach(owed, history, start, end, now), now)
    found = payer_report(truth, history, rollups, start, end, now)
    assert found is not None
    return found
