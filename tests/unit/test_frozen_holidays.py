"""Public holidays are recorded once a year and place; another edition changes no due date."""

from __future__ import annotations

import json
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest

from collector import businesshours, frozenholidays, journal, versions
from collector.businesshours import holidays_version, hours_of, public_holidays
from collector.frozenholidays import KIND, freeze, frozen_in, missing
from collector.store.store import Store
from probes.config import Config
from probes.configfile import canonical
from probes.contract import Outcome
from tests.support.known import VIEWER
from tests.support.planning import a_desk
from tests.support.rounds import ORG, START, a_round, config, document, result

HOUR = 3_600_000
GERMAN_2026 = [
    "2026-01-01", "2026-04-03", "2026-04-06", "2026-05-01", "2026-05-14",
    "2026-05-25", "2026-10-03", "2026-12-25", "2026-12-26",
]  # fmt: skip


def german(**more: Any) -> Config:
    return config(holidays={"country": "DE", **more})


async def rows(store: Store) -> list[dict[str, Any]]:
    found = await store.read(journal.rows, ORG, kind=KIND)
    assert {row.actor for row in found} <= {journal.SYSTEM}
    return [json.loads(row.data) for row in found]


def another_edition(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that knows a single holiday a year, the second of January."""

    def country_holidays(_country: str, *, subdiv: str | None, years: int) -> list[date]:
        return [date(years, 1, 2)]

    changed = SimpleNamespace(country_holidays=country_holidays)
    monkeypatch.setattr(businesshours, "_package", lambda: changed)
    businesshours._hours.cache_clear()


def closed(hours: Any, year: int) -> list[str]:
    return [day.isoformat() for day in sorted(hours.holidays(year))]


def test_this_year_in_the_organizations_zone_and_the_next_are_wanted() -> None:
    # 18:00 on New Year's Eve in Chicago
    assert missing(german(), (), START) == [("DE", None, 2025), ("DE", None, 2026)]
    frozen = {("DE", None, 2025), ("DE", None, 2026), ("DE", "BY", 2027)}
    assert missing(german(), frozen, START + 6 * HOUR - 1) == []
    assert missing(german(), frozen, START + 6 * HOUR) == [("DE", None, 2027)]
    assert missing(german(subdivision="BY"), frozen, START + 6 * HOUR) == [("DE", "BY", 2026)]
    assert missing(config(holidays={"also": ["2026-12-24"]}), (), START) == []
    assert missing(config(), (), START) == []


async def test_who_leads_records_each_year_once_and_the_next_when_it_is_near(store: Store) -> None:
    async with a_round(store, used=german()) as one:
        await one.tick(0)
        await one.tick(1_000)
        first, second = await rows(store)
        assert (first["year"], second) == (
            2025,
            {
                "country": "DE",
                "subdivision": None,
                "year": 2026,
                "version": holidays_version(),
                "dates": GERMAN_2026,
            },
        )
        await one.tick(6 * HOUR)
        await one.tick(1_000)
        assert [row["year"] for row in await rows(store)] == [2025, 2026, 2027]
        assert set(one.evaluator.frozen) == {("DE", None, year) for year in (2025, 2026, 2027)}


async def test_of_two_processes_that_record_at_once_one_does(store: Store) -> None:
    def record(conn: Any, year: int) -> None:
        freeze(conn, ORG, [("DE", None, year)], lambda y: public_holidays(*y), "1", START)

    for year in (2026, 2026, 2027):
        await store.write(record, year)
    assert [row["year"] for row in await rows(store)] == [2026, 2027]


async def test_another_edition_of_the_package_changes_no_recorded_year(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = german(also=["2026-12-24"], **{"except": ["2026-10-03"]})
    async with a_round(sqlite_store, used=used) as one:
        await one.tick(0)
    another_edition(monkeypatch)
    async with a_round(sqlite_store, used=used, now=START + HOUR) as one:
        hours = hours_of(used, one.evaluator.frozen)
        # what the file adds and takes away still counts
        assert closed(hours, 2026) == sorted({*GERMAN_2026, "2026-12-24"} - {"2026-10-03"})
        # nobody has recorded that one, nor any of another place
        assert closed(hours, 2030) == ["2030-01-02"]
        bavaria = hours_of(german(subdivision="BY"), one.evaluator.frozen)
        assert closed(bavaria, 2026) == ["2026-01-02"]


async def test_a_config_that_changes_its_country_is_recorded_then(sqlite_store: Store) -> None:
    async with a_round(sqlite_store) as one:
        await one.tick(0)
        assert await rows(sqlite_store) == []
        recorded = canonical(german())
        await sqlite_store.write(versions.record, ORG, recorded, START + 1_000)
        await one.tick(2_000)
        assert [row["year"] for row in await rows(sqlite_store)] == [2025, 2026]


async def test_a_country_the_package_does_not_know_any_more_is_not_recorded_as_without_holidays(
    sqlite_store: Store,
) -> None:
    async with a_round(sqlite_store, used=config(holidays={"country": "XX"})) as one:
        await one.tick(0)
        assert await rows(sqlite_store) == []


async def test_when_an_answer_is_due_stays_whatever_the_package_says_later(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From 18:00 on New Year's Eve: one business day is the end of the second of January."""
    system = document()["systems"]["ehr"] | {"impact": {"class": "clinical"}}
    used = config(
        holidays={"country": "US"},
        systems={"ehr": system},
        policy={"respond": {"P1": {"breach": "9bd"}}},
    )
    for changed in (False, True):
        async with a_desk(sqlite_store, used) as desk:
            await desk.clock.advance(30_000)
            if changed:
                another_edition(monkeypatch)
            else:
                down = [result(t, Outcome.DOWN) for t in (11_000, 21_000)]
                await desk.send([result(1_000, Outcome.UP), *down], seq=1)
            await desk.service.parts.evaluator.step()
            (incident,) = (await desk.get("incidents", VIEWER))["incidents"]
            assert incident["response"]["due_at"] == "2026-01-02T23:00:00.000Z"


def test_of_two_rows_for_a_year_the_first_holds() -> None:
    facts = [
        frozenholidays.fact(("DE", None, 2026), [date(2026, 1, day)], "1", START) for day in (1, 2)
    ]
    made = [journal.Row(n, f.kind, f.at, f.at, f.actor, f.data) for n, f in enumerate(facts)]
    assert frozen_in(made) == {("DE", None, 2026): frozenset({date(2026, 1, 1)})}
