"""Staffing ahead: what `config check` says of a file, and what the gauges show."""

from __future__ import annotations

import threading

import pytest

from alerts import roster
from alerts.roster import Gap
from collector.metrics import CollectorMetrics
from collector.staffing import AHEAD_MS, remarks
from collector.store.store import Store
from probes.history import History
from probes.spans import Interval
from tests.support.planning import HOUR, a_desk
from tests.support.rotas import staffed
from tests.support.rounds import START, config


def test_a_role_that_is_short_in_the_next_two_weeks_is_a_remark() -> None:
    assert remarks(staffed(nights=False), START) == [
        (
            "in the next 14 days clinical liaison is short: 0 of 1 on duty from Wed 2025-12-31 20:00 "
            "CST to Thu 2026-01-01 08:00 CST, and 13 times more; see `wardwatch rota show --config`"
        )
    ]


def test_a_rota_without_gaps_and_a_file_without_staffing_get_none() -> None:
    assert remarks(staffed(), START) == []
    assert remarks(staffed(nights=False, staffing={}), START) == []
    assert remarks(config(), START) == []


def test_a_single_gap_is_told_alone() -> None:
    late = {"people": ["dora"], "starts": "2025-12-31T20:00", "turn": "1d"}
    both = staffed(
        on_call={"night": {"role": "clinical_liaison", "layers": [late]}},
        staffing={"clinical_liaison": 1},
    )
    assert remarks(both, START) == [
        (
            "in the next 14 days clinical liaison is short: 0 of 1 on duty from Wed 2025-12-31 18:00 "
            "CST to Wed 2025-12-31 20:00 CST; see `wardwatch rota show --config`"
        )
    ]


def test_a_schedule_that_an_escalation_tells_is_a_remark_while_it_has_nobody() -> None:
    ladder = {"clinical": {"rungs": [{"to": [{"on_call": "specialists"}]}]}}
    told = staffed(nights=False, staffing={}, escalation=ladder)
    assert remarks(told, START) == [
        (
            "in the next 14 days nobody is on duty in specialists, whom an escalation tells, from "
            "Wed 2025-12-31 20:00 CST to Thu 2026-01-01 08:00 CST, and 13 times more; see "
            "`wardwatch rota show --config`"
        )
    ]
    assert remarks(staffed(staffing={}, escalation=ladder), START) == []


async def test_gauges_show_the_next_gap_by_role_and_nothing_of_who_is_never_short(
    sqlite_store: Store,
) -> None:
    async with a_desk(sqlite_store, staffed(nights=False)) as desk:
        parts = desk.service.parts
        await parts.numbers.measure(parts.metrics)
        shown = parts.metrics.exposition().decode()
        # the clock went on by a second
        assert 'wardwatch_staffing_gap_in_seconds{role="clinical_liaison"} 7199.0' in shown
        assert 'wardwatch_staffing_gap_seconds{role="clinical_liaison"} 43200.0' in shown
        assert 'role="engineering"' not in shown
        await desk.clock.advance(3 * HOUR)
        await parts.numbers.measure(parts.metrics)
        shown = parts.metrics.exposition().decode()
        assert 'wardwatch_staffing_gap_in_seconds{role="clinical_liaison"} 0.0' in shown
        assert 'wardwatch_staffing_gap_seconds{role="clinical_liaison"} 39599.0' in shown


def test_a_gap_that_was_closed_has_no_series_any_more() -> None:
    metrics = CollectorMetrics()
    metrics.show_staffing({"engineering": Interval(5_000, 9_000)}, 1_000)
    assert 'wardwatch_staffing_gap_in_seconds{role="engineering"} 4.0' in (
        metrics.exposition().decode()
    )
    metrics.show_staffing({}, 1_000)
    assert 'role="engineering"' not in metrics.exposition().decode()


async def test_gaps_ahead_are_worked_out_beside_the_event_loop_and_anew_only_by_the_hour_or_an_act(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, threads = roster.gaps, []

    def watched(history: History, start: int, end: int) -> list[Gap]:
        threads.append(threading.get_ident())
        return plain(history, start, end)

    monkeypatch.setattr(roster, "gaps", watched)
    async with a_desk(sqlite_store, staffed(nights=False)) as desk:
        parts = desk.service.parts

        async def asked() -> int:
            """As often were they worked out when what is told is right."""
            now = parts.now()
            found = await parts.numbers.rotas.gaps_ahead(now)
            assert found == plain(parts.evaluator.history, now, now + AHEAD_MS)
            return len(threads)

        assert await asked() == 1
        await desk.clock.advance(HOUR // 2)
        await parts.numbers.measure(parts.metrics)
        await desk.get("systems")
        assert await asked() == 1
        await desk.clock.advance(HOUR)
        assert await asked() == 2
        cover = {"start": "2026-01-01T02:00:00Z", "end": "2026-01-03T06:00:00Z", "contact": "dora"}
        assert (await desk.post("rota/overrides", {"schedule": "specialists", **cover}))[0] == 200
        await parts.evaluator.catch_up()
        assert await asked() == 3
    assert threading.get_ident() not in threads
