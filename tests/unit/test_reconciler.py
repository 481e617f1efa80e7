"""The comparison of incidents with tickets as the collector runs it: when, who, how often, and what is told."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

import pytest

from alerts.channel import Receipt, Verdict
from alerts.channels import jira
from alerts.lookup import Found, Standing
from alerts.outbox import DeliveryReason, Message, MessageState
from alerts.reconcile import Last, Looked, May, Mend, Remedy
from collector import journal, mends
from collector.reconciler import Pace
from collector.service import Service, World
from collector.store import leases, outbox
from collector.store.open import open_store
from collector.store.store import Store, StoreFault, StoreUnavailableError
from probes.configfile import canonical
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.postgres import PostgresServer
from tests.support.reconciling import (
    MINUTE,
    ORG,
    LaneClock,
    a_collector,
    all_taken,
    mended,
    open_incident,
    open_incidents,
    resolve,
    taken,
)
from tests.support.rounds import START, config

JIRA = next(case for case in CASES if case.kind is jira.KIND)
NOW = messages.NOW
OK = Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, 200)
BUSY = Receipt(Verdict.RETRY, DeliveryReason.THROTTLED, 429, 600_000)
AWAY = Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


@dataclass
class Asked:
    """A receiver that notes who is asked for, and has `remedy` to do; `answers` come first."""

    clock: LaneClock
    index_delay: int = MINUTE
    remedy: Remedy = Remedy.NOTHING
    answers: list[Receipt] = field(default_factory=list)
    asked: list[tuple[int, str]] = field(default_factory=list)
    """(minutes since the beginning, incident)."""
    lasts: list[Last] = field(default_factory=list)
    let: list[bool] = field(default_factory=list)
    hangs: bool = False
    meanwhile: Callable[[], Awaitable[object]] | None = None
    """What happens while the receiver is asked."""

    async def deliver(self, _message: Message) -> Receipt:
        raise AssertionError

    async def reconcile(self, message: Message, last: Last, may: May) -> Looked | Receipt:
        self.asked.append(((self.clock.now_ms() - NOW) // MINUTE, message.incident_key))
        self.lasts.append(last)
        if self.meanwhile is not None:
            await self.meanwhile()
        if self.hangs:
            await asyncio.Event().wait()
        if self.answers:
            return self.answers.pop(0)
        keep = Found("1", "OPS-1", Standing.NEW)
        mend = Mend(self.remedy, keep)
        if mend.writes:
            self.let.append(await may(mend))
        return Looked(OK, mend, (keep,), done=mend.writes and self.let[-1])

    @property
    def minutes(self) -> list[int]:
        return [minute for minute, _ in self.asked]


@pytest.fixture
def clock() -> LaneClock:
    return LaneClock()


OPENED = messages.message(messages.OPENED)


async def open_and_told(store: Store, number: int) -> list[str]:
    """So many incidents, each told to the desk; their keys."""
    keys = [f"ehr.availability.{NOW + n}" for n in range(number)]
    await open_incidents(store, keys)
    await all_taken(store, [messages.message(messages.OPENED, key=key) for key in keys], NOW)
    return keys


async def test_what_goes_on_is_looked_at_after_five_minutes_and_then_every_fifteen(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    channel = Asked(clock)
    async with a_collector(sqlite_store, {"desk": channel}, clock) as one:
        await clock.pass_by(60)
    assert [
        later - earlier
        for earlier, later in zip(channel.minutes, channel.minutes[1:], strict=False)
    ] == [pytest.approx(15, abs=2)] * (len(channel.minutes) - 1)
    assert channel.minutes[0] in (5, 6, 7)
    assert [last.fresh for last in channel.lasts][:2] == [True, False]
    assert one.outcomes() == {"nothing": len(channel.asked)}
    assert await mended(sqlite_store) == []


async def test_after_the_end_it_is_looked_at_a_few_times_and_then_never(
    sqlite_store: Store, clock: LaneClock
) -> None:
    incident = await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    await resolve(sqlite_store, incident, NOW)
    await taken(sqlite_store, messages.message(messages.RESOLVED, 2), NOW)
    channel = Asked(clock)
    async with a_collector(sqlite_store, {"desk": channel}, clock, pace=Pace(round=5 * MINUTE)):
        for _ in range(310):
            await clock.advance(5 * MINUTE)
            await clock.at_rest()
    expected = (5, 20, 60, 360, 1440)
    assert len(channel.minutes) == len(expected)
    assert all(0 <= seen - at < 11 for seen, at in zip(channel.minutes, expected, strict=True))


async def test_while_a_message_waits_or_is_dead_the_outbox_has_the_word(
    store: Store, clock: LaneClock
) -> None:
    for n, state in enumerate((MessageState.PENDING, MessageState.DEAD)):
        key = f"ehr.availability.{NOW + n}"
        await open_incident(store, key)
        await taken(store, messages.message(messages.OPENED, key=key), NOW)
        later = replace(messages.message(messages.RAISED, 2, key=key), state=state)
        await store.write(outbox.add, ORG, [later])
    await open_incident(store, "ehr.availability.1")  # nobody has heard of it
    channel = Asked(clock)
    async with a_collector(store, {"desk": channel}, clock):
        await clock.pass_by(10)
    assert channel.asked == []


async def test_what_is_mended_is_a_row_and_a_number_and_holds_no_word_of_the_receivers(
    store: Store, clock: LaneClock
) -> None:
    await open_incident(store)
    await taken(store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.REOPENED)
    async with a_collector(store, {"desk": channel}, clock) as one:
        await clock.pass_by(7)
        assert one.outcomes() == {"reopened": 1}
    (row,) = await store.read(journal.rows, ORG, kind=mends.KIND)
    assert (row.actor, json.loads(row.data)) == (
        "system",
        {
            "incident": messages.KEY,
            "receiver": "desk",
            "sequence": 1,
            "remedy": "reopened",
            "doubles": 0,
            "ticket": "OPS-1",
        },
    )


def test_a_ticket_is_named_only_where_its_name_is_beyond_doubt() -> None:
    def name(text: str) -> str | None:
        return mends.named(Found("1", text, Standing.NEW))

    good = ["INC0010023", "OPS-7", "#12", "00001026", "A_B2-9"]
    assert [name(one) for one in good] == good
    assert [name(one) for one in ("Jane Roe", "MRN 4711", "roe-4", "", "INC1\n")] == [None] * 5


async def test_who_undoes_again_and_again_what_is_mended_is_asked_less_and_less_often(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.CREATED)
    async with a_collector(sqlite_store, {"desk": channel}, clock, pace=Pace(round=5 * MINUTE)):
        for _ in range(190):
            await clock.advance(5 * MINUTE)
            await clock.at_rest()
    pauses = [
        (later - earlier) / 60
        for earlier, later in zip(channel.minutes, channel.minutes[1:], strict=False)
    ]
    assert [round(pause * 2) / 2 for pause in pauses[:5]] == [0.5, 1, 2, 4, 6]


async def test_an_incident_that_has_moved_on_is_left_to_its_message(
    sqlite_store: Store, clock: LaneClock
) -> None:
    incident = await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    await resolve(sqlite_store, incident, NOW)
    channel = Asked(clock)
    async with a_collector(sqlite_store, {"desk": channel}, clock) as one:
        await clock.pass_by(7)
        assert one.outcomes() == {"unsaid": 1}
    assert channel.asked == []


async def test_an_incident_that_another_speaks_for_opens_no_ticket_of_its_own(
    sqlite_store: Store, clock: LaneClock
) -> None:
    several: list[dict[str, Any]] = [{}, {"quiet": True}, {"attached_to": "network"}]
    for n, changes in enumerate(several):
        key = f"ehr.availability.{NOW + n}"
        await open_incident(sqlite_store, key, **changes)
        await taken(sqlite_store, messages.message(messages.OPENED, key=key), NOW)
    channel = Asked(clock)
    async with a_collector(sqlite_store, {"desk": channel}, clock):
        await clock.pass_by(7)
    assert [last.speaks for last in channel.lasts] == [True, False, False]


async def test_a_message_that_comes_between_has_the_word(store: Store, clock: LaneClock) -> None:
    await open_incident(store)
    await taken(store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.REOPENED)
    later = messages.message(messages.RAISED, 2)

    channel.meanwhile = lambda: store.write(outbox.add, ORG, [later])
    async with a_collector(store, {"desk": channel}, clock) as one:
        await clock.pass_by(7)
        assert one.outcomes() == {"overtaken": 1}
    assert (channel.let, await mended(store)) == ([False], [])


async def test_at_most_twenty_incidents_a_minute_are_asked_for(
    sqlite_store: Store, clock: LaneClock
) -> None:
    keys = await open_and_told(sqlite_store, 50)
    channel = Asked(clock)
    async with a_collector(sqlite_store, {"desk": channel}, clock):
        await clock.pass_by(14)
    counts = [channel.minutes.count(minute) for minute in sorted(set(channel.minutes))]
    assert counts == [20, 20, 10]
    assert sorted(key for _, key in channel.asked) == sorted(keys)


async def test_a_busy_receiver_is_waited_for_and_blocks_no_other(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    for receiver in ("desk", "other", "stuck"):
        name = OPENED.id.replace("desk", receiver)
        await taken(sqlite_store, replace(OPENED, id=name, receiver=receiver), NOW)
    busy, away, stuck = Asked(clock, answers=[BUSY]), Asked(clock, answers=[AWAY] * 3), Asked(clock)
    stuck.hangs = True
    channels = {"desk": busy, "other": away, "stuck": stuck}
    async with a_collector(sqlite_store, channels, clock) as one:
        await clock.pass_by(
            48, lanes=3, stuck=stuck.asked
        )  # a third look is 34 min after the first, or a little more
        assert one.outcomes("desk")["failed"] == 1
        assert one.outcomes("other")["failed"] == 3
    assert len(stuck.asked) == 1
    assert busy.minutes[1] - busy.minutes[0] >= 10
    assert len(away.minutes) >= 2


async def test_a_defect_of_a_channel_stops_nothing(
    sqlite_store: Store, clock: LaneClock, caplog: pytest.LogCaptureFixture
) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    channel = Asked(clock)

    async def crash() -> None:
        raise RuntimeError("Jane Roe")

    channel.meanwhile = crash
    async with a_collector(sqlite_store, {"desk": channel}, clock) as one:
        await clock.pass_by(40)
        assert one.outcomes()["failed"] >= 2
    assert "Jane Roe" not in caplog.text


async def test_without_the_lease_nobody_is_asked_and_after_taking_it_what_was_written_may_show_first(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW - 60 * MINUTE)
    channel = Asked(clock, index_delay=5 * MINUTE)
    async with a_collector(sqlite_store, {"desk": channel}, clock, leads=False) as one:
        await clock.pass_by(10)
        assert channel.asked == []
        assert await one.leader.leads()
        await clock.pass_by(4)
        assert channel.asked == []
        await clock.pass_by(4)
    assert len(channel.asked) == 1


async def test_a_lease_lost_in_the_middle_lets_nothing_be_written(
    store: Store, clock: LaneClock
) -> None:
    await open_incident(store)
    await taken(store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.CREATED)

    async def taken_over() -> None:
        seen = await store.read(leases.look, ORG, "evaluate")
        await store.write(leases.take, ORG, "evaluate", "another", seen)

    channel.meanwhile = taken_over
    async with a_collector(store, {"desk": channel}, clock) as one:
        await clock.pass_by(7)
        assert one.outcomes() == {"overtaken": 1}
    assert (channel.let, await mended(store)) == ([False], [])


async def test_a_store_that_is_away_is_waited_for(sqlite_store: Store, clock: LaneClock) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    channel, failures = Asked(clock), [True, True]

    async def busy() -> None:
        if failures:
            failures.pop()
            raise StoreUnavailableError(StoreFault.BUSY)

    channel.meanwhile = busy
    async with a_collector(sqlite_store, {"desk": channel}, clock) as one:
        await clock.pass_by(60)
        assert one.outcomes() == {"nothing": len(channel.asked) - 2}
    assert (failures, len(channel.asked) > 2) == ([], True)


async def test_a_deleted_ticket_is_made_again_once_by_two_collectors_whoever_leads(
    postgres_server: PostgresServer, clock: LaneClock
) -> None:
    store = await open_store(postgres_server.new_database())
    await open_incident(store)
    async with desk(JIRA) as (channel, fake, _):
        await tell(channel, OPENED)
        await taken(store, OPENED, NOW)
        fake.shelf.records.clear()
        async with (
            a_collector(store, {"desk": channel}, clock) as one,
            a_collector(store, {"desk": channel}, clock, name="two", leads=False) as two,
        ):
            await clock.pass_by(8, lanes=2)
            assert [fake.standing(record) for record in fake.shelf.records] == [Standing.NEW]
            fake.shelf.records.clear()
            await one.leader.release()
            assert await two.leader.leads()
            await clock.pass_by(8, lanes=2)
            assert len(fake.shelf.records) == 1
            assert (one.outcomes(), two.outcomes()) == ({"created": 1}, {"created": 1})
    assert await mended(store) == [(messages.KEY, "created", 0)] * 2
    await store.close()


async def test_a_receiver_that_shows_us_nothing_any_more_gets_three_tickets_and_no_fourth(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    async with desk(JIRA) as (channel, fake, _):
        await tell(channel, OPENED)
        await taken(sqlite_store, OPENED, NOW)
        fake.shelf.lag = 1 << 40  # as after our right to browse was taken away
        pace = Pace(round=5 * MINUTE)
        async with a_collector(sqlite_store, {"desk": channel}, clock, pace=pace) as one:
            for _ in range(80):
                await clock.advance(5 * MINUTE)
                await clock.at_rest()
            assert one.outcomes()["created"] == 3
            assert one.outcomes()["missing"] >= 1
        assert len(fake.shelf.records) == 4


async def test_who_starts_anew_remembers_how_many_tickets_were_made_again(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    await taken(sqlite_store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.CREATED)
    for _ in range(4):  # as a host that restarts again and again
        async with a_collector(sqlite_store, {"desk": channel}, clock):
            await clock.pass_by(16)
    assert [last.made for last in channel.lasts] == [0, 1]
    assert [last.fresh for last in channel.lasts] == [True, False]


async def test_what_one_process_wrote_may_not_show_to_another_yet(
    store: Store, clock: LaneClock
) -> None:
    await open_incident(store)
    await taken(store, OPENED, NOW)
    channel = Asked(clock, remedy=Remedy.CREATED)
    async with (
        a_collector(store, {"desk": channel}, clock) as leads,
        a_collector(store, {"desk": channel}, clock, name="two", leads=False) as other,
    ):
        await clock.pass_by(7, lanes=2)
        assert leads.outcomes() == {"created": 1}
        comparing = other.reconciler.comparing["desk"]
        (entry,) = await comparing.pairs()
        done = await comparing.compare(entry, None, by="anna")
    assert (done.outcome, len(channel.asked)) == ("waits", 1)


async def test_of_two_processes_that_look_at_once_one_writes(
    store: Store, clock: LaneClock
) -> None:
    await open_incident(store)
    await taken(store, OPENED, NOW)
    channel, another = Asked(clock, remedy=Remedy.CREATED), Asked(clock, remedy=Remedy.CREATED)
    async with (
        a_collector(store, {"desk": channel}, clock, leads=False) as one,
        a_collector(store, {"desk": another}, clock, name="two", leads=False) as two,
    ):
        await clock.pass_by(7, lanes=2)

        async def by_a_person() -> None:
            comparing = two.reconciler.comparing["desk"]
            (entry,) = await comparing.pairs()
            await comparing.compare(entry, None, by="anna")
            await one.reconciler.comparing["desk"].pairs()  # somebody else asks the first one, too

        channel.meanwhile = by_a_person
        (entry,) = await one.reconciler.comparing["desk"].pairs()
        done = await one.reconciler.comparing["desk"].compare(entry, None, by="ben")
    assert (done.outcome, another.let) == ("overtaken", [True])
    assert await mended(store) == [(messages.KEY, "created", 0)]


async def test_an_account_that_lost_its_sight_makes_few_tickets_of_many_incidents(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_and_told(sqlite_store, 20)
    pace = Pace(round=5 * MINUTE)
    async with (
        desk(JIRA) as (channel, fake, _),
        a_collector(sqlite_store, {"desk": channel}, clock, pace=pace) as one,
    ):
        fake.shelf.lag = 1 << 40
        for _ in range(12):
            await clock.advance(5 * MINUTE)
            await clock.at_rest()
        assert len(fake.shelf.records) == 3
        assert one.outcomes()["missing"] > 17
        fake.shelf.lag = 0  # people gave us our rights back
        for _ in range(12):
            await clock.advance(5 * MINUTE)
            await clock.at_rest()
        assert len(fake.shelf.records) == 20


async def test_a_process_that_dies_in_the_middle_of_a_remedy_is_followed_by_one_that_ends_it(
    sqlite_store: Store, clock: LaneClock
) -> None:
    await open_incident(sqlite_store)
    async with desk(JIRA) as (channel, fake, receiver):
        fake.shelf.lag = 1 << 40
        await tell(channel, OPENED, OPENED, OPENED)
        fake.shelf.lag = 0
        await taken(sqlite_store, OPENED, NOW)
        receiver.script += ["well"] * 4 + ["hang"]  # a search, one double in three calls
        async with a_collector(sqlite_store, {"desk": channel}, clock):
            for _ in range(8):
                await clock.advance(MINUTE)
                await asyncio.sleep(0.05)
        assert receiver.script == []
        async with a_collector(sqlite_store, {"desk": channel}, clock) as two:
            await clock.pass_by(8)
            assert two.outcomes() == {"doubles": 1}
        new, *rest = (fake.standing(record) for record in fake.shelf.records)
    assert (new, rest) == (Standing.NEW, [Standing.RESOLVED] * 2)
    assert await mended(sqlite_store) == [
        (messages.KEY, "doubles", 2),
        (messages.KEY, "doubles", 1),
    ]


async def test_a_service_that_leads_compares_by_itself_and_hands_it_to_the_api(
    sqlite_store: Store,
) -> None:
    entry = {"kind": "servicenow", "url": "http://127.0.0.1:9", "user": "x", "password": "env:X"}
    letters = {"kind": "webhook", "url": "http://127.0.0.1:9", "secret": "env:X"}
    used = config(channels={"itsm": entry, "desk": letters}, routes=[])
    clock = LaneClock(START)
    world = World(clock, Random(1), lambda _ref: b"secret", "one")
    service = Service(sqlite_store, used, canonical(used), world)
    await service.prepare()
    stop = asyncio.Event()
    running = asyncio.create_task(service.run(stop))
    async with asyncio.timeout(20):
        while not service.parts.comparing:
            await asyncio.sleep(0.001)
    stop.set()
    await running
    assert list(service.parts.comparing) == ["itsm"]
