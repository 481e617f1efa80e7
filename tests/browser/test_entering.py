"""The pages in a real Chromium, by keyboard: the one-time link, the login, the systems, live."""

from __future__ import annotations

import io
import json
import time
from pathlib import Path

import pyotp
import pytest
from aiohttp import ClientSession

from collector.api.agents import BATCH
from probes.contract import Outcome
from probes.results import Result
from tests.support.batches import seal
from tests.support.chromium import Browser, chromium
from tests.support.entering import PASSWORD, printed_code
from tests.support.process import start_collector
from tests.support.rotas import CONTACTS, DAYS, WEEKLY
from tests.support.rounds import KEYS, ORG, document

SHAPE = """(() => {
  const labelled = [...document.querySelectorAll("input:not([type=hidden])")]
    .filter((one) => !one.labels.length && !one.getAttribute("aria-label"));
  return JSON.stringify({
    lang: document.documentElement.lang,
    headings: document.querySelectorAll("h1").length,
    main: document.querySelectorAll("main").length,
    unlabelled: labelled.map((one) => one.name),
    unnamed: [...document.querySelectorAll("button, a")].filter((one) => !one.textContent.trim()).length,
  });
})()"""
GOOD = '{"lang":"en","headings":1,"main":1,"unlabelled":[],"unnamed":0}'


async def send(url: str, seq: int, outcome: Outcome) -> None:
    """A result of now, confirmed at once."""
    at = time.time_ns() // 1_000_000 - 500
    one = Result("ehr-read", "north-1", at, outcome, "ok", 1, 0)
    data = seal(KEYS["north-1"], ORG, "north-1", "e1", seq, [one])
    async with (
        ClientSession() as session,
        session.post(
            f"{url}/agent/v1/batches", data=io.BytesIO(data), headers={"Content-Type": BATCH}
        ) as answer,
    ):
        assert answer.status == 200


async def enrol(browser: Browser, url: str, code: str) -> pyotp.TOTP:
    await browser.go(f"{url}/enrol#{code}")
    secret = await browser.until("document.querySelector('.secret')?.textContent")
    assert await browser.run("location.href") == f"{url}/enrol"  # the code is gone from the address
    assert await browser.run(SHAPE) == GOOD
    authenticator = pyotp.TOTP(secret.replace(" ", ""))
    now = authenticator.now()
    await browser.fill(account="admin-1", password=PASSWORD, again=PASSWORD, code=now)
    await browser.press("Enter")
    await browser.until("document.querySelector('h1')?.textContent === 'Enrolled'")
    return authenticator


@pytest.mark.timeout(120)
async def test_an_admin_enters_by_keyboard_and_sees_a_system_change_without_loading_the_page_again(
    tmp_path: Path,
) -> None:
    config = tmp_path / "wardwatch.yaml"
    checks = document()["checks"]
    checks["ehr-read"]["confirm"] = {"down": "1"}
    checks["ehr-read"]["every"] = "30m"
    checks["ehr-read"]["timeout"] = "1s"
    systems = document()["systems"]
    systems["ehr"]["impact"]["service"] = "billing"
    systems["ehr"]["payer"] = {"timezone": "America/New_York"}
    on_call = {
        "engineers": {"role": "engineering", "layers": [WEEKLY]},
        "specialists": {"role": "clinical_liaison", "layers": [DAYS]},
    }
    changes = {"contacts": CONTACTS, "on_call": on_call, "staffing": {"clinical_liaison": 1}}
    written = document(checks=checks, systems=systems, channels={}, routes=[], **changes)
    config.write_text(json.dumps(written))
    collector = await start_collector(config, f"sqlite:///{tmp_path}/wardwatch.db")
    try:
        async with chromium(tmp_path / "profile") as browser:
            await browser.go(f"{collector.url}/")
            await browser.until("document.title === 'Log in - Wardwatch'")
            assert await browser.run(SHAPE) == GOOD
            code = await printed_code(lambda: "\n".join(collector.log))
            authenticator = await enrol(browser, collector.url, code)
            await browser.go(f"{collector.url}/login")
            await browser.until("!!document.getElementById('code')")
            following = authenticator.at(int(time.time()) + 30)  # each code works once
            await browser.fill(account="admin-1", password=PASSWORD, code=following)
            await browser.press("Enter")
            await browser.until("!!document.querySelector('tr[data-system=ehr]')")
            assert await browser.run(SHAPE) == GOOD
            assert "admin-1 (admin)" in await browser.run("document.body.innerText")
            await send(collector.url, 1, Outcome.UP)
            state = "document.querySelector('tr[data-system=ehr] [data-state]')?.dataset.state"
            await browser.until(f"{state} === 'up'")
            await send(collector.url, 2, Outcome.DOWN)
            await browser.until(f"{state} === 'down'")
            assert "EHR is down." in await browser.run(
                "document.getElementById('live').textContent"
            )
            await browser.picture(tmp_path / "systems.png")
            await browser.run("document.querySelector('a[href$=payer]').click()")
            await browser.until("document.querySelector('h1')?.textContent === 'Payer report: EHR'")
            assert await browser.run(SHAPE) == GOOD
            assert await browser.run("document.querySelectorAll('caption').length") >= 4
            await browser.run("document.querySelector('nav a[href=\"/rota\"]').click()")
            await browser.until("document.querySelector('h1')?.textContent === 'On call'")
            assert await browser.run(SHAPE) == GOOD
            assert await browser.run("document.querySelectorAll('caption').length") == 3
            await browser.go(f"{collector.url}/tokens")
            await browser.until("!!document.getElementById('days')")
            assert await browser.run(SHAPE) == GOOD
            await browser.run("document.querySelector('header form').requestSubmit()")
            await browser.until("document.title === 'Log in - Wardwatch'")
            await browser.go(f"{collector.url}/")
            await browser.until("document.title === 'Log in - Wardwatch'")
            # a policy that blocked our own script or style would be among them
            assert browser.complaints == []
    finally:
        ended = await collector.stop()
    assert ended == 0
