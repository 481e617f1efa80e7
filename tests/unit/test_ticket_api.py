"""Tickets compared and adopted by API and command, with a real channel and a simulated receiver."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from alerts.channels import servicenow
from alerts.lookup import Standing
from alerts.reconcile import Reconciles
from collector import journal, mends
from collector.access.policy import Role
from collector.cli import main
from collector.comparing import Comparing
from collector.store.store import Store
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, tell
from tests.support.desk_cases import desk as opened_desk
from tests.support.known import bearer
from tests.support.planning import Desk, a_desk
from tests.support.reconciling import ORG, open_incident, taken

CASE = next(case for case in CASES if case.kind is servicenow.KIND)
KEY = messages.KEY
OPENED = messages.message(messages.OPENED)
OPERATOR = bearer("olga", Role.OPERATOR)


@asynccontextmanager
async def hospital(store: Store) -> AsyncIterator[tuple[Desk, Any, Any]]:
    """An incident that goes on, told 10 minutes ago; the API, the receiver and what it is reached by."""
    async with a_desk(store) as desk, opened_desk(CASE) as (channel, fake, receiver):
        parts = desk.service.parts
        assert isinstance(channel, Reconciles)
        made = Comparing(store, ORG, "desk", channel, desk.clock, parts.metrics)
        parts.comparing["desk"] = made
        await open_incident(store)
        await tell(channel, OPENED)
        await taken(store, OPENED, desk.clock.now_ms())
        await desk.clock.advance(600_000)
        yield desk, fake, receiver


async def reconcile(desk: Desk, **body: Any) -> list[dict[str, Any]]:
    status, answer = await desk.post("tickets/reconcile", body, OPERATOR)
    assert (status, answer["next"]) == (200, None), answer
    found: list[dict[str, Any]] = answer["comparisons"]
    return found


async def test_a_dry_run_says_what_would_be_done_and_the_other_does_it(sqlite_store: Store) -> None:
    async with hospital(sqlite_store) as (desk, fake, _):
        fake.stand(fake.shelf.records[0], Standing.RESOLVED)
        told = {
            "incident": KEY,
            "receiver": "desk",
            "outcome": "reopened",
            "doubles": 0,
            "tickets": [{"name": "INC0000001", "standing": "resolved", "ours": True}],
            "reason": None,
            "status": None,
        }
        assert await reconcile(desk, dry_run=True) == [told]
        assert fake.standing(fake.shelf.records[0]) is Standing.RESOLVED
        assert await reconcile(desk, channel="desk") == [told]
        assert fake.standing(fake.shelf.records[0]) is Standing.TAKEN
        (row,) = await sqlite_store.read(journal.rows, ORG, kind=mends.KIND)
        assert (row.actor, json.loads(row.data)["remedy"]) == ("olga", "reopened")
        assert [one["outcome"] for one in await reconcile(desk)] == ["waits"]


async def test_a_receiver_that_does_not_answer_is_told_by_its_reason(sqlite_store: Store) -> None:
    async with hospital(sqlite_store) as (desk, _, receiver):
        receiver.script.append("401")
        (told,) = await reconcile(desk)
        assert (told["outcome"], told["reason"], told["status"]) == ("failed", "auth", 401)


async def test_a_channel_that_cannot_be_asked_is_named_with_those_that_can(
    sqlite_store: Store,
) -> None:
    async with hospital(sqlite_store) as (desk, _, _receiver):
        for path, body, field in (
            ("tickets/reconcile", {"channel": "pager"}, "channel"),
            ("tickets/adopt", {"incident": KEY, "receiver": "pager", "ticket": "#1"}, "receiver"),
        ):
            status, answer = await desk.post(path, body, OPERATOR)
            (problem,) = answer["problems"]
            assert (status, problem["path"]) == (400, field)
            assert problem["message"].endswith("there are: desk")


async def test_a_ticket_that_people_made_is_adopted_and_ours_becomes_its_double(
    sqlite_store: Store,
) -> None:
    async with hospital(sqlite_store) as (desk, fake, _):
        theirs = fake.by_people(fake.shelf.records[0], with_key=False)
        body = {"incident": KEY, "receiver": "desk", "ticket": theirs["number"]}
        status, answer = await desk.post("tickets/adopt", body, OPERATOR)
        assert (status, answer) == (200, {"adoption": "adopted", "reason": None, "status": None})
        (row,) = await sqlite_store.read(journal.rows, ORG, kind=mends.ADOPTED)
        assert (row.actor, json.loads(row.data)) == ("olga", body)
        assert [one["outcome"] for one in await reconcile(desk)] == ["waits"]
        await desk.clock.advance(servicenow.INDEX_DELAY_MS)
        (told,) = await reconcile(desk)
        assert (told["outcome"], told["doubles"]) == ("adopted", 1)
        assert [fake.standing(one) for one in fake.shelf.records] == [
            Standing.RESOLVED,
            Standing.TAKEN,
        ]


async def test_a_ticket_that_is_none_is_refused(sqlite_store: Store) -> None:
    refused = [
        ("INC0009999", 200, "unknown"),
        ("Jane Roe", 400, "api.body"),
        ("INC1^ORnumberISNOTEMPTY", 400, "api.body"),
    ]
    async with hospital(sqlite_store) as (desk, _, _receiver):
        for ticket, status, answer in refused:
            body = {"incident": KEY, "receiver": "desk", "ticket": ticket}
            said, told = await desk.post("tickets/adopt", body, OPERATOR)
            assert (said, told.get("adoption", told.get("code"))) == (status, answer)
        body = {"incident": "ehr.blind.1", "receiver": "desk", "ticket": "INC0000001"}
        said, told = await desk.post("tickets/adopt", body, OPERATOR)
        assert (said, told["code"]) == (404, "api.unknown_incident")
        assert await sqlite_store.read(journal.rows, ORG, kind=mends.ADOPTED) == []


async def test_the_commands_show_it_and_say_by_their_exit_how_it_went(
    sqlite_store: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async with hospital(sqlite_store) as (desk, fake, receiver):
        monkeypatch.setenv("WARDWATCH_TOKEN", OPERATOR["Authorization"].removeprefix("Bearer "))

        async def run(*words: str) -> tuple[int, str]:
            code = await asyncio.to_thread(main, [*words, "--url", str(desk.client.make_url("/"))])
            said = capsys.readouterr()
            return code, said.out + said.err

        fake.stand(fake.shelf.records[0], Standing.RESOLVED)
        code, said = await run("channel", "reconcile", "--dry-run")
        assert code == 0
        assert "1 compared, 1 would be mended." in said
        assert "INC0000001 resolved" in said
        assert "ended while the incident goes on: opened again" in said
        receiver.script.append("403")
        code, said = await run("channel", "reconcile", "desk")
        assert (code, "not answered: auth 403" in said) == (1, True)
        code, said = await run("channel", "reconcile", "desk", "--json")
        assert (code, json.loads(said)["comparisons"][0]["outcome"]) == (0, "reopened")
        assert (await run("channel", "reconcile", "pager"))[0] == 2
        theirs = fake.by_people(fake.shelf.records[0], with_key=False)
        words = ("incident", "adopt", KEY, "--receiver", "desk", "--ticket")
        code, said = await run(*words, theirs["number"])
        assert (code, said) == (
            0,
            "desk, INC0000002: The ticket has our key: messages of this incident go there.\n",
        )
        assert (await run(*words, "INC0000999"))[0] == 1
