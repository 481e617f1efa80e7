"""Who was on duty, when too few people were, and who stood in for whom. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from alerts import roster
from collector.audit.population import Cells, Population, Span
from collector.audit.safecsv import when
from collector.journal import CONFIG
from probes.acts import OverrideKind
from probes.history import History

_KINDS = (CONFIG, *(kind.value for kind in OverrideKind))

ROTA = Population(
    "rota",
    "One row per duty in a schedule that reaches into the range, as far as it does, by the version of "
    "the file in force and the overrides that stood at each instant.",
    ("duty", "schedule", "role", "person", "from", "to"),
    _KINDS,
    from_beginning=True,
)
GAPS = Population(
    "staffing_gaps",
    "One row per time in the range in which fewer different people of a role were on duty than the "
    "file demanded.",
    ("gap", "role", "from", "to", "needed", "on_duty"),
    _KINDS,
    from_beginning=True,
)
OVERRIDES = Population(
    "rota_overrides",
    "One row per override of who is on duty that was made or cancelled by command, page or API in the "
    "range; those of the file are in the file.",
    (
        "override",
        "schedule",
        "person",
        "from",
        "to",
        "made_by",
        "made_at",
        "ref",
        "cancelled_by",
        "cancelled_at",
    ),
    tuple(kind.value for kind in OverrideKind),
    from_beginning=True,
)


def rota(history: History, span: Span) -> Iterator[Cells]:
    for name, config in sorted(roster.schedules(history, span.start, span.end).items()):
        for one in roster.duties(history, name, span.start, span.end):
            role = config.on_call[name].role
            key = f"{name}:{when(one.start)}"
            yield (key, name, role, one.person, when(one.start), when(one.end))


def gaps(history: History, span: Span) -> Iterator[Cells]:
    for one in roster.gaps(history, span.start, span.end):
        key = f"{one.role}:{when(one.start)}"
        yield (key, one.role, when(one.start), when(one.end), one.need, one.have)


def overrides(history: History, span: Span) -> Iterator[Cells]:
    for one in history.overrides:
        signed = [s for s in (one.made, one.cancelled) if s is not None]
        if not any(span.start <= s.at < span.end for s in signed):
            continue
        ended = one.cancelled
        yield (
            str(one.id),
            one.schedule,
            one.person,
            when(one.start),
            when(one.end),
            one.made.by,
            when(one.made.at),
            one.made.ref,
            None if ended is None else ended.by,
            None if ended is None else when(ended.at),
        )
