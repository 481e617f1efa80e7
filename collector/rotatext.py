"""What a person reads of a rota: who is on duty, when staffing is short, and overrides. Pure.

Times are on the wall clock of the organization, with the zone's abbreviation: 01:30 comes twice in
the night an hour is repeated.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from collector.payertext import Table
from probes.times import duration_text, parse_datetime

Document = Mapping[str, Any]
NOW = ("Schedule", "Role", "On duty", "Until", "Then")
DUTIES = ("From", "To", "On duty", "Length")
OVERRIDES = ("No", "Schedule", "Contact", "From", "To", "Made by", "Ref", "Cancelled by")
NOBODY = "nobody"


def headline(rota: Document) -> str:
    zone = _zone(rota)
    return (
        f"On call from {local(rota['from'], zone)} to {local(rota['to'], zone)}, "
        f"wall clock of {rota['timezone']}"
    )


def now(rota: Document) -> list[Table]:
    """Who is on duty as of the document, until when, and who then; no table where its range does
    not hold that instant.
    """
    if not rota["from"] <= rota["as_of"] < rota["to"]:
        return []
    rows = [_now(one, rota) for one in rota["schedules"]]
    return [Table("On duty now", NOW, rows, "there is no schedule")]


def duties(rota: Document, schedule: str | None = None) -> list[Table]:
    """A table for each schedule, or for one; time of nobody is a row like any other."""
    return [
        Table(
            f"{one['id']} ({role(one)})",
            DUTIES,
            _rows(one["duties"], rota),
            "nobody is on duty",
        )
        for one in rota["schedules"]
        if schedule in (None, one["id"])
    ]


def gaps(rota: Document) -> list[str]:
    """`clinical liaison: 0 of 1 on duty from Thu 2026-01-01 20:00 CST to ... (12h)`."""
    zone = _zone(rota)
    return [
        f"{role(gap)}: {gap['have']} of {gap['need']} on duty from {local(gap['start'], zone)} "
        f"to {local(gap['end'], zone)} ({_length(gap)})"
        for gap in rota["gaps"]
    ]


def overrides(rota: Document) -> Table:
    zone = _zone(rota)
    return Table(
        "Overrides that people made",
        OVERRIDES,
        [
            (
                str(one["id"]),
                one["schedule"],
                one["contact"],
                local(one["start"], zone),
                local(one["end"], zone),
                one["made"]["by"],
                one["made"]["ref"] or "-",
                "-" if one["cancelled"] is None else one["cancelled"]["by"],
            )
            for one in rota["overrides"]
        ],
        "none",
    )


def role(one: Document) -> str:
    return str(one["role"]).replace("_", " ")


def local(instant: str, zone: ZoneInfo) -> str:
    """`Sun 2026-11-01 01:30 CST`."""
    return parse_datetime(instant).astimezone(zone).strftime("%a %Y-%m-%d %H:%M %Z")


def _now(one: Document, rota: Document) -> tuple[str, ...]:
    zone, as_of = _zone(rota), rota["as_of"]
    later = [duty for duty in one["duties"] if as_of < duty["end"]]
    if later and later[0]["start"] <= as_of:
        person, until, *rest = later[0]["name"], later[0]["end"], *later[1:2]
        then = rest[0]["name"] if rest and rest[0]["start"] == until else NOBODY
        then = "-" if until == rota["to"] else then
    else:
        person, until = NOBODY, later[0]["start"] if later else rota["to"]
        then = later[0]["name"] if later else "-"
    return one["id"], role(one), person, local(until, zone), then


def _rows(found: list[Document], rota: Document) -> list[tuple[str, ...]]:
    zone, begin = _zone(rota), rota["from"]
    out: list[tuple[str, ...]] = []
    for one in (*found, {"start": rota["to"], "end": rota["to"], "name": ""}):
        for start, end, who in (
            (begin, one["start"], NOBODY),
            (one["start"], one["end"], one["name"]),
        ):
            if start < end:
                length = _length({"start": start, "end": end})
                out.append((local(start, zone), local(end, zone), who, length))
        begin = one["end"]
    return out


def _length(one: Document) -> str:
    """In whole minutes, as the times beside it."""
    start, end = (parse_datetime(one[key]) for key in ("start", "end"))
    minutes = (end - start) // timedelta(minutes=1)
    return duration_text(minutes * 60_000) if minutes else "under 1m"


def _zone(rota: Document) -> ZoneInfo:
    return ZoneInfo(rota["timezone"])
