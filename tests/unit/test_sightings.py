"""When what agents saw of a server is a change, whoever sees it, however often and however late."""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from collector.sightings import (
    BACK_MS,
    KEPT,
    Pending,
    Place,
    Sighting,
    States,
    What,
    changes,
    facts,
)

HOUR = BACK_MS
STATEMENT, SOFTWARE = What.STATEMENT, What.SOFTWARE


def seen(t: int, state: int, agent: str = "a", what: What = STATEMENT) -> Sighting:
    return Sighting(t, "ehr-read", agent, what, state)


def told(known: dict[Place, States], *sightings: Sighting) -> list[tuple[int, int, int]]:
    """(t, before, after) of each change."""
    return [(c.seen.t, c.before, c.seen.state) for c in changes(sightings, known)]


def test_the_first_state_is_no_change_and_the_next_is_one() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(1, 10)) == []
    assert told(known, seen(2, 10), seen(3, 20), seen(4, 20)) == [(3, 10, 20)]
    assert told(known, seen(5, 30)) == [(5, 20, 30)]


def test_several_agents_that_see_one_change_make_one_row() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(1, 10, "a"), seen(2, 10, "b"), seen(3, 10, "c")) == []
    assert told(known, seen(11, 20, "a"), seen(12, 20, "b")) == [(11, 10, 20)]
    assert told(known, seen(13, 20, "c")) == []


def test_an_agent_that_starts_again_says_nothing_new() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(1, 10), seen(2, 20)) == [(2, 10, 20)]
    assert told(known, seen(3, 20), seen(3 + 2 * HOUR, 20)) == []


def test_an_agent_that_looks_at_another_server_does_not_make_it_flap() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(1, 10, "a"), seen(1, 10, "b"), seen(2, 20, "a")) == [(2, 10, 20)]
    for hour in range(1, 30):  # `b` still sees the old one, and says so every hour
        at = hour * HOUR
        assert told(known, seen(at, 20, "a"), seen(at + 1, 10, "b")) == []
    assert told(known, seen(40 * HOUR, 20, "b")) == []


def test_going_back_is_a_change_for_who_has_seen_both_and_not_within_an_hour() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(0, 10), seen(2 * HOUR, 20)) == [(2 * HOUR, 10, 20)]
    flapping = [seen(2 * HOUR + n, 10 if n % 2 else 20) for n in range(1, 200)]
    assert told(known, *flapping) == [(2 * HOUR + 1, 20, 10)]
    assert told(known, seen(4 * HOUR, 20)) == [(4 * HOUR, 10, 20)]


def test_a_server_that_is_another_at_every_request_fills_nothing() -> None:
    known: dict[Place, States] = {}
    told(known, seen(0, 0))
    wild = [seen(n * 30_000, n) for n in range(1, 1_000)]  # every 30 s for more than eight hours
    found = told(known, *wild)
    assert len(found) == 3 + 8 * 4
    assert {len(states) for states in known.values()} == {KEPT}
    last = wild[-1].t
    assert told(known, seen(last + HOUR, 7_777)) == [(last + HOUR, found[-1][2], 7_777)]
    pending = Pending()
    pending.add(wild)
    assert len(pending.all()) == KEPT


def test_late_evidence_tells_what_nobody_told_and_nothing_else() -> None:
    known: dict[Place, States] = {}
    assert told(known, seen(10, 1, "a"), seen(10, 1, "b"), seen(50, 3, "a")) == [(50, 1, 3)]
    assert told(known, seen(20, 1, "b"), seen(30, 2, "b"), seen(60, 3, "b")) == [(30, 1, 2)]
    assert told(known, seen(70, 3, "a")) == []


def test_a_row_says_what_changed_together_in_numbers_only() -> None:
    known: dict[Place, States] = {}
    found = changes(
        [
            seen(1, 10),
            seen(1, 11, what=SOFTWARE),
            seen(9, 20),
            seen(9, 21, what=SOFTWARE),
            Sighting(9, "gone", "a", SOFTWARE, 5),
            Sighting(10, "gone", "a", SOFTWARE, 6),
        ],
        known,
    )
    rows = facts(found, {"ehr-read": "ehr"})
    assert [(row.kind, row.at, row.actor) for row in rows] == [
        ("check.changed", 9, "system"),
        ("check.changed", 10, "system"),
    ]
    assert json.loads(rows[0].data) == {
        "after": {"software": 21, "statement": 20},
        "agent": "a",
        "before": {"software": 11, "statement": 10},
        "check": "ehr-read",
        "system": "ehr",
    }
    assert json.loads(rows[1].data)["system"] is None


ONE = st.builds(
    Sighting,
    st.integers(0, 5 * HOUR),
    st.sampled_from(["ehr-read", "lab-read"]),
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(What),
    st.integers(0, 3),
)
SIGHTINGS, FEWER = st.lists(ONE, max_size=30), st.lists(ONE, max_size=8)


def rows_of(known: dict[Place, States], parts: Iterable[list[Sighting]]) -> list[object]:
    return [change for part in parts for change in changes(part, known)]


@given(SIGHTINGS, st.data())
def test_read_again_in_any_parts_it_says_nothing_again(
    sightings: list[Sighting], data: st.DataObject
) -> None:
    known: dict[Place, States] = {}
    changes(sightings, known)
    before = {place: dict(states) for place, states in known.items()}
    again = data.draw(st.permutations(sightings))
    cut = data.draw(st.integers(0, len(again)))
    assert rows_of(known, (again[:cut], again[cut:])) == []
    assert known == before


@given(SIGHTINGS)
def test_every_new_state_of_a_check_is_told_at_most_once_an_hour(
    sightings: list[Sighting],
) -> None:
    found: dict[tuple[str, What, int], list[int]] = {}
    for change in changes(sightings, {}):
        seen_ = change.seen
        found.setdefault((seen_.check, seen_.what, seen_.state), []).append(seen_.t)
        assert change.before != seen_.state
    for times in found.values():
        assert all(b - a >= HOUR for a, b in pairwise(times))


def of(one: Sighting) -> tuple[str, str, What, int]:
    """All of it but when."""
    return one.check, one.agent, one.what, one.state


@given(FEWER, FEWER)
def test_what_waits_keeps_the_first_and_the_last_of_each_state(
    first: list[Sighting], later: list[Sighting]
) -> None:
    pending = Pending()
    pending.add(first)
    spans: dict[tuple[str, str, What, int], list[int]] = {}
    for one in first:
        spans.setdefault(of(one), []).append(one.t)
    said = pending.all()
    assert sorted(said) == sorted(
        {Sighting(t, *key) for key, times in spans.items() for t in (min(times), max(times))}
    )
    pending.add(later)
    pending.committed(said)
    left = pending.all()
    latest = {key: max(times) for key, times in spans.items()}
    for one in later:
        if one.t > latest.get(of(one), -1):
            assert any(of(other) == of(one) for other in left)
