"""`wardwatch replay`: a file of results through the same folds, to the document of the contract."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import msgspec

from alerts.policy import incidents
from collector.core import caqh
from collector.core.agent_state import distinct
from collector.core.availability import terms
from collector.core.detection import detected_at
from collector.core.document import document
from collector.core.payer import payer_report, reach
from collector.core.payer_document import payer_document
from collector.core.periods import END_MS
from collector.core.settled import Source
from collector.core.truth import SystemTruth, fold_system
from collector.core.view import view
from collector.sorting import AHEAD_MS, YEAR_2000_MS, Known, is_future
from probes.config import Config
from probes.contract import Outcome
from probes.history import History
from probes.results import Result
from probes.times import parse_datetime, rfc3339

LONGEST_MS = 3650 * 86_400_000


class ReplayErrors(Exception):  # noqa: N818 - it carries all of them
    """Every problem of the input, each naming file and line."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


Reason = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_.]+\Z")]
Duration = Annotated[int, msgspec.Meta(ge=0, le=LONGEST_MS)]
Days = Annotated[int, msgspec.Meta(gt=-(2**53), lt=2**53)]


class _ResultLine(msgspec.Struct, forbid_unknown_fields=True):
    check: str
    agent: str
    at: str
    outcome: Outcome
    reason: Reason
    duration_ms: Duration
    received: str | None = None
    cert_days_left: Days | None = None
    facts: dict[Reason, Days] = {}


@dataclass(frozen=True, slots=True)
class Input:
    """Results by (check, agent), in order of `t`; `ignored` counts those of unassigned agents."""

    results: dict[Source, list[Result]]
    ignored: int


def read_results(path: Path, history: History) -> Input:
    """Read JSON lines in any order. ReplayErrors lists every bad line, and how many there are."""
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        raise ReplayErrors([f"{path}: cannot be read"]) from None
    decoder = msgspec.json.Decoder(_ResultLine)
    problems: list[str] = []
    results: dict[Source, list[Result]] = {}
    ignored = count = 0
    known = Known.of(history)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        count += 1
        try:
            result = _result(decoder.decode(line), known, history.latest)
        except (msgspec.DecodeError, ValueError) as problem:
            problems.append(f"{path}:{number}: {problem}")
            continue
        if result.check in known.checks_of.get(result.agent, ()):
            results.setdefault((result.check, result.agent), []).append(result)
        else:
            ignored += 1
    if problems:
        problems.append(f"{path}: {len(problems)} of {count} results rejected")
        raise ReplayErrors(problems)
    for own in results.values():
        own.sort(key=lambda r: r.t)
    return Input(results, ignored)


def replay(history: History, given: Input, start: int, end: int, now: int) -> dict[str, Any]:
    """The output document; instants are UTC milliseconds. Keys are sorted when it is printed."""
    by_system = _by_system(history, given.results)
    truths = {
        system: fold_system(system, history, results, now, start)
        for system, results in by_system.items()
    }
    rollups = caqh.from_results(given.results, history, start, end, now)
    return {
        **document(truths, history, start, end, now, rollups),
        "incidents": _incidents(truths, history, by_system, start, end, now),
        "maintenance": _maintenance(truths.values(), start, end),
        "approval_basis": "claimed",
        "conflicts": _conflicts(given.results, now),
        "ignored": given.ignored,
    }


def replay_payer(
    history: History, given: Input, system: str, start: int, end: int, now: int
) -> dict[str, Any] | None:
    """A payer's report from a file of results; None of a system that was no payer at its end."""
    found = _by_system(history, given.results)
    truth = fold_system(system, history, found.get(system, {}), now, start)
    owed = caqh.payer_of(system, terms(truth, history, min(end, now) - 1))
    if owed is None:
        return None
    span = reach(owed, history, start, end, now)
    rollups = caqh.rolled(given.results, history, span, now)
    report = payer_report(truth, history, rollups, start, end, now)
    return None if report is None else payer_document(report, start, end, now)


def instant(written: datetime, config: Config) -> int:
    """UTC milliseconds; ValueError for what no calendar page of UTC holds."""
    try:
        return config.ms(written)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


def _result(line: _ResultLine, known: Known, config: Config) -> Result:
    if line.check not in known.checks:
        raise ValueError("check: no check of this id in the config")
    if line.agent not in known.agents:
        raise ValueError("agent: no agent of this id in the config")
    t = instant(parse_datetime(line.at), config)
    if not YEAR_2000_MS <= t < END_MS:
        raise ValueError("at: before the year 2000 or after the year 8999")
    received = t + line.duration_ms
    if line.received is not None:
        received = instant(parse_datetime(line.received), config)
        if is_future(t, received):
            raise ValueError(f"at: more than {AHEAD_MS // 60_000} min after it was received")
    return Result(
        line.check,
        line.agent,
        t,
        line.outcome,
        line.reason,
        line.duration_ms,
        received,
        line.cert_days_left,
        tuple(sorted(line.facts.items())),
    )


def _by_system(
    history: History, results: dict[Source, list[Result]]
) -> dict[str, dict[Source, list[Result]]]:
    """Results under every system a version gives their check to, in the order of the file."""
    out: dict[str, dict[Source, list[Result]]] = {
        system: {} for version in history.versions for system in version.config.systems
    }
    for version in history.versions:
        for name, check in version.config.checks.items():
            for agent in version.config.agents_of(name):
                if (name, agent) in results:
                    out[check.system][name, agent] = results[name, agent]
    return out


def _conflicts(results: Mapping[Source, Sequence[Result]], now: int) -> int:
    """Each counts once, also where several systems were given the check one after the other."""
    return sum(distinct(r for r in line if r.t < now)[1] for line in results.values())


def _incidents(
    truths: dict[str, SystemTruth],
    history: History,
    by_system: dict[str, dict[Source, list[Result]]],
    start: int,
    end: int,
    now: int,
) -> list[dict[str, Any]]:
    views = {name: view(truth) for name, truth in truths.items()}
    return [
        {
            "system": one.system,
            "family": str(one.family),
            "causes": [str(cause) for cause in one.causes],
            "category": one.category,
            "priority": str(one.priority),
            "started_at": rfc3339(one.started_at),
            "detected_at": rfc3339(detected_at(one, views, history, by_system[one.system], start)),
            "recovered_at": None if one.recovered_at is None else rfc3339(one.recovered_at),
            "attached_to": one.attached_to,
            "quiet": one.quiet,
            "reopened": one.reopened,
            "flapping": one.flapping,
            "sites": list(one.sites),
        }
        for one in incidents(views, history, now)
        if one.started_at < end and (one.recovered_at is None or one.recovered_at > start)
    ]


def _maintenance(truths: Iterable[SystemTruth], start: int, end: int) -> list[dict[str, Any]]:
    """One entry an occurrence, whatever the number of its systems."""
    found: dict[tuple[int, str], tuple[int, bool, str | None]] = {}
    for truth in truths:
        for one in truth.occurrences(end):
            if not (one.start < end and (one.end > start or one.start >= start)):
                continue
            _, excludes, why = found.get((one.start, one.id), (0, False, None))
            found[one.start, one.id] = (one.end, excludes or one.excludes, why or one.why)
    return [
        {
            "id": name,
            "start": rfc3339(begins),
            "end": rfc3339(ends),
            "excludes": excludes,
            "why": None if why is None else str(why),
        }
        for (begins, name), (ends, excludes, why) in sorted(found.items())
    ]
