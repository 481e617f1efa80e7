"""What the models leave open of on-call schedules: who may be in them, and what comes before what."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

from probes import opening, times
from probes.config_oncall import Only
from probes.configchecks import attempt, matches, section
from probes.yamlfile import Document, Path, Problem

_PEOPLE: tuple[Path, ...] = (("layers", "*", "people", "*"), ("overrides", "*", "person"))


def oncall_problems(document: Document) -> Iterator[Problem]:
    """Whoever is named and is no contact at all is told with the other references."""
    for name, schedule in section(document, "on_call").items():
        path: Path = ("on_call", name)
        yield from _people(document, path, schedule)
        yield from _order(document, path, schedule)
        yield from _never(document, path, schedule)
    yield from _staffing(document)


def _people(document: Document, path: Path, schedule: dict[str, Any]) -> Iterator[Problem]:
    role, contacts = schedule.get("role"), section(document, "contacts")
    for pattern in _PEOPLE:
        for place, person in matches(schedule, pattern):
            contact = contacts.get(person) if isinstance(person, str) else None
            theirs = None if contact is None else contact.get("role")
            if isinstance(theirs, str) and isinstance(role, str) and theirs != role:
                message = "this contact has another role than the schedule; name one of its role"
                yield document.problem((*path, *place), message)


def _order(document: Document, path: Path, schedule: dict[str, Any]) -> Iterator[Problem]:
    zone = _zone(document, schedule)
    for pattern, begins, ends in (
        (("layers", "*"), "starts", "ends"),
        (("overrides", "*"), "start", "end"),
    ):
        for place, entry in matches(schedule, pattern):
            written = entry if isinstance(entry, dict) else {}
            start, end = (_instant(written.get(key), zone) for key in (begins, ends))
            if start is not None and end is not None and end <= start:
                yield document.problem((*path, *place, ends), f"write a time after {begins}")


def _never(document: Document, path: Path, schedule: dict[str, Any]) -> Iterator[Problem]:
    for place, written in matches(schedule, ("layers", "*", "only", "*")):
        only = attempt(Only.model_validate, written)
        if only is not None and only.rule.closed_year() == opening.FIRST_YEAR:
            yield document.problem(
                (*path, *place), "no day of any year is one, so the layer never counts"
            )


def _staffing(document: Document) -> Iterator[Problem]:
    filled = [one.get("role") for one in section(document, "on_call").values()]
    for place, _ in matches(document.data, ("staffing", "*")):
        if place[-1] not in filled:
            message = "no schedule under on_call has this role, so nobody of it is ever on duty"
            yield document.problem(place, message)


def _zone(document: Document, schedule: dict[str, Any]) -> ZoneInfo:
    """UTC where the model refuses the zone that is written."""
    written = schedule.get("timezone", section(document, "organization").get("timezone"))
    try:
        return ZoneInfo(str(written))
    except (ValueError, OSError, KeyError):
        return ZoneInfo("UTC")


def _instant(written: Any, zone: ZoneInfo) -> int | None:
    value = attempt(times.parse_datetime, written)
    found: int | None = None if value is None else attempt(lambda v: times.to_ms(v, zone), value)
    return found
