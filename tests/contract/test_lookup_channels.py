"""Channels that ask the receiver for our key, against simulated receivers: what holds of each of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from alerts.channel import Guarantee, Receipt, Verdict
from alerts.events import Priority
from alerts.lookup import Standing
from alerts.outbox import DeliveryReason
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.desks import Case, FakeDesk
from tests.support.receiver import CANARY, receiving
from tests.support.soak import longer

NEW, TAKEN, RESOLVED, CLOSED = Standing
LOST = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)


def standings(fake: FakeDesk) -> list[Standing]:
    return [fake.standing(one) for one in fake.shelf.records]


def notes(fake: FakeDesk) -> list[int]:
    return [len(one["notes"]) for one in fake.shelf.records]


def open_ones(fake: FakeDesk) -> int:
    return sum(one in (NEW, TAKEN) for one in standings(fake))


@each
async def test_an_incident_is_one_ticket_from_its_opening_to_its_end(case: Case) -> None:
    told: Sequence[Any] = (
        messages.OPENED,
        messages.RAISED,
        messages.ACKNOWLEDGED,
        messages.RECOVERED,
        messages.RESOLVED,
        messages.CLOSED,
    )
    states = []
    async with desk(case) as (channel, fake, _):
        for one in messages.story(*told):
            await tell(channel, one)
            states.append(standings(fake))
        assert states == [[NEW], [NEW], [TAKEN], [TAKEN], [RESOLVED], [RESOLVED]]
        assert notes(fake) == [5]
    assert case.kind.guarantee is Guarantee.LOOKUP


@each
async def test_however_often_an_answer_is_lost_there_is_one_ticket(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    async with desk(case) as (channel, fake, receiver):
        for _ in range(longer(50)):
            receiver.script += ["well", "drop"]
            assert await channel.deliver(opened) == LOST
        await tell(channel, opened)
        assert standings(fake) == [NEW]


@each
async def test_lost_answers_while_the_index_lags_leave_one_open_ticket_once_it_has_caught_up(
    case: Case,
) -> None:
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    async with desk(case) as (channel, fake, receiver):
        fake.shelf.lag = 3
        for _ in range(longer(50)):
            receiver.script += ["well", "drop"]
            assert await channel.deliver(opened) == LOST
        await tell(channel, opened)
        assert len(fake.shelf.records) == 4
        await tell(channel, raised)
        assert standings(fake) == [NEW, RESOLVED, RESOLVED, RESOLVED]
        kept = fake.shelf.records[0]
        name = next(str(kept[key]) for key in ("number", "key", "id") if key in kept)
        assert all(name in one["notes"][-1] for one in fake.shelf.records[1:])


@each
async def test_an_end_whose_answer_is_lost_leaves_nothing_open(case: Case) -> None:
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk(case) as (channel, fake, receiver):
        await tell(channel, opened)
        receiver.script += ["well", "drop"]
        assert await channel.deliver(resolved) == LOST
        await tell(channel, resolved)
        assert standings(fake) == [RESOLVED]


@each
async def test_a_double_that_cannot_be_resolved_holds_up_nobody_before_the_end(case: Case) -> None:
    opened, raised, resolved = messages.story(messages.OPENED, messages.RAISED, messages.RESOLVED)
    async with desk(case) as (channel, fake, receiver):
        fake.shelf.lag = 1
        await tell(channel, opened, opened)
        fake.shelf.lag = 0
        fake.stand(fake.shelf.records[1], CLOSED)
        before = len(receiver.requests)
        await tell(channel, raised)
        calls = len(receiver.requests) - before
        fake.stand(fake.shelf.records[1], NEW)
        receiver.script += ["well"] * calls + ["403"]
        await tell(channel, raised)
        assert (standings(fake), receiver.script) == ([NEW, NEW], [])
        await tell(channel, resolved)
        assert standings(fake) == [RESOLVED, RESOLVED]


@each
async def test_a_reopening_opens_the_resolved_ticket_and_makes_one_after_a_closed_one(
    case: Case,
) -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REOPENED)
    opened, resolved, reopened = messages.story(*told)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened, resolved, reopened)
        assert len(fake.shelf.records) == 1
        assert open_ones(fake) == 1
        fake.stand(fake.shelf.records[0], CLOSED)
        await tell(channel, reopened)
        assert standings(fake) == [CLOSED, NEW]


@each
@pytest.mark.parametrize("end", [messages.MERGED, messages.FALSE_POSITIVE, messages.CLOSED])
async def test_what_people_settle_is_resolved(case: Case, end: Any) -> None:
    async with desk(case) as (channel, fake, _):
        await tell(channel, *messages.story(messages.OPENED, end))
        assert standings(fake) == [RESOLVED]


@each
async def test_what_was_found_late_and_a_test_are_shown_and_over_at_once(case: Case) -> None:
    async with desk(case) as (channel, fake, _):
        await tell(channel, messages.message(messages.FOUND_LATE), messages.a_test())
        await tell(channel, messages.message(messages.FOUND_LATE), messages.a_test())
        assert standings(fake) == [RESOLVED, RESOLVED]


@each
async def test_what_comes_due_after_the_end_stands_in_the_ticket_or_in_one_of_its_own(
    case: Case,
) -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    opened, resolved, due = messages.story(*told)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened, resolved, due)
        assert (standings(fake), notes(fake)) == ([RESOLVED], [2])
        fake.stand(fake.shelf.records[0], CLOSED)
        await tell(channel, due)
        assert standings(fake) == [CLOSED, RESOLVED]


@each
async def test_a_reminder_after_the_end_closes_no_ticket_that_people_took_up_again(
    case: Case,
) -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE, messages.CLOSED)
    opened, resolved, due, closed = messages.story(*told)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened, resolved)
        fake.stand(fake.shelf.records[0], TAKEN)
        await tell(channel, due)
        assert (standings(fake), notes(fake)) == ([TAKEN], [2])
        await tell(channel, closed)
        assert standings(fake) == [RESOLVED]


@each
async def test_an_end_of_what_was_never_shown_makes_no_ticket(case: Case) -> None:
    async with desk(case) as (channel, fake, _):
        await tell(channel, messages.message(messages.RESOLVED, 2))
        assert fake.shelf.records == []


@each
async def test_what_a_person_there_chose_stands(case: Case) -> None:
    told = (messages.OPENED, messages.ACKNOWLEDGED, messages.WARNED, messages.RECOVERED)
    opened, *later = messages.story(*told)
    for chosen in (TAKEN, RESOLVED):
        async with desk(case) as (channel, fake, _):
            await tell(channel, opened)
            (record,) = fake.shelf.records
            fake.stand(record, chosen)
            before = {name: value for name, value in record.items() if name != "notes"}
            await tell(channel, *later)
            assert {name: value for name, value in record.items() if name != "notes"} == before
            assert notes(fake) == [3]


@each
async def test_the_priority_goes_up_with_ours_and_stays_where_people_raised_it(case: Case) -> None:
    low, high = case.priorities
    async with desk(case) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED, 1, category=1, priority=Priority.P3))
        (record,) = fake.shelf.records
        assert fake.priority(record) == low
        await tell(channel, messages.message(messages.RAISED, 2))
        assert fake.priority(record) == high
        await tell(channel, messages.message(messages.WARNED, 3, category=1, priority=Priority.P3))
        assert fake.priority(record) == high


@each
async def test_tickets_of_another_key_are_let_alone_whatever_the_search_shows(case: Case) -> None:
    other = messages.message(messages.OPENED, key="ehr.blind.1")
    async with desk(case) as (channel, fake, _):
        await tell(channel, other)
        fake.blind = True
        opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
        await tell(channel, opened, resolved)
        assert standings(fake) == [NEW, RESOLVED]
        assert notes(fake)[0] == 0


@each
@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.DEAD, DeliveryReason.REFUSED, 400)),
        ("401", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)),
        ("409", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 409, 7_000)),
        ("410", Receipt(Verdict.DEAD, DeliveryReason.GONE, 410)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        ("500", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 500, 7_000)),
        ("redirect", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 307)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        ("lost", LOST),
    ],
)
async def test_an_answer_gives_a_receipt(case: Case, step: str, receipt: Receipt) -> None:
    async with desk(case) as (channel, fake, receiver):
        receiver.headers["retry-after"] = "7"
        receiver.script += ["well", step]
        assert await channel.deliver(messages.message(messages.OPENED)) == receipt
        if receipt.verdict is Verdict.RETRY:
            receiver.script.append(step)
            assert await channel.deliver(messages.message(messages.OPENED)) == receipt
        assert fake.shelf.records == []


@each
@pytest.mark.parametrize("status", [400, 410, 413, 415, 422])
async def test_a_search_that_is_refused_is_no_verdict_on_the_message(
    case: Case, status: int
) -> None:
    async with desk(case) as (channel, fake, receiver):
        receiver.script.append(str(status))
        receipt = await channel.deliver(messages.message(messages.OPENED))
        assert receipt == Receipt(Verdict.RETRY, DeliveryReason.STATUS, status)
        await tell(channel, messages.message(messages.OPENED))
        assert standings(fake) == [NEW]


@each
async def test_a_search_whose_answer_is_long_nonsense_or_of_another_shape_makes_no_ticket(
    case: Case,
) -> None:
    unread = Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)
    async with desk(case) as (channel, fake, receiver):
        for step in ("long", "nonsense"):
            receiver.script.append(step)
            assert await channel.deliver(messages.message(messages.OPENED)) == unread
        assert fake.shelf.records == []


@each
async def test_a_receiver_that_hangs_is_a_timeout(case: Case) -> None:
    async with desk(case, {"timeout": "200ms"}) as (channel, _, receiver):
        receiver.script.append("hang")
        receipt = await channel.deliver(messages.message(messages.OPENED))
    assert receipt == Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)


@each
async def test_a_wrong_login_is_told_and_a_missing_one_asks_nothing(case: Case) -> None:
    opened = messages.message(messages.OPENED)

    def missing(_: str) -> bytes:
        raise FileNotFoundError

    for secret, reason, asked in (
        (lambda _: b"other", DeliveryReason.AUTH, 1),
        (missing, DeliveryReason.SECRET, 0),
    ):
        fake = case.fake()
        async with receiving(fake.handle) as receiver:
            config = case.kind.parse({**case.spec, "url": receiver.url})
            env = replace(messages.env(), read_secret=secret)
            async with case.kind.open(config, env) as channel:
                receipt = await channel.deliver(opened)
        assert (receipt.verdict, receipt.reason) == (Verdict.RETRY, reason)
        assert len(fake.calls) == asked


@each
async def test_nothing_of_a_reply_is_kept_and_no_secret_is_told(
    case: Case, caplog: pytest.LogCaptureFixture
) -> None:
    async with desk(case) as (channel, fake, receiver):
        receiver.script += ["500", "nonsense"]
        told = [await channel.deliver(messages.message(messages.OPENED)) for _ in range(2)]
        await tell(channel, messages.message(messages.OPENED))
    assert CANARY not in repr(told) + caplog.text
    word = messages.SECRET.decode().strip()
    assert all(word not in json.dumps([call.body, call.path]) for call in fake.calls)
    assert all(case.login in call.headers for call in fake.calls)


@each
async def test_words_that_look_like_a_patients_leave_in_minimal_form_and_alarm(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    event = json.loads(opened.body)
    event["data"]["system"]["name"] = "SSN 123-45-6789"
    alarms: list[str] = []
    fake = case.fake()
    env = replace(messages.env(), alarm=lambda place, *_: alarms.append(place.value))
    async with receiving(fake.handle) as receiver:
        config = case.kind.parse({**case.spec, "url": receiver.url})
        async with case.kind.open(config, env) as channel:
            await tell(channel, replace(opened, body=json.dumps(event).encode()))
    assert alarms == ["letter"]
    assert "123-45-6789" not in json.dumps(fake.shelf.records)
    assert len(fake.shelf.records) == 1
