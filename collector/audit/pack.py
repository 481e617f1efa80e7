"""The audit pack: whole populations of a range, a sample of each, how each was asked for, as a zip."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from sqlalchemy import Connection, func, select

from collector import journal, versions
from collector.audit import (
    configchanges,
    duties,
    incidentlist,
    loghead,
    packtext,
    plans,
    rowlists,
    scope,
    trail,
)
from collector.audit.archive import Archive
from collector.audit.controls import controls
from collector.audit.population import Cells, Population, Span
from collector.audit.safecsv import line
from collector.audit.sampling import Draw
from collector.audit.trail import Range
from collector.journal import CONFIG, Row
from collector.store.store import Store
from collector.store.tables import journal as rows_table
from probes.history import History
from probes.times import rfc3339

AT_ONCE, CONFIGS = 500, 5
"""Rows of one kind in memory at a time; versions of the file are long."""


@dataclass(frozen=True, slots=True)
class Question:
    """`[start, end)` in UTC ms; `last`: the journal's id up to which rows are part of it."""

    org: str
    start: int
    end: int
    last: int
    sample: int
    seed: int

    @property
    def span(self) -> Span:
        return Span(self.start, self.end)


MadeOf = tuple[int, tuple[int, int] | None, tuple[int, int] | None]
"""Of the rows of the journal that were looked at: their count, and (id, recorded_at) of the first and
the last.
"""


@dataclass(frozen=True, slots=True)
class Written:
    """The two files of a population; `count` and `sha256` are of `whole`, `drawn` are the sample's keys."""

    whole: BinaryIO
    sample: bytes
    count: int
    sha256: str
    drawn: list[str]


@dataclass(frozen=True, slots=True)
class Filled:
    """One population, written."""

    population: Population
    written: Written
    made_of: MadeOf


@dataclass(frozen=True, slots=True)
class OfHistory:
    """Made of versions of the file and what people did beside them."""

    make: Callable[[History, Span], Iterable[Cells]]


@dataclass(frozen=True, slots=True)
class OfRows:
    """Made of an organization's rows of the journal, as they are read."""

    make: Callable[[Connection, str, Range], Iterable[Cells]]


def _of_versions(make: Callable[[configchanges.Loaded], Iterable[Cells]]) -> OfRows:
    def fill(conn: Connection, org: str, within: Range) -> Iterator[Cells]:
        before: Row | None = None
        for row in _rows(conn, org, (CONFIG,), 1, within.last):
            if row.id >= within.first:
                yield from make(configchanges.Loaded(row, before))
            before = row

    return OfRows(fill)


def _of_rows(population: Population) -> OfRows:
    def fill(conn: Connection, org: str, within: Range) -> Iterator[Cells]:
        for row in _rows(conn, org, population.kinds, within.first, within.last):
            yield rowlists.cells(population, row)

    return OfRows(fill)


POPULATIONS: Mapping[Population, OfHistory | OfRows] = {
    scope.SYSTEMS: OfHistory(scope.systems),
    scope.CHECKS: OfHistory(scope.checks),
    incidentlist.INCIDENTS: OfRows(incidentlist.incidents),
    configchanges.VERSIONS: _of_versions(lambda one: (configchanges.version(one),)),
    configchanges.FIELDS: _of_versions(configchanges.fields),
    plans.WINDOWS: OfHistory(plans.windows),
    plans.CORRECTIONS: OfHistory(plans.corrections),
    **{one: _of_rows(one) for one in rowlists.LISTS},
    duties.ROTA: OfHistory(duties.rota),
    duties.GAPS: OfHistory(duties.gaps),
    duties.OVERRIDES: OfHistory(duties.overrides),
    scope.TRAINING: OfHistory(scope.training),
    scope.AGREEMENTS: OfHistory(scope.agreements),
}
"""In the order of the pack."""


async def made(
    store: Store, asked: Question, turn: asyncio.Lock
) -> AsyncGenerator[tuple[bytes, int], None]:
    """Bytes of the zip, in order, each with the rows of populations in it; the same bytes for the same
    rows, range, sample and seed. `turn` is held while the store is read, and not while bytes go out.
    """
    archive = await asyncio.to_thread(Archive)
    try:
        entries: list[dict[str, Any]] = []
        async with turn:
            within = await store.read(trail.range_of, asked.org, asked.start, asked.end, asked.last)
            head = await store.read(loghead.read, asked.org, within.last)
            rows = await store.read(_history_rows, asked.org, within)
            history = await asyncio.to_thread(_history, rows)
        for population in POPULATIONS:
            async with turn:
                filled = await _filled(store, population, asked, within, history)
                await asyncio.to_thread(_add, archive, filled)
            entries.append(entry(filled, asked, logged=head is not None))
            count = filled.written.count
            for chunk in archive.fresh():
                yield chunk, count
                count = 0
        index = _json(
            {
                "pack": 1,
                "organization": asked.org,
                "recorded": {"from": rfc3339(asked.start), "to": rfc3339(asked.end)},
                "sample": asked.sample,
                "seed": asked.seed,
                "audit_log": loghead.document(head),
                "populations": entries,
            }
        )
        archive.add("controls.csv", controls())
        archive.add("index.json", index)
        archive.add("README.txt", packtext.readme(asked.org, asked.span, entries))
        archive.finish()
        for chunk in archive.fresh():
            yield chunk, 0
    finally:
        archive.close()


async def _filled(
    store: Store, population: Population, asked: Question, within: Range, history: History | None
) -> Filled:
    source = POPULATIONS[population]
    made_of = await store.read(_made_of, population, asked.org, within)
    if isinstance(source, OfRows):
        written = await store.read(_fill, population, source, asked, within)
    else:  # long work for the processor: not while a connection of the store waits for it
        cells = () if history is None else source.make(history, asked.span)
        written = await asyncio.to_thread(_write, population, asked, cells)
    return Filled(population, written, made_of)


def _fill(
    conn: Connection, population: Population, source: OfRows, asked: Question, within: Range
) -> Written:
    return _write(population, asked, source.make(conn, asked.org, within))


def _write(population: Population, asked: Question, rows: Iterable[Cells]) -> Written:
    """A population whole, in a temporary file without a name; its sample beside it."""
    file = TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    digest, count, keys = (
        hashlib.sha256(),
        0,
        Draw[Cells](asked.seed, population.name, asked.sample),
    )
    try:
        for written in _lines(population, rows, keys):
            digest.update(written)
            file.write(written)
            count += 1
    except BaseException:
        file.close()
        raise
    file.seek(0)
    drawn = keys.drawn
    sample = line(("draw", "rank", *population.columns)) + b"".join(
        line((number, rank, *cells)) for number, (rank, _, cells) in enumerate(drawn, start=1)
    )
    return Written(file, sample, count - 1, digest.hexdigest(), [key for _, key, _ in drawn])


def _lines(population: Population, cells: Iterable[Cells], keys: Draw[Cells]) -> Iterator[bytes]:
    yield line(population.columns)
    for row in cells:
        if len(row) != len(population.columns):
            raise ValueError("a row has a cell for each column")
        keys.see(str(row[0]), row)
        yield line(row)


def entry(filled: Filled, asked: Question, *, logged: bool) -> dict[str, Any]:
    """What `index.json` says of a population; `logged`: every row of it is a leaf of the audit log."""
    population = filled.population
    question = statement(population, asked)
    return {
        "name": population.name,
        "about": population.about,
        "count": filled.written.count,
        "file": f"populations/{population.name}.csv",
        "sha256": filled.written.sha256,
        "journal": recorded(filled, logged=logged),
        "query": question,
        "query_sha256": hashlib.sha256(journal.canonical(question)).hexdigest(),
        "sample": {
            "file": f"samples/{population.name}.csv",
            "count": len(filled.written.drawn),
            "sha256": hashlib.sha256(filled.written.sample).hexdigest(),
            "keys": filled.written.drawn,
        },
    }


def recorded(filled: Filled, *, logged: bool) -> dict[str, Any]:
    """The rows of the journal that a population is made of, by their ids; `leaves`: between which
    indexes of the audit log they stand, both included, null where there are none.
    """
    count, first, last = filled.made_of
    leaves = {"first": first[0], "last": last[0]} if logged and first and last else None
    return {"rows": count, "first": _place(first), "last": _place(last), "leaves": leaves}


def statement(population: Population, asked: Question) -> dict[str, Any]:
    """The question and its range; SHA-256 of its canonical JSON (RFC 8785) is the query hash."""
    return {
        "organization": asked.org,
        "population": population.name,
        "about": population.about,
        "columns": list(population.columns),
        "kinds": sorted(population.kinds),
        "recorded_from": None if population.from_beginning else rfc3339(asked.start),
        "range": [rfc3339(asked.start), rfc3339(asked.end)],
    }


def _place(found: tuple[int, int] | None) -> dict[str, Any] | None:
    return None if found is None else {"id": found[0], "recorded_at": rfc3339(found[1])}


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n").encode()


def _add(archive: Archive, filled: Filled) -> None:
    with filled.written.whole:
        archive.add(f"populations/{filled.population.name}.csv", filled.written.whole)
    archive.add(f"samples/{filled.population.name}.csv", filled.written.sample)


def _history_rows(conn: Connection, org: str, within: Range) -> list[Row]:
    return list(_rows(conn, org, plans.KINDS, 1, within.last))


def _history(rows: Sequence[Row]) -> History | None:
    """None before the first version."""
    return versions.history(rows) if any(row.kind == CONFIG for row in rows) else None


def _rows(conn: Connection, org: str, kinds: Sequence[str], first: int, last: int) -> Iterator[Row]:
    """With ids from `first` to `last`, by id; each kind by itself, so that no engine looks through the
    whole journal.
    """
    each = [_of_kind(conn, org, kind, first, last) for kind in kinds]
    return heapq.merge(*each, key=lambda row: row.id)


def _of_kind(conn: Connection, org: str, kind: str, first: int, last: int) -> Iterator[Row]:
    after, most = first - 1, CONFIGS if kind == CONFIG else AT_ONCE
    while True:
        found = journal.rows(conn, org, kind=kind, after=after, limit=most)
        yield from (row for row in found if row.id <= last)
        if len(found) < most or found[-1].id > last:
            return
        after = found[-1].id


def _made_of(conn: Connection, population: Population, org: str, within: Range) -> MadeOf:
    asked = (
        rows_table.c.org == org,
        rows_table.c.kind.in_(population.kinds),
        rows_table.c.id >= (1 if population.from_beginning else within.first),
        rows_table.c.id <= within.last,
    )
    columns = (func.count(), func.min(rows_table.c.id), func.max(rows_table.c.id))
    count, first, last = conn.execute(select(*columns).where(*asked)).one()
    if not count:
        return 0, None, None
    at = {
        row.id: row.recorded_at
        for row in conn.execute(
            select(rows_table.c.id, rows_table.c.recorded_at).where(
                rows_table.c.org == org, rows_table.c.id.in_((first, last))
            )
        )
    }
    return count, (first, at[first]), (last, at[last])
