"""From a predicate to what a report shows: HTML and PDF print this and nothing else. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from collector.attest.strictjson import Value
from collector.reports import answers, details, predicate, strips
from collector.reports.page import Item, Page
from collector.reports.predicate import Predicate, PredicateError
from collector.reports.writing import instant, title_of


def facts(found: Mapping[str, Value]) -> Page:
    """PredicateError names what cannot be shown."""
    read = predicate.read(found)
    try:
        zone = ZoneInfo(read.period.timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise PredicateError("not an IANA time zone - at `$.period.timezone`") from None
    try:
        return _page(read, zone)
    except (ValueError, OverflowError) as error:  # what datetime says of the years after 9999
        raise PredicateError("times that no calendar has, or too long a period") from error


def _page(read: Predicate, zone: ZoneInfo) -> Page:
    month = title_of(read.period.start, read.period.end, zone)
    return Page(
        title="Availability attestation",
        subtitle=month,
        organization=read.scope.organization,
        document=_document(read, zone),
        answers=answers.answers(read),
        details=details.details(read, zone),
        strips=strips.strips(read, zone),
        foot=f"Attestation {read.attestation_id}, version {read.version}",
        computed_at=read.computed_at,
    )


def _document(read: Predicate, zone: ZoneInfo) -> tuple[Item, ...]:
    period = read.period
    version = f"version {read.version}"
    if read.supersedes is not None:
        version += f", supersedes {read.supersedes}"
    return (
        Item("Attestation", f"{read.attestation_id}, {version}"),
        Item(
            "Period",
            f"from {instant(period.start, zone)} up to {instant(period.end, zone)}, which is not "
            f"in it ({period.timezone})",
        ),
        Item(
            "Known until",
            f"{instant(period.now, zone)}: what people recorded later does not count. Results count "
            f"also where they came later: {read.late_evidence.after_close} batches did",
        ),
        Item(
            "Computed",
            f"{instant(read.computed_at, zone)}, by Wardwatch {read.software.version}",
        ),
    )
