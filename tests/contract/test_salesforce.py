"""The salesforce channel against a simulated Salesforce: signing in, and cases by external id."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from pydantic import ValidationError

from alerts.channel import Channel, ChannelEnv, Receipt, Verdict
from alerts.channels.salesforce import KIND
from alerts.events import Priority
from alerts.outbox import DeliveryReason, Message
from alerts.people import ActKind, IncidentState
from alerts.reconcile import Last, Looked, Mend, Reconciles, Remedy
from probes.assertion import load_key
from probes.clock import ManualClock
from tests.support import patient_words
from tests.support import ticket_messages as messages
from tests.support.client_keys import ec_pem, rsa_pem
from tests.support.receiver import CANARY, Receiver, receiving
from tests.support.salesforce import FIELD, TOKEN, FakeSalesforce
from tests.support.soak import longer

EXTERNAL = f"st-elsewhere_ehr_availability_{messages.NOW}_desk"
CASE = f"/services/data/v64.0/sobjects/Case/{FIELD}/{EXTERNAL}"
LOST = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
PERSON_LOWERS = (ActKind.RAISED, IncidentState.OPEN)
"""A person sets the category: up or down."""
SPEC = {
    "url": "https://hospital.my.salesforce.com",
    "client_id": "3MVG9consumer",
    "user": "wardwatch@hospital.example.org",
    "key": "file:/key",
}


def env(pem: bytes | None = None) -> ChannelEnv:
    return replace(messages.env(), read_secret=lambda _: pem or rsa_pem())


def an_org() -> FakeSalesforce:
    public = load_key(rsa_pem()).private.public_key()
    assert isinstance(public, RSAPublicKey)
    return FakeSalesforce(public, messages.NOW // 1000)


@asynccontextmanager
async def desk(
    pem: bytes | None = None, **spec: Any
) -> AsyncIterator[tuple[Channel, FakeSalesforce, Receiver]]:
    fake = an_org()
    async with receiving(fake.handle) as receiver:
        fake.url = receiver.url
        made = KIND.parse({**SPEC, "url": receiver.url, "login": receiver.url, **spec})
        async with KIND.open(made, env(pem)) as channel:
            yield channel, fake, receiver


async def deliver(channel: Channel, *told: Message) -> None:
    for one in told:
        assert (await channel.deliver(one)).verdict is Verdict.SENT


async def test_an_incident_is_one_case_from_its_opening_to_its_end() -> None:
    told = (
        messages.OPENED,
        messages.ACKNOWLEDGED,
        messages.RECOVERED,
        messages.RESOLVED,
        messages.REOPENED,
        messages.RESOLVED,
        messages.CLOSED,
    )
    states = []
    async with desk() as (channel, fake, _):
        for one in messages.story(*told):
            await deliver(channel, one)
            states.append([case.status for case in fake.cases])
    assert states == [
        ["New"],
        ["Working"],
        ["Working"],
        ["Closed"],
        ["New"],
        ["Closed"],
        ["Closed"],
    ]


async def test_what_is_sent_is_what_salesforce_wants() -> None:
    async with desk() as (channel, fake, receiver):
        await deliver(channel, *messages.story(messages.OPENED, messages.RESOLVED))
    opened, resolved = fake.bodies
    text = opened.pop("Description")
    assert opened == {
        "Subject": "[Wardwatch] Electronic health record: availability, since 2025-12-31 18:00 CST",
        "Priority": "High",
        "Origin": "Monitoring",
        "Status": "New",
    }
    assert text.startswith("Electronic health record: down\nA new incident.\n")
    (comment,) = fake.cases[0].comments
    assert comment.startswith("Electronic health record: over (was down)\n")
    assert resolved == {"Status": "Closed"}
    record = f"/services/data/v64.0/sobjects/Case/{fake.cases[0].id}"
    assert receiver.requests == [
        ("POST", TOKEN),
        ("GET", CASE),
        ("PATCH", CASE),
        ("GET", CASE),
        ("POST", "/services/data/v64.0/sobjects/CaseComment"),
        ("PATCH", record),
    ]


async def test_however_often_an_answer_is_lost_there_is_one_case() -> None:
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk() as (channel, fake, receiver):
        for _ in range(longer(50)):
            receiver.script += ["well", "well", "drop"] if not fake.tokens else ["well", "drop"]
            assert await channel.deliver(opened) == LOST
        await deliver(channel, opened, resolved)
    assert [(case.key, case.status) for case in fake.cases] == [(EXTERNAL, "Closed")]


async def test_attempts_that_do_not_see_each_other_make_one_case() -> None:
    opened = messages.message(messages.OPENED)
    async with desk() as (channel, fake, _):
        receipts = await asyncio.gather(*(channel.deliver(opened) for _ in range(8)))
    assert {receipt.verdict for receipt in receipts} == {Verdict.SENT}
    assert (len(fake.cases), fake.logins) == (1, 1)


async def test_what_people_chose_in_salesforce_stands() -> None:
    opened, warned, acknowledged, recovered = messages.story(
        messages.OPENED, messages.WARNED, messages.ACKNOWLEDGED, messages.RECOVERED
    )
    async with desk() as (channel, fake, _):
        await deliver(channel, opened)
        (case,) = fake.cases
        case.fields |= {"Status": "Escalated", "Priority": "High"}
        await deliver(channel, warned, acknowledged)
        assert case.status == "Escalated"
        case.fields["Status"] = "Closed"
        await deliver(channel, recovered)
    assert [case.status for case in fake.cases] == ["Closed"]


async def test_a_priority_rises_and_falls_only_by_a_persons_word() -> None:
    seen = []
    async with desk() as (channel, fake, _):
        for told in (
            messages.message(messages.OPENED, 1, priority=Priority.P3),
            messages.message(messages.RAISED, 2, priority=Priority.P1),
            messages.message(messages.WARNED, 3, priority=Priority.P2),
            messages.message(PERSON_LOWERS, 4, priority=Priority.P2),
        ):
            await deliver(channel, told)
            seen.append(fake.cases[0].fields["Priority"])
    assert seen == ["Low", "High", "High", "Medium"]


async def test_where_the_field_is_not_unique_the_oldest_open_case_is_kept() -> None:
    async with desk() as (channel, fake, _):
        for status in ("Closed", "New", "Working", "New"):
            fake.add(EXTERNAL, status)
        await deliver(channel, messages.message(messages.ACKNOWLEDGED, 2))
        kept = [case.status for case in fake.cases]
        await deliver(channel, messages.message(messages.RESOLVED, 3))
    number = fake.cases[1].id[-8:]
    assert kept == ["Closed", "Working", "Closed", "Closed"]
    assert [case.status for case in fake.cases] == ["Closed"] * 4
    told = f"Filed twice: the work goes on in {number}."
    assert [case.comments for case in fake.cases[2:]] == [[told], [told]]


async def test_a_case_is_compared_with_its_incident_and_mended() -> None:
    async def yes(_mend: Mend) -> bool:
        return True

    async def compared(channel: Channel, told: Message) -> Remedy:
        assert isinstance(channel, Reconciles)
        looked = await channel.reconcile(told, Last(), yes)
        assert isinstance(looked, Looked)
        return looked.mend.remedy

    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk() as (channel, fake, _):
        await deliver(channel, opened)
        assert await compared(channel, opened) is Remedy.NOTHING
        fake.cases.clear()
        assert await compared(channel, opened) is Remedy.CREATED
        (case,) = fake.cases
        case.fields["Status"] = "Closed"
        assert await compared(channel, opened) is Remedy.REOPENED
        assert (case.status, len(case.comments)) == ("New", 1)
        theirs = fake.add(EXTERNAL)
        theirs.fields["Origin"] = "Phone"
        assert await compared(channel, opened) is Remedy.ADOPTED
        assert (case.status, theirs.status) == ("Closed", "New")
        await deliver(channel, resolved)
        assert theirs.status == "Closed"


async def test_what_people_wrote_into_the_description_stays() -> None:
    async with desk() as (channel, fake, _):
        opened, *later = messages.story(messages.OPENED, messages.RAISED, messages.RESOLVED)
        await deliver(channel, opened)
        (case,) = fake.cases
        case.fields["Description"] = "Ward 3 has gone over to paper."
        await deliver(channel, *later)
        assert case.fields["Description"] == "Ward 3 has gone over to paper."
        assert len(case.comments) == 2


async def test_a_case_that_looks_new_is_taken_where_a_person_owns_it() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    opened, resolved, due = messages.story(*told)
    for owner, status in (("005Hs00000Nurse0001", "New"), ("00GHs00000Queue0001", "Closed")):
        async with desk() as (channel, fake, _):
            await deliver(channel, opened, resolved)
            (case,) = fake.cases
            case.fields["Status"], case.owner = "New", owner
            await deliver(channel, due)
            assert case.status == status


async def test_what_comes_due_after_the_end_is_written_to_the_closed_case() -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    async with desk() as (channel, fake, _):
        await deliver(channel, *messages.story(*told))
    (case,) = fake.cases
    assert case.status == "Closed"
    assert "The report on this incident is due now." in case.comments[-1]


@pytest.mark.parametrize("end", [messages.MERGED, messages.FALSE_POSITIVE])
async def test_what_people_settle_is_closed(end: Any) -> None:
    async with desk() as (channel, fake, _):
        await deliver(channel, *messages.story(messages.OPENED, end))
    assert [case.status for case in fake.cases] == ["Closed"]


async def test_a_past_outage_found_late_and_a_test_are_shown_and_over_at_once() -> None:
    async with desk() as (channel, fake, _):
        await deliver(channel, messages.message(messages.FOUND_LATE), messages.a_test())
        await deliver(channel, messages.message(messages.RESOLVED, 2, key="ehr.blind.1"))
    assert [(case.key, case.status) for case in fake.cases] == [
        (EXTERNAL, "Closed"),
        ("test_desk_1", "Closed"),
    ]


async def test_a_token_is_kept_until_it_is_refused_and_then_replaced_once() -> None:
    told = messages.story(messages.OPENED, messages.WARNED, messages.RESOLVED)
    async with desk() as (channel, fake, receiver):
        await deliver(channel, *told[:2])
        assert fake.logins == 1
        fake.tokens.clear()
        await deliver(channel, told[2])
        assert (fake.logins, fake.cases[0].status) == (2, "Closed")
        receiver.script += ["401", "well", "401"]
        refused = await channel.deliver(told[2])
    assert refused == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
    assert fake.logins == 3


async def test_a_token_that_says_when_it_ends_is_replaced_before() -> None:
    fake = an_org()
    fake.expires_in = 600
    clock = ManualClock(messages.NOW)
    world = replace(env(), clock=clock)
    opened = messages.message(messages.OPENED)
    async with receiving(fake.handle) as receiver:
        fake.url = receiver.url
        made = KIND.parse({**SPEC, "url": receiver.url, "login": receiver.url})
        async with KIND.open(made, world) as channel:
            seen = []
            for step_ms in (0, 539_999, 1):
                clock.step_wall(step_ms)
                fake.now_s = clock.now_ms() // 1000
                await deliver(channel, opened)
                seen.append(fake.logins)
    assert seen == [1, 1, 2]


@pytest.mark.parametrize(
    ("pem", "receipt"),
    [
        (rsa_pem(1), Receipt(Verdict.RETRY, DeliveryReason.AUTH, 400)),
        (ec_pem(), Receipt(Verdict.RETRY, DeliveryReason.SECRET)),
        (b"no key", Receipt(Verdict.RETRY, DeliveryReason.SECRET)),
    ],
    ids=["foreign", "elliptic", "none"],
)
async def test_a_key_that_is_not_taken_is_tried_again(pem: bytes, receipt: Receipt) -> None:
    async with desk(pem) as (channel, fake, _):
        assert await channel.deliver(messages.message(messages.OPENED)) == receipt
    assert fake.cases == []


async def test_a_day_without_calls_left_is_waited_for() -> None:
    async with desk() as (channel, fake, _):
        fake.limited = True
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 403)


async def test_a_status_the_organization_does_not_have_is_refused() -> None:
    async with desk(status_new="Fresh") as (channel, _, _):
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)


@pytest.mark.parametrize(
    ("script", "receipt"),
    [
        (["503"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 503, 7_000)),
        (["nonsense"], Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        (["410"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 410)),
        (["415"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 415)),
        (["well", "400"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 400)),
        (["well", "403"], Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)),
        (["well", "well", "300"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 300, 7_000)),
        (["well", "300"], Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 300)),
        (["well", "well", "404"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 404, 7_000)),
        (["well", "429"], Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        (["well", "well", "410"], Receipt(Verdict.DEAD, DeliveryReason.GONE, 410)),
        (["well", "redirect"], Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        (["well", "hang"], Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)),
    ],
)
async def test_an_answer_gives_a_receipt(
    script: list[str], receipt: Receipt, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(timeout="500ms") as (channel, _, receiver):
        receiver.headers["retry-after"] = "7"
        receiver.script += script
        told = await channel.deliver(messages.message(messages.OPENED))
    assert told == receipt
    assert CANARY not in repr(told) + caplog.text


async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm() -> None:
    async with desk() as (_, fake, receiver):
        spec = {**SPEC, "url": receiver.url, "login": receiver.url}
        assert await patient_words.deliver(KIND, spec, env()) == ["letter"]
    assert patient_words.NAME not in json.dumps(fake.bodies)
    assert fake.bodies[0]["Description"].startswith("ehr: down\n")


@pytest.mark.parametrize(
    ("spec", "where"),
    [
        ({"url": "http://hospital.my.salesforce.com"}, "url"),
        ({"login": "https://login.salesforce.com/?a=1"}, "login"),
        ({"field": "CaseNumber"}, "field"),
        ({"key": "-----BEGIN PRIVATE KEY-----"}, "key"),
        ({"user": "two words"}, "user"),
        ({"password": "file:/key"}, "password"),
        ({"timeout": "61s"}, "timeout"),
    ],
)
def test_a_wrong_entry_names_the_field(spec: dict[str, str], where: str) -> None:
    with pytest.raises(ValidationError) as found:
        KIND.parse({**SPEC, **spec})
    assert [error["loc"][0] for error in found.value.errors()] == [where]
