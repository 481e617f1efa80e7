"""What a person reads of a payer's report: titled tables of text. Pure.

Durations are exact, times on the payer's wall clock; `*` marks what is provisional.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from probes.times import duration_text, parse_datetime

Document = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Table:
    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    none: str
    """What is said where there are no rows."""


WEEKS = ("Week of", "Known %", "Min %", "Max %", "Down", "Unknown", "86 %", "90 %")
DOWN = (
    "Week of", "Down", "Published", "Not published", "Whole calendar", "Allowed 86 %",
    "Allowed 90 %",
)  # fmt: skip
FAILED = ("Week of", "Down", "Clearinghouse", "Payer", "Nobody named")
MONTHS = (
    "Month", "Responses", "No answer", "Of it published", "Required", "Within 20 s", "Share %", "90 %",
)  # fmt: skip
QUARTERS = ("Quarter from", "Down beyond the weeks", "Granted", "So it is")
DOWNTIME = ("From", "To", "Entry", "Kind", "Published at", "Notice", "Counts")
UNPLANNED = ("From", "To", "Not published", "Notice")
WHY = {
    "unscheduled": "no, a notice",
    "empty": "no, empty that night",
    "late": "no, late",
    "not_in_force": "only while in the file",
}


def headline(report: Document) -> str:
    zone, period = _zone(report), report["period"]
    return (
        f"{report['name']} ({report['system']}), {_local(period['start'], zone)} to "
        f"{_local(period['end'], zone)}, known up to {_local(period['now'], zone)}; "
        f"owes {report['target']} % of a week"
    )


def footer(report: Document) -> str:
    return (
        "Weeks run from Sunday 00:00 and nothing is excluded: published downtime is part of the 14 "
        f"or 10 % a payer may be down. Times in {report['timezone']}, tzdata {report['tzdata']}. "
        "* provisional until 72 h after its end."
    )


def tables(report: Document) -> list[Table]:
    zone = _zone(report)
    granted = Table(
        f"Hours granted beyond the weeks' {report['target']} %",
        QUARTERS,
        [_quarter(one, zone) for one in report["quarters"]],
        "none monitored",
    )
    return [
        Table("Weeks", WEEKS, [_week(one, zone) for one in report["weeks"]], "none monitored"),
        Table(
            "Down time by the payer's calendar",
            DOWN,
            [_down(one, zone) for one in report["weeks"]],
            "none monitored",
        ),
        Table(
            "Down time by who failed",
            FAILED,
            [_failed(one, zone) for one in report["weeks"]],
            "none monitored",
        ),
        Table("Months", MONTHS, [_month(one, zone) for one in report["months"]], "none monitored"),
        *([granted] if report["quarters"] else []),
        Table(
            "The payer's published downtime",
            DOWNTIME,
            [_downtime(one, zone) for one in report["downtime"]],
            "none",
        ),
        Table(
            "Outages that were not published",
            UNPLANNED,
            [_unplanned(one, zone) for one in report["unplanned"]],
            "none",
        ),
    ]


def _week(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    early = "*" if one["provisional"] and one["to_come_ms"] == 0 else ""
    return (
        _day(one, zone),
        *(one[key] or "-" for key in ("known", "min", "max")),
        duration_text(one["down_ms"]),
        duration_text(one["unknown_ms"] + one["not_monitored_ms"]),
        *(f"{one['verdicts'][target]}{early}" for target in ("86", "90")),
    )


def _down(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    lengths = (
        one["down_ms"],
        one["down_published_ms"],
        one["down_unpublished_ms"],
        one["published_ms"],
        *(one["allowed_ms"][target] for target in ("86", "90")),
    )
    return (_day(one, zone), *map(duration_text, lengths))


def _failed(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    lengths = (one["failed_ms"][who] for who in ("clearinghouse", "payer", "unnamed"))
    return (_day(one, zone), *map(duration_text, (one["down_ms"], *lengths)))


def _month(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    early = "*" if one["provisional"] and one["verdict"] != "open" else ""
    missing = one["published"]["unanswered"]
    return (
        _day(one, zone)[:7],
        str(one["responses"]),
        str(missing + one["unpublished"]["unanswered"]),
        str(missing),
        str(one["required"]),
        str(one["within"]),
        one["share"] or "-",
        f"{one['verdict']}{early}",
    )


def _quarter(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    within = "more than granted" if one["exceeds"] else "within them"
    return (
        _day(one, zone),
        *(duration_text(one[key]) for key in ("over_ms", "granted_ms")),
        within,
    )


def _downtime(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    return (
        _local(one["start"], zone),
        _local(one["end"], zone),
        one["id"],
        one["kind"].replace("_", "-"),
        _local(one["published_at"], zone),
        "in time" if one["in_time"] else "late",
        "yes" if one["why"] is None else WHY[one["why"]],
    )


def _unplanned(one: Document, zone: ZoneInfo) -> tuple[str, ...]:
    notice = one["notice"]
    told = "none" if notice is None else f"{notice['id']}, {_late(notice)}"
    end = "not over" if one["end"] is None else _local(one["end"], zone)
    return (_local(one["start"], zone), end, duration_text(one["unpublished_ms"]), told)


def _late(notice: Document) -> str:
    return "in time" if notice["in_time"] else "late"


def _zone(report: Document) -> ZoneInfo:
    return ZoneInfo(report["timezone"])


def _day(one: Document, zone: ZoneInfo) -> str:
    return _local(one["start"], zone)[:10]


def _local(instant: str, zone: ZoneInfo) -> str:
    """`2026-11-01 01:30 EDT`."""
    return parse_datetime(instant).astimezone(zone).strftime("%Y-%m-%d %H:%M %Z")
