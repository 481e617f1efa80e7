"""Who is on call, as a page: what people read and print, and who may."""

from __future__ import annotations

import re

from collector.access.policy import Role
from collector.store.store import Store
from probes.config import Config
from tests.support.collectors import Collector, a_collector
from tests.support.entering import PASSWORD
from tests.support.rotas import staffed
from tests.support.rounds import config


async def log_in(collector: Collector, role: Role) -> None:
    ann = await collector.person("ann", role)
    await collector.form("/login", account="ann", password=PASSWORD, code=collector.code(ann))


async def shown(store: Store, used: Config, role: Role, address: str = "/rota") -> tuple[int, str]:
    async with a_collector(store, used) as collector:
        await log_in(collector, role)
        answer = await collector.client.get(address, allow_redirects=False)
        return answer.status, await answer.text()


async def test_the_page_says_who_is_on_duty_now_and_for_two_weeks_and_marks_gaps_in_words(
    sqlite_store: Store,
) -> None:
    status, text = await shown(sqlite_store, staffed(nights=False), Role.OPERATOR)
    assert status == 200
    assert "<h1>On call</h1>" in text
    assert "On call from Wed 2025-12-31 18:00 CST to Wed 2026-01-14 18:00 CST" in text
    assert re.findall("<caption>(.*)</caption>", text) == [
        "On duty now",
        "engineers (engineering)",
        "specialists (clinical liaison)",
    ]
    assert '<p class="problem">Staffing is short 14 times:</p>' in text
    assert (
        "<li>clinical liaison: 0 of 1 on duty from Wed 2025-12-31 20:00 CST to "
        "Thu 2026-01-01 08:00 CST (12h)</li>"
    ) in text
    assert '<tr><th scope="row">engineers</th><td>engineering</td><td>Anna</td>' in text
    assert "<td>nobody</td>" in text
    assert "<p>Overrides that people made: none.</p>" in text
    assert '<a href="/rota">On call</a>' in text


async def test_a_rota_without_gaps_says_so(sqlite_store: Store) -> None:
    _, text = await shown(sqlite_store, staffed(), Role.OPERATOR)
    assert "<p>Staffing is not short.</p>" in text
    assert 'class="problem"' not in text


async def test_a_file_without_schedules_says_so(sqlite_store: Store) -> None:
    status, text = await shown(sqlite_store, config(), Role.AUDITOR)
    assert status == 200
    assert "<p>The file demands no staffing.</p>" in text
    assert "<p>On duty now: there is no schedule.</p>" in text


async def test_a_viewer_sees_no_names_of_people_and_no_link_to_them(sqlite_store: Store) -> None:
    async with a_collector(sqlite_store, staffed()) as collector:
        await log_in(collector, Role.VIEWER)
        answer = await collector.client.get("/rota", allow_redirects=False)
        home = await (await collector.client.get("/")).text()
        assert answer.status == 403
        assert 'href="/rota"' not in home
        assert 'href="/tokens"' in home
        assert "Staffing that is short" not in home


async def test_the_systems_page_says_who_will_be_short_next_without_names(
    sqlite_store: Store,
) -> None:
    said = "<li>clinical liaison: 0 of 1 on duty from 2026-01-01 02:00 to 2026-01-01 14:00 UTC</li>"
    _, text = await shown(sqlite_store, staffed(nights=False), Role.VIEWER, "/")
    assert text.count(said) == text.count("of 1 on duty") == 1
