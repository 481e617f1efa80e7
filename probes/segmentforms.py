"""How a segment stands in a batch: two forms of the same columns, both read for ever.

`Arrays`, which is written no more, holds every column as an array of msgpack. `Dense` holds
one string of bytes: the columns `FIXED`, then each phase and each fact that every run has, as
`probes/columns.py` packs them. Its `at` are differences, so that they are small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import accumulate
from typing import Annotated

import msgspec

from probes import columns
from probes.columns import FAR
from probes.contract import Outcome

Index = Annotated[int, msgspec.Meta(ge=0, lt=FAR)]
Integer = Annotated[int, msgspec.Meta(gt=-FAR, lt=FAR)]
"""No instant and no duration is so far; what is would overflow a store."""

ROWS = 10_000
"""Of a segment at most, ten times what an agent puts in: a small body must not fill a memory."""
_STEP_ROWS = 10 * ROWS
_NAMES = 100
Column = Annotated[list[Index], msgspec.Meta(max_length=ROWS)]
Integers = Annotated[list[Integer], msgspec.Meta(max_length=ROWS)]
Names = Annotated[list[str], msgspec.Meta(max_length=ROWS)]
Outcomes = Annotated[list[Outcome], msgspec.Meta(max_length=len(Outcome))]
StepColumn = Annotated[list[Index], msgspec.Meta(max_length=_STEP_ROWS)]


class SegmentError(ValueError):
    """The bytes are no segment. The text is fixed."""


class Sparse(msgspec.Struct, frozen=True):
    """`values[i]` belongs to row `rows[i]`."""

    rows: Column
    values: Integers


SparseColumns = Annotated[dict[str, Sparse], msgspec.Meta(max_length=_NAMES)]
DenseNames = Annotated[list[str], msgspec.Meta(max_length=_NAMES)]


class Steps(msgspec.Struct, frozen=True):
    """One entry per step, in the order of rows and then of the run; indexes into the tables."""

    names: Names
    rows: StepColumn
    name: StepColumn
    outcome: StepColumn
    reason: StepColumn
    duration_us: StepColumn


class Arrays(msgspec.Struct, frozen=True, omit_defaults=True):
    """`check`, `outcome` and `reason` index the tables; `at` is ms after `base`, `slot` ms before
    `at`.
    """

    checks: Names
    outcomes: Outcomes
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
    steps: Steps | None = None


FIXED = ("check", "at", "slot", "outcome", "reason", "duration_us")


class Dense(
    msgspec.Struct,
    frozen=True,
    omit_defaults=True,
    rename={
        "checks": "c",
        "outcomes": "o",
        "reasons": "r",
        "phases": "p",
        "facts": "f",
        "rest": "l",
        "codes": "k",
        "size": "n",
        "base": "b",
        "data": "d",
        "some_phases": "sp",
        "some_facts": "sf",
        "steps": "st",
    },
):
    """`codes` has one for each column of `data`, which holds `size` numbers of each; `base` is
    before the first `at`. The phase `rest` is what the other phases and itself leave of the
    duration. `some_*` are those that not every run has.
    """

    outcomes: Outcomes
    reasons: Names
    phases: DenseNames
    facts: DenseNames
    codes: Annotated[str, msgspec.Meta(max_length=len(FIXED) + 2 * _NAMES)]
    size: Annotated[int, msgspec.Meta(ge=0, le=ROWS)]
    base: Index
    checks: Names
    data: Annotated[bytes, msgspec.Meta(max_length=7 * ROWS * (len(FIXED) + 2 * _NAMES))]
    rest: str | None = None
    some_phases: SparseColumns = {}
    some_facts: SparseColumns = {}
    steps: Steps | None = None


Form = Arrays | Dense
_DENSE = msgspec.msgpack.Decoder(Dense)
_ARRAYS = msgspec.msgpack.Decoder(Arrays)
_ENCODER = msgspec.msgpack.Encoder()


def pack(form: Form) -> bytes:
    return _ENCODER.encode(form)


def unpack(data: bytes) -> Form:
    """msgspec.MsgspecError when it is neither."""
    try:
        return _DENSE.decode(data)
    except msgspec.ValidationError:
        return _ARRAYS.decode(data)


def columns_of(form: Form) -> tuple[Sequence[int], ...]:
    """Check, instant, outcome, reason, duration; SegmentError when a form does not fit together."""
    if isinstance(form, Arrays):
        at = [form.base + n for n in form.at]
        return form.check, at, form.outcome, form.reason, form.duration_us
    starts, width = _layout(form.codes)
    if len(starts) != len(FIXED) + len(form.phases) + len(form.facts):
        raise SegmentError("codes")
    if len(form.data) != form.size * width:
        raise SegmentError("length")
    check, gaps, outcome, reason, duration_us = (_dense(form, n) for n in (0, 1, 3, 4, 5))
    instants = list(accumulate(gaps, initial=form.base))
    return check, instants[1:], outcome, reason, duration_us


def slot_of(form: Form) -> Sequence[int]:
    """How long before the start of each attempt its slot was, in milliseconds."""
    return form.slot if isinstance(form, Arrays) else _dense(form, 2)


@lru_cache(maxsize=4_096)
def _layout(codes: str) -> tuple[tuple[int, ...], int]:
    """Where each column starts, in bytes a row, and how many bytes a row has in all."""
    try:
        widths = [columns.WIDTHS[code] for code in codes]
    except KeyError:
        raise SegmentError("codes") from None
    starts = tuple(accumulate(widths, initial=0))
    return starts[:-1], starts[-1]


def negative(form: Form) -> bool:
    """May indexes or durations be negative?"""
    return isinstance(form, Dense) and not columns.SIGNED_CODES.isdisjoint(
        form.codes[:1] + form.codes[3:6]
    )


def wide(form: Form) -> list[Sequence[int]]:
    """Columns in which a number may be too far."""
    if isinstance(form, Arrays) or columns.WIDE.isdisjoint(form.codes):
        return []
    return [_dense(form, n) for n, code in enumerate(form.codes) if code in columns.WIDE]


def phases_of(form: Form) -> dict[str, Mapping[int, int]]:
    """Values by row, by name."""
    if isinstance(form, Arrays):
        return _by_name(form.phases)
    found = _by_name(form.some_phases)
    for n, name in enumerate(form.phases):
        found[name] = dict(enumerate(_dense(form, len(FIXED) + n)))
    return found


def facts_of(form: Form) -> dict[str, Mapping[int, int]]:
    """Values by row, by name."""
    if isinstance(form, Arrays):
        return _by_name(form.facts)
    found = _by_name(form.some_facts)
    for n, name in enumerate(form.facts):
        found[name] = dict(enumerate(_dense(form, len(FIXED) + len(form.phases) + n)))
    return found


def fact_names(form: Form) -> set[str]:
    """Those that any run has."""
    return {*form.facts, *(form.some_facts if isinstance(form, Dense) else ())}


def fact_of(form: Form, name: str, size: int) -> Sequence[int | None] | None:
    """One value a row, None where it has none; None for a fact that no run has."""
    if isinstance(form, Dense) and name in form.facts:
        return _dense(form, len(FIXED) + len(form.phases) + form.facts.index(name))
    sparse = (form.facts if isinstance(form, Arrays) else form.some_facts).get(name)
    if sparse is None:
        return None
    values: list[int | None] = [None] * size
    for row, value in zip(sparse.rows, sparse.values, strict=True):
        values[row] = value
    return values


def sparse_of(form: Form) -> list[Sparse]:
    if isinstance(form, Arrays):
        return [*form.phases.values(), *form.facts.values()]
    return [*form.some_phases.values(), *form.some_facts.values()]


def _by_name(sparse: Mapping[str, Sparse]) -> dict[str, Mapping[int, int]]:
    return {name: dict(zip(s.rows, s.values, strict=True)) for name, s in sparse.items()}


def _dense(form: Dense, number: int) -> Sequence[int]:
    start = form.size * _layout(form.codes)[0][number]
    return columns.unpack(form.data, start, form.size, form.codes[number])
