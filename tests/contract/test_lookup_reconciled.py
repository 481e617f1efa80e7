"""Channels that ask the receiver for our key, when tickets are compared: what is mended of each of them."""

from __future__ import annotations

from typing import Any

import pytest

from alerts import filing
from alerts.channel import Receipt, Verdict
from alerts.channels import freshdesk, freshservice
from alerts.events import Priority
from alerts.lookup import Standing
from alerts.outbox import DeliveryReason, Message
from alerts.reconcile import Adoption, Adopts, Last, Looked, Mend, Reconciles, Remedy
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.desks import Case, FakeDesk
from tests.support.receiver import CANARY

NEW, TAKEN, RESOLVED, CLOSED = Standing
SEEN = Last()
each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
fresh = pytest.mark.parametrize(
    "case",
    [case for case in CASES if case.kind in (freshdesk.KIND, freshservice.KIND)],
    ids=lambda case: case.kind.name,
)


async def yes(_mend: Mend) -> bool:
    return True


async def compare(channel: Any, message: Message, last: Last = SEEN) -> Remedy:
    """What was done."""
    assert isinstance(channel, Reconciles)
    looked = await channel.reconcile(message, last, yes)
    assert isinstance(looked, Looked), looked
    assert looked.receipt.verdict is Verdict.SENT
    assert looked.done is looked.mend.writes
    return looked.mend.remedy


def standings(fake: FakeDesk) -> list[Standing]:
    return [fake.standing(one) for one in fake.shelf.records]


def names(record: dict[str, Any]) -> str:
    return next(str(record[key]) for key in ("number", "key", "id") if key in record)


def text(fake: FakeDesk) -> str:
    """All that was written by calls."""
    return "\n".join(str(call.body) for call in fake.calls)


@each
async def test_a_ticket_that_is_as_told_is_let_alone(case: Case) -> None:
    opened, taken, resolved = messages.story(
        messages.OPENED, messages.ACKNOWLEDGED, messages.RESOLVED
    )
    async with desk(case) as (channel, fake, receiver):
        for told in (opened, taken, resolved):
            await tell(channel, told)
            before = str(fake.shelf.records)
            asked = len(receiver.requests)
            assert await compare(channel, told) is Remedy.NOTHING
            assert (str(fake.shelf.records), len(receiver.requests)) == (before, asked + 1)


@each
async def test_a_ticket_that_was_deleted_is_made_again(case: Case) -> None:
    opened, taken = messages.story(messages.OPENED, messages.ACKNOWLEDGED)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened, taken)
        fake.shelf.records.clear()
        assert await compare(channel, taken) is Remedy.CREATED
        assert standings(fake) == [TAKEN]
        assert await compare(channel, taken) is Remedy.NOTHING


@each
async def test_a_ticket_that_people_resolved_while_the_incident_goes_on_is_opened_again(
    case: Case,
) -> None:
    opened = messages.message(messages.OPENED)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened)
        (record,) = fake.shelf.records
        fake.stand(record, RESOLVED)
        assert await compare(channel, opened) is Remedy.REOPENED
        assert standings(fake)[0] in (NEW, TAKEN)
        assert len(record["notes"]) == 1
        assert await compare(channel, opened) is Remedy.NOTHING


@each
async def test_one_that_is_closed_for_good_is_followed_by_one_that_names_it(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened)
        (record,) = fake.shelf.records
        fake.stand(record, CLOSED)
        fake.calls.clear()
        assert await compare(channel, opened) is Remedy.FOLLOWED
        assert standings(fake) == [CLOSED, NEW]
        assert "Goes on from: " in text(fake)
        assert names(record) in text(fake)


@each
async def test_doubles_that_come_to_light_late_are_resolved_and_name_the_one_that_stays(
    case: Case,
) -> None:
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk(case) as (channel, fake, _):
        fake.shelf.lag = 3
        await tell(channel, opened, opened, opened)
        fake.shelf.lag = 0
        assert await compare(channel, opened) is Remedy.DOUBLES
        assert standings(fake) == [NEW, RESOLVED, RESOLVED]
        kept = names(fake.shelf.records[0])
        assert all(kept in one["notes"][-1] for one in fake.shelf.records[1:])
        await tell(channel, resolved)
        fake.stand(fake.shelf.records[2], NEW)
        assert await compare(channel, resolved) is Remedy.DOUBLES
        assert standings(fake) == [RESOLVED] * 3


@each
async def test_an_end_that_came_before_the_ticket_showed_is_told_to_it(case: Case) -> None:
    opened, resolved = messages.story(messages.OPENED, messages.RESOLVED)
    async with desk(case) as (channel, fake, _):
        fake.shelf.lag = 2
        await tell(channel, opened, resolved)
        assert standings(fake) == [NEW]
        fake.shelf.lag = 0
        fake.stand(fake.shelf.records[0], TAKEN)
        assert await compare(channel, resolved, Last(unseen=True)) is Remedy.RESOLVED
        assert standings(fake) == [RESOLVED]
        fake.stand(fake.shelf.records[0], TAKEN)
        assert await compare(channel, resolved) is Remedy.LEFT
        assert standings(fake) == [TAKEN]


@each
async def test_peoples_own_ticket_with_our_key_is_adopted_and_ours_is_its_double(
    case: Case,
) -> None:
    opened, raised, resolved = messages.story(messages.OPENED, messages.RAISED, messages.RESOLVED)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened)
        theirs = fake.by_people(fake.shelf.records[0])
        assert await compare(channel, opened) is Remedy.ADOPTED
        assert standings(fake) == [RESOLVED, TAKEN]
        assert names(theirs) in fake.shelf.records[0]["notes"][-1]
        assert len(theirs["notes"]) == 1
        await tell(channel, raised)
        assert len(theirs["notes"]) == 2
        await tell(channel, resolved)
        assert standings(fake) == [RESOLVED, RESOLVED]


@each
async def test_a_message_adopts_peoples_own_ticket_too(case: Case) -> None:
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    async with desk(case) as (channel, fake, _):
        await tell(channel, opened)
        theirs = fake.by_people(fake.shelf.records[0])
        await tell(channel, raised)
        assert (standings(fake), len(theirs["notes"])) == ([RESOLVED, TAKEN], 1)


@each
async def test_the_priority_is_raised_where_the_last_message_said_so(case: Case) -> None:
    low, high = case.priorities
    raised = messages.message(messages.RAISED, 2)
    async with desk(case) as (channel, fake, _):
        await tell(channel, messages.message(messages.OPENED, 1, category=1, priority=Priority.P3))
        (record,) = fake.shelf.records
        assert await compare(channel, raised) is Remedy.RAISED
        assert fake.priority(record) == high
        fake.rank(record, low)
        assert await compare(channel, raised, Last(fresh=False)) is Remedy.NOTHING
        assert fake.priority(record) == low


@each
async def test_nothing_is_written_before_we_may(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    asked: list[Mend] = []

    async def no(mend: Mend) -> bool:
        asked.append(mend)
        return False

    async with desk(case) as (channel, fake, receiver):
        assert isinstance(channel, Reconciles)
        looked = await channel.reconcile(opened, SEEN, no)
        assert isinstance(looked, Looked)
        assert ([one.remedy for one in asked], looked.done) == ([Remedy.CREATED], False)
        assert (len(receiver.requests), fake.shelf.records) == (1, [])


@each
@pytest.mark.parametrize(
    ("step", "receipt"),
    [
        ("400", Receipt(Verdict.RETRY, DeliveryReason.STATUS, 400)),
        ("401", Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)),
        ("429", Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 7_000)),
        ("page", Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, 200)),
        ("lost", Receipt(Verdict.RETRY, DeliveryReason.NETWORK)),
    ],
)
async def test_a_receiver_that_does_not_answer_is_told_by_its_receipt(
    case: Case, step: str, receipt: Receipt
) -> None:
    async with desk(case) as (channel, fake, receiver):
        assert isinstance(channel, Reconciles)
        receiver.headers["retry-after"] = "7"
        receiver.script.append(step)
        assert await channel.reconcile(messages.message(messages.OPENED), SEEN, yes) == receipt
        assert fake.shelf.records == []


@each
async def test_a_remedy_whose_answer_is_lost_is_done_once(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    async with desk(case) as (channel, fake, receiver):
        receiver.script += ["well", "drop"]
        lost = await channel.reconcile(opened, SEEN, yes)  # type: ignore[attr-defined]  # a Reconciles
        assert lost == Receipt(Verdict.RETRY, DeliveryReason.NETWORK)
        assert await compare(channel, opened) is Remedy.NOTHING
        assert standings(fake) == [NEW]


@each
async def test_a_double_that_cannot_be_resolved_keeps_no_other_open(case: Case) -> None:
    opened = messages.message(messages.OPENED)
    async with desk(case) as (channel, fake, receiver):
        fake.shelf.lag = 3
        await tell(channel, opened, opened, opened)
        fake.shelf.lag = 0
        receiver.script += ["well", "403"]
        refused = await channel.reconcile(opened, SEEN, yes)  # type: ignore[attr-defined]  # a Reconciles
        assert refused == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 403)
        assert standings(fake) == [NEW, NEW, RESOLVED]
        assert CANARY not in repr(refused)


@each
@pytest.mark.parametrize("step", ["drop", "lost", "hang"])
async def test_a_double_behind_a_broken_connection_holds_up_no_message_before_the_end(
    case: Case, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filing, "DOUBLE_S", 0.2)
    opened, raised, resolved = messages.story(messages.OPENED, messages.RAISED, messages.RESOLVED)
    async with desk(case) as (channel, fake, receiver):
        fake.shelf.lag = 1
        await tell(channel, opened, opened)
        fake.shelf.lag = 0
        before = len(receiver.requests)
        await tell(channel, raised)
        calls = len(receiver.requests) - before
        fake.stand(fake.shelf.records[1], NEW)
        receiver.script += ["well"] * (calls - 1) + [step]  # the last one is to the double
        await tell(channel, raised)
        assert receiver.script == []
        fake.stand(fake.shelf.records[1], CLOSED)
        await tell(channel, resolved)


@fresh
async def test_a_ticket_that_was_opened_again_is_taken_where_an_agent_has_it(case: Case) -> None:
    told = (messages.OPENED, messages.RESOLVED, messages.REPORT_DUE)
    opened, resolved, due = messages.story(*told)
    for agent, stands in ((None, RESOLVED), (7, NEW)):
        async with desk(case) as (channel, fake, _):
            await tell(channel, opened, resolved)
            fake.stand(fake.shelf.records[0], NEW)
            fake.shelf.records[0]["responder_id"] = agent
            await tell(channel, due)
            assert standings(fake) == [stands]


async def let() -> bool:
    return True


def called(record: dict[str, Any]) -> str:
    """As people there call it."""
    return str(record.get("number") or record.get("key") or f"#{record['id']}")


@each
async def test_our_key_is_put_on_a_ticket_that_people_made_and_messages_go_there(
    case: Case,
) -> None:
    opened, raised = messages.story(messages.OPENED, messages.RAISED)
    key = f"st-elsewhere.{messages.KEY}.desk"
    async with desk(case) as (channel, fake, _):
        assert isinstance(channel, Adopts)
        await tell(channel, opened)
        theirs = fake.by_people(fake.shelf.records[0], with_key=False)
        assert await channel.adopt(called(theirs), key, let) is Adoption.ADOPTED
        assert await channel.adopt(called(theirs), key, let) is Adoption.ADOPTED
        assert await compare(channel, opened) is Remedy.ADOPTED
        assert standings(fake) == [RESOLVED, TAKEN]
        await tell(channel, raised)
        assert len(theirs["notes"]) == 2


@each
async def test_a_ticket_that_is_not_there_or_has_another_key_is_not_adopted(case: Case) -> None:
    key = f"st-elsewhere.{messages.KEY}.desk"
    other = messages.message(messages.OPENED, key="ehr.blind.1")

    async def never() -> bool:
        raise AssertionError

    async with desk(case) as (channel, fake, receiver):
        assert isinstance(channel, Adopts)
        await tell(channel, other)
        before = str(fake.shelf.records)
        ours = called(fake.shelf.records[0])
        missing = ours.replace("1", "9")
        assert await channel.adopt(missing, key, never) is Adoption.UNKNOWN
        assert await channel.adopt(ours, key, never) is Adoption.TAKEN
        receiver.script.append("401")
        refused = await channel.adopt(ours, key, never)
        assert refused == Receipt(Verdict.RETRY, DeliveryReason.AUTH, 401)
        theirs = fake.by_people(fake.shelf.records[0], with_key=False)
        assert await channel.adopt(called(theirs), key, _no) is Adoption.OVERTAKEN
        adopted = fake.by_people(fake.shelf.records[0])  # for the other incident
        assert await channel.adopt(called(adopted), key, never) is Adoption.TAKEN
        assert str(fake.shelf.records[:1]) == before


async def _no() -> bool:
    return False
