"""Notices that are awaited: asked for while they may arrive, and no longer."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Collection

import pytest
from sqlalchemy import Connection

from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector import journal
from collector.commit import Past
from collector.store import process
from collector.store.outbox import Outbox
from collector.store.store import Store
from tests.support.incidents import KEY, outage
from tests.support.planning import Desk, a_desk, hospital
from tests.support.rounds import ORG, START

HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """An open incident of category 3, whose notice to the liaison waits."""
    used = hospital(
        channels={"desk": HOOK, "liaison": HOOK}, notices={"clinical_liaison": ["liaison"]}
    )
    async with a_desk(store, used) as opened:
        await outage(opened)
        await look(opened, 40_000)
        yield opened


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages each question was about."""
    found: list[int] = []
    settled = process.settled

    def counted(
        conn: Connection, org: str, ids: Collection[str]
    ) -> tuple[dict[str, int], list[str]]:
        found.append(len(ids))
        return settled(conn, org, ids)

    monkeypatch.setattr(process, "settled", counted)
    return found


async def look(desk: Desk, at_ms: int) -> None:
    await desk.clock.advance(max(0, START + at_ms - desk.clock.now_ms()))
    await desk.service.parts.evaluator.step()


def past(desk: Desk) -> Past:
    found = desk.service.parts.evaluator._past
    assert found is not None
    return found


async def settle(desk: Desk, state: MessageState, reason: DeliveryReason) -> str:
    """What becomes of the notice; of one that nobody sees anything, which opens later, too."""
    box, now = Outbox(desk.service.parts.store, ORG), desk.clock.now_ms()
    claimed = await box.claim("liaison", now, now + 60_000, 10)
    for one in claimed:
        assert await box.settle(one, Settlement(state, reason, None, now))
    (name,) = [one.id for one in claimed if one.incident_key == KEY]
    return name


async def arrivals(desk: Desk) -> list[int]:
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind="incident.notice_delivered")
    return [row.at - START for row in rows if json.loads(row.data)["key"] == KEY]


async def test_it_is_asked_every_second_and_not_at_every_look(desk: Desk, asked: list[int]) -> None:
    for at in (41_000, 41_100, 41_200, 41_999, 42_000):
        await look(desk, at)
    assert asked == [1, 1]


async def test_before_a_breach_it_is_asked_however_lately_that_was(
    desk: Desk, asked: list[int]
) -> None:
    """The notice of 21.040 s is late an hour after it; it arrives in the last millisecond."""
    due = 21_040 + 3_600_000
    await look(desk, due - 100)
    await desk.clock.advance(99)
    await settle(desk, MessageState.SENT, DeliveryReason.ACCEPTED)
    asked.clear()
    await desk.clock.advance(2)
    await desk.service.parts.evaluator.step()
    assert len(asked) == 1
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind="incident.notice_breached")
    assert rows == []
    assert await arrivals(desk) == [due - 1]


async def test_a_dead_letter_is_asked_for_no_more_until_it_is_sent_again(
    desk: Desk, asked: list[int]
) -> None:
    name = await settle(desk, MessageState.DEAD, DeliveryReason.REFUSED)
    await look(desk, 50_000)
    assert (asked, past(desk).awaited) == ([1], {})
    for at in (60_000, 70_000, 80_000):
        await look(desk, at)
    assert asked == [1]
    assert (await desk.post("outbox/redrive", {"ids": [name]}))[0] == 200
    await look(desk, 90_000)
    assert list(past(desk).awaited) == [name]
    await settle(desk, MessageState.SENT, DeliveryReason.ACCEPTED)
    await look(desk, 100_000)
    assert (await arrivals(desk), past(desk).awaited) == ([90_000], {})


async def test_what_is_known_to_have_arrived_is_not_asked_for(desk: Desk, asked: list[int]) -> None:
    await settle(desk, MessageState.SENT, DeliveryReason.ACCEPTED)
    await look(desk, 50_000)
    await look(desk, 60_000)
    assert (asked, await arrivals(desk), past(desk).awaited) == ([1], [40_000], {})
