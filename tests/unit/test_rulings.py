"""A rejection by all, ruled by a named person: the act, the number beside, and who is told."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from collector import journal
from collector.store import outbox
from collector.store.store import Store
from probes.contract import Outcome
from tests.support.incidents import KEY, NURSE, SERVICE, acted, outage, refused
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, START, result

UP, REFUSED = Outcome.UP, Outcome.MISCONFIGURED
ACCESS = f"ehr.access.{START + 11_000}"
PERIOD = "availability?from=2026-01-01T00:00:01Z&to=2026-01-01T00:00:31Z"
THEIRS = {"ruling": "theirs", "text": "the vendor took away our account"}
Capture = pytest.CaptureFixture[str]


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    async with a_desk(store) as opened:
        await rejected(opened)
        yield opened


@pytest.fixture
async def small(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store) as opened:
        await rejected(opened)
        yield opened


async def rejected(desk: Desk) -> None:
    """Up at 1 s, refused from everywhere at 11 s and 21 s; looked at 31 s after the start."""
    await desk.clock.advance(30_000)
    await desk.send([result(1_000, UP), result(11_000, REFUSED), result(21_000, REFUSED)], seq=1)
    await desk.service.parts.evaluator.step()
    await desk.clock.advance(1_000)


async def number(desk: Desk) -> dict[str, Any]:
    await desk.clock.advance(5_000)  # an answer is shared for a moment
    found: dict[str, Any] = (await desk.get(PERIOD))["systems"]["ehr"]
    return found


async def test_what_is_ruled_theirs_is_down_in_a_number_of_its_own(desk: Desk) -> None:
    measured = await number(desk)
    assert (measured["unknown_ms"], measured["down_ms"], measured["ruled"]) == (20_000, 0, None)
    found = await acted(desk, "rule", THEIRS, by="ann", key=ACCESS)
    ruled_at = found["ruled"]["at"]
    assert found["ruled"] == {"by": "ann", "at": ruled_at, "ruling": "theirs"}
    after = await number(desk)
    second = after.pop("ruled")
    measured.pop("ruled")
    assert after == measured
    assert (second["down_ms"], second["unknown_ms"], second["up_ms"]) == (20_000, 0, 10_000)
    assert second["rulings"] == [
        {"incident": ACCESS, "ruling": "theirs", "by": "ann", "at": ruled_at}
    ]
    assert (second["sites"]["north"]["down_ms"], second["corrections"]) == (20_000, [])
    (row,) = await desk.service.parts.store.read(journal.rows, ORG, kind="incident.ruled")
    data = json.loads(row.data)
    assert (row.actor, data["by"], data["ruling"]) == ("ann", "ann", "theirs")
    assert "vendor" not in row.data.decode()
    assert data["typed"]["length"] == 32


async def test_of_several_rulings_the_last_stands_and_ours_leaves_it_unknown(small: Desk) -> None:
    await acted(small, "rule", THEIRS, by="ann", key=ACCESS)
    ours = {"ruling": "ours", "text": "a certificate of ours had ended"}
    assert (await acted(small, "rule", ours, by="bob", key=ACCESS))["ruled"]["by"] == "bob"
    second = (await number(small))["ruled"]
    assert (second["down_ms"], second["unknown_ms"]) == (0, 20_000)
    assert [(one["ruling"], one["by"]) for one in second["rulings"]] == [("ours", "bob")]


async def test_a_person_rules_a_rejection_and_nothing_else(small: Desk) -> None:
    assert await refused(small, "rule", THEIRS, by=SERVICE, key=ACCESS) == (
        403,
        "act.people_only",
        "open",
    )
    for body in ({"ruling": "theirs"}, {"ruling": "both", "text": "x"}, {"text": "x"}):
        assert await refused(small, "rule", body, key=ACCESS) == (400, "api.body", None)


async def test_an_outage_is_not_ruled(sqlite_store: Store) -> None:
    async with a_desk(sqlite_store) as desk:
        await outage(desk)
        assert await refused(desk, "rule", THEIRS) == (409, "incident.not_rejected", "open")


async def test_who_has_heard_of_it_is_told_what_was_ruled_and_not_why(small: Desk) -> None:
    await acted(small, "rule", THEIRS, by="ann", key=ACCESS)
    await small.service.parts.evaluator.step()
    sent = await small.service.parts.store.read(outbox.of_incident, ORG, ACCESS)
    data = [json.loads(message.body)["data"] for message in sent]
    assert [(one["step"], one["ruling"]) for one in data] == [("opened", None), ("ruled", "theirs")]
    assert not any(b"vendor" in message.body for message in sent)


async def test_the_commands_rule_show_report_and_explain_it(
    small: Desk, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("the vendor took away our account\n"))
    assert await small.command("incident", "rule", ACCESS, "--theirs", by="ann") == 0
    assert await small.command("incident", "show", ACCESS, by="ann") == 0
    assert "Ruled theirs, by ann, 2026-01-01 00:00:32" in capsys.readouterr().out
    assert await small.command("incident", "report", ACCESS, by="ann") == 0
    told = capsys.readouterr().out
    assert "- Ruled: theirs, by ann, 2025-12-31 18:00:32 CST (2026-01-01 00:00:32 UTC)" in told
    assert ": ruled, by ann (theirs)" in told
    await small.clock.advance(5_000)
    when = ("--from", "2026-01-01T00:00:01Z", "--to", "2026-01-01T00:00:31Z")
    assert await small.command("availability", *when, by="ann") == 0
    lines = capsys.readouterr().out
    assert f"with what was ruled ({ACCESS} theirs, by ann, 2025-12-31 18:00:32 CST)" in lines
    assert await small.command("explain", "ehr", "--at", "2026-01-01T00:00:15Z", by="ann") == 0
    assert "ann ruled it theirs" in capsys.readouterr().out
    with pytest.raises(SystemExit) as left:
        await small.command("incident", "rule", ACCESS, by="ann")
    assert left.value.code == 2


async def test_why_is_read_by_the_roles_clinical_and_admin(small: Desk) -> None:
    await acted(small, "rule", THEIRS, by="ann", key=ACCESS)
    (note,) = (await small.get(f"incidents/{ACCESS}/notes", NURSE))["notes"]
    assert (note["kind"], note["text"]) == ("incident.ruled", THEIRS["text"])
    assert KEY != ACCESS
