"""Rollups of settled time are made from the stored batches, of which no more is read than they need."""

from __future__ import annotations

from collections.abc import Iterable

from collector import rollups
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from collector.evidence import Evidence
from collector.store.store import Store
from probes.contract import Outcome
from probes.results import Result
from tests.support.rounds import ORG

START = 1_767_225_600_000
"""The start of an hour."""


class Stored(Evidence):
    """Evidence with a result every minute of each check, that tells what it was asked."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, ORG)
        self.asked: list[tuple[set[Source], int, int]] = []

    async def between(
        self, sources: Iterable[Source], start: int, end: int
    ) -> dict[Source, list[Result]]:
        wanted = set(sources)
        self.asked.append((wanted, start, end))
        return {
            (check, agent): [
                Result(check, agent, t, Outcome.UP, "ok", 9, t) for t in range(start, end, 60_000)
            ]
            for check, agent in wanted
        }


async def test_only_the_five_minutes_that_are_wanted_are_read_ten_at_a_time(
    sqlite_store: Store,
) -> None:
    evidence = Stored(sqlite_store)
    one, other = ("ehr-read", "north-1"), ("ehr-page", "north-1")
    wanted = [(*one, START + n * BUCKET_MS) for n in (1, 2, 3)] + [(*other, START + BUCKET_MS)]
    made = await rollups.make(wanted, {}, evidence)
    assert [(found, start - START, end - START) for found, start, end in evidence.asked] == [
        ({one, other}, BUCKET_MS, 2 * BUCKET_MS),
        ({one}, 2 * BUCKET_MS, 4 * BUCKET_MS),
    ]
    found = sorted((row.check, row.bucket - START, row.rollup.responses) for row in made)
    assert found == [
        ("ehr-page", 300_000, 5),
        ("ehr-read", 300_000, 5),
        ("ehr-read", 600_000, 5),
        ("ehr-read", 900_000, 5),
    ]
