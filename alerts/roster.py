"""Who was, is and will be on duty, by what was in force at each instant. Pure.

Versions of the operator's file count from when they were recorded, overrides that people make from
then, too, and until they are cancelled. So what is told of the past never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from alerts import rota
from alerts.rota import Duty
from probes import spans, times
from probes.acts import RotaOverride
from probes.config import Config
from probes.config_oncall import Override
from probes.history import History, Version
from probes.spans import Interval, Span


@dataclass(frozen=True, slots=True)
class Gap:
    """Over `[start, end)`, UTC ms, `have` different people of a role are on duty, fewer than `need`."""

    start: int
    end: int
    role: str
    need: int
    have: int


def on_duty(history: History, schedule: str, t: int) -> str | None:
    """The contact on duty in a schedule at `t`; None: nobody, or there was no such schedule."""
    config = history.at(t)
    if config is None or schedule not in config.on_call:
        return None
    zone, given = config.organization.zone, standing_in(config, schedule, history.overrides)
    return rota.on_duty(config.on_call[schedule], zone, t, given)


def duties(history: History, schedule: str, start: int, end: int) -> list[Duty]:
    """Who is on duty in a schedule in `[start, end)`, in order; time of nobody is left out."""
    found = [
        Span(one.start, one.end, one.person)
        for version, begin, until in in_force(history, start, end)
        for one in _duties(version.config, schedule, begin, until, history.overrides)
    ]
    return [Duty(one.start, one.end, one.value) for one in spans.merge(found)]


def gaps(history: History, start: int, end: int) -> list[Gap]:
    """When fewer people are on duty than `staffing` demands, by start and role."""
    found: dict[str, list[Span[tuple[int, int]]]] = {}
    for version, begin, until in in_force(history, start, end):
        for gap in gaps_of(version.config, begin, until, history.overrides):
            line = found.setdefault(gap.role, [])
            line.append(Span(gap.start, gap.end, (gap.need, gap.have)))
    out = [
        Gap(one.start, one.end, role, *one.value)
        for role, line in found.items()
        for one in spans.merge(line)
    ]
    return sorted(out, key=lambda gap: (gap.start, gap.role))


def gaps_of(
    config: Config, start: int, end: int, overrides: Iterable[RotaOverride] = ()
) -> list[Gap]:
    """The same of one version, as if it were in force throughout."""
    made = tuple(overrides)
    out: list[Gap] = []
    for role, need in config.staffing.items():
        lines = [
            _line(_duties(config, name, start, end, made), start, end)
            for name, schedule in config.on_call.items()
            if schedule.role == role
        ]
        counted = spans.combine(lines, lambda people: len({*people} - {None}), start, end)
        out += [Gap(s.start, s.end, role, need, s.value) for s in counted if s.value < need]
    return sorted(out, key=lambda gap: (gap.start, gap.role))


def unmanned(config: Config, schedule: str, start: int, end: int) -> list[Interval]:
    """When nobody is on duty in a schedule of one version, as if it were in force throughout."""
    held = [Interval(one.start, one.end) for one in _duties(config, schedule, start, end, ())]
    return list(spans.subtract([Interval(start, end)], spans.unite(held)))


def next_gaps(history: History, start: int, ahead: int) -> dict[str, Interval]:
    """The first time, as a whole, in which a role is short, however many there are then; by role,
    as far as `ahead` ms after `start` show it.
    """
    short: dict[str, list[Interval]] = {}
    for gap in gaps(history, start, start + ahead):
        short.setdefault(gap.role, []).append(Interval(gap.start, gap.end))
    return {role: spans.unite(found)[0] for role, found in short.items()}


def schedules(history: History, start: int, end: int) -> dict[str, Config]:
    """Every schedule there was in `[start, end)`, with the last version that has it."""
    out: dict[str, Config] = {}
    for version, _, _ in in_force(history, start, end):
        out |= dict.fromkeys(version.config.on_call, version.config)
    return out


def in_force(history: History, start: int, end: int) -> Iterator[tuple[Version, int, int]]:
    """The versions in force in `[start, end)`, each with its part of it, in order."""
    inside = [v.at for v in history.versions if v.at is not None and start < v.at < end]
    for begin, until in pairwise((start, *inside, end)):
        version = history.version_at(begin)
        if version is not None and begin < until:
            yield version, begin, until


def standing_in(
    config: Config, schedule: str, overrides: Iterable[RotaOverride]
) -> tuple[Override, ...]:
    """What people made of a schedule, as far as the version has it: somebody who is no contact of
    its role any more stands in for nobody.
    """
    role = config.on_call[schedule].role
    return tuple(
        Override.model_construct(
            start=times.from_ms(one.begins), end=times.from_ms(one.ends), person=one.person
        )
        for one in overrides
        if one.schedule == schedule
        and one.person in config.contacts
        and config.contacts[one.person].role == role
    )


def _duties(
    config: Config, schedule: str, start: int, end: int, overrides: Iterable[RotaOverride]
) -> list[Duty]:
    if schedule not in config.on_call:
        return []
    given = standing_in(config, schedule, overrides)
    return rota.duties(config.on_call[schedule], config.organization.zone, start, end, given)


def _line(found: list[Duty], start: int, end: int) -> list[Span[str | None]]:
    """Duties with time of nobody between them."""
    out: list[Span[str | None]] = []
    begin = start
    for one in found:
        out += [Span(begin, one.start, None), Span(one.start, one.end, one.person)]
        begin = one.end
    out.append(Span(begin, end, None))
    return [one for one in out if one.start < one.end]
