"""Traps other monitors fell into, those of evidence: faults of our own, stale votes, lost history."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from alerts.events import State
from collector import versions
from collector.store.incidents import read_states
from collector.store.open import open_store
from collector.store.store import Store
from probes.configfile import canonical
from tests.support.hours import HOUR, MINUTE, every_minute, minutely, numbers, play, replayed, spell
from tests.support.rounds import ORG, START, a_round, document, public

AGENTS = ("north-1", "north-2", "south-1", "south-2", "south-3")


def far_apart(count: int) -> Any:
    """`count` agents, each at a site of its own."""
    names = AGENTS[:count]
    return minutely(
        sites={name: {"name": name} for name in names},
        agents={name: {"site": name, "key": public(name)} for name in names},
        check={"from": list(names)},
    )


@pytest.mark.parametrize(
    ("voices", "expected"),
    [
        ("du", State.DEGRADED), ("d.", State.DOWN), ("u.", State.UP), ("..", State.UNKNOWN),
        ("ddu", State.DOWN), ("duu", State.DEGRADED), ("dd.", State.DOWN), ("d..", State.UNKNOWN),
        ("uu.", State.UP), ("u..", State.UNKNOWN), ("du.", State.DEGRADED),
        ("ddddu", State.DOWN), ("ddduu", State.DEGRADED),
        ("ddd..", State.DOWN), ("dd...", State.UNKNOWN), ("uu...", State.UNKNOWN),
        ("uuu..", State.UP), ("duu..", State.DEGRADED), ("u....", State.UNKNOWN),
    ],
)  # fmt: skip
async def test_trap_9_only_fresh_votes_count_and_one_of_two_is_no_majority(
    sqlite_store: Store, voices: str, expected: State
) -> None:
    used = far_apart(len(voices))
    # All were up once; who is silent now was up too, and that vote is stale.
    results = [
        each
        for agent, voice in zip(AGENTS, voices, strict=False)
        for each in spell("u" + voice * 5, agent=agent)
    ]
    async with a_round(sqlite_store, used=used) as one:
        await play(one, results, 6 * MINUTE, group=MINUTE)
        assert (await sqlite_store.read(read_states, ORG))[0].state is expected
    shown = replayed(results, [(0, used)], 5 * MINUTE, 6 * MINUTE)["systems"]["ehr"]
    column = {
        State.UP: "up_ms", State.DEGRADED: "degraded_ms", State.DOWN: "down_ms",
        State.UNKNOWN: "unknown_ms",
    }[expected]  # fmt: skip
    assert shown[column] == MINUTE


async def test_trap_9_absence_is_no_recovery(store: Store) -> None:
    used = far_apart(3)
    silent = [r for agent in AGENTS[:3] for r in spell("uuudddd" + "." * 23, agent=agent)]
    back = [r for agent in AGENTS[:3] for r in spell("uuuuu", start=30 * MINUTE, agent=agent)]
    async with a_round(store, used=used) as one:
        await play(one, silent, 30 * MINUTE, group=MINUTE)
        assert (await store.read(read_states, ORG))[0].state is State.UNKNOWN
        (outage,) = (await numbers(one, 0, 30 * MINUTE))["ehr"]["outages"]
        assert (outage["start"][11:19], outage["end"]) == ("00:03:00", None)
        assert "incident.recovered" not in {kind for kind, _ in await one.events()}
        await play(one, back, 35 * MINUTE, group=MINUTE)
        ehr = (await numbers(one, 0, 35 * MINUTE))["ehr"]
    assert [o["end"][11:19] for o in ehr["outages"]] == ["00:30:00"]
    # Down while somebody saw it, 03:00 to the last hold's end at 08:10; unknown until 30:00.
    assert (ehr["down_ms"], ehr["unknown_ms"]) == (310_000, 1_310_000)


@pytest.mark.parametrize("count", [2, 3, 5])
async def test_trap_9_a_partition_and_late_batches_in_any_order_end_in_the_same_truth(
    store: Store, count: int
) -> None:
    used = far_apart(count)
    words = ["uuuuddddduuuuuuuuuuuuuuu", "uuuuudddddduuuuuuuuuuuuu", "uuuuuuuddduuuuuuuuuuuuuu"]
    results = [
        each for n, agent in enumerate(AGENTS[:count]) for each in spell(words[n % 3], agent=agent)
    ]
    chance = random.Random(count)
    async with a_round(store, used=used) as one:
        # The second agent is cut off from minute 5 on and finds its way back at minute 20.
        cut = [r for r in results if r.agent == AGENTS[1] and r.t >= START + 5 * MINUTE]
        await play(one, [r for r in results if r not in cut], 20 * MINUTE, group=MINUTE)
        batches = [[r] for r in cut if r.t < START + 20 * MINUTE]
        chance.shuffle(batches)
        for each in batches:
            await one.send(each, epoch="e2")
        rest = [r for r in results if r.t >= START + 20 * MINUTE]
        await play(one, rest, 24 * MINUTE, group=MINUTE)
        live = await numbers(one, 0, 24 * MINUTE)
    assert live == replayed(results, [(0, used)], 0, 24 * MINUTE)["systems"]
    assert live["ehr"]["unknown_ms"] == 0


async def test_trap_10_a_rename_touches_no_history_and_no_open_incident(store: Store) -> None:
    words = "uuuuuuudddddduuuuuuu"
    renamed = minutely(
        systems={"ehr": document()["systems"]["ehr"] | {"name": "The new EHR"}},
        sites={"north": {"name": "Old Town"}, "south": {"name": "South Campus"}},
    )
    async with a_round(store, used=minutely()) as one:
        await play(one, spell(words[:10]), 10 * MINUTE, group=MINUTE)
        before = (await numbers(one, 0, 10 * MINUTE))["ehr"]
        await store.write(versions.record, ORG, canonical(renamed), START + 10 * MINUTE)
        await play(one, spell(words[10:], start=10 * MINUTE), 20 * MINUTE, group=MINUTE)
        after = (await numbers(one, 0, 10 * MINUTE))["ehr"]
        live = await numbers(one, 0, 20 * MINUTE)
        events = await one.events()
    (outage,) = after.pop("outages")
    assert after == {key: value for key, value in before.items() if key != "outages"}
    assert (outage["start"][11:19], outage["end"][11:19]) == ("00:07:00", "00:13:00")
    assert events == [("incident.opened", 8 * MINUTE + 40), ("incident.recovered", 14 * MINUTE)]
    assert live == replayed(spell(words), [(0, minutely())], 0, 20 * MINUTE)["systems"]


async def test_trap_10_a_reload_that_lost_a_check_or_a_system_keeps_what_it_said(
    store: Store,
) -> None:
    both = minutely(checks={"ehr-read": every_minute(), "ehr-write": every_minute()})
    reads = spell("u" * 30)
    writes = spell("uuuudddduuu" + "." * 9 + "u" * 10, check="ehr-write")
    lost = minutely()
    gone = minutely(systems={"other": document()["systems"]["ehr"]}, checks={})
    history = [(0, both), (12 * MINUTE, lost), (15 * MINUTE, gone), (20 * MINUTE, both)]
    async with a_round(store, used=both) as one:
        for (at, used), until in zip(history, (12, 15, 20, 30), strict=True):
            await store.write(versions.record, ORG, canonical(used), START + at)
            due = [r for r in reads + writes if START + at <= r.t < START + until * MINUTE]
            await play(one, due, until * MINUTE)
        first = (await numbers(one, 0, 12 * MINUTE))["ehr"]
        live = (await numbers(one, 0, 30 * MINUTE))["ehr"]
    assert (first["down_ms"], first["eligible_ms"]) == (4 * MINUTE, 12 * MINUTE)
    # Removed for five minutes: not monitored, neither up nor down; and back with its history.
    assert (live["not_monitored_ms"], live["down_ms"]) == (5 * MINUTE, 4 * MINUTE)
    assert live["up_ms"] == 21 * MINUTE
    assert len(live["outages"]) == 1
    assert live == replayed(reads + writes, history, 0, 30 * MINUTE)["systems"]["ehr"]


async def test_trap_10_three_days_cut_off_and_replayed_equal_never_having_been_cut_off(
    store: Store, tmp_path: Path
) -> None:
    words = "".join(
        random.Random(7).choice(
            ["u" * 60, "u" * 57 + "ddd", "g" * 10 + "u" * 50, "u" * 50 + "." * 10]
        )
        for _ in range(80)
    )
    results = spell(words)
    until = 80 * HOUR
    hours = 72 * HOUR
    async with a_round(store, used=minutely()) as one:
        await play(one, [r for r in results if r.t < START + 4 * HOUR], 4 * HOUR, group=HOUR)
        await play(one, [], 4 * HOUR + hours, group=6 * HOUR)
        blind = (await numbers(one, 0, 4 * HOUR + hours))["ehr"]
        # What the agent spooled comes in its own batches, stamped when it was seen.
        held = [r for r in results if START + 4 * HOUR <= r.t < START + 4 * HOUR + hours]
        for n in range(0, len(held), 1_000):
            await one.send(held[n : n + 1_000])
        await play(one, [r for r in results if r.t >= START + 4 * HOUR + hours], until, group=HOUR)
        late = await numbers(one, 0, until)
    other = await open_store(f"sqlite:///{tmp_path}/never-cut-off.db")
    async with a_round(other, used=minutely()) as two:
        await play(two, results, until, group=4 * HOUR)
        prompt = await numbers(two, 0, until)
    await other.close()
    assert blind["unknown_ms"] > 71 * HOUR
    assert late == prompt
    assert late["ehr"]["down_ms"] == words.count("ddd") * 3 * MINUTE
