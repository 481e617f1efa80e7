"""The document of a payer's report, written out."""

from __future__ import annotations

from collector.core.payer_document import payer_document
from probes.times import TZDATA
from tests.support.payer_path import HOUR, SPRING, SPRING_END, SPRING_RUNS, hourly, report


def test_the_document_of_a_week_written_out() -> None:
    found = payer_document(report(SPRING_RUNS), SPRING, SPRING_END, SPRING_END)
    assert found == {
        "system": "ehr",
        "name": "Payer A",
        "timezone": "America/New_York",
        "target": "90",
        "tzdata": TZDATA,
        "period": {
            "start": "2026-03-08T05:00:00.000Z",
            "end": "2026-03-15T04:00:00.000Z",
            "now": "2026-03-15T04:00:00.000Z",
            "finished": True,
        },
        "weeks": [
            {
                "start": "2026-03-08T05:00:00.000Z",
                "end": "2026-03-15T04:00:00.000Z",
                "length_ms": 601_200_000,
                "up_ms": 500_400_000,
                "degraded_ms": 18_000_000,
                "down_ms": 82_800_000,
                "unknown_ms": 0,
                "not_monitored_ms": 0,
                "to_come_ms": 0,
                "known": "86.2275",
                "min": "86.2275",
                "max": "86.2275",
                "coverage": "100.0000",
                "verdicts": {"86": "met", "90": "breached"},
                "provisional": True,
                "allowed_ms": {"86": 84_168_000, "90": 60_120_000},
                "published_ms": 18_000_000,
                "down_published_ms": 14_400_000,
                "down_unpublished_ms": 68_400_000,
                "failed_ms": {
                    "clearinghouse": 14_400_000,
                    "payer": 61_200_000,
                    "unnamed": 7_200_000,
                },
            }
        ],
        "months": [
            {
                "start": "2026-03-01T05:00:00.000Z",
                "end": "2026-04-01T04:00:00.000Z",
                "within": 139,
                "responses": 144,
                "required": 163,
                "share": "85.2760",
                "verdict": "open",
                "provisional": True,
                "published": {"responses": 1, "within": 1, "unanswered": 4},
                "unpublished": {"responses": 143, "within": 138, "unanswered": 19},
            }
        ],
        "quarters": [
            {
                "start": "2026-01-01T05:00:00.000Z",
                "end": "2026-04-01T04:00:00.000Z",
                "over_ms": 22_680_000,
                "granted_ms": 86_400_000,
                "exceeds": False,
            }
        ],
        "downtime": [
            {
                "id": "sundays",
                "kind": "routine",
                "start": "2026-03-08T05:00:00.000Z",
                "end": "2026-03-08T10:00:00.000Z",
                "published_at": "2026-01-02T14:00:00.000Z",
                "in_time": True,
                "counts": True,
                "why": None,
            },
            {
                "id": "migration",
                "kind": "non_routine",
                "start": "2026-03-12T05:00:00.000Z",
                "end": "2026-03-12T09:00:00.000Z",
                "published_at": "2026-03-06T14:00:00.000Z",
                "in_time": False,
                "counts": False,
                "why": "late",
            },
            {
                "id": "friday",
                "kind": "unscheduled",
                "start": "2026-03-13T05:00:00.000Z",
                "end": "2026-03-13T18:00:00.000Z",
                "published_at": "2026-03-13T05:45:00.000Z",
                "in_time": True,
                "counts": False,
                "why": "unscheduled",
            },
        ],
        "unplanned": [
            {
                "start": "2026-03-12T05:00:00.000Z",
                "end": "2026-03-12T09:00:00.000Z",
                "min_ms": 3 * HOUR,
                "max_ms": 5 * HOUR,
                "unpublished_ms": 4 * HOUR,
                "notice": None,
            },
            {
                "start": "2026-03-13T05:00:00.000Z",
                "end": "2026-03-13T18:00:00.000Z",
                "min_ms": 12 * HOUR,
                "max_ms": 14 * HOUR,
                "unpublished_ms": 13 * HOUR,
                "notice": {
                    "id": "friday",
                    "published_at": "2026-03-13T05:45:00.000Z",
                    "in_time": True,
                },
            },
            {
                "start": "2026-03-14T11:00:00.000Z",
                "end": "2026-03-14T13:00:00.000Z",
                "min_ms": HOUR,
                "max_ms": 3 * HOUR,
                "unpublished_ms": 2 * HOUR,
                "notice": None,
            },
        ],
    }


def test_what_is_still_to_come_is_no_time_that_nobody_watched() -> None:
    bad = dict.fromkeys(range(26, 28), "tcp.refused")
    now = SPRING + 28 * HOUR
    found = payer_document(report(hourly(count=28, bad=bad), now=now), SPRING, SPRING_END, now)
    (week,) = found["weeks"]
    assert (week["to_come_ms"], week["not_monitored_ms"]) == (139 * HOUR, 0)
    assert found["period"]["finished"] is False
    assert (found["unplanned"][0]["end"], found["unplanned"][0]["min_ms"]) == (None, None)
