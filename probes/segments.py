"""One system's runs as columns: the unit of evidence that can be disclosed alone.

A segment is a msgpack map of arrays of one length, names in tables beside them. What is sparse
(phases, facts, steps) names its rows. Readers pass over columns they do not know; the bytes are
never written anew, so nothing of a newer agent is lost.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec

from probes.contract import Outcome

_CODE = re.compile(r"[a-z0-9_.]{1,64}")
"""Reasons and the names of phases, facts and steps: no text fits in (semantics 1)."""
_CHECK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
_FAR = 2**53
"""No instant and no duration reaches it; what does would overflow a store."""

Index = Annotated[int, msgspec.Meta(ge=0, lt=_FAR)]
Integer = Annotated[int, msgspec.Meta(gt=-_FAR, lt=_FAR)]

ROWS = 10_000
"""Of a segment at most, ten times what an agent puts in: a small body must not fill a memory."""
_STEP_ROWS = 10 * ROWS
Column = Annotated[list[Index], msgspec.Meta(max_length=ROWS)]
Integers = Annotated[list[Integer], msgspec.Meta(max_length=ROWS)]
Names = Annotated[list[str], msgspec.Meta(max_length=ROWS)]
StepColumn = Annotated[list[Index], msgspec.Meta(max_length=_STEP_ROWS)]


@dataclass(frozen=True, slots=True)
class RunStep:
    name: str
    outcome: Outcome
    reason: str
    duration_us: int


@dataclass(frozen=True, slots=True)
class Run:
    """What an agent records of one slot. `slot_ms` is the schedule's instant, `at_ms` the start of
    the attempt, both by the agent's wall clock. Names stay text: a newer agent may know more.
    """

    system: str
    check: str
    slot_ms: int
    at_ms: int
    outcome: Outcome
    reason: str
    duration_us: int
    phases: Mapping[str, int] = field(default_factory=dict)
    facts: Mapping[str, int] = field(default_factory=dict)
    steps: tuple[RunStep, ...] = ()


class Sparse(msgspec.Struct, frozen=True):
    """`values[i]` belongs to row `rows[i]`."""

    rows: Column
    values: Integers


SparseColumns = Annotated[dict[str, Sparse], msgspec.Meta(max_length=100)]


class Steps(msgspec.Struct, frozen=True):
    """One entry per step, in the order of rows and then of the run; indexes into the tables."""

    names: Names
    rows: StepColumn
    name: StepColumn
    outcome: StepColumn
    reason: StepColumn
    duration_us: StepColumn


class Columns(msgspec.Struct, frozen=True):
    """`check`, `outcome` and `reason` index the tables; `at` is ms after `base`, `slot` ms before
    `at`.
    """

    checks: Names
    outcomes: Annotated[list[Outcome], msgspec.Meta(max_length=len(Outcome))]
    reasons: Names
    base: Index
    check: Column
    at: Column
    slot: Integers
    outcome: Column
    reason: Column
    duration_us: Column
    phases: SparseColumns
    facts: SparseColumns
    steps: Steps


_DECODER = msgspec.msgpack.Decoder(Columns)
_ENCODER = msgspec.msgpack.Encoder(order="deterministic")


class SegmentError(ValueError):
    """The bytes are no segment. The text is fixed."""


def encode(runs: Sequence[Run]) -> bytes:
    """Runs of one system as a segment, in the order given."""
    checks: dict[str, int] = {}
    outcomes: dict[Outcome, int] = {}
    reasons: dict[str, int] = {}
    names: dict[str, int] = {}
    base = min((run.at_ms for run in runs), default=0)
    flat = [(row, step) for row, run in enumerate(runs) for step in run.steps]
    columns = Columns(
        check=[checks.setdefault(run.check, len(checks)) for run in runs],
        at=[run.at_ms - base for run in runs],
        slot=[run.at_ms - run.slot_ms for run in runs],
        outcome=[outcomes.setdefault(run.outcome, len(outcomes)) for run in runs],
        reason=[reasons.setdefault(run.reason, len(reasons)) for run in runs],
        duration_us=[run.duration_us for run in runs],
        phases=_gather([run.phases for run in runs]),
        facts=_gather([run.facts for run in runs]),
        steps=Steps(
            rows=[row for row, _ in flat],
            name=[names.setdefault(step.name, len(names)) for _, step in flat],
            outcome=[outcomes.setdefault(step.outcome, len(outcomes)) for _, step in flat],
            reason=[reasons.setdefault(step.reason, len(reasons)) for _, step in flat],
            duration_us=[step.duration_us for _, step in flat],
            names=list(names),
        ),
        base=base,
        checks=list(checks),
        outcomes=list(outcomes),
        reasons=list(reasons),
    )
    return _ENCODER.encode(columns)


def decode(system: str, data: bytes) -> list[Run]:
    """The runs of a segment; SegmentError when the columns do not fit together."""
    try:
        return _runs(system, _DECODER.decode(data))
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        raise SegmentError("not a segment") from None


def _gather(rows: Sequence[Mapping[str, int]]) -> dict[str, Sparse]:
    found: dict[str, Sparse] = {}
    for row, values in enumerate(rows):
        for name, value in values.items():
            sparse = found.setdefault(str(name), Sparse([], []))
            sparse.rows.append(row)
            sparse.values.append(value)
    return found


def _runs(system: str, columns: Columns) -> list[Run]:
    codes = (*columns.reasons, *columns.phases, *columns.facts, *columns.steps.names)
    if not (all(map(_CHECK.fullmatch, columns.checks)) and all(map(_CODE.fullmatch, codes))):
        raise SegmentError("names")
    size = len(columns.at)
    phases, facts = _scatter(columns.phases, size), _scatter(columns.facts, size)
    steps = _steps(columns, size)
    runs: list[Run] = []
    for row, (check, at, slot, outcome, reason, duration_us) in enumerate(
        zip(
            columns.check,
            columns.at,
            columns.slot,
            columns.outcome,
            columns.reason,
            columns.duration_us,
            strict=True,
        )
    ):
        at_ms = columns.base + at
        if not (at_ms < _FAR and 0 <= at_ms - slot < _FAR):
            raise SegmentError("instants")
        runs.append(
            Run(
                system,
                columns.checks[check],
                at_ms - slot,
                at_ms,
                columns.outcomes[outcome],
                columns.reasons[reason],
                duration_us,
                phases.get(row, {}),
                facts.get(row, {}),
                tuple(steps.get(row, ())),
            )
        )
    return runs


def _scatter(columns: Mapping[str, Sparse], size: int) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for name, sparse in columns.items():
        for row, value in zip(sparse.rows, sparse.values, strict=True):
            values = found.setdefault(row, {})
            if row >= size or name in values:
                raise SegmentError("rows")
            values[name] = value
    return found


def _steps(columns: Columns, size: int) -> dict[int, list[RunStep]]:
    steps = columns.steps
    found: dict[int, list[RunStep]] = {}
    for row, name, outcome, reason, duration_us in zip(
        steps.rows, steps.name, steps.outcome, steps.reason, steps.duration_us, strict=True
    ):
        if row >= size:
            raise SegmentError("rows")
        found.setdefault(row, []).append(
            RunStep(
                steps.names[name], columns.outcomes[outcome], columns.reasons[reason], duration_us
            )
        )
    return found
