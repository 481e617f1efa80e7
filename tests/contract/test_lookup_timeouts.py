"""1 000 answers lost after the receiver had taken what was sent, over all that are asked for our key,
while their indexes show nothing: one ticket is open in the end where the incident goes on, none where
it is over.
"""

from __future__ import annotations

from collections import Counter

import pytest

from alerts.channel import Verdict
from alerts.lookup import Standing
from alerts.outbox import Message
from alerts.reconcile import Remedy
from collector.reconciler import Pace
from collector.store.store import Store
from tests.support import ticket_messages as messages
from tests.support.desk_cases import CASES, desk, tell
from tests.support.desks import Case, FakeDesk, Record
from tests.support.reconciling import (
    LaneClock,
    a_collector,
    all_taken,
    mended,
    open_incidents,
)
from tests.support.soak import longer

NOW = messages.NOW
LOST = 10
"""Answers lost of each message: an index that lags for five minutes hides about eight attempts."""


def key_of(record: Record) -> str:
    """By which incident a record is told, whatever the receiver calls the field."""
    labels = [one for one in record.get("labels", ()) if one != "wardwatch"]
    fields = record.get("custom_fields", {}).values()
    known = (record.get("correlation_id"), record.get("external_id"), *labels, *fields)
    return next(str(one) for one in known if one)


def still_open(fake: FakeDesk) -> Counter[str]:
    return Counter(
        key_of(one)
        for one in fake.shelf.records
        if fake.standing(one) in (Standing.NEW, Standing.TAKEN)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.kind.name)
async def test_a_thousand_lost_answers_end_in_one_ticket_each(
    case: Case, sqlite_store: Store
) -> None:
    clock, incidents = LaneClock(), longer(20)
    keys = [f"ehr.availability.{NOW + n}" for n in range(incidents)]
    over, going_on = keys[1::2], [f"st-elsewhere.{key}.desk" for key in keys[::2]]
    said: list[Message] = []
    async with desk(case) as (channel, fake, receiver):
        fake.shelf.lag = 1 << 40
        for key in keys:
            opened, resolved = messages.story(messages.OPENED, messages.RESOLVED, key=key)
            for _ in range(LOST):
                receiver.script += ["well", "drop"]
                assert (await channel.deliver(opened)).verdict is Verdict.RETRY
            told = [opened, resolved] if key in over else [opened]
            await tell(channel, *told)  # the end finds no ticket yet
            said += told
        await open_incidents(sqlite_store, keys, over)
        await all_taken(sqlite_store, said, NOW)
        assert len(fake.shelf.records) == incidents * (LOST + 1)
        fake.shelf.lag = 0
        pace = Pace(most=incidents)
        async with a_collector(sqlite_store, {"desk": channel}, clock, pace=pace) as one:
            await clock.pass_by(8)
            done = one.outcomes()
        assert still_open(fake) == Counter(going_on)
        assert done == {Remedy.DOUBLES: len(going_on), Remedy.RESOLVED: incidents - len(going_on)}
        assert sorted({doubles for _, _, doubles in await mended(sqlite_store)}) == [LOST]
