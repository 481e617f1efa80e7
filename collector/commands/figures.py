"""What a person reads of an availability document: rows, and lines below them.

Numbers are printed as the document has them, durations exactly, times in the organization's zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from probes.times import duration_text, parse_datetime

PERCENTS = ("known", "min", "max", "coverage")
SITE_COLUMNS = ("SITE", "KNOWN %", "MIN %", "MAX %", "COVERAGE %", "DOWN")
COLUMNS = (
    "SYSTEM", "KNOWN %", "MIN %", "MAX %", "COVERAGE %", "DOWN", "TARGET", "VERDICT", "LEFT",
    "PACE",
)  # fmt: skip
FEW_COLUMNS = (*COLUMNS[:5], "VERDICT")
NAME_WIDTH = 20
"""A terminal that leaves a system's name so much room is wide."""


@dataclass(frozen=True, slots=True)
class Report:
    """`document` is the answer about a period, `systems` the one about now; `named` are the ids
    asked for, none for all.
    """

    document: Mapping[str, Any]
    systems: Mapping[str, Any]
    named: tuple[str, ...]

    @property
    def shown(self) -> dict[str, dict[str, Any]]:
        """The systems' fields by id, in the order asked for."""
        every = self.document["systems"]
        return {name: every[name] for name in (self.named or every)}

    @property
    def chosen(self) -> dict[str, Any]:
        """The document with the systems asked for only."""
        return {**self.document, "systems": self.shown}

    @property
    def now(self) -> list[dict[str, Any]]:
        return [s for s in self.systems["systems"] if s["id"] in self.shown]

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.systems["organization"]["timezone"])

    def name(self, system: str) -> str:
        """Its name; the id of a system that is no longer configured."""
        return str(next((s["name"] for s in self.now if s["id"] == system), system))

    def site(self, system: str, site: str) -> str:
        here = [one for s in self.now if s["id"] == system for one in s["sites"]]
        return str(next((one["name"] for one in here if one["id"] == site), site))

    def local(self, instant: str) -> str:
        """`2026-11-01 01:30:00 CDT`."""
        return parse_datetime(instant).astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S %Z")


def headline(report: Report) -> str:
    period = report.document["period"]
    known = "" if period["finished"] else f", known up to {report.local(period['now'])}"
    return (
        f"{report.systems['organization']['name']}, {report.local(period['start'])} to "
        f"{report.local(period['end'])}{known}"
    )


def rows(report: Report) -> list[tuple[str, ...]]:
    """One row per system, in `COLUMNS`; `-` where a number is undefined."""
    return [
        (
            report.name(system),
            *_percents(one),
            duration_text(one["down_ms"]),
            one["target"] or "-",
            _verdict(report, one),
            *_budget(one["budget"]),
        )
        for system, one in report.shown.items()
    ]


def width(report: Report) -> int:
    """What all columns need at least; a long name may wrap."""
    table = [COLUMNS, *rows(report)]
    widths = [max(len(row[n]) for row in table) for n in range(len(COLUMNS))]
    return min(widths[0], NAME_WIDTH) + sum(widths[1:]) + 2 * (len(COLUMNS) - 1)


def lines(report: Report) -> list[str]:
    """The plain form: aligned columns, then what there is to say."""
    return [headline(report), "", *_aligned([COLUMNS, *rows(report)]), *details(report)]


def details(report: Report, *, rest: bool = False) -> list[str]:
    """Sites of the systems named, scopes, burning budgets, outages, CAQH CORE, how it was made.

    `rest` says first what the columns left out of `FEW_COLUMNS` would.
    """
    out: list[str] = []
    for system, one in report.shown.items():
        found = [
            *([_rest(one)] if rest else []),
            *(_sites(report, system, one) if report.named else []),
            *_judged(report, system, one),
            *_corrected(report, system, one),
            *_ruled(report, system, one),
            *_burning(report, system, one),
            *_outages(report, one),
            *_caqh(report, one),
        ]
        if found:
            out += ["", f"{report.name(system)}:", *(f"  {line}" for line in found)]
    if any("*" in row[7] for row in rows(report)):
        out += ["", "* provisional until 72 h after the period's end"]
    return [*out, "", _footer(report)]


def _percents(fields: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(fields[name] or "-" for name in PERCENTS)


def _verdict(report: Report, one: Mapping[str, Any]) -> str:
    if one["verdict"] is None:
        return "-"
    early = report.document["period"]["finished"] and one["provisional"]
    return f"{one['verdict']}{'*' if early else ''}"


def _budget(budget: Mapping[str, Any] | None) -> tuple[str, str]:
    if budget is None:
        return "-", "-"
    left = budget["remaining"]
    unit = " x users" if budget["unit"] == "user_ms" else ""
    return f"{'-' if left < 0 else ''}{duration_text(abs(left))}{unit}", budget["pace"] or "-"


def _rest(one: Mapping[str, Any]) -> str:
    left, pace = _budget(one["budget"])
    target = "no target" if one["target"] is None else f"target {one['target']} %"
    budget = "" if one["budget"] is None else f", budget left {left}, pace {pace}"
    return f"down {duration_text(one['down_ms'])}, {target}{budget}"


def _sites(report: Report, system: str, one: Mapping[str, Any]) -> list[str]:
    table = [
        (report.site(system, site), *_percents(fields), duration_text(fields["down_ms"]))
        for site, fields in one["sites"].items()
    ]
    out = _aligned([SITE_COLUMNS, *table])
    if one["worst_site"] is not None:
        worst = report.site(system, one["worst_site"]["site"])
        out.append(f"worst site: {worst}, {_bounds(one['worst_site'])}")
    if one["user_weighted"] is not None:
        out.append(f"user-weighted: {_bounds(one['user_weighted'])}")
    if one["minimum"] is not None:
        out.append(f"minimum acceptable {one['minimum']} %: {one['minimum_verdict']}")
    return out


def _judged(report: Report, system: str, one: Mapping[str, Any]) -> list[str]:
    """The number behind the verdict, where it is not the row's own."""
    by = one["judged_by"]
    if by is None or by["scope"] == "organization":
        return []
    if by["scope"] == "user_weighted":
        return [f"judged by its users' time: {_bounds(by)}"]
    site = "none" if by["site"] is None else report.site(system, by["site"])
    return [f"judged by its worst site: {site}, {_bounds(by)}"]


def _corrected(report: Report, system: str, one: Mapping[str, Any]) -> list[str]:
    """The number with corrections, beside the measured one (semantics 4)."""
    second = one["corrected"]
    if second is None:
        return []
    with_ = f"with corrections {', '.join(second['corrections'])}"
    return [_second(report, system, one, second, with_)]


def _ruled(report: Report, system: str, one: Mapping[str, Any]) -> list[str]:
    """The number with what people ruled of rejections by all, beside the measured one."""
    second = one["ruled"]
    if second is None:
        return []
    ruled = "; ".join(
        f"{r['incident']} {r['ruling']}, by {r['by']}, {report.local(r['at'])}"
        for r in second["rulings"]
    )
    also = f", and corrections {', '.join(second['corrections'])}" if second["corrections"] else ""
    return [_second(report, system, one, second, f"with what was ruled ({ruled}){also}")]


def _second(
    report: Report, system: str, one: Mapping[str, Any], second: Mapping[str, Any], with_: str
) -> str:
    text = (
        f"{with_}: {_bounds(second)}, "
        f"coverage {second['coverage'] or '-'}, down {duration_text(second['down_ms'])}, "
        f"excluded {duration_text(second['excluded_ms'])}"
    )
    judged = "".join(f", {line}" for line in _judged(report, system, second))
    verdict = "" if second["verdict"] is None else f"; {one['target']} %: {second['verdict']}"
    return f"{text}{verdict}{judged}"


def _bounds(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {fields[name] or '-'}" for name in ("known", "min", "max"))


def _burning(report: Report, system: str, one: Mapping[str, Any]) -> list[str]:
    return [
        f"budget burns ({row['severity']}): {row['long']} % down in {duration_text(row['long_ms'])}"
        f" and {row['short']} % in {duration_text(row['short_ms'])}, over {row['threshold']} %"
        + ("" if row["site"] is None else f" at {report.site(system, row['site'])}")
        for row in one["burn"] or ()
        if row["firing"]
    ]


def _outages(report: Report, one: Mapping[str, Any]) -> list[str]:
    return [_outage(report, outage) for outage in one["outages"]]


def _outage(report: Report, outage: Mapping[str, Any]) -> str:
    start = report.local(outage["start"])
    if outage["end"] is None:
        return f"outage since {start}, not over"
    length = parse_datetime(outage["end"]) - parse_datetime(outage["start"])
    took = duration_text(length // timedelta(milliseconds=1))
    most = "" if outage["max_ms"] is None else f", at most {duration_text(outage['max_ms'])}"
    return (
        f"outage {start} to {report.local(outage['end'])}: {took} "
        f"(at least {duration_text(outage['min_ms'])}{most})"
    )


def _caqh(report: Report, one: Mapping[str, Any]) -> list[str]:
    found = one["caqh"]
    if found is None:
        return []
    zone = ZoneInfo(found["timezone"]) if "timezone" in found else report.zone

    def day(span: Mapping[str, Any]) -> str:
        return f"{parse_datetime(span['start']).astimezone(zone):%Y-%m-%d}"

    weeks = [
        f"CAQH CORE week of {day(week)}: {_bounds(week)}; "
        + ", ".join(f"{target} % {verdict}" for target, verdict in week["verdicts"].items())
        for week in found["weeks"]
    ]
    months = [
        f"CAQH CORE month {day(month)[:7]}: {month['within']} of "
        f"{_owed(month)} within 20 s ({month['share'] or '-'} %); {month['verdict']}"
        for month in found["months"]
    ]
    return [*weeks, *months]


def _owed(month: Mapping[str, Any]) -> str:
    if "required" not in month:
        return f"{month['responses']} answers"
    return f"{month['required']} required answers, of which {month['responses']} came,"


def _footer(report: Report) -> str:
    by_formula: dict[str, list[str]] = {}
    for system, one in report.shown.items():
        by_formula.setdefault(one["formula"], []).append(report.name(system))
    if len(by_formula) == 1:
        formula = next(iter(by_formula))
    else:
        formula = "; ".join(f"{name} ({', '.join(who)})" for name, who in by_formula.items())
    return f"Formula {formula}. Times in {report.zone.key}, tzdata {report.document['tzdata']}."


def _aligned(table: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(len(row[n]) for row in table) for n in range(len(table[0]))]
    return [
        "  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() for row in table
    ]
