"""What looks like a patient's, by every channel kind there is: planted in what people type, in what
agents send, in what receivers answer and, past every check, in configured names.
"""

from __future__ import annotations

import email
import email.policy
import logging
import random
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from email.message import EmailMessage
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from sqlalchemy import Connection, select

from alerts import render
from alerts.channel import Boundary, ChannelEnv, Verdict
from alerts.channels import registry
from alerts.deadlines import DeadlineKind
from alerts.delivery import Delivery
from alerts.metering import DeliveryMetrics
from alerts.outbox import Message, MessageState
from alerts.people import ActKind
from alerts.transitions import TransitionKind
from collector.store.open import open_store
from collector.store.outbox_rows import message_of
from collector.store.tables import outbox
from probes.config import Config
from tests.e2e.test_phi_canary import forms
from tests.support import ticket_messages
from tests.support.every_kind import EVERY_KIND, Place, Settling, at_work
from tests.support.every_message import NOW, UNTOLD, every_message
from tests.support.incidents import NURSE, acted, outage, recovery
from tests.support.mailserver import REMOTE
from tests.support.outbox import MemoryOutbox
from tests.support.planning import a_desk

TYPED, NAMED = "QUIBBLEWICK", "ZZTHRAVENSTONE"
TEXT, NAME = f"seen: {TYPED}, MRN-7749302186", f"{NAMED}^JANE MRN-5510293847"
GOSSIP = "OXLEYHOLM, MRN-6620415573"
PLANTED = (TYPED, "7749302186", NAMED, "5510293847", "OXLEYHOLM", "6620415573", REMOTE)
PAGE = "https://watch.example.org"
KINDS = [*registry.CHANNELS, "email to customers"]


@cache
def hospital(name: str | None = None) -> Config:
    """The example; with `name`, its EHR, a site, a workaround and contacts are called what no loader lets pass."""
    written = ticket_messages.as_written() | {"access": {"public_url": PAGE}}
    if name is not None:
        ehr = written["systems"]["ehr"]
        workaround = {**ehr["impact"]["workaround"], "name": name}
        impact = {**ehr["impact"], "workaround": workaround}
        written["contacts"] = {
            key: {**one, "name": name} for key, one in written["contacts"].items()
        }
        named = {**ehr, "name": name, "impact": impact}
        written["systems"] = {**written["systems"], "ehr": named}
        written["sites"] = {
            **written["sites"],
            "north": {**written["sites"]["north"], "name": name},
        }
    return Config.model_validate(written)


@cache
def every(name: str | None = None) -> tuple[Message, ...]:
    """Messages of every type and step of that hospital, written once for all kinds."""
    return tuple(every_message(hospital(name)))


_typed: list[Message] = []


async def of_a_life(folder: Path) -> list[Message]:
    """What a collector writes into its outbox of an incident in which people type; made once."""
    if not _typed:
        store = await open_store(f"sqlite:///{folder}/wardwatch.db")
        async with a_desk(store) as desk:
            await outage(desk)
            await acted(desk, "acknowledge")
            await acted(desk, "notes", {"text": TEXT})
            safety = {"category": 4, "reason": "patient_at_risk", "aware_on": "2025-12-31"}
            await acted(desk, "category", safety, by=NURSE)
            await desk.service.parts.evaluator.step()
            await recovery(desk)
            await acted(desk, "resolve", {"text": TEXT}, by=NURSE)
            await acted(desk, "close", {"text": TEXT}, by=NURSE)
            await desk.service.parts.evaluator.step()

            def rows(connection: Connection) -> list[Message]:
                found = connection.execute(select(outbox).order_by(outbox.c.seq))
                return [message_of(row) for row in found]

            _typed.extend(await store.read(rows))
        await store.close()
    return _typed


def read(heard: bytes) -> bytes:
    """A mail's subject and both its forms, decoded; of anything else nothing more."""
    mail = email.message_from_bytes(heard.partition(b"org")[2], policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    parts = [mail.get_body((form,)) for form in ("plain", "html")]
    said = [part.get_content() for part in parts if part is not None]
    return "\n".join([mail["Subject"] or "", *said]).encode()


FORMS = {one: forms(one) for one in PLANTED}


def leaks(sinks: dict[str, bytes]) -> Iterator[str]:
    for name, data in sinks.items():
        for one in PLANTED:
            if any(form in data for form in FORMS[one]):
                yield f"{name}: {one}"


@asynccontextmanager
async def place_of(kind: str, clock: Settling) -> Any:
    name, _, customers = kind.partition(" to ")
    async with at_work(name, clock) as place:
        if customers:
            place.entry["audience"] = "customer"
        yield place


async def delivered(
    place: Place, clock: Settling, told: list[Message]
) -> tuple[MemoryOutbox, bytes, list[str]]:
    """All of them by the real delivery, though the receiver fails at first: what is stored then, and
    the metrics.
    """
    store, metrics_registry = MemoryOutbox(), CollectorRegistry()
    await store.add([replace(one, state=MessageState.PENDING, next_at=NOW) for one in told])
    metrics = DeliveryMetrics(metrics_registry)
    alarms: list[str] = []

    def alarm(*args: Any) -> None:
        alarms.append(args[0].value)
        metrics.tripped(*args)

    place.script("500")
    env = ChannelEnv(clock, place.read_secret, alarm)
    async with place.opened(env) as channel:
        delivery = Delivery(store, {"desk": channel}, metrics, clock=clock, rng=random.Random(1))
        while (due := await store.next_at("desk")) is not None:
            clock.step_wall(max(0, due - clock.now_ms()))
            await delivery.pump("desk")
    metrics.counted(await store.census(), clock.now_ms())
    return store, generate_latest(metrics_registry), alarms


def test_every_kind_has_a_simulated_receiver() -> None:
    assert set(EVERY_KIND) == set(registry.CHANNELS)


async def test_every_type_and_step_of_a_message_is_among_what_is_sent(tmp_path: Path) -> None:
    events = [ticket_messages.event(one) for one in every()]
    steps = {event["data"].get("step") for event in events} - {None}
    told = {*TransitionKind, *ActKind, *DeadlineKind, *render.MaintenanceStep} - UNTOLD
    assert steps == {one.value for one in told}
    types = {event["type"] for event in events}
    named = ("opened", "updated", "recovered", "resolved", "notice")
    others = {value for name, value in vars(render).items() if name.endswith("_TYPE")}
    assert types == others | {f"org.wardwatch.incident.{one}.v1" for one in named}
    lived = {ticket_messages.event(one)["data"]["step"] for one in await of_a_life(tmp_path)}
    assert lived >= {"opened", "acknowledged", "category_set", "recovered", "resolved", "closed"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("planted", ["typed", "named"])
async def test_nothing_of_a_patient_leaves_and_every_message_does(
    kind: str, planted: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [*every(NAME if planted == "named" else None)]
    if planted == "typed":
        told = [*await of_a_life(tmp_path), *told]
    clock = Settling(NOW)
    async with place_of(kind, clock) as place:
        clock.settle = place.simulated.settle
        if place.receiver is not None:
            place.receiver.gossip = GOSSIP
        store, metrics, _ = await delivered(place, clock, told)
        heard = place.heard()
        sinks = {f"sent {n}": data for n, data in enumerate(heard)}
        if place.mails is not None:
            sinks |= {f"mail {n}": read(data) for n, data in enumerate(heard)}
    ours = [r.getMessage() for r in caplog.records if r.name != "mail.log"]
    sinks |= {"log": "\n".join(ours).encode(), "metrics": metrics}
    sinks |= {f"outbox {name}": repr(one).encode() for name, one in store.messages.items()}
    assert list(leaks(sinks)) == []

    # Nothing was withheld: all of it is sent, with names where they are harmless and ids where not.
    settled = {(one.state, one.reason) for one in store.messages.values()}
    assert {state for state, _ in settled} == {MessageState.SENT}, metrics.decode()
    said = b"\n".join(sinks[name] for name in sinks if name.startswith(("sent", "mail")))
    assert (b"Electronic health record" in said) is (planted == "typed")
    hits = metrics.count(b'wardwatch_tripwire_hits_total{boundary="outbox",pattern="hl7_name"}')
    assert hits == (planted == "named")


@pytest.mark.parametrize("kind", [name for name in KINDS if name != "webhook"])
async def test_a_name_that_passed_every_other_check_is_in_no_letter(kind: str) -> None:
    """The channel alone, without the outbox before it. A webhook's body is the event itself."""
    harmless = b"Electronic health record"
    first = {ticket_messages.event(one)["type"]: one for one in reversed(every())}
    named = [one for one in first.values() if harmless in one.body]
    told = [replace(one, body=one.body.replace(harmless, NAME.encode())) for one in named]
    clock, alarms = Settling(NOW), []

    def alarm(boundary: Boundary, message: Message, _found: Any) -> None:
        alarms.append((message.id, boundary))

    async with place_of(kind, clock) as place:
        clock.settle = place.simulated.settle
        env = ChannelEnv(clock, place.read_secret, alarm)
        async with place.opened(env) as channel:
            receipts = [await channel.deliver(one) for one in told]
        heard = place.heard()
    said = [read(data) for data in heard] if place.mails is not None else heard
    sinks = {f"sent {n}": data for n, data in enumerate([*heard, *said])}
    assert list(leaks(sinks)) == []
    assert {one.verdict for one in receipts} == {Verdict.SENT}
    if not kind.endswith("customers"):
        assert set(alarms) == {(one.id, Boundary.LETTER) for one in told}
    assert alarms
