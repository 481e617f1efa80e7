"""One system's runs as columns: the unit of evidence that can be disclosed alone.

A segment is a msgpack map of columns of one length, names in tables beside them
(`probes/segmentforms.py`). What is sparse (phases, facts, steps) names its rows. Readers pass over
columns they do not know; the bytes are never written anew, so nothing of a newer agent is lost.

Ingest and the folds read a segment as it stands (`read`), without an object for each run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter, sub
from typing import TypeVar

import msgspec

from probes import columns as packing
from probes import segmentforms as forms
from probes.columns import FAR
from probes.contract import Outcome
from probes.reasons import Reason
from probes.segmentforms import Arrays, Dense, Form, SegmentError, Sparse, Steps

__all__ = [
    "Run",
    "RunStep",
    "SegmentError",
    "Table",
    "decode",
    "encode",
    "encode_missed",
    "read",
    "read_again",
]

_CODE = re.compile(r"[a-z0-9_.]{1,64}")
"""Reasons and the names of phases, facts and steps: no text fits in (semantics 1)."""
_CHECK = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class RunStep(msgspec.Struct, frozen=True, gc=False):
    name: str
    outcome: Outcome
    reason: str
    duration_us: int


class Run(msgspec.Struct, frozen=True, gc=False):
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
    phases: Mapping[str, int] = {}
    facts: Mapping[str, int] = {}
    steps: tuple[RunStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Table:
    """A segment that is right: every column has one number a row, every index its name."""

    form: Form
    check: Sequence[int]
    at_ms: Sequence[int]
    outcome: Sequence[int]
    reason: Sequence[int]
    duration_us: Sequence[int]

    @property
    def checks(self) -> Sequence[str]:
        return self.form.checks

    @property
    def slot(self) -> Sequence[int]:
        """How long before the start of each attempt its slot was, in milliseconds."""
        return forms.slot_of(self.form)

    def some_facts(self, names: frozenset[str]) -> list[tuple[tuple[str, int], ...]] | None:
        """(name, value) of these, by row, sorted by name; None where no run has one."""
        found = sorted(forms.fact_names(self.form) & names)
        if not found:
            return None
        size = len(self.at_ms)
        columns = [(name, forms.fact_of(self.form, name, size) or ()) for name in found]
        return [
            tuple((name, value) for name, column in columns if (value := column[row]) is not None)
            for row in range(size)
        ]

    def fact(self, name: str) -> Sequence[int | None] | None:
        """One value a row, None where it has none; None for a fact that no run has."""
        return forms.fact_of(self.form, name, len(self.at_ms))


def encode(runs: Sequence[Run]) -> bytes:
    """Runs of one system as a segment, in the order given."""
    return forms.pack(_dense(runs))


def encode_missed(missed: Sequence[Run]) -> bytes:
    """`encode` of slots nobody attempted, in a quarter of the time."""
    checks, check_of = _indexed([run.check for run in missed])
    at = [run.at_ms for run in missed]
    gaps = [t - before for t, before in zip(at, (at[0], *at), strict=False)]
    nothing = bytes(len(at))
    codes, data = packing.pack_all((check_of, gaps, nothing, nothing, nothing, nothing))
    return forms.pack(
        Dense(
            checks=list(checks),
            outcomes=[Outcome.UNKNOWN],
            reasons=[Reason.AGENT_MISSED_SLOT.value],
            phases=[],
            facts=[],
            codes=codes,
            size=len(at),
            base=at[0],
            data=data,
        )
    )


def read(data: bytes) -> Table:
    """A segment as it stands; SegmentError when the columns do not fit together."""
    try:
        table = _table(data)
        _check(table)
    except (msgspec.MsgspecError, ValueError, IndexError, RecursionError):
        raise SegmentError("not a segment") from None
    return table


def read_again(data: bytes) -> Table:
    """The same of what `read` has once found right."""
    try:
        return _table(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise SegmentError("not a segment") from None


def decode(system: str, data: bytes) -> list[Run]:
    """The runs of a segment; SegmentError as `read`."""
    table = read(data)
    form = table.form
    phases, facts, slot = _phases(table), _by_row(forms.facts_of(form)), table.slot
    steps = _steps_by_row(form)
    return [
        Run(
            system,
            form.checks[table.check[row]],
            at_ms - slot[row],
            at_ms,
            form.outcomes[table.outcome[row]],
            form.reasons[table.reason[row]],
            table.duration_us[row],
            phases.get(row, {}),
            facts.get(row, {}),
            tuple(steps.get(row, ())),
        )
        for row, at_ms in enumerate(table.at_ms)
    ]


_ROW = attrgetter(
    "check", "at_ms", "slot_ms", "outcome", "reason", "duration_us", "phases", "facts", "steps"
)


def _dense(runs: Sequence[Run]) -> Dense:
    rows = zip(*map(_ROW, runs), strict=True) if runs else ((),) * 9
    check, at, slot, outcome, reason, duration_us, phase, fact, step = rows
    (checks, check_of), (outcomes, outcome_of), (reasons, reason_of) = (
        _indexed(check),
        _indexed(outcome),
        _indexed(reason),
    )
    steps = _steps(step, outcomes, reasons) if any(step) else None
    size, base = len(runs), at[0] if at else 0
    phases, facts = _gather(phase), _gather(fact)
    every_phase = [name for name, (rows, _) in phases.items() if len(rows) == size]
    every_fact = [name for name, (rows, _) in facts.items() if len(rows) == size]
    rest = max(every_phase, key=lambda name: sum(phases[name][1]), default=None)
    if rest is not None:
        phases[rest] = (phases[rest][0], _left(duration_us, phases))
    codes, data = packing.pack_all(
        (
            check_of,
            [t - before for t, before in zip(at, (base, *at), strict=False)],
            [t - due for t, due in zip(at, slot, strict=True)],
            outcome_of,
            reason_of,
            duration_us,
            *[phases[name][1] for name in every_phase],
            *[facts[name][1] for name in every_fact],
        )
    )
    return Dense(
        checks=list(checks),
        outcomes=list(outcomes),
        reasons=list(reasons),
        phases=every_phase,
        facts=every_fact,
        rest=rest,
        codes=codes,
        size=size,
        base=base,
        data=data,
        some_phases=_sparse(phases, size),
        some_facts=_sparse(facts, size),
        steps=steps,
    )


_Name = TypeVar("_Name", str, Outcome)


def _indexed(names: Sequence[_Name]) -> tuple[dict[_Name, int], Sequence[int]]:
    """Names as they come up, and the index of each; mostly there is one."""
    size = len(names)
    if size and names.count(names[0]) == size:
        return {names[0]: 0}, bytes(size)
    found: dict[_Name, int] = {}
    return found, [found.setdefault(name, len(found)) for name in names]


def _steps(
    rows: Sequence[Sequence[RunStep]], outcomes: dict[Outcome, int], reasons: dict[str, int]
) -> Steps:
    flat = [(row, step) for row, steps in enumerate(rows) for step in steps]
    names: dict[str, int] = {}
    return Steps(
        rows=[row for row, _ in flat],
        name=[names.setdefault(step.name, len(names)) for _, step in flat],
        outcome=[outcomes.setdefault(step.outcome, len(outcomes)) for _, step in flat],
        reason=[reasons.setdefault(step.reason, len(reasons)) for _, step in flat],
        duration_us=[step.duration_us for _, step in flat],
        names=list(names),
    )


_Gathered = dict[str, tuple[Sequence[int], list[int]]]
"""(rows, values) by name."""


def _gather(rows: Sequence[Mapping[str, int]]) -> _Gathered:
    if not any(rows):
        return {}
    names, every = [*map(list, rows)], range(len(rows))
    if names.count(names[0]) == len(names):  # the rule
        return {str(name): (every, [row[name] for row in rows]) for name in names[0]}
    found: dict[str, tuple[list[int], list[int]]] = {}
    for row, values in enumerate(rows):
        for name, value in values.items():
            numbers, held = found.setdefault(str(name), ([], []))
            numbers.append(row)
            held.append(value)
    return dict(found)


def _left(duration_us: Sequence[int], phases: _Gathered) -> list[int]:
    left = list(duration_us)
    for rows, values in phases.values():
        if len(rows) == len(left):
            left = [*map(sub, left, values)]
            continue
        for row, value in zip(rows, values, strict=True):
            left[row] -= value
    return left


def _sparse(found: _Gathered, size: int) -> dict[str, Sparse]:
    """Those that not every row has."""
    return {
        name: Sparse(list(rows), values)
        for name, (rows, values) in found.items()
        if len(rows) < size
    }


def _table(data: bytes) -> Table:
    form = forms.unpack(data)
    return Table(form, *forms.columns_of(form))


def _check(table: Table) -> None:
    form, size = table.form, len(table.at_ms)
    _check_names(form)
    slot = table.slot
    if forms.negative(form) or (isinstance(form, Arrays) and _is_uneven(table, slot)):
        raise SegmentError("columns")
    if size:
        _check_instants(table.at_ms, slot)
        for numbers, names in (
            (table.check, form.checks),
            (table.outcome, form.outcomes),
            (table.reason, form.reasons),
        ):
            if max(numbers) >= len(names):
                raise SegmentError("indexes")
    for column in forms.wide(form):
        if not all(-FAR < number < FAR for number in column):
            raise SegmentError("numbers")
    for sparse in forms.sparse_of(form):
        _check_sparse(sparse, size)
    if form.steps is not None:
        _check_steps(form, form.steps, size)
    if isinstance(form, Dense) and form.rest is not None and form.rest not in form.phases:
        raise SegmentError("rest")


def _is_uneven(table: Table, slot: Sequence[int]) -> bool:
    """Are its columns of different lengths? Those of `Dense` are cut from one string."""
    columns = (table.check, slot, table.outcome, table.reason, table.duration_us)
    return any(len(column) != len(table.at_ms) for column in columns)


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


def _check_names(form: Form) -> None:
    if not _seen_checks.issuperset(form.checks):
        _look_at(form.checks, _CHECK, _seen_checks)
    for codes in _codes_of(form):
        if not _seen_codes.issuperset(codes):
            _look_at(codes, _CODE, _seen_codes)


def _codes_of(form: Form) -> Iterable[Iterable[str]]:
    yield form.reasons
    yield form.phases
    yield form.facts
    if isinstance(form, Dense):
        if len(set(form.phases)) < len(form.phases) or len(set(form.facts)) < len(form.facts):
            raise SegmentError("a name twice")
        for some, every in ((form.some_phases, form.phases), (form.some_facts, form.facts)):
            if not some.keys().isdisjoint(every):
                raise SegmentError("a name twice")
        yield form.some_phases
        yield form.some_facts
    if form.steps is not None:
        yield form.steps.names


def _look_at(names: Iterable[str], shape: re.Pattern[str], seen: set[str]) -> None:
    if not all(map(shape.fullmatch, names)):
        raise SegmentError("names")
    if len(seen) >= _SEEN:
        seen.clear()
    seen.update(names)


def _check_sparse(sparse: Sparse, size: int) -> None:
    rows, held = sparse.rows, len(sparse.values)
    if len(rows) != held or len(set(rows)) != held or max(rows, default=-1) >= size:
        raise SegmentError("rows")


def _check_steps(form: Form, steps: Steps, size: int) -> None:
    held = len(steps.rows)
    if len(steps.duration_us) != held:
        raise SegmentError("steps")
    for numbers, limit in (
        (steps.rows, size),
        (steps.name, len(steps.names)),
        (steps.outcome, len(form.outcomes)),
        (steps.reason, len(form.reasons)),
    ):
        if len(numbers) != held or max(numbers, default=-1) >= limit:
            raise SegmentError("steps")


def _by_row(named: Mapping[str, Mapping[int, int]]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for name, values in named.items():
        for row, value in values.items():
            found.setdefault(row, {})[name] = value
    return found


def _phases(table: Table) -> dict[int, dict[str, int]]:
    found = _by_row(forms.phases_of(table.form))
    rest = table.form.rest if isinstance(table.form, Dense) else None
    if rest is not None:
        for row, values in found.items():
            values[rest] = table.duration_us[row] - sum(values.values())
    return found


def _steps_by_row(form: Form) -> dict[int, list[RunStep]]:
    steps = form.steps
    found: dict[int, list[RunStep]] = {}
    if steps is None:
        return found
    for row, name, outcome, reason, duration_us in zip(
        steps.rows, steps.name, steps.outcome, steps.reason, steps.duration_us, strict=True
    ):
        said = (form.outcomes[outcome], form.reasons[reason])
        found.setdefault(row, []).append(RunStep(steps.names[name], *said, duration_us))
    return found
