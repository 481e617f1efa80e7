"""A config version with other contacts: one row in the journal, one message to customers, once."""

from __future__ import annotations

import json
from typing import Any

from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector import journal, versions
from collector.contactchanges import KIND
from collector.store import outbox
from collector.store.store import Store
from probes.config import Config
from probes.configfile import canonical
from tests.support.rounds import ORG, START, config

MAIL = {"kind": "email", "host": "mail.example.org", "from": "w@example.org", "to": ["a@x.org"]}
CHANNELS: dict[str, dict[str, Any]] = {
    "desk": {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"},
    "ward": MAIL | {"audience": "customer"},
    "clinic": MAIL | {"audience": "customer"},
    "staff": MAIL,
}
ANNA = {"name": "Anna", "role": "integration_owner", "email": "anna@example.org"}


def known(**contacts: Any) -> Config:
    return config(contacts=contacts, channels=CHANNELS)


async def load(store: Store, *files: Config) -> list[dict[str, Any]]:
    """The rows of contacts that changed, once all the files were loaded one after the other."""
    for n, file in enumerate(files):
        await store.write(versions.record, ORG, canonical(file), START + n)
    rows = await store.read(journal.rows, ORG, kind=KIND)
    return [{"at": row.at - START, "actor": row.actor} | json.loads(row.data) for row in rows]


async def sent(store: Store) -> list[tuple[str, str, str]]:
    found = await outbox.Outbox(store, ORG).receivers()
    out = []
    for receiver in found:
        claimed = await store.write(
            outbox.claim, ORG, receiver, now=START + 60_000, lease_until=START + 90_000, limit=10
        )
        out += [(one.id, one.incident_key, receiver) for one in claimed]
    return sorted(out)


async def test_the_first_file_ever_tells_nobody(store: Store) -> None:
    assert await load(store, known(anna=ANNA)) == []
    assert await sent(store) == []


async def test_a_change_is_one_row_and_one_message_to_each_channel_of_customers(
    store: Store,
) -> None:
    first, second = known(anna=ANNA), known(anna=ANNA | {"name": "Anne"}, ben=ANNA)
    # the same file again, as after every restart, and by another replica
    assert await load(store, first, first, second, second, second) == [
        {
            "at": 2,
            "actor": "system",
            "version": 2,
            "added": ["ben"],
            "removed": [],
            "changed": {"anna": ["name"]},
        }
    ]
    assert await sent(store) == [
        (f"{ORG}_contacts_changed_clinic_2", "contacts_changed", "clinic"),
        (f"{ORG}_contacts_changed_ward_2", "contacts_changed", "ward"),
    ]


async def test_a_version_with_the_same_contacts_says_nothing_of_them(store: Store) -> None:
    assert await load(store, known(anna=ANNA), config(contacts={"anna": ANNA}, channels={})) == []
    assert await sent(store) == []


async def test_a_change_and_its_undoing_are_two(store: Store) -> None:
    first, second = known(anna=ANNA), known()
    found = await load(store, first, second, first)
    assert [(one["version"], one["added"], one["removed"]) for one in found] == [
        (2, [], ["anna"]),
        (4, ["anna"], []),
    ]
    assert [name for name, _, receiver in await sent(store) if receiver == "ward"] == [
        f"{ORG}_contacts_changed_ward_2"
    ]


async def test_an_earlier_change_that_did_not_arrive_is_not_overtaken_by_a_later_one(
    sqlite_store: Store,
) -> None:
    """Else a customer would read last who it was before."""
    await load(sqlite_store, known(anna=ANNA), known(ben=ANNA), known(cleo=ANNA))
    box = outbox.Outbox(sqlite_store, ORG)
    (first,) = await box.claim("ward", START + 60_000, START + 90_000, 10)
    assert b'"ben"' in first.body
    later = Settlement(MessageState.PENDING, DeliveryReason.NETWORK, None, START + 120_000)
    await box.settle(first, later)
    assert await box.claim("ward", START + 61_000, START + 90_000, 10) == []
    (again,) = await box.claim("ward", START + 120_000, START + 150_000, 10)
    taken = Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 250, START + 120_000)
    await box.settle(again, taken)
    (last,) = await box.claim("ward", START + 121_000, START + 150_000, 10)
    assert (again.id, b'"cleo"' in last.body) == (first.id, True)


async def test_the_row_says_no_name_and_no_address(store: Store) -> None:
    await load(store, known(anna=ANNA), known(anna=ANNA | {"email": "b@example.org", "name": "B"}))
    (row,) = await store.read(journal.rows, ORG, kind=KIND)
    assert b"Anna" not in row.data
    assert b"@" not in row.data
