"""Webhooks of receivers over HTTP: who is believed, what is recorded, what stays as it is."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestClient, TestServer

from alerts.lookup import bounded_key
from alerts.outbox import Message
from alerts.ticket import ticket
from alerts.wording import BY_SERVICE
from collector import inbound_acting, journal
from collector.access.throttle import Buckets
from collector.api import inbound as api
from collector.api.app import build_app
from collector.api.dispatch import Limits
from collector.process_facts import acts_of
from collector.store import outbox
from collector.store.open import open_store
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.config import Config
from probes.contract import Outcome as Ran
from tests.e2e.test_phi_canary import blobs, forms
from tests.support import inbound as product
from tests.support.inbound import PRODUCTS, Sent, plain_body
from tests.support.incidents import KEY, acted, outage, recovery
from tests.support.known import VIEWER
from tests.support.planning import Desk, a_desk
from tests.support.rounds import ORG, config, result

SECRETS = {f"env:{kind.upper()}": of.secret for kind, of in PRODUCTS.items()}
UNREAD = {"env:NONE": b"short"}
CANARY, NUMBER = "QUIBBLEWICK", "7749302186"


def hospital(**changes: Any) -> Config:
    """A channel of each kind that tells us, called like it; `desk` is not heard."""
    channels: dict[str, Any] = {
        kind.replace("_", "-"): {"kind": kind, "inbound": {"secret": f"env:{kind.upper()}"}}
        for kind in PRODUCTS
    }
    channels["desk"] = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
    channels["broken"] = {"kind": "servicenow", "inbound": {"secret": "env:NONE"}}
    channels["lost"] = {"kind": "servicenow", "inbound": {"secret": "env:LOST"}}
    contacts = {"ann": {"name": "Ann Lee", "role": "clinical_liaison", "email": "ann@example.org"}}
    return config(
        channels=channels,
        contacts=contacts,
        secure_channel={"name": "Secure messaging", "contact": "ann"},
        **changes,
    )


def heard_by(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = {**SECRETS, **UNREAD}.__getitem__
    monkeypatch.setattr(desk.service.parts.hearing, "_read_secret", read)


@pytest.fixture
async def desk(store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with a_desk(store, hospital()) as opened:
        heard_by(opened, monkeypatch)
        await outage(opened)
        yield opened


@pytest.fixture
async def small(sqlite_store: Store, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with a_desk(sqlite_store, hospital()) as opened:
        heard_by(opened, monkeypatch)
        await outage(opened)
        yield opened


async def post(desk: Desk, channel: str, sent: Sent) -> tuple[int, dict[str, Any]]:
    """Status and answer; the clock goes on by a second."""
    path = f"/inbound/{channel}"
    async with desk.client.post(path, data=sent.body, headers=sent.headers) as answer:
        found = answer.status, await answer.json(content_type=None)
    await desk.clock.advance(1_000)
    return found


async def tell(
    desk: Desk, kind: str, told: str, *, text: str = "", id_: str = "7", key: str = KEY
) -> dict[str, Any]:
    """What a receiver of the kind is answered when somebody has acted there."""
    of, channel = PRODUCTS[kind], kind.replace("_", "-")
    body = of.body(f"{ORG}.{key}.{channel}", told, text, id_)
    status, answer = await post(desk, channel, of.sign(body, desk.clock.now_ms()))
    assert status == 200, answer
    return answer


async def effect(desk: Desk, kind: str, told: str, **more: Any) -> str:
    (found,) = (await tell(desk, kind, told, **more))["effects"]
    assert isinstance(found, str)
    return found


async def rows(desk: Desk, prefix: str = "inbound.") -> list[tuple[str, dict[str, Any]]]:
    """(actor, data) of the rows of what was heard."""
    found = await desk.service.parts.store.read(journal.rows, ORG, prefix=prefix)
    return [(row.actor, json.loads(row.data)) for row in found]


async def acts(desk: Desk) -> list[str]:
    found = acts_of(await desk.service.parts.store.read(journal.rows, ORG, prefix="incident."))
    return [f"{act.kind.value} by {act.by}" for _, act in found]


async def messages(desk: Desk) -> list[Message]:
    return list(await desk.service.parts.store.read(outbox.of_incident, ORG, KEY))


async def status(desk: Desk) -> str:
    found = await desk.get(f"incidents/{KEY}")
    assert isinstance(found["status"], str)
    return found["status"]


def counted(desk: Desk, channel: str, of: str) -> float:
    labels = {"channel": channel, "outcome": of}
    name = "wardwatch_inbound_events_total"
    return desk.service.parts.metrics.registry.get_sample_value(name, labels) or 0.0


async def test_an_acknowledgement_there_is_recorded_and_shown_and_stops_nothing(
    desk: Desk,
) -> None:
    answer = await tell(desk, "pagerduty", "acknowledged")
    assert answer == {
        "effects": ["acknowledged"],
        "notice": None,
        "text": "Acknowledged, and shown. The ladder goes on until somebody acknowledges it in"
        " Wardwatch.",
    }
    found = await desk.get(f"incidents/{KEY}")
    assert (found["status"], found["acknowledged"]) == (
        "open",
        {
            "by": "channel.pagerduty",
            "at": "2026-01-01T00:00:32.000Z",
            "until": None,
            "by_service": True,
        },
    )
    ((actor, data),) = await rows(desk)
    assert len(data.pop("event")) == 64
    assert (actor, data) == (
        "channel.pagerduty",
        {
            "channel": "pagerduty",
            "key": KEY,
            "effect": "acknowledged",
            "patterns": [],
            "told": "acknowledged",
            "version": 1,
        },
    )
    events = [(e["kind"], e["actor"]) for e in found["events"]]
    assert events[-2:] == [
        ("incident.acknowledged", "channel.pagerduty"),
        ("inbound.heard", "channel.pagerduty"),
    ]
    # Told to whom has heard of it, as any act; and the report can be made.
    await desk.service.parts.evaluator.step()
    steps = [m["step"] for m in (await desk.get(f"incidents/{KEY}/report"))["messages"]]
    assert "acknowledged" in steps
    told = [ticket(m) for m in await messages(desk)]
    said = {one.step for one in told if one.step_code == "acknowledged"}
    assert said == {BY_SERVICE}


async def test_each_kind_is_heard_with_its_own_signature(small: Desk) -> None:
    shown = {"slack": {"response_type": "ephemeral"}, "teams": {"type": "message"}}
    for kind in PRODUCTS:
        answer = await tell(small, kind, "resolved")
        assert answer.pop("text").startswith("The trouble goes on:")
        assert answer == shown.get(kind, {"effects": ["still_on"], "notice": None})
    known = [f"channel.{kind.replace('_', '-')}" for kind in PRODUCTS]
    assert [actor for actor, _ in await rows(small)] == known
    assert await acts(small) == []


async def test_what_is_not_theirs_is_refused_counted_and_leaves_nothing(
    small: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    now = small.clock.now_ms()
    body = plain_body(f"{ORG}.{KEY}.webhook", "acknowledged", "JANE^DOE")
    right = product.standard(body, now)
    cases = [
        (Sent({}, body), 401, "inbound.unsigned", "unsigned"),
        (Sent(right.headers, body + b" "), 401, "inbound.signature", "wrong_signature"),
        (product.standard(body, now - 301_000), 401, "inbound.old", "old"),
        (product.standard(b'{"key":', now), 400, "inbound.unreadable", "unreadable"),
        (product.standard(b"[" * 200_000, now), 400, "inbound.unreadable", "unreadable"),
    ]
    for sent, code, problem, why in cases:
        before = counted(small, "webhook", why)
        async with small.client.post(
            "/inbound/webhook", data=sent.body, headers=sent.headers
        ) as answer:
            found = await answer.json(content_type=None)
            assert (answer.status, found["code"]) == (code, problem)
        assert counted(small, "webhook", why) == before + 1
    big = product.standard(b"x" * 262_145, now)
    assert (await post(small, "webhook", big))[0] == 413
    assert await rows(small) == []
    assert await acts(small) == []
    ours = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    assert not any("JANE" in line or "msg_1" in line for line in ours)


async def test_what_is_signed_is_taken_or_unreadable_whatever_it_holds(desk: Desk) -> None:
    odd = "\x00\ud800\U0001f600" + KEY
    for kind, of in PRODUCTS.items():
        bodies = [b"", b"\x00\xff", b"{}", b"\xef\xbb\xbf{}", of.body("\x00", "acknowledged")]
        if kind != "slack":
            bodies.append(of.body(odd, "acknowledged", odd))
        for body in bodies:
            sent = of.sign(body, desk.clock.now_ms())
            path = f"/inbound/{kind.replace('_', '-')}"
            async with desk.client.post(path, data=sent.body, headers=sent.headers) as answer:
                assert answer.status in (200, 400), (kind, body)
    assert await rows(desk) == []


async def test_what_a_product_adds_to_the_address_is_not_read(
    small: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    """Jira adds who acted: `?user_id=...&user_key=...`."""
    of = PRODUCTS["jira"]
    sent = of.sign(of.body(f"{ORG}.{KEY}.jira", "acknowledged", "", "7"), small.clock.now_ms())
    query = f"user_id={CANARY}&user_key={CANARY}&user_key=b"
    assert (await post(small, f"jira?{query}", sent))[1]["effects"] == ["acknowledged"]
    ours = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    assert not any(CANARY in line for line in ours)


async def test_what_came_packed_is_not_unpacked(small: Desk) -> None:
    """Else strangers have a few bytes made into very many before they are looked at."""
    port = await small.service.listen("127.0.0.1", 0)
    url = f"http://127.0.0.1:{port}/inbound/freshdesk"
    sent = product.bearer(plain_body(f"{ORG}.{KEY}.freshdesk", "acknowledged"), 0)
    packed = [("gzip", gzip.compress(b"0" * 300_000)), ("br", b"x"), ("gzip", sent.body)]
    found = []
    try:
        async with aiohttp.ClientSession() as session:
            for how, body in packed:
                headers = {**sent.headers, "content-encoding": how}
                async with session.post(url, data=body, headers=headers) as answer:
                    told = await answer.json(content_type=None)
                    found.append((answer.status, told.get("code")))
    finally:
        await small.service._stop_listening()
    unread = (400, "inbound.unreadable")
    assert found == [unread, unread, (200, None)]


async def test_strangers_of_one_address_wait_before_they_are_looked_at(small: Desk) -> None:
    often, seldom = Buckets(100, 100, 9), Buckets(1, 3, 9)
    limited = Limits(often, often, often, often, seldom)
    server = TestServer(build_app(small.service.parts, limited=limited))
    async with TestClient(server) as client:
        sent = Sent({"authorization": "Bearer guess-guess-guess"}, b"{}")
        codes = []
        for _ in range(5):
            async with client.post(
                "/inbound/freshdesk", data=sent.body, headers=sent.headers
            ) as answer:
                codes.append(answer.status)
        assert codes == [401, 401, 401, 429, 429]
    assert counted(small, "freshdesk", "wrong_signature") == 3


async def test_only_channels_that_are_heard_have_an_address(small: Desk) -> None:
    for channel in ("desk", "none", "nurses", "%00", "DESK"):
        sent = product.bearer(plain_body(KEY, "acknowledged"), 0)
        assert (await post(small, channel, sent))[0] == 404
    async with small.client.get("/inbound/webhook") as answer:
        assert (answer.status, answer.headers["Allow"]) == (405, "POST")


async def test_a_secret_that_cannot_be_read_believes_nobody(small: Desk) -> None:
    for channel in ("broken", "lost"):
        for key in (b"", b"short", product.SECRET):
            sent = product.bearer(plain_body(KEY, "acknowledged"), 0, key)
            code, answer = await post(small, channel, sent)
            assert (code, answer["code"]) == (503, "inbound.no_secret")
        assert counted(small, channel, "no_secret") == 3
    assert await acts(small) == []


async def test_the_same_event_again_is_a_repeat_whatever_has_happened_since(desk: Desk) -> None:
    body = product.pagerduty_body(f"{ORG}.{KEY}.pagerduty", "acknowledged")
    sent = product.pagerduty(body, 0)
    assert (await post(desk, "pagerduty", sent))[1]["effects"] == ["acknowledged"]
    assert (await post(desk, "pagerduty", sent))[1]["effects"] == ["repeated"]
    await recovery(desk)
    await desk.clock.advance(30_000)
    again = [result(t, Ran.DOWN) for t in range(120_000, 160_000, 10_000)]
    await desk.send(again, seq=3)
    await desk.service.parts.evaluator.step()
    found = await desk.get(f"incidents/{KEY}")
    assert (found["status"], found["reopened"], found["acknowledged"]) == ("open", 1, None)
    await desk.clock.advance(1_000)
    assert (await post(desk, "pagerduty", sent))[1]["effects"] == ["repeated"]
    assert await effect(desk, "pagerduty", "acknowledged", id_="another") == "acknowledged"
    assert await acts(desk) == ["acknowledged by channel.pagerduty"] * 2
    assert len(await rows(desk)) == 2


async def test_receivers_that_echo_each_other_come_to_rest(desk: Desk) -> None:
    assert await effect(desk, "jira", "acknowledged", id_="1") == "acknowledged"
    for kind in ("zendesk", "jira", "pagerduty", "jsm"):
        assert await effect(desk, kind, "acknowledged", id_="2") == "unchanged"
    await acted(desk, "acknowledge", by="ann")
    assert await effect(desk, "jira", "acknowledged", id_="3") == "unchanged"
    assert await acts(desk) == ["acknowledged by channel.jira", "acknowledged by ann"]
    assert await status(desk) == "acknowledged"


async def test_a_resolution_there_ends_nothing_here(desk: Desk) -> None:
    assert await effect(desk, "jira", "resolved", id_="1") == "still_on"
    assert await status(desk) == "open"
    await recovery(desk)
    assert await status(desk) == "recovered"
    assert await effect(desk, "jira", "resolved", id_="2") == "people_only"
    assert await effect(desk, "jira", "acknowledged", id_="3") == "over"
    assert await status(desk) == "recovered"
    await acted(desk, "resolve", by="ann")
    assert await effect(desk, "jira", "resolved", id_="4") == "unchanged"
    assert await acts(desk) == ["resolved by ann"]
    assert [data["effect"] for _, data in await rows(desk)] == [
        "still_on",
        "people_only",
        "over",
        "unchanged",
    ]


async def test_what_is_of_no_incident_is_answered_counted_and_not_kept(desk: Desk) -> None:
    for key in ("ehr.availability.1", "x", ""):
        assert await effect(desk, "servicenow", "acknowledged", key=key) == "unknown"
    assert await effect(desk, "servicenow", "moved") == "nothing"
    assert counted(desk, "servicenow", "unknown") == 3
    assert await rows(desk) == []


async def test_a_key_that_a_field_has_cut_short_names_its_open_incident(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ServiceNow's field holds 100 characters."""
    channel = "d" * 63
    entry = {"kind": "servicenow", "inbound": {"secret": "env:SERVICENOW"}}
    routes = [{"families": ["availability"], "to": [channel]}]
    used = config(channels={channel: entry}, routes=routes)
    async with a_desk(sqlite_store, used) as desk:
        heard_by(desk, monkeypatch)
        await outage(desk)
        cut = bounded_key(f"{ORG}.{KEY}.{channel}", 100)
        found = []
        for key in (cut, cut[:-1], f"{cut[:-1]}!"):
            sent = product.bearer(plain_body(key, "acknowledged"), 0)
            found.append((await post(desk, channel, sent))[1]["effects"])
        assert found == [["acknowledged"], ["unknown"], ["unknown"]]


async def test_of_one_incident_so_many_events_are_kept_and_no_more(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbound_acting, "MOST", 3)
    found = [await effect(small, "jsm", "resolved") for _ in range(5)]
    assert found == ["still_on"] * 3 + ["crowded"] * 2
    # One that tells too much takes nobody else's place.
    assert await effect(small, "pagerduty", "acknowledged") == "acknowledged"


async def test_a_receiver_that_tells_too_much_is_asked_to_wait(small: Desk) -> None:
    sent = product.bearer(plain_body("x", "acknowledged"), 0)
    codes = []
    for _ in range(101):
        async with small.client.post(
            "/inbound/freshdesk", data=sent.body, headers=sent.headers
        ) as answer:
            codes.append(answer.status)
    assert codes == [200] * 100 + [429]
    await small.clock.advance(1_000)
    assert (await post(small, "freshdesk", sent))[0] == 200


async def test_nothing_is_said_to_be_taken_that_the_store_could_not_keep(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_args: object, **_more: object) -> None:
        raise StoreUnavailableError(StoreFault.FULL)

    monkeypatch.setattr(small.service.parts.store, "write", away)
    sent = product.bearer(plain_body(f"{ORG}.{KEY}.freshdesk", "acknowledged"), 0)
    assert (await post(small, "freshdesk", sent))[0] == 503


async def test_an_answer_comes_before_the_sender_gives_up(
    small: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert api.BODY_S < api.WHOLE_S < 5
    monkeypatch.setattr(api, "BODY_S", 0.05)
    monkeypatch.setattr(api, "WHOLE_S", 0.2)
    forever = asyncio.Event()

    async def slow() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.wait((asyncio.create_task(forever.wait()),), timeout=0.3)

    async with small.client.post("/inbound/freshdesk", data=slow()) as answer:
        assert (answer.status, (await answer.json(content_type=None))["code"]) == (
            408,
            "api.slow_body",
        )

    async def stuck(*_args: object, **_more: object) -> None:
        await forever.wait()

    monkeypatch.setattr(small.service.parts.store, "write", stuck)
    sent = product.bearer(plain_body(f"{ORG}.{KEY}.freshdesk", "acknowledged"), 0)
    code, told = await post(small, "freshdesk", sent)
    assert (code, told["code"]) == (503, "inbound.busy")
    forever.set()


async def test_what_looks_like_a_patients_is_answered_with_the_notice(small: Desk) -> None:
    answer = await tell(small, "jira", "acknowledged", text="call about MRN 7749302186")
    assert answer["effects"] == ["acknowledged"]
    assert answer["notice"] == (
        "This looks like patient information. Wardwatch has kept nothing of it, and sends it"
        " nowhere. Please remove it from where you wrote it. It belongs in: Secure messaging. Ask"
        " Ann Lee, ann@example.org."
    )
    assert answer["text"].startswith(answer["notice"])
    ((_, data),) = await rows(small)
    assert data["patterns"] == ["record_number"]
    # A comment alone leaves a row that says so; one that is harmless leaves none.
    assert await effect(small, "jsm", "note", text="MRN 7749302186") == "nothing"
    assert await effect(small, "jsm", "note", text="it is a disk") == "nothing"
    assert [data["told"] for _, data in await rows(small)] == ["acknowledged", "wrote"]
    hits = small.service.parts.metrics.registry.get_sample_value(
        "wardwatch_tripwire_hits_total", {"boundary": "inbound", "pattern": "record_number"}
    )
    assert hits == 2


async def test_a_ticket_that_people_wrote_patient_information_into_is_told_so_and_no_other(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = ["jira", "pagerduty", "desk", "zendesk"]
    used = hospital(routes=[{"families": ["availability"], "to": told}])
    async with a_desk(store, used) as desk:
        heard_by(desk, monkeypatch)
        await outage(desk)

        async def wrote(kind: str, id_: str, text: str = f"MRN {NUMBER}") -> list[Message]:
            """What is said of it, and to whom."""
            said = {m.id for m in await messages(desk)}
            await tell(desk, kind, "note", text=text, id_=id_)
            await desk.service.parts.evaluator.step()
            await desk.clock.advance(1_000)
            new = [m for m in await messages(desk) if m.id not in said]
            return [m for m in new if ticket(m).step_code == "cautioned"]

        assert await wrote("jira", "1", "it is a disk") == []
        assert await wrote("pagerduty", "1") == []  # an alert's note would call people
        (note,) = await wrote("jira", "2")
        assert (note.receiver, note.seq) == ("jira", 2)
        made = ticket(note)
        assert (made.stage, made.step_code, made.patterns) == ("open", "cautioned", ())
        assert made.step == (
            "Something written here looks like patient information. Please remove it; Wardwatch"
            " has kept nothing of it."
        )
        assert made.rows[0] == ("It belongs in", "Secure messaging; ask Ann Lee")
        assert await wrote("jira", "3") == []  # told within the hour
        assert [m.receiver for m in await wrote("zendesk", "1")] == ["zendesk"]
        await desk.clock.advance(3_600_000)
        assert [m.receiver for m in await wrote("jira", "4")] == ["jira"]
        assert await acts(desk) == [
            f"cautioned by channel.{k}" for k in ("jira", "zendesk", "jira")
        ]
        assert await status(desk) == "open"


async def test_without_a_secure_channel_the_notice_names_no_place(
    sqlite_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = hospital().model_copy(update={"secure_channel": None})
    async with a_desk(sqlite_store, used) as desk:
        heard_by(desk, monkeypatch)
        await outage(desk)
        answer = await tell(desk, "slack", "help", text="MRN 7749302186")
        assert answer["text"].endswith(
            "Please remove it from where you wrote it. Nothing to do. Write: acknowledge KEY, or:"
            " resolve KEY."
        )


async def test_nothing_that_was_written_there_is_anywhere_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Each kind sends a text, names of people and a key that is none; store, journal, outbox,
    logs, metrics and answers hold nothing of them.
    """
    caplog.set_level(logging.DEBUG)
    store = await open_store(f"sqlite:///{tmp_path}/wardwatch.db")
    kept: list[bytes] = []
    everybody = [kind.replace("_", "-") for kind in PRODUCTS]
    used = hospital(routes=[{"families": ["availability"], "to": everybody}])
    async with a_desk(store, used) as desk:
        heard_by(desk, monkeypatch)
        await outage(desk)
        for number, kind in enumerate(PRODUCTS):
            for told in ("acknowledged", "resolved", "moved"):
                id_ = str(number * 10)
                text = f"{CANARY} MRN-{NUMBER}"
                answer = await tell(desk, kind, told, text=text, id_=id_)
                assert "patient information" in answer["text"]
                kept.append(json.dumps(answer).encode())
                odd = await tell(desk, kind, told, text=text, id_=id_, key=f"{CANARY}.{NUMBER}.1")
                kept.append(json.dumps(odd).encode())
            await desk.service.parts.evaluator.step()
        kept.append(await (await desk.client.get("/metrics", headers=VIEWER)).read())
    await store.close()
    kept += blobs(tmp_path / "wardwatch.db").values()
    ours = [r.getMessage() for r in caplog.records if r.name != "aiohttp.access"]
    kept.append("\n".join(ours).encode())
    assert "tripwire.hit boundary=inbound pattern=record_number receiver=jira" in ours
    planted = (CANARY, NUMBER, "Earline", "Greenholt", "eg@example.org")
    leaks = [one for one in planted for data in kept if any(f in data for f in forms(one))]
    assert leaks == []
    assert any(b"channel.freshdesk" in data for data in kept)
    assert sum(b'"step":"cautioned"' in data for data in kept) == 7


async def test_of_events_that_come_at_once_one_counts_and_a_ticket_is_told_once(
    desk: Desk,
) -> None:
    of, now = PRODUCTS["jira"], desk.clock.now_ms()
    key = f"{ORG}.{KEY}.jira"
    bodies = [of.body(key, "acknowledged", f"MRN {NUMBER}", str(n // 2)) for n in range(8)]

    async def one(body: bytes) -> str:
        sent = of.sign(body, now)
        async with desk.client.post("/inbound/jira", data=sent.body, headers=sent.headers) as said:
            return str((await said.json())["effects"][0])

    found = await asyncio.gather(*(one(body) for body in bodies))
    assert sorted(found) == ["acknowledged", *["repeated"] * 4, *["unchanged"] * 3]
    assert sorted(await acts(desk)) == [
        "acknowledged by channel.jira",
        "cautioned by channel.jira",
    ]
