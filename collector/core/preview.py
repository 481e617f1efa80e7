"""The next occurrences of a window, with their real minutes and what is odd about a night."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from probes import recurrence, times
from probes.config import Config
from probes.config_windows import Window

MOST = 100
_HORIZONS = (timedelta(days=400), timedelta(days=4_000))
"""How far ahead is looked: first for what recurs within the year, then for what does not."""


class Note(StrEnum):
    """What a change of the clocks does to an occurrence; `empty` excludes nothing."""

    EMPTY = "empty"
    SHORTER = "shorter"
    LONGER = "longer"
    START_SKIPPED = "start_skipped"
    END_SKIPPED = "end_skipped"
    START_TWICE = "start_twice"
    END_TWICE = "end_twice"


MEANINGS = {
    Note.EMPTY: "its end is not after its start, so it excludes nothing",
    Note.SHORTER: "the clocks go forward inside it: fewer real minutes than the wall clock shows",
    Note.LONGER: "the clocks go back inside it: more real minutes than the wall clock shows",
    Note.START_SKIPPED: "its start is a time the clocks skip; the offset before the change counts",
    Note.END_SKIPPED: "its end is a time the clocks skip; the offset before the change counts",
    Note.START_TWICE: "its start comes twice that night; the first counts",
    Note.END_TWICE: "its end comes twice that night; the first counts",
}


@dataclass(frozen=True, slots=True)
class Ahead:
    """`start` and `end` in UTC ms; `length_ms` is real time, 0 where it is empty."""

    start: int
    end: int
    notes: tuple[Note, ...]

    @property
    def length_ms(self) -> int:
        return max(self.end - self.start, 0)


def ahead(window: Window, since: int, count: int) -> list[Ahead]:
    """The first `count` occurrences that end after `since`, or that are empty and start not before it."""
    zone = ZoneInfo(window.timezone)
    found: list[Ahead] = []
    for horizon in _HORIZONS:
        first = max(times.from_ms(since, zone).replace(tzinfo=None), window.start)
        starts = recurrence.local_starts(
            window.start, window.rrule, window.exdate, zone, first + horizon
        )
        each = (_ahead(start, window.end - window.start, zone) for start in starts)
        found = [one for one in each if max(one.end, one.start + 1) > since][:count]
        if len(found) == count or window.rrule is None:
            break
    return found


def _ahead(start: datetime, length: timedelta, zone: ZoneInfo) -> Ahead:
    end = start + length
    begins, ends = times.to_ms(start, zone), times.to_ms(end, zone)
    real, wall = ends - begins, length // timedelta(milliseconds=1)
    facts = {
        Note.EMPTY: real <= 0,
        Note.SHORTER: 0 < real < wall,
        Note.LONGER: real > wall,
        Note.START_SKIPPED: _skipped(start, zone),
        Note.END_SKIPPED: _skipped(end, zone),
        Note.START_TWICE: _twice(start, zone),
        Note.END_TWICE: _twice(end, zone),
    }
    return Ahead(begins, ends, tuple(note for note, holds in facts.items() if holds))


def _skipped(wall: datetime, zone: ZoneInfo) -> bool:
    aware = wall.replace(tzinfo=zone)
    return aware.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != wall


def _twice(wall: datetime, zone: ZoneInfo) -> bool:
    first, second = (wall.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    return first != second and not _skipped(wall, zone)


def zones(window: Window, config: Config) -> tuple[str, ...]:
    """The window's zone, then those of the organization and its sites, then UTC; each once."""
    sites = (site.timezone for site in config.sites.values())
    named = (window.timezone, config.organization.timezone, *sites, "UTC")
    return tuple(dict.fromkeys(zone for zone in named if zone is not None))


def shown(found: Iterable[Ahead], names: Sequence[str]) -> list[dict[str, object]]:
    """As a document: instants in UTC, real minutes, notes, and the local times by zone."""
    return [
        {
            "start": times.rfc3339(one.start),
            "end": times.rfc3339(one.end),
            "real_minutes": one.length_ms // 60_000,
            "notes": [note.value for note in one.notes],
            "local": {
                name: [
                    times.from_ms(t, ZoneInfo(name)).isoformat(timespec="minutes")
                    for t in (one.start, one.end)
                ]
                for name in names
            },
        }
        for one in found
    ]
