"""One system's runs as columns: the unit of evidence that can be disclosed alone.

A segment is a msgpack map of columns of one length, names in tables beside them. A column is an
array, or packed (`probes/columns.py`) where it is longer. What is sparse (phases, facts, steps)
names its rows. Readers pass over columns they do not know; the bytes are never written anew, so
nothing of a newer agent is lost.

Ingest and the folds read a segment as it stands (`read`), without an object for each run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Annotated

import msgspec

from probes import columns as packing
from probes.columns import FAR
from probes.contract import Outcome

_CODE = re.compile(r"[a-z0-9_.]{1,64}")
"""Reasons and the names of phases, facts and steps: no text fits in (semantics 1)."""
_CHECK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")
Index = Annotated[int, msgspec.Meta(ge=0, lt=FAR)]
Integer = Annotated[int, msgspec.Meta(gt=-FAR, lt=FAR)]
"""No instant and no duration is so far; what is would overflow a store."""

ROWS = 10_000
"""Of a segment at most, ten times what an agent puts in: a small body must not fill a memory."""
_STEP_ROWS = 10 * ROWS
PACKED_FROM = 6
"""Rows; a shorter column is shorter as an array."""
Packed = Annotated[bytes, msgspec.Meta(max_length=8 * ROWS + 1)]
Column = Annotated[list[Index], msgspec.Meta(max_length=ROWS)] | Packed
Integers = Annotated[list[Integer], msgspec.Meta(max_length=ROWS)] | Packed
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


class Sparse(msgspec.Struct, frozen=True, omit_defaults=True):
    """`values[i]` belongs to row `rows[i]`, or to row `i` where no rows are named."""

    values: Integers
    rows: Column | None = None


SparseColumns = Annotated[dict[str, Sparse], msgspec.Meta(max_length=100)]


class Steps(msgspec.Struct, frozen=True):
    """One entry per step, in the order of rows and then of the run; indexes into the tables."""

    names: Names
    rows: StepColumn
    name: StepColumn
    outcome: StepColumn
    reason: StepColumn
    duration_us: StepColumn


class Columns(msgspec.Struct, frozen=True, omit_defaults=True):
    """`check`, `outcome` and `reason` index the tables; `slot` is ms before `at`. `at` is ms after
    `base`; packed, each is ms after the one before it. The phase `rest` holds what the other
    phases and itself leave of the duration.
    """

    checks: Names
    outcomes: Annotated[list[Outcome], msgspec.Meta(max_length=len(Outcome))]
    reasons: Names
    base: Index
    check: Column
    at: Integers
    slot: Integers
    outcome: Column
    reason: Column
    duration_us: Column
    phases: SparseColumns
    facts: SparseColumns
    steps: Steps | None = None
    rest: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A segment that is right: every column has `len(at_ms)` numbers, every index its name."""

    columns: Columns
    check: Sequence[int]
    at_ms: Sequence[int]
    outcome: Sequence[int]
    reason: Sequence[int]
    duration_us: Sequence[int]

    @property
    def slot(self) -> Sequence[int]:
        """How long before the start of each attempt its slot was, in milliseconds."""
        return _numbers(self.columns.slot)

    def fact(self, name: str) -> Sequence[int | None] | None:
        """One value a row, None where it has none; None for a fact that no run has."""
        found = self.columns.facts.get(name)
        return None if found is None else _dense(found, len(self.at_ms))


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
    at = [run.at_ms for run in runs]
    base = min(at, default=0)
    duration_us = [run.duration_us for run in runs]
    flat = [(row, step) for row, run in enumerate(runs) for step in run.steps]
    phases, rest = _relative(_gather([run.phases for run in runs]), duration_us)
    columns = Columns(
        check=_column([checks.setdefault(run.check, len(checks)) for run in runs]),
        at=(
            packing.pack([t - before for t, before in zip(at, [base, *at], strict=False)])
            if len(at) >= PACKED_FROM
            else [t - base for t in at]
        ),
        slot=_column([run.at_ms - run.slot_ms for run in runs]),
        outcome=_column([outcomes.setdefault(run.outcome, len(outcomes)) for run in runs]),
        reason=_column([reasons.setdefault(run.reason, len(reasons)) for run in runs]),
        duration_us=_column(duration_us),
        phases=_sparse(phases, len(runs)),
        facts=_sparse(_gather([run.facts for run in runs]), len(runs)),
        steps=Steps(
            rows=[row for row, _ in flat],
            name=[names.setdefault(step.name, len(names)) for _, step in flat],
            outcome=[outcomes.setdefault(step.outcome, len(outcomes)) for _, step in flat],
            reason=[reasons.setdefault(step.reason, len(reasons)) for _, step in flat],
            duration_us=[step.duration_us for _, step in flat],
            names=list(names),
        )
        if flat
        else None,
        base=base,
        checks=list(checks),
        outcomes=list(outcomes),
        reasons=list(reasons),
        rest=rest,
    )
    return _ENCODER.encode(columns)


def read(data: bytes) -> Table:
    """A segment as it stands; SegmentError when the columns do not fit together."""
    try:
        table = _table(_DECODER.decode(data))
        _check(table)
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        raise SegmentError("not a segment") from None
    return table


def read_again(data: bytes) -> Table:
    """The same of what `read` has once found right."""
    try:
        return _table(_DECODER.decode(data))
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise SegmentError("not a segment") from None


def decode(system: str, data: bytes) -> list[Run]:
    """The runs of a segment; SegmentError as `read`."""
    table = read(data)
    columns = table.columns
    phases, facts, steps = _phases(table), _scatter(columns.facts), _by_row(columns)
    slot = table.slot
    return [
        Run(
            system,
            columns.checks[table.check[row]],
            at_ms - slot[row],
            at_ms,
            columns.outcomes[table.outcome[row]],
            columns.reasons[table.reason[row]],
            table.duration_us[row],
            phases.get(row, {}),
            facts.get(row, {}),
            tuple(steps.get(row, ())),
        )
        for row, at_ms in enumerate(table.at_ms)
    ]


_Gathered = dict[str, tuple[list[int], list[int]]]
"""(rows, values) by name."""


def _gather(rows: Sequence[Mapping[str, int]]) -> _Gathered:
    found: _Gathered = {}
    for row, values in enumerate(rows):
        for name, value in values.items():
            numbers, held = found.setdefault(str(name), ([], []))
            numbers.append(row)
            held.append(value)
    return found


def _relative(phases: _Gathered, duration_us: Sequence[int]) -> tuple[_Gathered, str | None]:
    """The longest phase that every run has as what is left of the duration: a small number."""
    whole = {n: sum(v) for n, (rows, v) in phases.items() if len(rows) == len(duration_us)}
    if not whole or len(duration_us) < PACKED_FROM:
        return phases, None
    rest = max(whole, key=lambda name: whole[name])
    return {**phases, rest: (phases[rest][0], _left(duration_us, phases))}, rest


def _left(duration_us: Sequence[int], phases: _Gathered) -> list[int]:
    left = list(duration_us)
    for rows, values in phases.values():
        for row, value in zip(rows, values, strict=True):
            left[row] -= value
    return left


def _column(numbers: list[int]) -> list[int] | bytes:
    return packing.pack(numbers) if len(numbers) >= PACKED_FROM else numbers


def _sparse(found: _Gathered, size: int) -> dict[str, Sparse]:
    return {
        name: Sparse(_column(values), None if len(rows) == size else _column(rows))
        for name, (rows, values) in found.items()
    }


def _numbers(column: list[int] | bytes) -> Sequence[int]:
    return packing.unpack(column) if isinstance(column, bytes) else column


def _table(columns: Columns) -> Table:
    at, base = _numbers(columns.at), columns.base
    at_ms = (
        list(accumulate(at, initial=base))[1:]
        if isinstance(columns.at, bytes)
        else [base + n for n in at]
    )
    return Table(
        columns,
        _numbers(columns.check),
        at_ms,
        _numbers(columns.outcome),
        _numbers(columns.reason),
        _numbers(columns.duration_us),
    )


def _check(table: Table) -> None:
    columns, size = table.columns, len(table.at_ms)
    if size > ROWS:
        raise SegmentError("rows")
    _check_names(columns)
    _check_dense(table, size)
    for sparse in (*columns.phases.values(), *columns.facts.values()):
        if sparse.rows is not None or not _is_short(sparse.values, size):
            _check_sparse(sparse, size)
    if columns.steps is not None:
        _check_steps(columns, columns.steps, size)
    if columns.rest is not None:
        found = columns.phases.get(columns.rest)
        if found is None or found.rows is not None:
            raise SegmentError("rest")


def _check_dense(table: Table, size: int) -> None:
    columns, slot = table.columns, table.slot
    if len(slot) != size or len(table.duration_us) != size:
        raise SegmentError("length")
    if size:
        _check_instants(table.at_ms, slot)
    for numbers, names in (
        (table.check, columns.checks),
        (table.outcome, columns.outcomes),
        (table.reason, columns.reasons),
    ):
        if len(numbers) != size or (size and max(numbers) >= len(names)):
            raise SegmentError("indexes")
    for column in (columns.check, columns.outcome, columns.reason, columns.duration_us):
        if isinstance(column, bytes) and column[:1] in packing.SIGNED_CODES:
            raise SegmentError("negative")


def _is_short(values: list[int] | bytes, size: int) -> bool:
    """Packed, one number a row, and none too far? The numbers themselves nobody asks for."""
    return isinstance(values, bytes) and packing.is_of(values, size)


def _check_instants(at_ms: Sequence[int], slot: Sequence[int]) -> None:
    first, last = min(at_ms), max(at_ms)
    if not (first >= 0 and last < FAR):
        raise SegmentError("instants")
    if first >= max(slot) and last - min(slot) < FAR:
        return
    if not all(0 <= t - early < FAR for t, early in zip(at_ms, slot, strict=True)):
        raise SegmentError("slots")


_seen_checks: set[str] = set()
_seen_codes: set[str] = set()
"""Names found right before: most come again and again."""
_SEEN = 65_536


def _check_names(columns: Columns) -> None:
    if not _seen_checks.issuperset(columns.checks):
        _look_at(columns.checks, _CHECK, _seen_checks)
    steps = () if columns.steps is None else columns.steps.names
    for codes in (columns.reasons, columns.phases, columns.facts, steps):
        if not _seen_codes.issuperset(codes):
            _look_at(codes, _CODE, _seen_codes)


def _look_at(names: Iterable[str], shape: re.Pattern[str], seen: set[str]) -> None:
    if not all(map(shape.fullmatch, names)):
        raise SegmentError("names")
    if len(seen) >= _SEEN:
        seen.clear()
    seen.update(names)


def _check_sparse(sparse: Sparse, size: int) -> None:
    held = len(_numbers(sparse.values))
    if sparse.rows is None:
        if held != size:
            raise SegmentError("length")
        return
    rows = _numbers(sparse.rows)
    if len(rows) != held or len(set(rows)) != held:
        raise SegmentError("rows")
    if held and not (min(rows) >= 0 and max(rows) < size):
        raise SegmentError("rows")


def _check_steps(columns: Columns, steps: Steps, size: int) -> None:
    held = len(steps.rows)
    if len(steps.duration_us) != held:
        raise SegmentError("steps")
    for numbers, limit in (
        (steps.rows, size),
        (steps.name, len(steps.names)),
        (steps.outcome, len(columns.outcomes)),
        (steps.reason, len(columns.reasons)),
    ):
        if len(numbers) != held or max(numbers, default=-1) >= limit:
            raise SegmentError("steps")


def _pairs(sparse: Sparse) -> Iterable[tuple[int, int]]:
    """(row, value)."""
    values = _numbers(sparse.values)
    rows = range(len(values)) if sparse.rows is None else _numbers(sparse.rows)
    return zip(rows, values, strict=True)


def _dense(sparse: Sparse, size: int) -> Sequence[int | None]:
    if sparse.rows is None:
        return _numbers(sparse.values)
    dense: list[int | None] = [None] * size
    for row, value in _pairs(sparse):
        dense[row] = value
    return dense


def _scatter(columns: Mapping[str, Sparse]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for name, sparse in columns.items():
        for row, value in _pairs(sparse):
            found.setdefault(row, {})[name] = value
    return found


def _phases(table: Table) -> dict[int, dict[str, int]]:
    columns = table.columns
    found = _scatter(columns.phases)
    if columns.rest is not None:
        for row, values in found.items():
            values[columns.rest] = table.duration_us[row] - sum(values.values())
    return found


def _by_row(columns: Columns) -> dict[int, list[RunStep]]:
    steps = columns.steps
    found: dict[int, list[RunStep]] = {}
    if steps is None:
        return found
    for row, name, outcome, reason, duration_us in zip(
        steps.rows, steps.name, steps.outcome, steps.reason, steps.duration_us, strict=True
    ):
        found.setdefault(row, []).append(
            RunStep(
                steps.names[name], columns.outcomes[outcome], columns.reasons[reason], duration_us
            )
        )
    return found
