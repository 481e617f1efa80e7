"""The feed: what two looks at the store differ by, and who hears of it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from alerts.events import Cause, Family, Priority, State
from alerts.people import IncidentState
from collector.api.feed import (
    BEHIND,
    MOST,
    MOST_OF_ONE,
    Feed,
    Listener,
    Snapshot,
    differences,
    whole,
)
from collector.api.incident_shapes import Incident
from collector.api.problems import DeniedError
from collector.store.store import StoreFault, StoreUnavailableError
from probes.clock import ManualClock
from tests.support.rounds import START

UP, DOWN = State.UP, State.DOWN
EHR, NORTH, LAB = ("ehr", ""), ("ehr", "north"), ("lab", "")
STILL_HERE = ": still here\n\n"


def incident(key: str, **changes: Any) -> Incident:
    made: Incident = {
        "key": key,
        "system": "ehr",
        "family": Family.AVAILABILITY,
        "causes": [Cause.DOWN],
        "sites": ["north"],
        "category": 3,
        "rules_category": 3,
        "priority": Priority.P1,
        "status": IncidentState.OPEN,
        "started_at": "2026-01-01T00:00:11.000Z",
        "detected_at": "2026-01-01T00:00:21.040Z",
        "recovered_at": None,
        "next_due": None,
        "response": None,
        "attached_to": None,
        "quiet": False,
        "reopened": 0,
        "flapping": False,
        "version": 1,
        "acknowledged": None,
        "category_set": None,
        "resolved": None,
        "closed": None,
        "false_positive": None,
        "ruled": None,
        "merged_into": None,
        "notes": 0,
        "feeds": [],
    }
    made.update(changes)  # type: ignore[typeddict-item]  # a table of tests
    return made


def seen(
    states: dict[tuple[str, str], tuple[State, int]] | None = None,
    incidents: tuple[Incident, ...] = (),
    row: int = 1,
) -> Snapshot:
    return Snapshot(row, states or {}, {one["key"]: one for one in incidents})


def state(system: str, site: str | None, value: str, second: int) -> tuple[str, dict[str, Any]]:
    since = f"2026-01-01T00:00:{second:02d}.000Z"
    return "state", {"system": system, "site": site, "state": value, "since": since}


A, B = incident("a"), incident("b")
A_RECOVERED = incident(
    "a", status=IncidentState.RECOVERED, recovered_at="2026-01-01T00:05:00.000Z", version=2
)


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (seen(), seen(), []),
        (seen({EHR: (UP, START)}), seen({EHR: (UP, START)}, row=9), []),
        (
            seen({EHR: (UP, START)}),
            seen({EHR: (DOWN, START + 5_000)}),
            [state("ehr", None, "down", 5)],
        ),
        # evidence that came late: the same state, since another instant
        (
            seen({EHR: (DOWN, START + 5_000)}),
            seen({EHR: (DOWN, START + 3_000)}),
            [state("ehr", None, "down", 3)],
        ),
        (
            seen({EHR: (UP, START)}),
            seen({LAB: (UP, START), NORTH: (DOWN, START + 1_000), EHR: (DOWN, START + 1_000)}),
            [
                state("ehr", None, "down", 1),
                state("ehr", "north", "down", 1),
                state("lab", None, "up", 0),
            ],
        ),
        (seen(), seen(incidents=(B, A)), [("incident", A), ("incident", B)]),
        (seen(incidents=(A, B)), seen(incidents=(A, B)), []),
        (seen(incidents=(A, B)), seen(incidents=(A_RECOVERED, B)), [("incident", A_RECOVERED)]),
        # told when it recovered, and no longer looked at
        (seen(incidents=(A_RECOVERED,)), seen(), []),
        (
            seen({EHR: (DOWN, START)}, (A,)),
            seen({EHR: (UP, START + 9_000)}, (A_RECOVERED,)),
            [state("ehr", None, "up", 9), ("incident", A_RECOVERED)],
        ),
    ],
)
def test_what_differs_is_told_in_order(
    before: Snapshot, after: Snapshot, expected: list[tuple[str, Any]]
) -> None:
    assert differences(before, after) == expected


def test_who_comes_new_is_told_all_states_and_what_is_open() -> None:
    states = {LAB: (UP, START), NORTH: (DOWN, START + 1_000), EHR: (DOWN, START + 1_000)}
    assert whole(seen(states, (B, A_RECOVERED))) == (
        "snapshot",
        {
            "states": [
                state("ehr", None, "down", 1)[1],
                state("ehr", "north", "down", 1)[1],
                state("lab", None, "up", 0)[1],
            ],
            "incidents": [B],
        },
    )


@dataclass
class Stage:
    """A feed over snapshots the test writes; `looks` are the rows it was asked from."""

    clock: ManualClock = field(default_factory=lambda: ManualClock(START))
    now: Snapshot = field(default_factory=lambda: seen({EHR: (UP, START)}))
    error: Exception | None = None
    looks: list[int | None] = field(default_factory=list)
    cuts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.feed = Feed(self._look, self.clock)

    async def _look(self, since: int | None) -> Snapshot:
        self.looks.append(since)
        if self.error is not None:
            raise self.error
        return self.now

    async def settle(self) -> None:
        """Let the feed take notice, at the same instant."""
        await self.clock.advance(0)

    @contextmanager
    def listening(self, name: str = "one", account: str = "ann") -> Iterator[Listener]:
        with self.feed.listening(lambda: self.cuts.append(name), account) as listener:
            yield listener


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    made = Stage()
    task = asyncio.create_task(made.feed.run())
    await made.clock.advance(100_000)
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def heard(listener: Listener) -> list[str | None]:
    """What waits for a listener."""
    out: list[str | None] = []
    while not listener._waiting.empty():
        out.append(listener._waiting.get_nowait())
    return out


def names(listener: Listener) -> list[str | None]:
    """Names of the events; a comment as it is."""
    return [
        text if text in (None, STILL_HERE) else str(text).split("event: ")[1].split("\n")[0]
        for text in heard(listener)
    ]


async def test_nobody_looks_while_nobody_listens(stage: Stage) -> None:
    assert stage.looks == []
    with stage.listening():
        await stage.settle()
        await stage.clock.advance(2_000)
        assert stage.looks == [None, 1, 1]
    await stage.clock.advance(100_000)
    assert stage.looks == [None, 1, 1]
    with stage.listening() as again:
        await stage.settle()
        assert stage.looks == [None, 1, 1, None]
        assert names(again) == ["snapshot"]


async def test_all_who_listen_share_one_look_a_second(stage: Stage) -> None:
    with stage.listening() as one, stage.listening() as two:
        await stage.settle()
        await stage.clock.advance(1_000)
        stage.now = seen({EHR: (DOWN, START + 5_000)}, row=7)
        await stage.clock.advance(1_000)
        assert stage.looks == [None, 1, 1]
        assert heard(one) == heard(two) != []
        with stage.listening() as three:
            # no look of its own: what the others know, and from there on the same
            assert stage.looks == [None, 1, 1]
            (text,) = heard(three)
            assert json.loads(str(text).split("data: ")[1])["states"][0]["state"] == "down"
            stage.now = seen({EHR: (UP, START + 6_000)}, row=8)
            await stage.clock.advance(1_000)
            assert stage.looks == [None, 1, 1, 7]
            assert heard(one) == heard(three) != []


async def test_an_event_has_a_number_a_name_and_one_line_of_data(stage: Stage) -> None:
    with stage.listening() as one:
        await stage.settle()
        stage.now = seen({EHR: (DOWN, START + 5_000)}, (A,))
        await stage.clock.advance(1_000)
        first, second, third = heard(one)
        assert first == (
            "id: 1\nevent: snapshot\n"
            'data: {"states": [{"system": "ehr", "site": null, "state": "up", '
            '"since": "2026-01-01T00:00:00.000Z"}], "incidents": []}\n\n'
        )
        assert second == (
            'id: 2\nevent: state\ndata: {"system": "ehr", "site": null, "state": "down", '
            '"since": "2026-01-01T00:00:05.000Z"}\n\n'
        )
        assert str(third).startswith('id: 3\nevent: incident\ndata: {"key": "a", "system": "ehr"')


async def test_a_comment_every_fifteen_seconds_keeps_the_line_open(stage: Stage) -> None:
    with stage.listening() as one:
        await stage.settle()
        await stage.clock.advance(14_999)
        assert names(one) == ["snapshot"]
        await stage.clock.advance(1)
        assert names(one) == [STILL_HERE]
        await stage.clock.advance(30_000)
        assert names(one) == [STILL_HERE, STILL_HERE]


async def test_a_store_that_does_not_answer_is_looked_at_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.error = StoreUnavailableError(StoreFault.UNREACHABLE)
    with stage.listening() as one:
        await stage.settle()
        await stage.clock.advance(15_000)
        assert names(one) == [STILL_HERE]
        stage.error = None
        await stage.clock.advance(1_000)
        stage.error = StoreUnavailableError(StoreFault.UNREACHABLE)
        stage.now = seen({EHR: (DOWN, START)})
        await stage.clock.advance(5_000)
        assert names(one) == ["snapshot"]
        stage.error = None
        await stage.clock.advance(1_000)
        assert names(one) == ["state"]
    assert "feed.failed code=store.unreachable" in caplog.text


async def test_a_defect_ends_the_streams_and_the_next_one_is_served(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.error = KeyError("Jane Doe")
    with stage.listening() as one:
        await stage.settle()
        assert names(one) == [None]
    assert "feed.defect type=KeyError" in caplog.text
    assert "Jane" not in caplog.text
    stage.error = None
    with stage.listening() as two:
        await stage.clock.advance(1_000)
        assert names(two) == ["snapshot"]


async def test_who_does_not_read_is_cut_off_and_others_are_not(stage: Stage) -> None:
    with stage.listening("slow") as slow, stage.listening("quick") as quick:
        for second in range(BEHIND + 2):
            stage.now = seen({EHR: ((UP, DOWN)[second % 2], START + second)})
            await stage.clock.advance(1_000 if second else 0)
            heard(quick)
        assert stage.cuts == ["slow"]
        assert (slow.ended, quick.ended) == (True, False)
        # nothing of what it missed is said any more
        assert heard(slow) == [None]


async def test_one_more_than_a_hundred_is_told_to_wait(stage: Stage) -> None:
    with ExitStack() as stack:
        for number in range(MOST):
            stack.enter_context(stage.listening(account=f"a{number // MOST_OF_ONE}"))
        with pytest.raises(DeniedError) as refused, stage.listening(account="another"):
            pass
        error = refused.value
        assert (error.status, error.code, error.retry_after_s) == (429, "events.too_many", 30)
    with stage.listening() as one:
        await stage.clock.advance(1_000)
        assert names(one) == ["snapshot"]


async def test_one_account_leaves_places_for_others(stage: Stage) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_OF_ONE):
            stack.enter_context(stage.listening())
        with pytest.raises(DeniedError), stage.listening():
            pass
        stack.enter_context(stage.listening(account="ben"))
    with stage.listening():
        pass


async def test_closing_ends_all_streams_and_those_that_begin(stage: Stage) -> None:
    with stage.listening() as one:
        await stage.clock.advance(1_000)
        stage.feed.close()
        assert heard(one) == [None]
        await stage.clock.advance(60_000)
        assert heard(one) == []
        with stage.listening() as late:
            assert heard(late) == [None]
