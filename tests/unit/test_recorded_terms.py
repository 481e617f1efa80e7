"""The terms of an incident stand in its first row: nobody needs the truth to know them."""

from __future__ import annotations

import json
from typing import Any

from alerts.course import Course
from alerts.terms import agreed
from collector import journal, versions
from collector.businesshours import NONE
from collector.journal import Row
from collector.process_facts import KINDS, cases
from collector.saying import settings_of
from collector.store.store import Store
from probes.configfile import canonical
from probes.contract import Outcome
from probes.history import History, Version
from probes.spans import Interval
from tests.support.incidents import acted, outage
from tests.support.planning import Desk, a_desk, hospital
from tests.support.rounds import ORG, START, config, result

REFUSED = f"ehr.access.{START + 41_000}"
EARLIER = (
    b'{"attached_to":null,"category":3,"causes":["down"],"due_at":1767225611000,'
    b'"family":"availability","flapping":false,"key":"ehr.availability.1767225611000",'
    b'"priority":"P1","quiet":false,"recovered_at":null,"reopened":0,"sites":["north"],'
    b'"started_at":1767225611000,"system":"ehr","version":1}'
)
"""An opening as the release before wrote it."""


def quick(minutes: int) -> Any:
    return hospital(policy={"recover_for": "60s", "ack_timeout": f"{minutes}m"})


async def rows(desk: Desk) -> list[Row]:
    return await desk.service.parts.store.read(journal.rows, ORG, kind=[*KINDS, *versions.KINDS])


async def test_an_incident_that_begins_in_an_outage_has_the_terms_from_before_it(
    store: Store,
) -> None:
    """The version loaded meanwhile waits for the outage to end; the row says so for good."""
    async with a_desk(store, quick(5)) as desk:
        await outage(desk)
        await desk.load(quick(20))
        await desk.send([result(41_000 + n, Outcome.MISCONFIGURED) for n in (0, 10_000)], seq=2)
        await desk.clock.advance(30_000)
        await desk.service.parts.evaluator.step()
        await desk.clock.advance(1_000)
        found = await acted(desk, "acknowledge", key=REFUSED)
        begun = {
            data["key"]: data["config"]
            for row in await rows(desk)
            if row.kind == "incident.opened" and (data := json.loads(row.data))
        }
        first, second = (r.id for r in await rows(desk) if r.kind == journal.CONFIG)
        assert second > first
        assert begun == {f"ehr.availability.{START + 11_000}": first, REFUSED: first}
        at = found["acknowledged"]["at"]
        assert (at, found["acknowledged"]["until"]) == (
            "2026-01-01T00:01:04.000Z",
            "2026-01-01T00:06:04.000Z",
        )
        told = cases([row for row in await rows(desk) if row.kind in KINDS])
        history = versions.history([r for r in await rows(desk) if r.kind in versions.KINDS])
        blind = settings_of({}, history, NONE, START)
        assert blind(told[REFUSED].course).terms.policy.ack_timeout == 300_000


def recorded(*data: bytes) -> Course:
    found = [
        Row(n + 2, "incident.opened", START + 21_040, START + 30_000, "system", one)
        for n, one in enumerate(data)
    ]
    (case,) = cases(found).values()
    return case.course


def test_a_row_of_an_earlier_release_has_the_terms_in_force_at_its_start() -> None:
    course = recorded(EARLIER)
    assert course.config is None
    history = History([Version(START, quick(5), 1), Version(START + 11_000, quick(20), 2)])
    terms = settings_of({}, history, NONE, START)(course).terms
    assert terms.policy.ack_timeout == 20 * 60_000


def test_a_row_that_names_its_version_has_its_terms_whatever_the_truth_says_by_now() -> None:
    fields = json.loads(EARLIER) | {"config": 1}
    course = recorded(journal.canonical(fields))
    history = History([Version(START, quick(5), 1), Version(START + 11_000, quick(20), 2)])
    assert settings_of({}, history, NONE, START)(course).terms.policy.ack_timeout == 300_000


def test_a_version_that_is_not_read_yet_is_the_one_in_force_meanwhile() -> None:
    first, second = quick(5), quick(20)
    history = History([Version(START, first, 1), Version(START + 20_000, second, 2)])
    down = (Interval(START + 11_000, START + 99_000),)
    assert agreed(history, 7, down, "ehr", START + 30_000) == first
    assert agreed(history, 7, (), "ehr", START + 30_000) == second
    assert agreed(history, 2, down, "ehr", START + 30_000) == second


async def test_the_number_of_a_version_is_its_row_of_the_journal(sqlite_store: Store) -> None:
    for n, used in enumerate((config(), config(routes=[]))):
        await sqlite_store.write(versions.record, ORG, canonical(used), START + n)
    history = versions.history(await sqlite_store.read(journal.rows, ORG))
    assert [v.id for v in history.versions] == [1, 2]
    assert history.numbered(2) == Version(START + 1, config(routes=[]), 2)
    assert history.numbered(3) is None
