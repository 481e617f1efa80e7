"""Raw results of a range, as explanations ask for them."""

from __future__ import annotations

import pytest

from collector import evidence as reading
from collector.evidence import Evidence
from collector.store.store import Store
from probes.contract import Outcome
from tests.support.rounds import ORG, START, a_round, result


async def test_results_of_a_range_are_given_by_source_in_order(sqlite_store: Store) -> None:
    async with a_round(sqlite_store) as one:
        await one.send([result(t, Outcome.UP) for t in (30_000, 10_000, 20_000)])
        evidence = one.evaluator.evidence
        got = await evidence.between(
            [("ehr-read", "north-1"), ("ehr-read", "south-1")], START + 10_000, START + 30_000
        )
    assert {source: [r.t - START for r in line] for source, line in got.items()} == {
        ("ehr-read", "north-1"): [10_000, 20_000],
        ("ehr-read", "south-1"): [],
    }


async def test_nothing_stored_is_nothing_given(sqlite_store: Store) -> None:
    assert await Evidence(sqlite_store, ORG).between([], 0, START) == {}


@pytest.mark.parametrize(("page_bytes", "pages"), [(1, 3), (1 << 20, 1)])
async def test_a_backlog_is_taken_apart_a_few_bytes_at_a_time_and_nothing_twice(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch, page_bytes: int, pages: int
) -> None:
    monkeypatch.setattr(reading, "PAGE_BYTES", page_bytes)
    async with a_round(sqlite_store) as one:
        for t in (10_000, 20_000, 30_000):
            await one.send([result(t, Outcome.UP)])
        found = [page async for page in Evidence(sqlite_store, ORG).since({})]
    instants = [r.t - START for page in found for line in page.lines.values() for r in line]
    assert (len(found), instants) == (pages, [10_000, 20_000, 30_000])
    assert found[-1].edge is None
