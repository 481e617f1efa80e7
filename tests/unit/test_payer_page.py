"""A payer's report as a page: what people read and print."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from collector.access.policy import Role
from collector.store.store import Store
from tests.support.batches import seal
from tests.support.collectors import Collector, a_collector
from tests.support.entering import PASSWORD
from tests.support.rounds import KEYS, ORG
from tests.unit.test_payer_live import DAY, NOTICE, SUNDAYS, path, weather


@pytest.fixture
async def collector(sqlite_store: Store) -> AsyncIterator[Collector]:
    """Asked on the ninth day, by a viewer who has logged in."""
    async with a_collector(sqlite_store, path(SUNDAYS, NOTICE)) as opened:
        await opened.clock.advance(8 * DAY)
        results = [one for one in weather(1) if one.t < opened.clock.now_ms() - 60_000]
        sealed = seal(KEYS["north-1"], ORG, "north-1", "e1", 1, results)
        await opened.service.parts.ingest.accept(sealed)
        ann = await opened.person("ann", Role.VIEWER)
        await opened.form("/login", account="ann", password=PASSWORD, code=opened.code(ann))
        yield opened


async def shown(collector: Collector, address: str) -> tuple[int, str]:
    answer = await collector.client.get(address, allow_redirects=False)
    return answer.status, await answer.text()


async def test_the_page_has_the_tables_of_the_report(collector: Collector) -> None:
    status, text = await shown(collector, "/systems/ehr/payer?period=2026-W02")
    assert status == 200
    assert "<h1>Payer report: Payer A</h1>" in text
    # the ISO week of the organization touches two of the payer's
    assert re.findall(r'<th scope="row">(2026-\d\d-\d\d)</th>', text) == ["2026-01-04"] * 3
    assert "<caption>Outages that were not published</caption>" in text
    assert "<td>noticed</td><td>unscheduled</td>" in text
    assert 'value="2026-W02"' in text
    assert "Times in America/New_York" in text


async def test_without_a_period_it_is_the_current_quarter(collector: Collector) -> None:
    _, text = await shown(collector, "/systems/ehr/payer")
    assert "2026-01-01 01:00 EST to 2026-04-01 01:00 EDT, known up to" in text
    _, text = await shown(
        collector, "/systems/ehr/payer?from=2026-01-04T05:00:00Z&to=2026-01-05T05:00:00Z"
    )
    assert "2026-01-04 00:00 EST to 2026-01-05 00:00 EST, known up to" in text
    assert "; owes 86 % of a week" in text


@pytest.mark.parametrize("query", ["period=fortnight", "from=2026-01-04T05:00:00Z"])
async def test_a_period_that_is_none_is_said_beside_the_quarter(
    collector: Collector, query: str
) -> None:
    status, text = await shown(collector, f"/systems/ehr/payer?{query}")
    assert status == 400
    assert '<p class="problem" role="alert">Write as a period month, quarter' in text
    assert "2026-01-01 01:00 EST to 2026-04-01" in text


async def test_the_systems_page_leads_to_it_and_only_for_payers(collector: Collector) -> None:
    _, text = await shown(collector, "/")
    assert 'href="/systems/ehr/payer"' in text
    assert (await shown(collector, "/systems/lab/payer"))[0] == 404


async def test_a_system_that_is_no_payer_has_no_report(sqlite_store: Store) -> None:
    async with a_collector(sqlite_store) as plain:
        ann = await plain.person("ann", Role.VIEWER)
        await plain.form("/login", account="ann", password=PASSWORD, code=plain.code(ann))
        status, text = await shown(plain, "/systems/ehr/payer")
        assert (status, "api.no_payer" in text) == (404, True)
        assert "/payer" not in (await shown(plain, "/"))[1]
