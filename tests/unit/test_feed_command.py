"""`wardwatch feed show` and its route: the baseline in force, and what it makes of now."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from collector.commands.incident import _facts
from collector.store import rollups
from collector.store.store import Store
from probes.testing.feed_traffic import HOUR
from tests.support.commanding import Shell, a_shell
from tests.support.rounds import ORG, START
from tests.unit.test_feeds import WEEK, five_minutes, hospital

Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def shell(sqlite_store: Store, tmp_path: Path, capsys: Capture) -> AsyncIterator[Shell]:
    """Four weeks of ten messages every five minutes, up to now; an admin is logged in."""
    now = START + 12 * HOUR
    await sqlite_store.write(rollups.write, ORG, five_minutes(now - 4 * WEEK, now))
    async with a_shell(sqlite_store, tmp_path, used=hospital()) as opened:
        await opened.collector.clock.advance(12 * HOUR)
        await opened.admin()
        await opened.collector.service.parts.evaluator.step()
        capsys.readouterr()
        yield opened


async def test_it_shows_the_week_and_the_verdict(shell: Shell, capsys: Capture) -> None:
    assert await shell.run("feed", "show", "adt-feed") == 0
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "adt-feed: usual. As usual."
    assert out[1].startswith("Learned from ")
    assert out[1].endswith(" UTC; 168 of 168 hours of the week are known.")
    assert out[2].split() == ["HOUR", "MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"]
    assert out[3].split() == ["00:00", *["120"] * 7]
    assert len(out) == 3 + 24
    assert await shell.run("feed", "show", "adt-feed", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["of"], found["type"], found["finding"]) == ("adt-listener", "adt", "usual")
    assert found["baseline"]["usual"][0] == {"hours": 4, "low": 120, "high": 120}


async def test_what_is_no_feed_is_refused(shell: Shell, capsys: Capture) -> None:
    for name in ("ehr-read", "nothing"):
        assert await shell.run("feed", "show", name) == 1
        assert "judges a feed" in capsys.readouterr().err


def test_an_incident_is_shown_with_the_sentence_why() -> None:
    said = "adt-feed: No ADT message for 42 min; on a Tuesday 10:00-11:00 there are usually 110 an hour."
    assert list(_facts({"response": None, "ruled": None, "next": None, "feeds": [said]})) == [said]
