"""The alertmanager channel against Debian's own Alertmanager."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from pydantic import ValidationError

from alerts.channel import Channel, Receipt, Verdict
from alerts.channels.alertmanager import KIND
from alerts.outbox import DeliveryReason, Message
from collector.store.store import Store
from probes.clock import ManualClock, SystemClock
from tests.support import patient_words
from tests.support import ticket_messages as messages
from tests.support.alertmanager import (
    Notified,
    Server,
    a_cluster,
    alerts,
    an_alertmanager,
    before,
    until,
)
from tests.support.receiver import receiving
from tests.support.reconciling import (
    MINUTE,
    LaneClock,
    a_collector,
    all_taken,
    open_incident,
    open_incidents,
    resolve,
    taken,
)
from tests.support.soak import longer

SENT = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)
AWAY = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
DEAD = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with an_alertmanager(login=True) as one:
        yield one


@asynccontextmanager
async def told_to(*urls: str, **spec: Any) -> AsyncIterator[Channel]:
    """The channel with this host's clock, as the real Alertmanager has it."""
    env = replace(messages.env(), clock=SystemClock())
    config = KIND.parse({"urls": list(urls), "timeout": "5s", **spec})
    async with KIND.open(config, env) as channel:
        yield channel


def story(key: str, *steps: Any) -> list[Message]:
    return messages.story(*steps, key=key)


def firing(server: Server, key: str) -> list[str]:
    found = [a for a in alerts(server) if a["labels"]["incident"] == f"st-elsewhere.{key}.desk"]
    return [one["annotations"]["priority"] for one in found]


async def test_an_incident_is_one_alert_from_its_opening_to_its_end() -> None:
    steps = (
        messages.OPENED,
        messages.RAISED,
        messages.ACKNOWLEDGED,
        messages.RECOVERED,
        messages.RESOLVED,
        messages.REOPENED,
        messages.MERGED,
    )
    seen = []
    with an_alertmanager() as server:
        async with told_to(server.url) as channel:
            for one in story("ehr.availability.1", *steps):
                assert await channel.deliver(one) == SENT
                seen.append(firing(server, "ehr.availability.1"))
    assert seen == [["P1"], ["P1"], ["P1"], ["P1"], [], ["P1"], []]


async def test_what_is_sent_is_what_alertmanager_wants() -> None:
    bodies: list[Any] = []

    async def take(request: web.Request) -> web.StreamResponse:
        bodies.extend(await request.json())
        return web.Response()

    async with receiving(take) as receiver:
        config = KIND.parse({"urls": [receiver.url], "labels": {"severity": "page"}})
        async with KIND.open(config, messages.env()) as channel:
            for one in messages.story(messages.OPENED, messages.RESOLVED):
                await channel.deliver(one)
            await channel.deliver(messages.a_test())
    text = bodies[0]["annotations"].pop("description")
    key = f"st-elsewhere.ehr.availability.{messages.NOW}.desk"
    assert receiver.requests[0] == ("POST", "/api/v2/alerts")
    assert bodies[0] == {
        "labels": {
            "severity": "page",
            "alertname": "WardwatchIncident",
            "system": "ehr",
            "family": "availability",
            "incident": key,
        },
        "annotations": {
            "summary": "P1 Electronic health record: down",
            "priority": "P1",
            "category": "3",
        },
        "startsAt": "2026-01-01T00:00:00.000Z",
        "endsAt": "2027-01-01T00:00:00.000Z",
    }
    assert text.startswith("Electronic health record: down\nA new incident.\n\nSystem: ")
    assert bodies[1]["labels"] == bodies[0]["labels"]
    assert bodies[1]["endsAt"] == "2026-01-01T00:00:00.000Z"
    assert (bodies[2]["labels"]["incident"], bodies[2]["endsAt"]) == (
        "test_desk_1",
        "2026-01-01T00:05:00.000Z",
    )


async def test_after_a_step_of_our_clock_an_alert_does_not_end_before_it_starts() -> None:
    late = replace(messages.env(), clock=ManualClock(messages.NOW - 86_400_000))
    with an_alertmanager() as server:
        async with KIND.open(KIND.parse({"urls": [server.url]}), late) as channel:
            for one in messages.story(messages.OPENED, messages.RESOLVED):
                assert await channel.deliver(one) == SENT
        assert alerts(server) == []


async def test_however_often_an_answer_is_lost_there_is_one_alert() -> None:
    (opened,) = story("ehr.availability.2", messages.OPENED)
    with an_alertmanager() as server:
        async with receiving(before(server)) as receiver, told_to(receiver.url) as channel:
            for _ in range(longer(50)):
                receiver.script.append("drop")
                assert await channel.deliver(opened) == AWAY
            assert await channel.deliver(opened) == SENT
        assert len(alerts(server)) == 1


async def test_a_cluster_notifies_once_when_it_opens_and_once_when_it_is_over() -> None:
    heard = Notified()
    async with receiving(heard.handle) as hook:
        with a_cluster(hook.url) as (one, other):
            async with told_to(one.url, other.url) as channel:
                opened, resolved = story("ehr.availability.3", messages.OPENED, messages.RESOLVED)
                assert await channel.deliver(opened) == SENT
                assert firing(one, "ehr.availability.3") == firing(other, "ehr.availability.3")
                await until(lambda: len(heard.groups) == 1)
                assert await channel.deliver(resolved) == SENT
                await until(lambda: len(heard.groups) == 2)
    key = "st-elsewhere.ehr.availability.3.desk"
    assert heard.groups == [[("firing", key)], [("resolved", key)]]


async def test_after_a_restart_an_alert_is_forgotten_but_its_end_is_notified() -> None:
    heard = Notified()
    async with receiving(heard.handle) as hook:
        with an_alertmanager(hook.url) as server:
            opened, resolved = story("ehr.availability.4", messages.OPENED, messages.RESOLVED)
            async with told_to(server.url) as channel:
                await channel.deliver(opened)
                await until(lambda: len(heard.groups) == 1)
            server.stop()
            server.start()
            assert firing(server, "ehr.availability.4") == []
            async with told_to(server.url) as channel:
                assert await channel.deliver(resolved) == SENT
            await until(lambda: len(heard.groups) == 2)
    key = "st-elsewhere.ehr.availability.4.desk"
    assert heard.groups == [[("firing", key)], [("resolved", key)]]


async def test_what_lasts_is_told_again_after_a_restart_and_notified_once(
    sqlite_store: Store,
) -> None:
    """The collector's own round, a minute after; Alertmanager itself is stopped and started."""
    heard, clock = Notified(), LaneClock(SystemClock().now_ms())
    lasts, ended = (f"ehr.availability.{n}" for n in (91, 92))
    async with receiving(heard.handle) as hook:
        with an_alertmanager(hook.url) as server:
            async with told_to(server.url) as channel:
                for key in (lasts, ended):
                    incident = await open_incident(sqlite_store, key)
                    (opened, resolved) = story(key, messages.OPENED, messages.RESOLVED)
                    assert await channel.deliver(opened) == SENT
                    await taken(sqlite_store, opened, clock.now_ms())
                await until(lambda: len(heard.groups) == 2)
                await taken(sqlite_store, resolved, clock.now_ms())
                await resolve(sqlite_store, incident, clock.now_ms())
                async with a_collector(sqlite_store, {"desk": channel}, clock) as one:
                    await clock.at_rest()
                    assert (firing(server, lasts), firing(server, ended)) == (["P1"], [])
                    await until(lambda: len(heard.groups) == 3)
                    server.stop()
                    server.start()
                    assert firing(server, lasts) == []
                    await clock.pass_by(2)
                    assert (firing(server, lasts), firing(server, ended)) == (["P1"], [])
                    assert set(one.outcomes()) == {"retold"}
                    server.stop()
                    await clock.pass_by(2)
                    assert one.outcomes()["failed"] == 2
                    server.start()
                    await clock.pass_by(5)
                    assert firing(server, lasts) == ["P1"]
                    (_, resolved) = story(lasts, messages.OPENED, messages.RESOLVED)
                    assert await channel.deliver(resolved) == SENT
                    await until(lambda: len(heard.groups) == 4)
    told = [(status, key.split(".")[3]) for group in heard.groups for status, key in group]
    assert sorted(told) == [
        ("firing", "91"),
        ("firing", "92"),
        ("resolved", "91"),
        ("resolved", "92"),
    ]


async def test_an_end_that_comes_while_it_is_told_again_is_told_last(sqlite_store: Store) -> None:
    clock = LaneClock()
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    ends: list[bool] = []

    async def take(request: web.Request) -> web.StreamResponse:
        (alert,) = await request.json()
        ends.append(alert["endsAt"] <= "2026-01-01T00:00:00.000Z")
        if len(ends) == 1:
            await taken(sqlite_store, resolved, messages.NOW)
            await resolve(sqlite_store, incident, messages.NOW)
        return web.Response()

    incident = await open_incident(sqlite_store)
    await taken(sqlite_store, opened, messages.NOW)
    async with receiving(take) as receiver:
        config = KIND.parse({"urls": [receiver.url]})
        async with (
            KIND.open(config, messages.env()) as channel,
            a_collector(sqlite_store, {"desk": channel}, clock),
        ):
            await clock.at_rest()
            assert ends == [False, True]
            await clock.pass_by(30)
    assert 5 < len(ends) < 20  # for a quarter of an hour, as Prometheus does
    assert all(ends[1:])


async def test_a_peer_that_is_away_keeps_no_other_from_what_lasts(sqlite_store: Store) -> None:
    clock, keys = LaneClock(), [f"ehr.availability.{messages.NOW + n}" for n in range(60)]
    heard: list[str] = []

    async def take(request: web.Request) -> web.StreamResponse:
        heard.extend(one["labels"]["incident"] for one in await request.json())
        return web.Response()

    await open_incidents(sqlite_store, keys)
    told = [messages.message(messages.OPENED, key=key) for key in keys]
    await all_taken(sqlite_store, told, messages.NOW)
    async with receiving(take) as receiver:
        config = KIND.parse({"urls": [DEAD, receiver.url]})
        async with (
            KIND.open(config, messages.env()) as channel,
            a_collector(sqlite_store, {"desk": channel}, clock) as one,
        ):
            await clock.at_rest()
            assert one.outcomes() == {"failed": 60}
            assert heard == [f"st-elsewhere.{key}.desk" for key in keys]
            receiver.script += ["400"]  # one of the first fifty is refused for good
            await clock.pass_by(12)
    first, last = (heard.count(f"st-elsewhere.{key}.desk") for key in (keys[0], keys[-1]))
    assert (last >= 6, last - first) == (True, 1)  # as often as if no peer were away


async def test_a_peer_that_was_cut_off_hears_the_end_once_it_is_back(sqlite_store: Store) -> None:
    """It still shows the alert, and nobody else can take it back there."""
    clock = LaneClock()
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    incident = await open_incident(sqlite_store)
    await taken(sqlite_store, opened, messages.NOW)
    ends: list[bool] = []

    async def take(request: web.Request) -> web.StreamResponse:
        if is_cut_off:
            return web.Response(status=503)
        (alert,) = await request.json()
        ends.append(alert["endsAt"] <= "2026-01-01T00:00:00.000Z")
        return web.Response()

    async def well(_request: web.Request) -> web.StreamResponse:
        return web.Response()

    async with receiving(take) as receiver, receiving(well) as other:
        config = KIND.parse({"urls": [other.url, receiver.url]})
        is_cut_off = False
        async with KIND.open(config, messages.env()) as channel:
            async with a_collector(sqlite_store, {"desk": channel}, clock):
                await clock.at_rest()
                assert ends == [False]
                is_cut_off = True
                await taken(sqlite_store, resolved, messages.NOW)
                await resolve(sqlite_store, incident, messages.NOW)
                await clock.pass_by(60)
                is_cut_off = False
                await clock.pass_by(16)
                assert ends[1:] == [True] * len(ends[1:])
                assert len(ends) > 1
            is_cut_off, told = True, len(ends)
            await clock.advance(24 * 60 * MINUTE)
            async with a_collector(sqlite_store, {"desk": channel}, clock):  # it starts anew, too
                await clock.pass_by(2)
                is_cut_off = False
                await clock.pass_by(16)
        assert ends[told:] == [True] * len(ends[told:])
        assert len(ends) > told


async def test_an_outage_found_late_notifies_nobody_and_a_test_does() -> None:
    heard = Notified()
    async with receiving(heard.handle) as hook:
        with an_alertmanager(hook.url) as server:
            async with told_to(server.url) as channel:
                (late,) = story("ehr.availability.5", messages.FOUND_LATE)
                assert await channel.deliver(late) == SENT
                assert await channel.deliver(messages.a_test()) == SENT
                await until(lambda: heard.groups != [])
                shown = [one["labels"]["incident"] for one in alerts(server)]
    assert (shown, heard.groups) == (["test_desk_1"], [[("firing", "test_desk_1")]])


async def test_what_comes_due_after_the_end_is_shown_by_itself_for_a_while() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    with an_alertmanager() as server:
        async with told_to(server.url) as channel:
            for one in story("ehr.availability.8", *told):
                assert await channel.deliver(one) == SENT
        shown = [one["labels"]["incident"] for one in alerts(server)]
    assert shown == ["st-elsewhere_ehr_availability_8_desk_3"]


async def test_a_peer_that_is_away_is_waited_for_and_then_no_longer(server: Server) -> None:
    (opened,) = story("ehr.availability.6", messages.OPENED)
    login = {"user": "wardwatch", "password": "file:/key"}
    async with told_to(server.url, DEAD, **login) as channel:
        tried = [await channel.deliver(replace(opened, attempts=n)) for n in (1, 4, 5)]
    assert tried == [AWAY, AWAY, SENT]
    async with told_to(DEAD, DEAD + "/other") as channel:
        assert await channel.deliver(replace(opened, attempts=99)) == AWAY


async def test_a_wrong_login_is_tried_again(server: Server) -> None:
    (opened,) = story("ehr.availability.7", messages.OPENED)
    refused = Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
    async with told_to(server.url) as channel:
        assert await channel.deliver(opened) == refused
    async with told_to(server.url, user="wardwatch", password="file:/key") as channel:
        assert await channel.deliver(opened) == SENT


@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("410", Receipt(Verdict.DEAD, DeliveryReason.GONE, 410)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429)),
        ("503", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
    ],
)
async def test_an_answer_gives_a_receipt(step: str, receipt: Receipt) -> None:
    async def never(_request: web.Request) -> web.StreamResponse:
        raise AssertionError

    async with receiving(never) as receiver, told_to(receiver.url) as channel:
        receiver.script.append(step)
        assert await channel.deliver(messages.message(messages.OPENED)) == receipt


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"urls": []}, "urls"),
        ({"urls": ["https://a.example.org", "https://a.example.org/"]}, "urls"),
        ({"urls": ["http://a.example.org"]}, "urls"),
        ({"labels": {"incident": "mine"}}, "labels"),
        ({"labels": {"severity": "to page"}}, "labels"),
        ({"user": "ward:watch", "password": "file:/key"}, "user"),
        ({"password": "secret", "user": "wardwatch"}, "password"),
        ({"routing_key": "file:/key"}, "routing_key"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as found:
        KIND.parse({"urls": ["https://a.example.org"], **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]


async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm() -> None:
    bodies: list[Any] = []

    async def take(request: web.Request) -> web.StreamResponse:
        bodies.extend(await request.json())
        return web.Response()

    async with receiving(take) as receiver:
        assert await patient_words.deliver(KIND, {"urls": [receiver.url]}) == ["letter"]
    assert patient_words.NAME not in json.dumps(bodies)
    assert bodies[0]["annotations"]["summary"] == "P1 ehr: down"
