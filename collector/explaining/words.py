"""Words that many sentences share: instants, counts, results in a row."""

from __future__ import annotations

from collector.core.steps import Step
from probes.times import rfc3339


def instant(at: int | None) -> str:
    return "-" if at is None else rfc3339(at)


def cited(step: Step) -> str:
    return ", ".join(rfc3339(t) for t in step.instants)


def number(step: Step, key: str) -> int:
    value = step.facts[key]
    return value if isinstance(value, int) else 0


def moment(step: Step, key: str) -> str:
    return rfc3339(number(step, key))


def in_a_row(count: int, word: str) -> str:
    return f"{count} {word} result{'' if count == 1 else 's in a row'}"


def verb(count: int, word: str) -> str:
    """`confirms` for one, `confirm` for more."""
    return f"{word}s" if count == 1 else word
