"""Steps of an explanation as short lines, for tests that write out all that a step holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from collector.core.explain import Explanation, explain
from collector.core.steps import Step, Subject
from collector.core.truth import fold_system
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval
from tests.support.stories import T0, at, config

PERIOD = Interval(T0, T0 + 86_400_000)


def explained(
    words: str | Mapping[tuple[str, str], str],
    *,
    second: int,
    until: int = 600,
    used: Config | None = None,
    history: Sequence[tuple[int | None, Config]] = (),
    recorded_by: Mapping[int, str] | None = None,
) -> Explanation:
    """`history` as recorded, by second, live; `used` alone in replay."""
    given = {("c", "a"): words} if isinstance(words, str) else words
    results = {source: at(line, *source) for source, line in given.items()}
    versions = [Version(None if n is None else T0 + n * 1000, c) for n, c in history]
    known = History(versions or [Version(None, used or config())])
    truth = fold_system("ehr", known, results, T0 + until * 1000, None if history else T0)
    by = {T0 + n * 1000: who for n, who in (recorded_by or {}).items()}
    return explain(truth, results, T0 + second * 1000, PERIOD, by)


def lines(found: Explanation, *subjects: Subject) -> list[str]:
    return [line(step) for step in found.steps if not subjects or step.subject in subjects]


def line(step: Step) -> str:
    """`rule reason subject verdict check/agent@site [instants] start-end facts`, in seconds."""
    who = f"{step.check or ''}/{step.agent or ''}@{step.site or ''}"
    said = [
        step.rule.value.removeprefix("semantics "),
        step.reason.value,
        step.subject.value,
        step.verdict or "-",
        *([] if who == "/@" else [who]),
        *(["[" + " ".join(map(_second, step.instants)) + "]"] if step.instants else []),
        *([f"{_second(step.start)}-{_second(step.end)}"] if step.start or step.end else []),
        *(f"{key}={_fact(key, value)}" for key, value in step.facts.items()),
    ]
    return " ".join(said)


def _second(t: int | None) -> str:
    return "" if t is None else f"{(t - T0) / 1000:g}"


def _fact(key: str, value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    instant = key in ("approved_at", "outage_start", "recorded_at")
    return _second(value) if instant and isinstance(value, int) else str(value)
