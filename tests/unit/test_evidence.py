"""Raw results of a range, as explanations ask for them."""

from __future__ import annotations

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
