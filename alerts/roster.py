"""Who was, is and will be on duty, by what was in force at each instant. Pure.

Versions of the operator's file count from when they were recorded, overrides that people make from
then, too, and until they are cancelled. So what is told of the past never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from zoneinfo import ZoneInfo

from alerts import rota
from alerts.rota import Duty
from probes import spans, times
from probes.acts import RotaOverride
from probes.config import Config
from probes.config_oncall import OnCall, Override
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


@dataclass(frozen=True, slots=True)
class _Said:
    """All that a version says of a schedule, with who stands in; None: it has none."""

    schedule: OnCall | None
    zone: ZoneInfo
    given: tuple[Override, ...]


def on_duty(history: History, schedule: str, t: int) -> str | None:
    """The contact on duty in a schedule at `t`; None: nobody, or there was no such schedule."""
    config = history.at(t)
    if config is None or schedule not in config.on_call:
        return None
    made = _made(history, schedule, t, t + 1)
    zone, given = config.organization.zone, standing_in(config, schedule, made)
    return rota.on_duty(config.on_call[schedule], zone, t, given)


def duties(history: History, schedule: str, start: int, end: int) -> list[Duty]:
    """Who is on duty in a schedule in `[start, end)`, in order; time of nobody is left out."""
    made = _made(history, schedule, start, end)
    # Of hundreds of versions most say the same of it as the one before.
    said = spans.merge(
        Span(begin, until, _said(version.config, schedule, made))
        for version, begin, until in in_force(history, start, end)
    )
    found = [
        Span(one.start, one.end, one.person)
        for span in said
        if span.value.schedule is not None
        for one in rota.duties(
            span.value.schedule, span.value.zone, span.start, span.end, span.value.given
        )
    ]
    return [Duty(one.start, one.end, one.value) for one in spans.merge(found)]


def everybody(history: History, start: int, end: int) -> dict[str, list[Duty]]:
    """The same of every schedule there was."""
    return {name: duties(history, name, start, end) for name in schedules(history, start, end)}


def gaps(
    history: History, start: int, end: int, held: Mapping[str, Sequence[Duty]] | None = None
) -> list[Gap]:
    """When fewer people are on duty than `staffing` demands, by start and role; `held` is what
    `everybody` says, for whoever has asked already.
    """
    held = everybody(history, start, end) if held is None else held
    lines = {name: _line(found, start, end) for name, found in held.items()}
    demanded = spans.merge(
        Span(begin, until, _demanded(version.config))
        for version, begin, until in in_force(history, start, end)
    )
    short: dict[str, list[Span[tuple[int, int]]]] = {}
    for span in demanded:
        for role, need, names in span.value:
            counted = spans.combine(
                [lines[name] for name in names],
                lambda people: len({*people} - {None}),
                span.start,
                span.end,
            )
            few = [Span(s.start, s.end, (need, s.value)) for s in counted if s.value < need]
            short.setdefault(role, []).extend(few)
    out = [
        Gap(one.start, one.end, role, *one.value)
        for role, line in short.items()
        for one in spans.merge(line)
    ]
    return sorted(out, key=lambda gap: (gap.start, gap.role))


def gaps_of(
    config: Config, start: int, end: int, overrides: Iterable[RotaOverride] = ()
) -> list[Gap]:
    """The same of one version, as if it were in force throughout."""
    return gaps(History([Version(None, config)], overrides=overrides), start, end)


def unmanned(config: Config, schedule: str, start: int, end: int) -> list[Interval]:
    """When nobody is on duty in a schedule of one version, as if it were in force throughout."""
    found = duties(History([Version(None, config)]), schedule, start, end)
    held = [Interval(one.start, one.end) for one in found]
    return list(spans.subtract([Interval(start, end)], spans.unite(held)))


def next_gaps(found: Iterable[Gap]) -> dict[str, Interval]:
    """The first time, as a whole, in which a role is short, however many there are then; by role."""
    short: dict[str, list[Interval]] = {}
    for gap in found:
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


def _made(history: History, schedule: str, start: int, end: int) -> list[RotaOverride]:
    """What people made of a schedule that counts for some of `[start, end)`."""
    return [
        one
        for one in history.overrides
        if one.schedule == schedule and max(one.begins, start) < min(one.ends, end)
    ]


def _said(config: Config, schedule: str, made: Iterable[RotaOverride]) -> _Said:
    found = config.on_call.get(schedule)
    given = () if found is None else standing_in(config, schedule, made)
    return _Said(found, config.organization.zone, given)


def _demanded(config: Config) -> tuple[tuple[str, int, tuple[str, ...]], ...]:
    """(role, how many of it, its schedules), as `staffing` has them."""
    return tuple(
        (role, need, tuple(name for name, one in config.on_call.items() if one.role == role))
        for role, need in config.staffing.items()
    )


def _line(found: Iterable[Duty], start: int, end: int) -> list[Span[str | None]]:
    """Duties with time of nobody between them."""
    out: list[Span[str | None]] = []
    begin = start
    for one in found:
        out += [Span(begin, one.start, None), Span(one.start, one.end, one.person)]
        begin = one.end
    out.append(Span(begin, end, None))
    return [one for one in out if one.start < one.end]
