"""What people do and what comes due, from the act to the message: one evaluation after the other."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector import journal
from collector.process_facts import DEADLINES
from collector.store.incidents import read_incidents
from collector.store.outbox import Outbox
from collector.store.store import Store
from collector.store.tables import outbox
from tests.support.incidents import KEY, NURSE, acted, outage, recovery
from tests.support.planning import Desk, a_desk, hospital
from tests.support.rounds import ORG, START

HOUR = 3_600_000
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
CHANNELS = {"desk": HOOK, "liaison": HOOK, "chief": HOOK, "legal": HOOK}
NOTICES = {
    "clinical_liaison": ["liaison"],
    "clinical_leadership": ["chief"],
    "legal_compliance": ["legal"],
}
HARM = {"category": 4, "reason": "patient_harmed", "aware_on": "2025-12-31"}
DETECTED = 21_040


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """An open incident of category 3, detected 21 s after the start."""
    async with a_desk(store, hospital(channels=CHANNELS, notices=NOTICES)) as opened:
        await outage(opened)
        yield opened


async def look(desk: Desk, at_ms: int) -> None:
    """Look `at_ms` after the start."""
    await desk.clock.advance(max(0, START + at_ms - desk.clock.now_ms()))
    await desk.service.parts.evaluator.step()


async def told(desk: Desk) -> list[tuple[str, int, str, str, int]]:
    """(receiver, sequence, step, state, category) of every message about the outage, oldest
    first. An incident that nobody can see any more opens beside it, for no results come.
    """
    store = desk.service.parts.store
    found: list[tuple[int, str, int, dict[str, Any]]] = []
    for receiver in CHANNELS:
        pending = await store.read(messages, receiver)
        found += [(created, receiver, seq, json.loads(body)) for created, seq, body in pending]
    return [
        (receiver, seq, event["data"]["step"], event["data"]["state"], event["data"]["category"])
        for _, receiver, seq, event in sorted(found, key=lambda one: (one[0], one[1], one[2]))
    ]


def messages(conn: Connection, receiver: str) -> list[tuple[int, int, bytes]]:
    query = select(outbox.c.created_at, outbox.c.seq, outbox.c.body).where(
        outbox.c.receiver == receiver, outbox.c.incident_key == KEY
    )
    return [(created, seq, bytes(body)) for created, seq, body in conn.execute(query)]


async def came_due(desk: Desk) -> list[tuple[str, int]]:
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind=list(DEADLINES))
    return [
        (r.kind.removeprefix("incident."), r.at - START)
        for r in rows
        if json.loads(r.data)["key"] == KEY
    ]


async def deliver(desk: Desk, receiver: str, at_ms: int) -> None:
    """The receiver takes everything that waits for it."""
    box, now = Outbox(desk.service.parts.store, ORG), START + at_ms
    while claimed := await box.claim(receiver, now, now + 60_000, 10):
        for one in claimed:
            done = Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 200, now)
            assert await box.settle(one, done)


OPENED = [
    ("desk", 1, "opened", "open", 3),
    ("liaison", 1, "liaison_notice", "open", 3),
]


async def test_what_people_do_is_said_once_to_whom_has_heard_of_it(desk: Desk) -> None:
    await acted(desk, "acknowledge")
    await look(desk, 40_000)
    await acted(desk, "notes", {"text": "vendor is called"})
    await look(desk, 50_000)
    assert await told(desk) == [
        *OPENED,
        ("desk", 2, "acknowledged", "acknowledged", 3),
        ("liaison", 2, "acknowledged", "acknowledged", 3),
    ]
    await recovery(desk, since=60_000)
    await acted(desk, "resolve", {"text": "failed over"})
    await look(desk, 200_000)
    await acted(desk, "close", {"text": "a certificate"})
    await look(desk, 210_000)
    assert [one for one in await told(desk) if one[0] == "desk"][2:] == [
        ("desk", 3, "recovered", "recovered", 3),
        ("desk", 4, "resolved", "resolved", 3),
        ("desk", 5, "closed", "closed", 3),
    ]


async def test_nothing_that_was_typed_is_in_a_message(desk: Desk) -> None:
    await acted(desk, "notes", {"text": "Zelda Zebra in bed 4"})
    await acted(desk, "false-positive", {"text": "Zelda Zebra was transferred"})
    await look(desk, 40_000)
    for receiver in CHANNELS:
        for _, _, body in await desk.service.parts.store.read(messages, receiver):
            assert b"Zelda" not in body
    assert (await told(desk))[-1] == ("liaison", 2, "false_positive", "false_positive", 3)


async def test_a_persons_lower_category_is_said_and_comes_up_for_review(desk: Desk) -> None:
    await acted(desk, "category", {"category": 2, "reason": "workaround_works"})
    await look(desk, 40_000)
    assert (await told(desk))[2] == ("desk", 2, "category_set", "open", 2)
    await look(desk, 2 * HOUR + 32_001)
    assert ("review_due", 2 * HOUR + 32_000) in await came_due(desk)
    reviewed = [one for one in await told(desk) if one[2] == "review_due"]
    assert reviewed == [
        ("desk", 6, "review_due", "open", 3),
        ("liaison", 6, "review_due", "open", 3),
    ]
    assert (await desk.get(f"incidents/{KEY}"))["category"] == 3


async def test_category_4_reaches_leadership_and_legal_at_once(desk: Desk) -> None:
    await acted(desk, "category", HARM, by=NURSE)
    await look(desk, 33_000)
    assert (await told(desk))[2:] == [
        ("chief", 1, "leadership_notice", "open", 4),
        ("desk", 2, "category_set", "open", 4),
        ("legal", 1, "legal_notice", "open", 4),
        ("liaison", 2, "category_set", "open", 4),
    ]


async def test_nobody_answers(desk: Desk) -> None:
    await look(desk, DETECTED + HOUR)
    assert [kind for kind, _ in await came_due(desk)] == ["liaison_notice"]
    (row,) = await desk.service.parts.store.read(read_incidents, ORG, key=KEY)
    assert row.next_due == START + DETECTED + HOUR + 1
    await look(desk, DETECTED + 3 * HOUR)
    assert await came_due(desk) == [
        ("liaison_notice", 21_040),
        ("notice_breached", 3_621_040),
        ("response_warned", 3_621_040),
        ("response_breached", 7_221_040),
    ]
    assert [one[1:3] for one in await told(desk) if one[0] == "desk"] == [
        (1, "opened"),
        (2, "notice_breached"),
        (3, "response_warned"),
        (4, "response_breached"),
    ]
    await look(desk, DETECTED + 4 * HOUR)
    assert len(await came_due(desk)) == 4


async def test_a_notice_that_has_arrived_is_recorded_and_is_no_breach(desk: Desk) -> None:
    await deliver(desk, "liaison", 60_000)
    await look(desk, 61_000)
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind="incident.notice_delivered")
    assert [(r.at - START, json.loads(r.data)) for r in rows] == [
        (
            60_000,
            {
                "key": KEY,
                "version": 1,
                "notice": "liaison_notice",
                "of": "",
                "occasion": 0,
                "receiver": "liaison",
            },
        )
    ]
    (notice,) = (await desk.get(f"incidents/{KEY}"))["notices"]
    assert notice == {
        "notice": "liaison_notice",
        "told_at": "2026-01-01T00:00:21.040Z",
        "deliver_by": "2026-01-01T01:00:21.040Z",
        "delivered_at": "2026-01-01T00:01:00.000Z",
    }
    await look(desk, 2 * HOUR)
    assert "notice_breached" not in [kind for kind, _ in await came_due(desk)]


async def test_an_acknowledgement_that_runs_out_is_said_to_all_again(desk: Desk) -> None:
    await acted(desk, "acknowledge")
    await look(desk, HOUR // 2 + 32_001)
    assert (await came_due(desk))[-1] == ("acknowledgement_expired", 1_832_000)
    assert ("desk", 3, "acknowledgement_expired", "open", 3) in await told(desk)
    assert (await desk.get(f"incidents/{KEY}"))["response"] is None  # it was answered in time


async def test_an_act_while_the_evaluation_writes_comes_before_what_it_says(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The act and the look meet: the plan is made anew with the act in it."""
    evaluator = desk.service.parts.evaluator
    await desk.clock.advance(HOUR)
    store = desk.service.parts.store
    write = store.write
    met: list[str] = []

    async def meeting(work: Any, *rest: Any, **more: Any) -> Any:
        if work.__name__ == "commit" and not met:
            met.append("once")
            await acted(desk, "acknowledge")
        return await write(work, *rest, **more)

    monkeypatch.setattr(store, "write", meeting)
    await evaluator.step()
    rows = await store.read(journal.rows, ORG, prefix="incident.")
    assert [r.kind for r in rows if json.loads(r.data)["key"] == KEY][2:] == [
        "incident.acknowledged",
        "incident.notice_breached",
        "incident.response_warned",
    ]
    assert [one[1:3] for one in await told(desk) if one[0] == "desk"] == [
        (1, "opened"),
        (2, "acknowledged"),
        (3, "notice_breached"),
        (4, "response_warned"),
    ]


async def test_one_message_for_two_roles_is_the_arrival_of_both_notices(store: Store) -> None:
    shared = {"clinical_leadership": ["chief"], "legal_compliance": ["chief"]}
    used = hospital(channels=CHANNELS, notices=NOTICES | shared)
    async with a_desk(store, used) as desk:
        await outage(desk)
        await acted(desk, "category", HARM, by=NURSE)
        await look(desk, 33_000)
        assert [one[:3] for one in await told(desk) if one[0] == "chief"] == [
            ("chief", 1, "leadership_notice"),
        ]
        await deliver(desk, "chief", 34_000)
        await deliver(desk, "liaison", 34_000)
        await look(desk, HOUR)
        assert "notice_breached" not in [kind for kind, _ in await came_due(desk)]
        found = (await desk.get(f"incidents/{KEY}"))["notices"]
        assert {one["notice"]: one["delivered_at"][11:19] for one in found} == {
            "liaison_notice": "00:00:34",
            "leadership_notice": "00:00:34",
            "legal_notice": "00:00:34",
        }
