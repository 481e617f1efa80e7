"""Raw results of a range, as explanations ask for them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collector import evidence as reading
from collector.evidence import Evidence, Page
from collector.store.ledger import Stored
from collector.store.store import Store
from probes.contract import Outcome
from probes.results import Result
from tests.support.rounds import ORG, START, a_round, result

UP = Outcome.UP


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


def counting(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many results were made at a time."""
    made: list[int] = []
    decode = reading._decode

    def counted(page: Sequence[Stored]) -> object:
        decoded = decode(page)
        made.append(sum(map(len, decoded[0].values())))
        return decoded

    monkeypatch.setattr(reading, "_decode", counted)
    return made


async def test_a_backlog_is_read_in_parts_by_its_results_not_only_by_its_batches(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tombstone may hold a hundred thousand, and an agent that was away brings hundreds."""
    monkeypatch.setattr(reading, "RESULTS", 5)
    made = counting(monkeypatch)
    async with a_round(sqlite_store) as one:
        await one.clock.advance(300_000)
        for n in range(6):
            await one.send([result(10_000 * n + t, UP) for t in (0, 1, 2)])
        evidence = Evidence(sqlite_store, ORG)
        pages: list[Page] = [page async for page in evidence.since({})]
        assert made == [6, 6, 6]
        assert [page.edge for page in pages] == [START + 20_000, START + 40_000, None]
        assert [page.held["north-1", "e1"] for page in pages] == [((1, 2),), ((1, 4),), ((1, 6),)]
        made.clear()
        found = await evidence.between([("ehr-read", "north-1")], START, START + 60_000)
        assert made == [6, 6, 6]
    lines: list[Result] = [r for page in pages for r in page.lines["ehr-read", "north-1"]]
    assert [r.t - START for r in lines] == [10_000 * n + t for n in range(6) for t in (0, 1, 2)]
    assert found == {("ehr-read", "north-1"): lines}


async def test_batches_of_agents_nobody_asks_for_are_not_unpacked(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = counting(monkeypatch)
    async with a_round(sqlite_store) as one:
        await one.send([result(1_000, UP), result(2_000, UP)])
        await one.send([result(1_000, UP, agent="south-1")])
        evidence = one.evaluator.evidence
        await evidence.between([("ehr-read", "south-1")], START, START + 60_000)
    assert made == [1]
