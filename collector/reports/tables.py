"""The tables behind the first page: what happened, row by row. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from alerts.wording import FAMILIES
from collector.reports.naming import name_of
from collector.reports.page import Table
from collector.reports.predicate import Predicate
from collector.reports.wording import CAUSES, NOT_APPROVED, PRE_REGISTERED, WHYS, word
from collector.reports.writing import NONE, instant, lasting, number

ROWS = 1000
"""So many rows of a table are printed; the statement has them all."""
_FAMILIES = {family.value: text for family, text in FAMILIES.items()}


def first(
    rows: Iterable[tuple[str, ...]], most: int = ROWS
) -> tuple[tuple[tuple[str, ...], ...], str]:
    """As many as are printed, and what to say of the others."""
    found = tuple(rows)
    if len(found) <= most:
        return found, ""
    return found[:most], f"The first {most} of {len(found)}: statement.json has them all."


def outages(read: Predicate, zone: ZoneInfo) -> Table:
    rows, note = first(
        (
            name_of(read, one.system),
            instant(one.start, zone),
            "still open" if one.end is None else instant(one.end, zone),
            "open" if one.end is None else lasting(one.end - one.start),
            lasting(one.min_ms),
            lasting(one.max_ms),
        )
        for one in read.outages
    )
    about = (
        "An outage runs from its first failing result to the first good one, before exclusions; "
        "by the results around it, it lasted at least and at most so long."
    )
    return Table(
        "outages",
        "Outages",
        ("System", "From", "Up to", "Lasting", "At least", "At most"),
        rows,
        numeric=(3, 4, 5),
        none="No outage.",
        note=" ".join(filter(None, (about, note))),
    )


def exclusions(read: Predicate, zone: ZoneInfo) -> Table:
    rows, note = first(
        (
            one.window,
            name_of(read, one.system),
            instant(one.start, zone),
            instant(one.end, zone),
            lasting(one.applied_ms),
            word(WHYS, one.why, "approved"),
            one.proposed_by or NONE,
            one.approved_by or NONE,
            instant(one.approved_at, zone),
            NOT_APPROVED if one.approved_by is None else PRE_REGISTERED[one.pre_registered],
            instant(one.witnessed_at, zone),
            number(one.log_index),
        )
        for one in read.exclusions
    )
    return Table(
        "exclusions",
        "Maintenance windows and what they exclude",
        (
            "Window",
            "System",
            "From",
            "Up to",
            "Excluded",
            "Why",
            "Proposed by",
            "Approved by",
            "Approved",
            "Registered before",
            "Witnessed",
            "Log entry",
        ),
        rows,
        numeric=(4, 11),
        none="No maintenance window.",
        note=note,
    )


def gaps(read: Predicate, zone: ZoneInfo) -> Table:
    rows, note = first(
        (
            name_of(read, one.system),
            one.check,
            one.agent,
            instant(one.start, zone),
            instant(one.end, zone),
            number(one.slots),
            word(CAUSES, one.cause),
        )
        for one in read.gaps
    )
    shorter = (
        f"{read.gaps_left_out} shorter gaps are not listed; they are counted among the results."
    )
    return Table(
        "gaps",
        "Gaps: scheduled results that are not there",
        ("System", "Check", "Agent", "From", "Up to", "Results", "Cause"),
        rows,
        numeric=(5,),
        none="No gap: every scheduled result is there.",
        note=" ".join(filter(None, (note, shorter if read.gaps_left_out else ""))),
    )


def incidents(read: Predicate, zone: ZoneInfo) -> Table:
    rows, note = first(
        (
            one.id,
            name_of(read, one.system),
            word(_FAMILIES, one.family),
            number(one.category),
            one.priority,
            instant(one.started_at, zone),
            instant(one.detected_at, zone),
            instant(one.acknowledged_at, zone),
            instant(one.recovered_at, zone),
            instant(one.resolved_at, zone),
        )
        for one in read.incidents
    )
    return Table(
        "incidents",
        "Incidents",
        (
            "Incident",
            "System",
            "Family",
            "Category",
            "Priority",
            "Started",
            "Detected",
            "Acknowledged",
            "Recovered",
            "Resolved",
        ),
        rows,
        numeric=(3,),
        none="No incident.",
        note=note,
    )


def changes(read: Predicate, zone: ZoneInfo) -> Table:
    rows, note = first(
        (
            instant(one.at, zone),
            number(one.row),
            number(one.log_index),
            one.commitment,
            "yes" if one.changed else "no",
        )
        for one in read.config_changes
    )
    return Table(
        "changes",
        "Changes of the configuration",
        ("Recorded", "Row", "Log entry", "Commitment", "Touches these systems"),
        rows,
        numeric=(1, 2),
        none="No change.",
        note=note,
    )


def vantage_points(read: Predicate) -> Table:
    rows, note = first(
        (
            one.agent,
            one.site,
            one.operator,
            " ".join(one.keys),
            lasting(one.clock_error_max_ms),
            number(one.batches),
            number(one.late),
        )
        for one in read.vantage_points
    )
    return Table(
        "vantage-points",
        "Vantage points: who measured",
        ("Agent", "Site", "Operator", "Keys", "Clock error at most", "Batches", "Late"),
        rows,
        numeric=(4, 5, 6),
        none="Nobody measured.",
        note=note,
    )
