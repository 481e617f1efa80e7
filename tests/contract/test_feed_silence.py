"""The kind `feed_silence`: what it makes of each finding, and simulated weeks through it."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pydantic import ValidationError

from collector.core.feed_baseline import Counted, learn
from collector.core.feed_calendar import Calendar
from collector.core.feed_judge import judge
from probes import registry
from probes.clock import ManualClock
from probes.contract import COUNTED, HANDED_ON, Env, Fact, Observation, Outcome, Place, Slot
from probes.feeds import Feed, Finding, Judged
from probes.heartbeats import StoreAwayError
from probes.kinds.feed_silence import KIND
from probes.net import Network
from probes.reasons import Reason
from probes.testing.feed_traffic import ADT, DAY, FIVE, HOUR, MONDAY, ZONE, traffic
from tests.contract.conformance import conforms

SPEC = {"of": "adt-listener", "type": "adt"}


class Told:
    """Counts that say what they are told to; None: the store is away."""

    def __init__(self, says: Judged | None) -> None:
        self.says = says
        self.asked: list[tuple[str, Feed]] = []

    async def judged(self, check: str, feed: Feed) -> Judged:
        self.asked.append((check, feed))
        if self.says is None:
            raise StoreAwayError
        return self.says


async def seen(counts: Told | None, **spec: Any) -> Observation:
    clock = ManualClock()
    env = Env(clock, random.Random(1), Network(clock), 1_000, lambda _ref: b"", counts=counts)
    async with KIND.open(KIND.parse(SPEC | spec), env) as probe:
        found = await probe.run(Slot("adt-silence", clock.now_ms()))
    conforms(KIND, found)
    return found


@pytest.mark.parametrize(
    ("judged", "outcome", "reason"),
    [
        (Judged(Finding.USUAL, hour=34, low=110, high=160), Outcome.UP, Reason.OK),
        (Judged(Finding.LEARNING), Outcome.UNKNOWN, Reason.FEED_LEARNING),
        (Judged(Finding.UNWATCHED), Outcome.UNKNOWN, Reason.FEED_UNWATCHED),
        (None, Outcome.UNKNOWN, Reason.AGENT_STORE),
    ],
)
async def test_what_is_no_trouble_has_no_numbers(
    judged: Judged | None, outcome: Outcome, reason: Reason
) -> None:
    counts = Told(judged)
    found = await seen(counts)
    assert (found.outcome, found.reason, dict(found.facts)) == (outcome, reason, {})
    assert counts.asked == [("adt-silence", Feed("adt-listener", "messages_adt", 6))]


@pytest.mark.parametrize(
    ("finding", "reason"),
    [(Finding.SILENT, Reason.FEED_SILENT), (Finding.FLOODED, Reason.FEED_FLOODED)],
)
async def test_trouble_comes_with_the_numbers_of_its_sentence(
    finding: Finding, reason: Reason
) -> None:
    found = await seen(Told(Judged(finding, 2_520_000, 0, 77, 34, 110, 160)))
    assert (found.outcome, found.reason) == (Outcome.DEGRADED, reason)
    assert found.facts == {
        Fact.FEED_S: 2_520,
        Fact.FEED_SEEN: 0,
        Fact.FEED_DUE: 77,
        Fact.FEED_HOUR: 34,
        Fact.FEED_LOW: 110,
        Fact.FEED_HIGH: 160,
    }
    assert found.facts.keys() <= HANDED_ON
    assert not found.facts.keys() & COUNTED  # or a feed could be judged by its own verdicts


async def test_an_ordinary_agent_cannot_run_it() -> None:
    found = await seen(None)
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, Reason.AGENT_CONFIG)


async def test_what_it_asks_for_is_as_the_file_says() -> None:
    counts = Told(Judged(Finding.USUAL))
    await seen(counts, weeks="8", since="2026-03-01")
    (asked,) = counts.asked
    assert asked[1] == Feed("adt-listener", "messages_adt", 8, "2026-03-01")
    assert KIND.parse({"of": "x"}).feed == Feed("x", "messages", 6)


async def test_simulated_weeks_and_a_dead_feed_through_the_kind() -> None:
    upto, calendar = MONDAY + 4 * 7 * DAY, Calendar(ZONE)
    at = upto + DAY + 10 * HOUR + 30 * 60_000
    came = traffic(ADT, MONDAY, at, 11)
    counts = {t: Counted(FIVE, n) for t, n in came.items()}
    baseline = learn(counts, upto, 4, calendar)
    alive = {t: c for t, c in counts.items() if t >= at - 2 * DAY}
    dead = {t: Counted(FIVE, 0) if t >= at - 30 * 60_000 else c for t, c in alive.items()}
    assert (await seen(Told(judge(baseline, alive, calendar, at)))).outcome is Outcome.UP
    found = await seen(Told(judge(baseline, dead, calendar, at)))
    assert found.reason is Reason.FEED_SILENT
    assert found.facts[Fact.FEED_S] == 1_800
    assert found.facts[Fact.FEED_HOUR] == 24 + 10


def test_the_registry_knows_where_it_runs_and_what_counts() -> None:
    assert KIND.place is Place.COLLECTOR
    assert {n for n in registry.KINDS if registry.load(n).place is Place.COLLECTOR} == (
        registry.ON_COLLECTOR & registry.KINDS.keys()
    )
    assert registry.FEEDS <= registry.ON_COLLECTOR
    assert "hl7_listener" in registry.COUNTING


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({}, "of"),
        ({"of": "X"}, "an id is"),
        ({"of": "a", "type": "ADT"}, "'adt'"),
        ({"of": "a", "weeks": "2"}, "weeks"),
        ({"of": "a", "since": "2026-02-30"}, "write a date"),
        ({"of": "a", "zone": "UTC"}, "zone"),
    ],
)
def test_a_wrong_spec_is_told(spec: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        KIND.parse(spec)
