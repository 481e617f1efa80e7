"""Agents that enrol, rotate and are revoked, over HTTP, whichever engine keeps it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from collector import equivocations, journal
from collector.access.throttle import Buckets
from collector.api.app import build_app
from collector.api.dispatch import Limits
from collector.core.agent_keys import OVERLAP_MS
from collector.keyring import LOOK_MS
from collector.store.open import open_store
from collector.store.store import Store
from probes.config import Config
from probes.contract import Outcome
from tests.support.collectors import DAY_MS, a_collector
from tests.support.identities import Office, an_office, holder
from tests.support.postgres import PostgresServer
from tests.support.rounds import KEYS, ORG, START, config, document, public
from tests.unit.access.test_secrets import everything

REFUSED = (403, "agent.enrolment_refused")
MINE, NEXT, THIRD = holder("first"), holder("second"), holder("third")
SITES = {"north-1": {"site": "north"}, "north-2": {"site": "north"}}


def unpinned(**agents: Any) -> Config:
    """`north-1` enrols, `south-1` is pinned."""
    pinned = document()["agents"]["south-1"]
    return config(agents={**SITES, "south-1": pinned, **agents})


@pytest.fixture
async def office(sqlite_store: Store) -> AsyncIterator[Office]:
    async with a_collector(sqlite_store, unpinned()) as collector:
        yield await an_office(collector)


@pytest.fixture
async def office_of_both(store: Store) -> AsyncIterator[Office]:
    """With either engine behind it."""
    async with a_collector(store, unpinned()) as collector:
        yield await an_office(collector)


async def rows(office: Office) -> list[tuple[str, str, dict[str, Any]]]:
    """(kind, actor, data) of the journal about agents."""
    store = office.collector.service.parts.store
    found = await store.read(journal.rows, ORG, prefix="agent.")
    return [(row.kind, row.actor, json.loads(row.data)) for row in found]


def counted(office: Office, name: str, **labels: str) -> float | None:
    return office.collector.service.metrics.registry.get_sample_value(name, labels)


async def test_from_the_invitation_to_the_revocation(office_of_both: Office) -> None:
    office = office_of_both
    assert await office.deliver(MINE.batch(1)) == (403, "batch.no_key")
    token = await office.invite()
    assert await office.ask("enrol", MINE.enrolling(token, office.now)) == (200, "pending")
    assert await office.deliver(MINE.batch(1)) == (403, "agent.not_approved")
    assert await office.approve(MINE) == (200, "approved")
    assert await office.deliver(MINE.batch(1)) == (200, "")
    assert await office.ask("rotate", MINE.rotating(NEXT, office.now)) == (200, "approved")
    # what was sealed before is taken beside what is sealed now
    assert await office.deliver(MINE.batch(2)) == (200, "")
    assert await office.deliver(NEXT.batch(3)) == (200, "")
    assert await office.revoke(NEXT) == (200, "revoked")
    assert await office.deliver(NEXT.batch(4)) == (403, "batch.revoked")
    assert counted(office, "wardwatch_ingest_refused_total", code="batch.revoked") == 1
    assert await office.deliver(MINE.batch(4)) == (200, "")
    await office.collector.clock.advance(OVERLAP_MS + 1_000)
    assert await office.deliver(MINE.batch(5)) == (403, "batch.key_replaced")
    # a stranger hears nothing of all that
    assert await office.deliver(THIRD.batch(5)) == (400, "batch.signature")
    told = [(kind, actor) for kind, actor, _ in await rows(office)]
    assert told == [
        ("agent.invited", "ann"),
        ("agent.enrolled", "agent:north-1"),
        ("agent.approved", "ann"),
        ("agent.rotated", "agent:north-1"),
        ("agent.revoked", "ann"),
    ]
    *_, revoked = await rows(office)
    assert revoked[2] == {
        "agent": "north-1",
        "by": "ann",
        "fingerprint": NEXT.fingerprint,
        "reason": "stolen",
    }


async def test_a_lost_answer_costs_nothing(office_of_both: Office) -> None:
    office = office_of_both
    token = await office.invite()
    for at in (0, 1, 2):
        asked = MINE.enrolling(token, office.now + at)
        assert await office.ask("enrol", asked) == (200, "pending")
    assert [await office.approve(MINE) for _ in range(2)] == [(200, "approved")] * 2
    assert await office.ask("enrol", MINE.enrolling(token, office.now)) == (200, "approved")
    for _ in range(2):
        assert await office.ask("rotate", MINE.rotating(NEXT, office.now)) == (200, "approved")
    assert [await office.revoke(MINE, "retired") for _ in range(2)] == [(200, "revoked")] * 2
    assert len(await rows(office)) == 5


async def test_whatever_is_wrong_with_a_token_is_answered_alike(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    old = await office.invite()
    token, of_another = await office.invite(), await office.invite("north-2")
    now, none = office.now, "wwe_" + "A" * 43
    wrong = {
        "never one": MINE.enrolling(none, now),
        "no token": MINE.enrolling("x", now),
        "replaced by a newer one": MINE.enrolling(old, now),
        "of another agent": MINE.enrolling(of_another, now),
        "another agent's name": MINE.enrolling(token, now) | {"agent": "north-2"},
        "an agent that is not there": holder("first", "east-9").enrolling(token, now),
        "another key": MINE.enrolling(token, now) | {"key": NEXT.text},
        "proof of another token": MINE.enrolling(none, now) | {"token": token},
        "proof of another instant": MINE.enrolling(token, now) | {"at": now + 1},
        "proof by another key": NEXT.enrolling(token, now) | {"key": MINE.text},
    }
    for what, body in wrong.items():
        assert await office.ask("enrol", body) == REFUSED, what
    answers = {await text_of(office, "enrol", body) for body in wrong.values()}
    assert len(answers) == 1
    counter = "wardwatch_access_refused_total"
    assert counted(office, counter, code="agent.enrolment_refused") == 2 * len(wrong)
    assert (
        "access.refused code=agent.enrolment_refused account=nobody peer=127.0.0.1" in caplog.text
    )
    for secret in (token, old, none):
        assert secret not in caplog.text
    assert await office.ask("enrol", MINE.enrolling(token, now)) == (200, "pending")
    assert await office.ask("enrol", NEXT.enrolling(token, now)) == REFUSED
    no_text = MINE.enrolling(token, now) | {"token": "\ud800"}
    assert await office.ask("enrol", no_text) == (400, "api.body")
    assert [kind for kind, _, _ in await rows(office)].count("agent.enrolled") == 1


async def text_of(office: Office, path: str, body: Any) -> str:
    answer = await office.collector.client.post(f"/agent/v1/{path}", json=body)
    return await answer.text()


async def test_a_token_is_over_after_a_day_to_the_millisecond(office: Office) -> None:
    token = await office.invite()
    (_, _, invited), *_ = await rows(office)
    await office.collector.clock.advance(invited["expires_at"] - office.now - 1)
    assert await office.ask("enrol", MINE.enrolling(token, office.now)) == (200, "pending")
    await office.collector.clock.advance(1)
    assert await office.ask("enrol", MINE.enrolling(token, office.now)) == REFUSED
    assert DAY_MS == 86_400_000


async def test_a_token_is_of_one_site(sqlite_store: Store) -> None:
    async with a_collector(sqlite_store, unpinned()) as collector:
        office = await an_office(collector)
        token = await office.invite()
    moved = unpinned(**{"north-1": {"site": "south"}})
    async with a_collector(sqlite_store, moved, start=START + 60_000) as collector:
        office = Office(collector, {})
        assert await office.ask("enrol", MINE.enrolling(token, office.now)) == REFUSED


async def test_a_clock_that_is_far_off_is_told_so(office: Office) -> None:
    token, now = await office.invite(), office.now
    for off in (-300_002, 300_001):
        assert await office.ask("enrol", MINE.enrolling(token, now + off)) == (403, "agent.clock")
    assert await office.ask("enrol", MINE.enrolling(token, now + 300_000)) == (200, "pending")


async def test_a_rotation_is_signed_by_both_keys_or_is_none(office: Office) -> None:
    await office.enrolled(MINE)
    now, refused = office.now, (403, "agent.rotation_refused")
    other = holder("first", "north-2")
    for body in (
        MINE.rotating(NEXT, now) | {"by_old": MINE.rotating(THIRD, now)["by_old"]},
        MINE.rotating(NEXT, now) | {"by_new": MINE.rotating(NEXT, now)["by_old"]},
        MINE.rotating(NEXT, now) | {"at": now + 1},
        MINE.rotating(NEXT, now) | {"agent": "north-2"},
        other.rotating(holder("second", "north-2"), now),
        NEXT.rotating(THIRD, now),
    ):
        assert await office.ask("rotate", body) == refused
    late = MINE.rotating(NEXT, now - 300_001)
    assert await office.ask("rotate", late) == (403, "agent.clock")
    assert await office.ask("rotate", MINE.rotating(NEXT, now)) == (200, "approved")
    # whoever else had the key comes too late, and so does its agent: both hear of it
    assert await office.ask("rotate", MINE.rotating(THIRD, now)) == (409, "agent.key_state")
    rotated = [data for kind, _, data in await rows(office) if kind == "agent.rotated"]
    (data,) = rotated
    assert {**data, "key": "", "signature_from": "", "signature_to": ""} == {
        "agent": "north-1",
        "from": MINE.fingerprint,
        "to": NEXT.fingerprint,
        "key": "",
        "at": now,
        "signature_from": "",
        "signature_to": "",
        "valid_until": data["valid_until"],
    }
    assert (data["key"], data["signature_from"]) == (NEXT.text, MINE.rotating(NEXT, now)["by_old"])


async def test_a_key_that_nobody_approved_announces_none(office: Office) -> None:
    token = await office.invite()
    assert (await office.ask("enrol", MINE.enrolling(token, office.now)))[0] == 200
    asked = MINE.rotating(NEXT, office.now)
    assert await office.ask("rotate", asked) == (409, "agent.not_approved")
    await office.approve(MINE)
    await office.revoke(MINE)
    assert await office.ask("rotate", asked) == (409, "agent.key_state")
    again = await office.invite()
    assert await office.ask("enrol", MINE.enrolling(again, office.now)) == (409, "agent.key_state")


async def test_what_the_file_pins_is_changed_in_the_file(office: Office) -> None:
    pinned = holder("south-1", "south-1")
    assert pinned.text == public("south-1")
    for path, body in (
        ("invite", None),
        ("approve", {"fingerprint": pinned.fingerprint}),
        ("revoke", {"fingerprint": pinned.fingerprint, "reason": "stolen"}),
    ):
        status, found = await office.post(f"agents/south-1/{path}", body)
        assert (status, found["code"]) == (409, "agent.key_pinned")
        assert (found["file"], found["place"]) == ("wardwatch.yaml", "agents.south-1.key")
    asked = pinned.rotating(holder("new", "south-1"), office.now)
    assert await office.ask("rotate", asked) == (409, "agent.key_pinned")


async def test_two_agents_have_two_keys(office: Office) -> None:
    await office.enrolled(MINE)
    token = await office.invite("north-2")
    for other in (holder("first", "north-2"), holder("south-1", "north-2")):
        asked = other.enrolling(token, office.now)
        assert await office.ask("enrol", asked) == (409, "agent.key_of_another")


async def test_a_new_key_of_an_agent_replaces_the_old_one_when_it_is_approved(
    office: Office,
) -> None:
    await office.enrolled(MINE)
    token = await office.invite()
    assert await office.ask("enrol", NEXT.enrolling(token, office.now)) == (200, "pending")
    assert await office.deliver(MINE.batch(1)) == (200, "")
    assert await office.deliver(NEXT.batch(2)) == (403, "agent.not_approved")
    assert await office.approve(NEXT) == (200, "approved")
    assert await office.deliver(NEXT.batch(2)) == (200, "")
    assert await office.deliver(MINE.batch(3)) == (200, "")
    found = await office.get("agents/north-1/keys")
    assert {key["fingerprint"]: key["state"] for key in found["keys"]} == {
        MINE.fingerprint: "replaced",
        NEXT.fingerprint: "approved",
    }


async def test_the_list_says_what_somebody_has_to_do(office: Office) -> None:
    async def north() -> dict[str, Any]:
        found = (await office.get("agents"))["agents"][0]
        names = ("key_state", "fingerprint", "waiting", "invited_until", "equivocations")
        return {name: found[name] for name in names}

    nothing = {"fingerprint": None, "waiting": None, "invited_until": None, "equivocations": 0}
    assert await north() == {"key_state": "none", **nothing}
    token = await office.invite()
    assert (await north())["invited_until"] is not None
    await office.ask("enrol", MINE.enrolling(token, office.now))
    waits = {**nothing, "fingerprint": MINE.fingerprint, "waiting": MINE.fingerprint}
    assert await north() == {"key_state": "pending", **waits}
    assert (await office.get("systems"))["agents"] == [
        {"id": "north-1", "waiting": True, "equivocations": 0}
    ]
    await office.approve(MINE)
    assert await north() == {"key_state": "approved", **waits, "waiting": None}
    await office.revoke(MINE)
    assert (await north())["key_state"] == "revoked"
    south = (await office.get("agents"))["agents"][2]
    assert (south["key_state"], south["key_pinned"]) == ("pinned", True)
    assert (await office.post("agents/none/settle", {"reason": "other"}))[0] == 404
    assert (await office.post("agents/none/invite"))[0] == 404


async def test_an_act_under_a_key_is_done_once_and_no_token_is_kept(office: Office) -> None:
    await office.enrolled(MINE)
    body, key = {"fingerprint": MINE.fingerprint, "reason": "lost"}, {"Idempotency-Key": "k-000001"}
    first = await office.post("agents/north-1/revoke", body, **key)
    assert first == await office.post("agents/north-1/revoke", body, **key)
    tokens = [await office.invite() for _ in range(2)]
    assert tokens[0] != tokens[1]
    tables = await office.collector.service.parts.store.read(everything)
    assert MINE.fingerprint in tables["agent_keys"]
    assert "north-1" in tables["agent_invitations"]
    for name, text in tables.items():
        for token in tokens:
            assert token not in text, name
            assert token.removeprefix("wwe_") not in text, name


async def test_two_headers_for_one_place_are_an_alarm_until_somebody_settles_it(
    office_of_both: Office,
) -> None:
    office = office_of_both
    await office.enrolled(MINE)
    assert await office.deliver(MINE.batch(1)) == (200, "")
    other = MINE.batch(1, outcome=Outcome.DOWN)
    for _ in range(3):
        assert await office.deliver(other) == (409, "batch.equivocation")
    assert await office.deliver(MINE.batch(1, at=1)) == (409, "batch.equivocation")
    found = [data for kind, _, data in await rows(office) if kind == "agent.equivocation"]
    assert [(data["agent"], data["epoch"], data["seq"]) for data in found] == [
        ("north-1", "e1", 1)
    ] * 2
    assert len({data["stored"] for data in found}) == 1
    assert len({data["came"] for data in found} | {found[0]["stored"]}) == 3
    gauge = "wardwatch_agent_equivocations_unsettled"
    assert counted(office, gauge, agent="north-1") == 2
    assert (await office.get("systems"))["agents"] == [
        {"id": "north-1", "waiting": False, "equivocations": 2}
    ]
    said = {"reason": "restored", "ref": "CHG0031"}
    assert await office.post("agents/north-1/settle", said) == (
        200,
        {"agent": "north-1", "settled": 2},
    )
    assert (await rows(office))[-1] == (
        "agent.settled",
        "ann",
        {"agent": "north-1", "by": "ann", "count": 2, "reason": "restored", "ref": "CHG0031"},
    )
    assert counted(office, gauge, agent="north-1") is None
    assert (await office.get("systems"))["agents"] == []
    # the same once more is no news, another one is
    assert await office.deliver(other) == (409, "batch.equivocation")
    assert (await office.get("agents"))["agents"][0]["equivocations"] == 0
    assert await office.deliver(MINE.batch(1, at=2)) == (409, "batch.equivocation")
    assert (await office.get("agents"))["agents"][0]["equivocations"] == 1


async def test_whoever_has_a_key_fills_no_journal_with_it(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert equivocations.MOST == 100
    monkeypatch.setattr(equivocations, "MOST", 3)
    await office.enrolled(MINE)
    for at in range(6):
        await office.deliver(MINE.batch(1, at=at))
    kinds = [kind for kind, _, _ in await rows(office)]
    assert kinds.count("agent.equivocation") == 3


async def test_another_replica_hears_of_it_within_a_second(
    postgres_server: PostgresServer,
) -> None:
    store = await open_store(postgres_server.new_database())
    async with (
        a_collector(store, unpinned()) as collector,
        a_collector(store, unpinned()) as replica,
    ):
        office, other = await an_office(collector), Office(replica, {})
        await office.enrolled(MINE)
        following = asyncio.create_task(replica.service.parts.keys.run())

        async def answers(data: bytes, expected: tuple[int, str]) -> None:
            """Once the replica has read what its clock tells it to."""
            await replica.clock.advance(LOOK_MS)
            async with asyncio.timeout(20):
                while await other.deliver(data) != expected:
                    await asyncio.sleep(0.02)

        await answers(MINE.batch(1), (200, ""))
        await office.revoke(MINE)
        await answers(MINE.batch(1), (403, "batch.revoked"))
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await store.close()
    assert LOOK_MS == 1_000


async def test_strangers_wait(office: Office) -> None:
    often, seldom = Buckets(100, 100, 9), Buckets(1, 2, 9)
    limited = Limits(often, Buckets(100, 100, 9), often, seldom, often)
    server = TestServer(build_app(office.collector.service.parts, limited=limited))
    body = MINE.enrolling("wwe_" + "A" * 43, office.now)
    async with TestClient(server) as client:
        answers = [await client.post("/agent/v1/enrol", json=body) for _ in range(3)]
        assert [one.status for one in answers] == [403, 403, 429]
        assert answers[2].headers["Retry-After"] == "1"
        await office.collector.clock.advance(1_000)
        asked = MINE.rotating(NEXT, office.now)
        assert (await client.post("/agent/v1/rotate", json=asked)).status == 403
        long = body | {"token": "x" * 5_000}
        await office.collector.clock.advance(1_000)
        assert (await client.post("/agent/v1/enrol", json=long)).status == 413


def test_the_keys_of_the_tests_are_not_those_of_the_file() -> None:
    pinned = {key.public_key().public_bytes_raw() for key in KEYS.values()}
    assert not pinned & {one.key.public_key().public_bytes_raw() for one in (MINE, NEXT, THIRD)}
