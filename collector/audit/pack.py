"""The audit pack: whole populations of a range, a sample of each, how each was asked for, as a zip."""

from __future__ import annotations

import asyncio
import hashlib
import heapq
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import Any, BinaryIO

from sqlalchemy import Connection, func, select

from collector import journal, versions
from collector.audit import configchanges, duties, incidentlist, packtext, plans, rowlists, scope
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

    @property
    def range(self) -> Range:
        return Range(self.start, self.end, self.last)


@dataclass(frozen=True, slots=True)
class Filled:
    """One population, written. `whole` and `sample` are its two files; `made_of` is of the rows of the
    journal that were looked at: their count, and (id, recorded_at) of the first and the last.
    """

    population: Population
    whole: BinaryIO
    sample: bytes
    count: int
    sha256: str
    drawn: list[str]
    made_of: tuple[int, tuple[int, int] | None, tuple[int, int] | None]


Fill = Callable[[Connection, Question], Iterable[Cells]]


def _of_history(make: Callable[[History, Span], Iterator[Cells]]) -> Fill:
    def fill(conn: Connection, asked: Question) -> Iterable[Cells]:
        found = _history(conn, asked)
        return () if found is None else make(found, asked.span)

    return fill


def _of_versions(make: Callable[[configchanges.Loaded], Iterable[Cells]]) -> Fill:
    def fill(conn: Connection, asked: Question) -> Iterator[Cells]:
        before: Row | None = None
        for row in _rows(conn, asked, (CONFIG,), from_beginning=True):
            if row.recorded_at >= asked.start:
                yield from make(configchanges.Loaded(row, before))
            before = row

    return fill


def _of_rows(population: Population) -> Fill:
    def fill(conn: Connection, asked: Question) -> Iterator[Cells]:
        for row in _rows(conn, asked, population.kinds, from_beginning=False):
            yield rowlists.cells(population, row)

    return fill


POPULATIONS: Mapping[Population, Fill] = {
    scope.SYSTEMS: _of_history(scope.systems),
    scope.CHECKS: _of_history(scope.checks),
    incidentlist.INCIDENTS: lambda conn, asked: incidentlist.incidents(
        conn, asked.org, asked.range
    ),
    configchanges.VERSIONS: _of_versions(lambda one: (configchanges.version(one),)),
    configchanges.FIELDS: _of_versions(configchanges.fields),
    plans.WINDOWS: _of_history(plans.windows),
    plans.CORRECTIONS: _of_history(plans.corrections),
    **{one: _of_rows(one) for one in rowlists.LISTS},
    duties.ROTA: _of_history(duties.rota),
    duties.GAPS: _of_history(duties.gaps),
    duties.OVERRIDES: _of_history(duties.overrides),
    scope.TRAINING: _of_history(scope.training),
    scope.AGREEMENTS: _of_history(scope.agreements),
}
"""In the order of the pack."""


async def made(store: Store, asked: Question) -> AsyncIterator[tuple[bytes, int]]:
    """Bytes of the zip, in order, each with the rows of populations in it; the same bytes for the same
    rows, range, sample and seed.
    """
    archive = await asyncio.to_thread(Archive)
    try:
        entries: list[dict[str, Any]] = []
        for population in POPULATIONS:
            filled = await store.read(fill, population, asked)
            entries.append(entry(filled, asked))
            await asyncio.to_thread(_add, archive, filled)
            count = filled.count
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


def fill(conn: Connection, population: Population, asked: Question) -> Filled:
    """A population whole, in a temporary file without a name; its sample beside it."""
    file = TemporaryFile()  # noqa: SIM115 - closed by whoever reads it
    digest, count, keys = (
        hashlib.sha256(),
        0,
        Draw[Cells](asked.seed, population.name, asked.sample),
    )
    try:
        for written in _lines(population, POPULATIONS[population](conn, asked), keys):
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
    return Filled(
        population,
        file,
        sample,
        count - 1,
        digest.hexdigest(),
        [key for _, key, _ in drawn],
        _made_of(conn, population, asked),
    )


def _lines(population: Population, cells: Iterable[Cells], keys: Draw[Cells]) -> Iterator[bytes]:
    yield line(population.columns)
    for row in cells:
        if len(row) != len(population.columns):
            raise ValueError("a row has a cell for each column")
        keys.see(str(row[0]), row)
        yield line(row)


def entry(filled: Filled, asked: Question) -> dict[str, Any]:
    """What `index.json` says of a population."""
    population = filled.population
    question = statement(population, asked)
    return {
        "name": population.name,
        "about": population.about,
        "count": filled.count,
        "file": f"populations/{population.name}.csv",
        "sha256": filled.sha256,
        "journal": recorded(filled),
        "query": question,
        "query_sha256": hashlib.sha256(journal.canonical(question)).hexdigest(),
        "sample": {
            "file": f"samples/{population.name}.csv",
            "count": len(filled.drawn),
            "sha256": hashlib.sha256(filled.sample).hexdigest(),
            "keys": filled.drawn,
        },
    }


def recorded(filled: Filled) -> dict[str, Any]:
    """The rows of the journal that a population is made of, by their ids. Once rows are leaves of a
    log, its range of leaves and its head stand here, beside the ids.
    """
    count, first, last = filled.made_of
    return {"rows": count, "first": _place(first), "last": _place(last)}


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
    with filled.whole:
        archive.add(f"populations/{filled.population.name}.csv", filled.whole)
    archive.add(f"samples/{filled.population.name}.csv", filled.sample)


def _history(conn: Connection, asked: Question) -> History | None:
    """None before the first version."""
    found = list(_rows(conn, asked, plans.KINDS, from_beginning=True))
    return versions.history(found) if any(row.kind == CONFIG for row in found) else None


def _rows(
    conn: Connection, asked: Question, kinds: Sequence[str], *, from_beginning: bool
) -> Iterator[Row]:
    """By id; each kind by itself, so that no engine looks through the whole journal."""
    since = 0 if from_beginning else asked.start
    each = [_of_kind(conn, asked, kind) for kind in kinds]
    for row in heapq.merge(*each, key=lambda row: row.id):
        if since <= row.recorded_at < asked.end:
            yield row


def _of_kind(conn: Connection, asked: Question, kind: str) -> Iterator[Row]:
    after, most = 0, CONFIGS if kind == CONFIG else AT_ONCE
    while True:
        found = journal.rows(conn, asked.org, kind=kind, after=after, limit=most)
        yield from (row for row in found if row.id <= asked.last)
        if len(found) < most or found[-1].id > asked.last:
            return
        after = found[-1].id


def _made_of(
    conn: Connection, population: Population, asked: Question
) -> tuple[int, tuple[int, int] | None, tuple[int, int] | None]:
    since = 0 if population.from_beginning else asked.start
    within = (
        rows_table.c.org == asked.org,
        rows_table.c.kind.in_(population.kinds),
        rows_table.c.id <= asked.last,
        rows_table.c.recorded_at >= since,
        rows_table.c.recorded_at < asked.end,
    )
    columns = (func.count(), func.min(rows_table.c.id), func.max(rows_table.c.id))
    count, first, last = conn.execute(select(*columns).where(*within)).one()
    if not count:
        return 0, None, None
    at = {
        row.id: row.recorded_at
        for row in conn.execute(
            select(rows_table.c.id, rows_table.c.recorded_at).where(
                rows_table.c.org == asked.org, rows_table.c.id.in_((first, last))
            )
        )
    }
    return count, (first, at[first]), (last, at[last])
