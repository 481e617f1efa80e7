"""Messages that wait or are dead by API and command, and dead ones that a person has sent again."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from alerts.outbox import DeliveryReason, Message, MessageState, message_id
from collector import journal, redriving
from collector.store.outbox import add, census
from collector.store.store import Store
from tests.support.incidents import ADMIN, NURSE, SERVICE
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk, person
from tests.support.rounds import ORG, START, config, document

KEY, OTHER = "ehr.availability.1767225611000", "lab.availability.1767225611000"
MAIL = {
    "kind": "email",
    "host": "127.0.0.1",
    "tls": "none",
    "from": "wardwatch@example.org",
    "to": ["ward@example.org"],
}


def one(
    seq: int,
    state: MessageState = MessageState.DEAD,
    *,
    key: str = KEY,
    receiver: str = "desk",
    attempts: int = 3,
) -> Message:
    sent = state is MessageState.SENT
    return Message(
        message_id(ORG, key, receiver, seq),
        ORG,
        key,
        receiver,
        seq,
        b"{}",
        START + seq,
        START + seq,
        attempts,
        state,
        DeliveryReason.ACCEPTED if sent else DeliveryReason.REFUSED if attempts else None,
        200 if sent else 422 if attempts else None,
    )


HOSPITAL = config(channels={**document()["channels"], "nurses": MAIL})


@pytest.fixture
async def desk(sqlite_store: Store) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store, HOSPITAL) as opened:
        yield opened


@pytest.fixture
async def desk_of_both(store: Store) -> AsyncIterator[Desk]:
    """With either engine behind it."""
    async with a_desk(store, HOSPITAL) as opened:
        yield opened


async def keep(desk: Desk, *messages: Message) -> list[str]:
    """Their ids."""
    await desk.service.parts.store.write(add, ORG, messages)
    return [message.id for message in messages]


async def states(desk: Desk) -> dict[str, tuple[str, bool]]:
    """Of what is not sent, whether it is overtaken, too."""
    found = await desk.get("outbox")
    return {m["id"]: (m["state"], m["overtaken"]) for m in found["messages"]}


async def facts(desk: Desk) -> list[tuple[str, dict[str, Any]]]:
    rows = await desk.service.parts.store.read(journal.rows, ORG, kind=redriving.KIND)
    return [(row.actor, json.loads(row.data)) for row in rows]


async def test_what_is_not_sent_is_listed_in_parts_the_longest_written_first(
    desk_of_both: Desk,
) -> None:
    desk = desk_of_both
    first, second, _, fourth = await keep(
        desk,
        one(1),
        one(2, MessageState.PENDING, attempts=0),
        one(3, MessageState.SENT),
        one(4, receiver="nurses"),
    )
    part = await desk.get("outbox?limit=2")
    assert part["messages"] == [
        {
            "id": first,
            "incident": KEY,
            "receiver": "desk",
            "sequence": 1,
            "state": "dead",
            "reason": "refused",
            "status": 422,
            "attempts": 3,
            "created_at": "2026-01-01T00:00:00.001Z",
            "next_at": None,
            "redriven_at": None,
            "overtaken": True,
        },
        {
            "id": second,
            "incident": KEY,
            "receiver": "desk",
            "sequence": 2,
            "state": "pending",
            "reason": None,
            "status": None,
            "attempts": 0,
            "created_at": "2026-01-01T00:00:00.002Z",
            "next_at": "2026-01-01T00:00:00.002Z",
            "redriven_at": None,
            "overtaken": False,
        },
    ]
    rest = await desk.get(f"outbox?limit=2&cursor={part['next']}")
    assert ([m["id"] for m in rest["messages"]], rest["next"]) == ([fourth], None)
    assert len((await desk.get("outbox?state=dead"))["messages"]) == 2
    assert len((await desk.get("outbox?state=pending&receiver=nurses"))["messages"]) == 0
    assert await desk.problem("outbox?state=sent") == (400, "api.query")


async def test_sent_again_they_wait_anew_and_the_journal_says_who_and_why(
    desk_of_both: Desk,
) -> None:
    desk = desk_of_both
    ids = await keep(desk, one(1), one(2), one(3, MessageState.PENDING, attempts=0))
    key = person("ann") | {"Idempotency-Key": "again-0001"}
    status, done = await desk.post("outbox/redrive", {"ids": ids[:2]}, key)
    assert status == 200
    assert [again["message"] for again in done["redriven"]] == ids[:2]
    assert (done["left"], done["more"]) == ([], False)
    assert await states(desk) == dict.fromkeys(ids, ("pending", False))
    assert await facts(desk) == [
        (
            "ann",
            {
                "message": name,
                "incident": KEY,
                "receiver": "desk",
                "sequence": seq,
                "reason": "refused",
                "status": 422,
            },
        )
        for seq, name in enumerate(ids[:2], start=1)
    ]
    assert await desk.post("outbox/redrive", {"ids": ids[:2]}, key) == (200, done)
    assert len(await facts(desk)) == 2
    listed = (await desk.get("outbox"))["messages"][0]
    assert (listed["next_at"], listed["redriven_at"], listed["attempts"]) == (
        "2026-01-01T00:00:01.000Z",
        "2026-01-01T00:00:01.000Z",
        3,
    )
    entries = (await desk.get("journal?kind=outbox", ADMIN))["entries"]
    assert [entry["id"] for entry in entries] == [again["id"] for again in done["redriven"]]


async def test_what_may_not_is_left_with_the_reason_and_not_in_the_journal(
    desk_of_both: Desk,
) -> None:
    desk = desk_of_both
    ids = await keep(
        desk,
        one(1),
        one(2, MessageState.SENT),
        one(1, key=OTHER),
        one(1, receiver="gone"),
        one(1, receiver="nurses"),
        one(2, MessageState.SENT, receiver="nurses"),
    )
    status, done = await desk.post("outbox/redrive", {"ids": ids[:5]})
    assert status == 200
    assert {again["message"] for again in done["redriven"]} == {ids[2], ids[4]}
    assert {left["message"]: left["why"] for left in done["left"]} == {
        ids[0]: "overtaken",
        ids[1]: "not_dead",
        ids[3]: "no_channel",
    }
    assert {data["message"] for _, data in await facts(desk)} == {ids[2], ids[4]}
    assert (await states(desk))[ids[0]] == ("dead", True)


async def test_one_unknown_id_and_nothing_is_done(desk: Desk) -> None:
    (name,) = await keep(desk, one(1))
    asked = {"ids": [name, "MRN-7749302186"]}
    status, told = await desk.post("outbox/redrive", asked)
    assert (status, told["code"]) == (404, "api.unknown_message")
    assert "7749302186" not in json.dumps(told)
    assert (await states(desk), await facts(desk)) == ({name: ("dead", False)}, [])


async def test_all_of_a_receiver_go_in_rounds_and_others_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redriving, "MOST", 2)
    ids = await keep(desk, *(one(n) for n in (1, 2, 3)), one(1, receiver="nurses"))
    overtaken = await keep(desk, one(1, key=OTHER), one(2, MessageState.SENT, key=OTHER))
    rounds = [(await desk.post("outbox/redrive", {"receiver": "desk"}))[1] for _ in range(3)]
    told = [[again["message"] for again in done["redriven"]] for done in rounds]
    assert told == [ids[:2], ids[2:3], []]
    assert [done["more"] for done in rounds] == [True, False, False]
    found = await states(desk)
    assert [found[name] for name in ids] == [("pending", False)] * 3 + [("dead", False)]
    assert found[overtaken[0]] == ("dead", True)


@pytest.mark.parametrize(
    "body",
    [{}, {"ids": []}, {"ids": ["a b"]}, {"ids": ["x"], "receiver": "desk"}, {"receiver": "A B"}],
)
async def test_a_body_that_is_wrong_is_refused(desk: Desk, body: dict[str, Any]) -> None:
    assert await desk.refused("outbox/redrive", body) == (400, "api.body")


async def test_operators_admins_and_services_do_it_and_nobody_else(desk: Desk) -> None:
    (name,) = await keep(desk, one(1))
    for headers in (VIEWER, NURSE):
        status, told = await desk.post("outbox/redrive", {"ids": [name]}, headers)
        assert (status, told["code"], told["needs"]) == (403, "access.denied", "outbox.redrive")
    assert (await desk.post("outbox/redrive", {"ids": [name]}, SERVICE))[0] == 200
    assert [actor for actor, _ in await facts(desk)] == ["svc-1"]


async def test_without_its_row_in_the_journal_nothing_is_sent_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    (name,) = await keep(desk, one(1))

    def broken(*_args: object) -> range:
        raise ArithmeticError

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", broken)
        assert (await desk.post("outbox/redrive", {"ids": [name]}))[0] == 500
    assert await states(desk) == {name: ("dead", False)}


async def test_the_command_lists_and_sends_again(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    ids = await keep(desk, one(1), one(2), one(1, key=OTHER), one(2, MessageState.SENT, key=OTHER))
    assert await desk.command("outbox", "list", "--state", "dead") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Messages"
    assert lines[2].split() == [
        ids[0], "dead", "refused", "422", "3", "2026-01-01", "00:00:00", "-",
    ]  # fmt: skip
    assert "dead, overtaken" in next(line for line in lines if line.startswith(ids[2]))
    assert await desk.command("outbox", "redrive", ids[0], ids[2]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 message is sent again. Left as they are:",
        f"{'ID'.ljust(len(ids[2]))}  WHY",
        f"{ids[2]}  a later message of its incident went, and told all of this",
    ]
    assert await desk.command("outbox", "redrive", "--receiver", "desk", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert ([again["message"] for again in told["redriven"]], told["left"]) == ([ids[1]], [])
    assert await desk.command("outbox", "redrive", "--receiver", "desk") == 0
    assert capsys.readouterr().out == "0 messages are sent again.\n"
    assert await desk.command("outbox", "list", "--receiver", "nurses") == 0
    assert capsys.readouterr().out == "No message waits or is dead.\n"


@pytest.mark.parametrize("argv", [[], ["x_1", "--receiver", "desk"]])
async def test_the_command_wants_messages_or_a_receiver(
    desk: Desk, argv: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await desk.command("outbox", "redrive", *argv) == 2
    assert capsys.readouterr().err == (
        "Name messages, or --receiver for all dead ones of a channel.\n"
    )


async def test_a_receiver_that_is_no_channel_is_an_error_that_names_those_there_are(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await desk.command("outbox", "redrive", "--receiver", "dusk") == 2
    assert capsys.readouterr().err == (
        "--receiver: no receiver of this name in the config; there are: desk, nurses\n"
    )
    assert await desk.refused("outbox/redrive", {"receiver": "dusk"}) == (400, "api.body")


async def test_what_is_put_away_is_listed_and_counted_no_more_and_the_journal_says_who(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    """A dead one that a later one has overtaken cannot be sent again: it need not stand there."""
    store = desk.service.parts.store
    sent, waits = one(2, MessageState.SENT), one(3, MessageState.PENDING, attempts=0)
    gone = one(1, key=OTHER, receiver="gone")
    await store.write(add, ORG, [one(1), sent, waits, gone])
    assert await desk.command("outbox", "clear", one(1).id, waits.id) == 1
    out = capsys.readouterr().out
    assert "1 message is put away. Left as they are:" in out
    assert [line.split()[0] for line in out.splitlines() if "not dead" in line] == [waits.id]
    assert await desk.command("outbox", "clear", "--receiver", "gone", "--json") == 0
    assert [m["message"] for m in json.loads(capsys.readouterr().out)["cleared"]] == [gone.id]
    listed = (await desk.get("outbox"))["messages"]
    assert [message["id"] for message in listed] == [waits.id]
    counted = await store.read(census, ORG)
    assert (counted.pending, counted.dead) == (1, 0)
    rows = await store.read(journal.rows, ORG, kind=redriving.CLEARED)
    assert [(row.actor, json.loads(row.data)["message"]) for row in rows] == [
        ("change-1", one(1).id),
        ("change-1", gone.id),
    ]
    assert json.loads(rows[0].data)["reason"] == "refused"
    assert await desk.refused("outbox/clear", {"ids": ["none"]}) == (404, "api.unknown_message")
    assert await desk.refused("outbox/clear", {}) == (400, "api.body")


async def test_what_was_put_away_by_mistake_is_sent_again_by_its_id(desk: Desk) -> None:
    await desk.service.parts.store.write(add, ORG, [one(1)])
    assert (await desk.post("outbox/clear", {"ids": [one(1).id]}))[0] == 200
    status, done = await desk.post("outbox/redrive", {"receiver": "desk"})
    assert (status, done["redriven"], done["left"]) == (200, [], [])
    status, done = await desk.post("outbox/redrive", {"ids": [one(1).id]})
    assert [again["message"] for again in done["redriven"]] == [one(1).id]
    (listed,) = (await desk.get("outbox"))["messages"]
    assert (listed["id"], listed["state"]) == (one(1).id, "pending")
