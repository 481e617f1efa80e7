"""Sites, certificates and budgets through the whole collector, on both engines; restarts between."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec.structs import replace

from alerts.events import Cause, Family, Incident
from alerts.outbox import DeliveryReason, MessageState, Settlement
from collector import snapshots
from collector.replay import Input, replay
from collector.store import incidents, outbox
from collector.store.store import Store
from collector.truths import prolonged
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from tests.support.rounds import ORG, START, Round, a_round, config, document, result
from tests.unit.test_live_is_replay import live

UP, DOWN, REFUSED = Outcome.UP, Outcome.DOWN, Outcome.MISCONFIGURED
MINUTE, DAY = 60_000, 86_400_000
FAMILIES = ["availability", "access", "blind", "feed", "expiry", "budget"]


def used(**system: Any) -> Config:
    checks = document()["checks"]
    checks["ehr-read"] |= {"every": "60s", "from": ["north-1", "south-1"]}
    systems = document()["systems"]
    systems["ehr"] |= system
    return config(checks=checks, systems=systems, routes=[{"families": FAMILIES, "to": ["desk"]}])


def line(
    start: int, end: int, agent: str, *, down: range = range(0), ends: int | None = None
) -> list[Result]:
    """One result a minute; `ends` is when the certificate does, in ms after `START`."""
    return [
        replace(
            result(t, DOWN if n in down else UP, agent=agent),
            cert_days_left=None if ends is None else (ends - t) // DAY,
        )
        for n in range(start, end)
        for t in [n * MINUTE + 1_000]
    ]


async def minutes(one: Round, *lines: Sequence[Result], epoch: str = "e1") -> None:
    """Hand in each minute's results as they come, and look."""
    for some in zip(*lines, strict=True):
        await one.clock.advance(max(0, some[0].received + 10 - one.clock.now_ms()))
        for each in some:
            await one.send([each], epoch=epoch)
        await one.evaluator.step()


async def recorded(store: Store) -> list[Incident]:
    rows = await store.read(incidents.read_incidents, ORG)
    return sorted((row.incident for row in rows), key=lambda i: (i.started_at, i.family))


async def steps(store: Store, receiver: str = "desk") -> list[dict[str, Any]]:
    """What a receiver is told, in order."""
    out = []
    while found := await store.write(
        outbox.claim, ORG, receiver, now=START * 2, lease_until=START * 3, limit=9
    ):
        for message in found:
            out.append(json.loads(message.body)["data"])
            settled = Settlement(MessageState.SENT, DeliveryReason.ACCEPTED, 200, 0)
            assert await store.write(outbox.settle, ORG, message, settled)
    return out


def replayed(versions: Config, results: Sequence[Result], now: int) -> Any:
    by_source: dict[tuple[str, str], list[Result]] = {}
    for each in results:
        by_source.setdefault((each.check, each.agent), []).append(each)
    return replay(History([Version(START, versions)]), Input(by_source, 0), START, now, now)[
        "incidents"
    ]


async def test_a_site_that_is_down_opens_an_incident_that_names_it(store: Store) -> None:
    north = line(0, 12, "north-1")
    south = line(0, 12, "south-1", down=range(2, 5))
    async with a_round(store, used=used()) as one:
        await minutes(one, north, south)
        (found,) = await recorded(store)
        assert (found.family, found.sites) == (Family.AVAILABILITY, ("south",))
        assert found.causes == (Cause.DOWN, Cause.DEGRADED)
        assert (found.started_at, found.recovered_at) == (
            START + 2 * MINUTE + 1_000,
            START + 5 * MINUTE + 1_000,
        )
        # as a whole outage without a workaround
        assert found.category == 3
        (told, *_) = await steps(store)
        assert told["sites"] == [{"id": "south", "name": "South Campus"}]
        rows = await store.read(incidents.read_incidents, ORG)
        assert live(rows) == replayed(used(), [*north, *south], one.clock.now_ms())


async def test_a_certificate_opens_a_ticket_that_grows_more_urgent_and_ends_when_renewed(
    store: Store,
) -> None:
    old, new = 7 * DAY + 30 * MINUTE, 90 * DAY
    north = [*line(0, 40, "north-1", ends=old), *line(40, 60, "north-1", ends=new)]
    south = [*line(0, 40, "south-1"), *line(40, 60, "south-1")]
    async with a_round(store, used=used()) as one:
        await minutes(one, north[:20], south[:20])
        (first,) = await recorded(store)
        assert (first.family, first.priority) == (Family.EXPIRY, "P4")
        assert first.key == f"ehr.expiry.{START + 1_000}"
        saved = snapshots.encode(one.evaluator.folded["ehr"])
        again = snapshots.decode("ehr", saved, one.evaluator.history)
        again.fold(one.evaluator.history, one.evaluator.now)
        assert again.view == prolonged(one.evaluator.folded["ehr"], one.evaluator.now)
    async with a_round(store, holder="two", used=used(), now=START + 20 * MINUTE) as two:
        await two.take_over()
        await minutes(two, north[20:], south[20:], epoch="e2")
        (found,) = await recorded(store)
        # seven days are left until 30 minutes in; the run of minute 30 says it first
        assert (found.priority, found.category) == ("P3", 1)
        # the tenth run with the new one
        assert found.recovered_at == START + 49 * MINUTE + 1_000
        told = [(m["step"], m["priority"]) for m in await steps(store)]
        assert told == [("opened", "P4"), ("raised", "P3"), ("recovered", "P3"), ("resolved", "P3")]
        rows = await store.read(incidents.read_incidents, ORG)
        assert live(rows) == replayed(used(), [*north, *south], two.clock.now_ms())


async def test_a_budget_that_burns_is_information_beside_the_outage(store: Store) -> None:
    target = used(slo={"target": "95"})
    north = line(0, 40, "north-1", down=range(20, 24))
    south = line(0, 40, "south-1", down=range(20, 24))
    async with a_round(store, used=target) as one:
        await minutes(one, north, south)
        outage, budget = await recorded(store)
        assert (outage.family, outage.category) == (Family.AVAILABILITY, 3)
        assert (budget.family, budget.causes) == (Family.BUDGET, (Cause.BURNING,))
        assert (budget.category, budget.priority) == (1, "P4")
        # 31/30 of 5 % of what is known: of 20 min and what follows, 65.378 s are more.
        assert budget.started_at == START + 20 * MINUTE + 1_000 + 65_378
        rows = await store.read(incidents.read_incidents, ORG)
        assert live(rows) == replayed(target, [*north, *south], one.clock.now_ms())


async def test_rejected_by_all_pages_support_and_the_integration_owner_together(
    store: Store,
) -> None:
    desk = {"kind": "webhook", "url": "http://127.0.0.1:9/", "secret": "env:X"}
    routes = [
        {"families": ["availability"], "min_priority": "P2", "to": ["desk"]},
        {"families": ["access"], "to": ["integration"]},
    ]
    made = document(channels={"desk": desk, "integration": desk}, routes=routes)
    made["checks"]["ehr-read"] |= {"every": "60s", "from": ["north-1", "south-1"]}
    made["systems"]["ehr"]["impact"]["workaround"] = {"name": "Paper"}
    both = Config.model_validate(made)
    north = [result(n * MINUTE + 1_000, o) for n, o in enumerate([UP, *[REFUSED] * 5])]
    south = [
        result(n * MINUTE + 1_000, o, agent="south-1")
        for n, o in enumerate([UP, UP, UP, *[REFUSED] * 3])
    ]
    async with a_round(store, used=both) as one:
        await minutes(one, north[:3], south[:3])
        # at one site alone: the system goes on being judged by the other
        assert await recorded(store) == []
        await minutes(one, north[3:], south[3:])
        (found,) = await recorded(store)
        assert (found.family, found.category, found.priority) == (Family.ACCESS, 2, "P2")
        assert found.causes == (Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL)
        told = {
            receiver: [m["causes"] for m in await steps(store, receiver)]
            for receiver in ("desk", "integration")
        }
        causes = ["misconfigured", "rejected_by_all"]
        assert told == {"desk": [causes], "integration": [causes]}
