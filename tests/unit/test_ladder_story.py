"""An outage that nobody takes on, in a collector: its rungs, and how people are shown them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import Connection, select

from collector import journal, versions
from collector.follower import Follower
from collector.store.store import Store
from collector.store.tables import outbox
from probes.configfile import canonical
from tests.support.incidents import KEY, acted, outage
from tests.support.planning import Desk, a_desk, hospital
from tests.support.rounds import ORG, START

DETECTED = 21_040
MIN = 60_000
HOOK = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
MAIL = {"kind": "email", "host": "127.0.0.1", "tls": "none", "from": "ww@example.org"}
CHANNELS = {"desk": HOOK, "pager": HOOK, "mail": MAIL}


def contact(role: str, *reach: str) -> dict[str, Any]:
    return {"name": "N", "role": role, "email": f"{role}@example.org", "reach": list(reach)}


CONTACTS = {
    "nina": contact("engineering", "mail"),
    "omar": contact("engineering", "mail"),
    "cleo": contact("incident_commander", "pager"),
}
HANDOFF = {"people": ["nina", "omar"], "starts": "2025-12-31T18:00", "turn": "12h"}
"""Nina has the first twelve hours: the clock begins at 18:00 in Chicago."""
RUNGS = [
    {"to": [{"channel": "desk"}]},
    {"after": "15m", "to": [{"on_call": "engineers"}]},
    {"after": "15m", "to": [{"role": "csm"}, {"role": "incident_commander"}]},
]


@pytest.fixture
async def desk(store: Store) -> AsyncIterator[Desk]:
    """An open incident of category 3, detected 21 s after the start."""
    used = hospital(
        channels=CHANNELS,
        contacts=CONTACTS,
        on_call={"engineers": {"role": "engineering", "layers": [HANDOFF]}},
        escalation={"clinical": {"rungs": RUNGS}},
        routes=[{"families": ["availability"], "to": ["desk"], "escalate": "clinical"}],
        notices={"clinical_liaison": ["desk"]},
    )
    async with a_desk(store, used) as opened:
        await outage(opened)
        yield opened


async def look(desk: Desk, at_ms: int) -> None:
    await desk.clock.advance(max(0, START + at_ms - desk.clock.now_ms()))
    await desk.service.parts.evaluator.step()


def messages(conn: Connection) -> list[tuple[str, int, str]]:
    """That nothing is delivered here, so that the liaison's notice is late, is left out."""
    query = select(outbox.c.receiver, outbox.c.seq, outbox.c.body).where(
        outbox.c.incident_key == KEY
    )
    rows = conn.execute(query.order_by(outbox.c.created_at, outbox.c.receiver, outbox.c.seq))
    told = [(r, seq, json.loads(bytes(body))["data"]["step"]) for r, seq, body in rows]
    return [one for one in told if one[2] != "notice_breached"]


async def test_rung_by_rung_until_a_person_takes_it_on_and_again_once_that_ran_out(
    desk: Desk,
) -> None:
    store = desk.service.parts.store
    second = DETECTED + 15 * MIN
    await look(desk, second)
    assert [one[0] for one in await store.read(messages)] == ["desk"]
    await look(desk, second + 1)
    await acted(desk, "acknowledge")  # a moment later, for half an hour
    await look(desk, second + 20 * MIN)
    told = await store.read(messages)
    assert told == [
        ("desk", 1, "opened"),
        ("mail.nina", 1, "opened"),
        ("desk", 2, "acknowledged"),
        ("mail.nina", 2, "acknowledged"),
    ]
    await look(desk, second + 46 * MIN)
    assert (await store.read(messages))[len(told) :] == [
        ("desk", 3, "acknowledgement_expired"),
        ("mail.nina", 3, "acknowledgement_expired"),
        ("pager", 1, "opened"),
    ]
    rows = await store.read(journal.rows, ORG, kind=["incident.escalated"])
    data = [json.loads(row.data) for row in rows]
    ran_out = second + 2 + 30 * MIN
    assert [(r.at - START, d["rung"], d["receivers"]) for r, d in zip(rows, data, strict=True)] == [
        (DETECTED, 1, ["desk"]),
        (second, 2, ["mail.nina"]),
        (ran_out, 2, ["mail.nina"]),
        (ran_out + 15 * MIN, 3, ["pager"]),
    ]


async def test_who_stands_in_on_the_rota_is_told_in_place_of_whose_turn_it_is(
    desk: Desk,
) -> None:
    standing_in = {
        "schedule": "engineers",
        "contact": "omar",
        "start": "2026-01-01T00:05:00Z",
        "end": "2026-01-01T01:00:00Z",
    }
    status, answer = await desk.post("rota/overrides", standing_in)
    assert status == 200, answer
    await look(desk, MIN)
    assert (await desk.get(f"incidents/{KEY}"))["next"]["rung"]["receivers"] == ["mail.omar"]
    await look(desk, DETECTED + 15 * MIN + 1)
    told = await desk.service.parts.store.read(messages)
    assert told == [("desk", 1, "opened"), ("mail.omar", 1, "opened")]


async def test_who_stood_in_while_a_rung_was_being_told_is_told_if_it_was_before_its_instant(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = DETECTED + 15 * MIN
    await look(desk, due - 1_000)
    plain = Follower._read_versions
    answers: list[tuple[int, Any]] = []

    async def then_another_replica_records(follower: Follower) -> None:
        await plain(follower)
        if not answers:
            cover = {"start": "2026-01-01T00:00:00Z", "end": "2026-01-01T01:00:00Z"}
            said = {"schedule": "engineers", "contact": "omar", **cover}
            answers.append(await desk.post("rota/overrides", said))
            await desk.clock.advance(2_000)

    monkeypatch.setattr(Follower, "_read_versions", then_another_replica_records)
    await desk.service.parts.evaluator.step()
    ((status, made),) = answers
    assert status == 200, made
    assert made["start"] == "2026-01-01T00:15:20.040Z"
    told = await desk.service.parts.store.read(messages)
    assert told == [("desk", 1, "opened"), ("mail.omar", 1, "opened")]
    # and it goes on from there
    await look(desk, due + 15 * MIN)
    assert (await desk.service.parts.store.read(messages))[2:] == []
    await look(desk, due + 15 * MIN + 1)
    assert (await desk.service.parts.store.read(messages))[2:] == [("pager", 1, "opened")]


async def test_people_are_shown_who_was_told_and_who_comes_next(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    await look(desk, DETECTED + 15 * MIN + 1)
    found = await desk.get(f"incidents/{KEY}")
    rung = {"policy": "clinical", "round": 1}
    assert found["rungs"] == [
        rung | {"at": "2026-01-01T00:00:21.040Z", "rung": 1, "by_rung": 1, "receivers": ["desk"]},
        rung
        | {"at": "2026-01-01T00:15:21.040Z", "rung": 2, "by_rung": 2, "receivers": ["mail.nina"]},
    ]
    assert found["next"] == {
        "kind": "escalated",
        "at": "2026-01-01T00:30:21.040Z",
        "rung": rung | {"rung": 3, "by_rung": 3, "receivers": ["pager"]},
    }
    assert await desk.command("incident", "show", KEY, by="ann") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "Next 2026-01-01 00:30:21: more people are told: rung 3 of clinical to pager" in lines
    assert "2026-01-01 00:15:21 clinical 2 mail.nina" in lines
    assert await desk.command("incident", "report", KEY, by="ann") == 0
    report = capsys.readouterr().out
    assert "escalated, by the rules (clinical; rung 2, to mail.nina)" in report


async def test_a_rung_that_reaches_nobody_is_shown_as_such(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """Since it began a file was loaded in which nobody is on call."""
    store = desk.service.parts.store
    later = hospital(channels=CHANNELS, contacts={"cleo": CONTACTS["cleo"]})
    await store.write(versions.record, ORG, canonical(later), desk.clock.now_ms())
    await look(desk, DETECTED + 15 * MIN + 1)
    assert await desk.command("incident", "show", KEY, by="ann") == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "2026-01-01 00:15:21 clinical 2 pager (rung 2 reaches nobody: by rung 3)" in lines
