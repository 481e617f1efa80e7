"""Systems in scope and out with the reason, their checks, contacts' training, agreements. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from alerts.training import Trained, TrainingState, trained
from collector.audit.population import Cells, Population, Span
from collector.audit.safecsv import when
from collector.core.planned import FAR
from collector.journal import CONFIG
from probes.config import Config
from probes.config_checks import InGroup
from probes.history import History
from probes.times import from_ms

SYSTEMS = Population(
    "systems",
    "One row per system that was in any version of the file up to the end of the range: in scope if "
    "it was monitored at any time of the range, else out, with the reason. A system that never was "
    "in a file is not known here: compare the list with your inventory.",
    (
        "system",
        "name",
        "scope",
        "reason",
        "monitored_from",
        "monitored_until",
        "checks",
        "impact_class",
        "service",
        "target",
        "minimum",
        "formula",
        "first_version",
        "last_version",
    ),
    (CONFIG,),
    from_beginning=True,
)
CHECKS = Population(
    "checks",
    "One row per check that was in a version of the file in force in the range, as the last of them "
    "defines it.",
    (
        "check",
        "system",
        "kind",
        "every_ms",
        "timeout_ms",
        "role",
        "agents",
        "configured_from",
        "configured_until",
        "definitions_in_range",
        "definition_sha256",
        "last_version",
    ),
    (CONFIG,),
    from_beginning=True,
)
TRAINING = Population(
    "training",
    "One row per contact that was in a version of the file in force in the range, with the dates of "
    "training that the last of them has, and which are good, lapsed or missing on the range's last "
    "day, in the organization's zone.",
    (
        "contact",
        "role",
        "privacy",
        "security",
        "role_training",
        "deidentification",
        "refresher_until",
        "current_at_end",
        "lapsed_at_end",
        "missing",
        "configured_from",
        "configured_until",
        "last_version",
    ),
    (CONFIG,),
    from_beginning=True,
)
AGREEMENTS = Population(
    "agreements",
    "One row per channel that was in a version of the file in force in the range, with the business "
    "associate agreement that the last of them has; empty where it says nothing.",
    (
        "channel",
        "kind",
        "covered",
        "plan",
        "ref",
        "verified_by",
        "until",
        "configured_from",
        "configured_until",
        "last_version",
    ),
    (CONFIG,),
    from_beginning=True,
)


class Standing(NamedTuple):
    """A version over the part `[start, end)` of time in which it was in force."""

    start: int
    end: int
    id: int | None
    config: Config


def standing(history: History) -> list[Standing]:
    starts = [-FAR if version.at is None else version.at for version in history.versions]
    ends = [*starts[1:], FAR]
    return [
        Standing(start, end, version.id, version.config)
        for start, end, version in zip(starts, ends, history.versions, strict=True)
        if start < end
    ]


def systems(history: History, span: Span) -> Iterator[Cells]:
    every = standing(history)
    for name in sorted({name for one in every for name in one.config.systems}):
        have = [one for one in every if name in one.config.systems]
        within = [one for one in have if one.start < span.end and one.end > span.start]
        last = (within or have)[-1]
        monitored = [part for one in within if (part := _monitored(one, name, span)) is not None]
        known = last.config.systems[name]
        slo = known.slo
        yield (
            name,
            known.name,
            "in" if monitored else "out",
            _reason(name, within, monitored, span),
            when(monitored[0][0]) if monitored else None,
            when(monitored[-1][1]) if monitored else None,
            len(_checks_of(last.config, name)),
            known.impact.class_.value,
            known.impact.service.value,
            None if slo is None else slo.target,
            None if slo is None else slo.minimum,
            None if slo is None else slo.formula,
            have[0].id,
            last.id,
        )


def _monitored(one: Standing, name: str, span: Span) -> tuple[int, int] | None:
    """The part of the range in which a version had it monitored."""
    if not _checks_of(one.config, name):
        return None
    effective = one.config.systems[name].effective_from
    since = -FAR if effective is None else one.config.ms(effective)
    start, end = max(one.start, since, span.start), min(one.end, span.end)
    return (start, end) if start < end else None


def _reason(name: str, within: list[Standing], monitored: list[tuple[int, int]], span: Span) -> str:
    """Why it is in or out, in one word."""
    if monitored:
        whole = sum(end - start for start, end in monitored) == span.end - span.start
        return "monitored" if whole else "monitored_in_part"
    if not within:
        return "removed_before"
    checked = any(_checks_of(one.config, name) for one in within)
    return "not_yet_effective" if checked else "no_check"


def _checks_of(config: Config, system: str) -> list[str]:
    return [name for name, check in config.checks.items() if check.system == system]


def checks(history: History, span: Span) -> Iterator[Cells]:
    for name, found in _in_force(history, span, lambda config: config.checks):
        _, check = found[-1]
        role = check.role
        written = [_digest(one.model_dump(mode="json", by_alias=True)) for _, one in found]
        yield (
            name,
            check.system,
            check.kind,
            check.every,
            check.timeout,
            f"group:{role.group}" if isinstance(role, InGroup) else role,
            " ".join(found[-1][0].config.agents_of(name)),
            *_configured(found, span),
            len(set(written)),
            written[-1],
            found[-1][0].id,
        )


def training(history: History, span: Span) -> Iterator[Cells]:
    for name, found in _in_force(history, span, lambda config: config.contacts):
        contact = found[-1][1]
        had = contact.training
        dates = (
            (None,) * 5
            if had is None
            else (had.privacy, had.security, had.role, had.deidentification, had.refresher_until)
        )
        zone = found[-1][0].config.organization.zone
        states = trained(name, contact, from_ms(span.end - 1, zone).date())
        yield (
            name,
            contact.role,
            *dates,
            _kinds(states, TrainingState.CURRENT, TrainingState.SOON),
            _kinds(states, TrainingState.LAPSED),
            _kinds(states, TrainingState.MISSING),
            *_configured(found, span),
            found[-1][0].id,
        )


def _kinds(found: list[Trained], *states: TrainingState) -> str:
    return " ".join(one.kind.value for one in found if one.state in states)


def agreements(history: History, span: Span) -> Iterator[Cells]:
    for name, found in _in_force(history, span, lambda config: config.channels):
        channel = found[-1][1]
        baa = channel.baa
        said = (
            (None,) * 5
            if baa is None
            else (baa.covered, baa.plan, baa.ref, baa.verified_by, baa.until)
        )
        yield (name, channel.kind, *said, *_configured(found, span), found[-1][0].id)


def _in_force(
    history: History, span: Span, entries: Callable[[Config], Any]
) -> Iterator[tuple[str, list[tuple[Standing, Any]]]]:
    """What versions in force in the range define, by name: each with its version, oldest first."""
    within = [one for one in standing(history) if one.start < span.end and one.end > span.start]
    for name in sorted({name for one in within for name in entries(one.config)}):
        yield (
            name,
            [(one, entries(one.config)[name]) for one in within if name in entries(one.config)],
        )


def _configured(found: list[tuple[Standing, Any]], span: Span) -> tuple[str | None, str | None]:
    start, end = max(found[0][0].start, span.start), min(found[-1][0].end, span.end)
    return when(start), when(end)


def _digest(value: object) -> str:
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return hashlib.sha256(written.encode()).hexdigest()
