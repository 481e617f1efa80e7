"""Staffing: so many different people of a role at every instant, by what was in force then."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alerts import roster, rota
from alerts.roster import Gap
from alerts.rota import Duty
from probes.acts import RotaOverride, Signed
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval
from probes.times import parse_datetime, to_ms
from tests.support.rotas import CONTACTS, WEEKLY, staffed
from tests.support.soak import longer

HOUR, DAY = 3_600_000, 86_400_000
UTC = ZoneInfo("UTC")


def ms(text: str) -> int:
    return to_ms(parse_datetime(text), UTC)


T = ms("2026-01-01T00:00")


def of(config: Config, *overrides: RotaOverride) -> list[Gap]:
    return roster.gaps_of(config, T, T + DAY, overrides)


def stand_in(
    number: int, person: str, start: int, end: int, *, schedule: str = "specialists", **more: Any
) -> RotaOverride:
    return RotaOverride(number, schedule, person, start, end, Signed("change-1", T), **more)


def engineers(*layers: dict[str, Any], need: int) -> Config:
    """Each layer as a schedule of its own."""
    return staffed(
        on_call={
            f"engineers-{n}": {"role": "engineering", "layers": [layer]}
            for n, layer in enumerate(layers)
        },
        staffing={"engineering": need},
    )


def test_one_engineer_and_one_specialist_at_every_instant_is_no_gap() -> None:
    assert of(staffed()) == []


def test_nobody_on_duty_by_night_is_a_gap_that_an_override_closes() -> None:
    night = Gap(T + 2 * HOUR, T + 14 * HOUR, "clinical_liaison", 1, 0)
    assert of(staffed(nights=False)) == [night]
    covered = stand_in(7, "dora", T + 2 * HOUR, T + 14 * HOUR)
    assert of(staffed(nights=False), covered) == []
    half = stand_in(7, "dora", T + 2 * HOUR, T + 8 * HOUR)
    assert of(staffed(nights=False), half) == [
        Gap(T + 8 * HOUR, T + 14 * HOUR, "clinical_liaison", 1, 0)
    ]


def test_the_same_person_in_two_schedules_is_one_person() -> None:
    alone = WEEKLY | {"people": ["anna"]}
    assert of(engineers(alone, alone, need=2)) == [Gap(T, T + DAY, "engineering", 2, 1)]
    assert of(engineers(alone, WEEKLY | {"people": ["ben"]}, need=2)) == []


def test_a_role_of_whom_nobody_is_on_duty_counts_none() -> None:
    later = WEEKLY | {"starts": "2026-02-01T08:00"}
    assert of(engineers(later, need=1)) == [Gap(T, T + DAY, "engineering", 1, 0)]


def test_whoever_is_no_contact_of_the_role_any_more_stands_in_for_nobody() -> None:
    left = {name: one for name, one in CONTACTS.items() if name != "dora"}
    covered = stand_in(7, "dora", T, T + DAY)
    assert len(of(staffed(nights=False, contacts=left), covered)) == 1
    moved = CONTACTS | {"dora": {"name": "Dora", "role": "engineering"}}
    assert len(of(staffed(nights=False, contacts=moved), covered)) == 1


def test_a_cancelled_override_counts_up_to_then_and_none_before_it_was_made() -> None:
    made = RotaOverride(
        7, "engineers", "ben", T, T + DAY, Signed("a", T + HOUR), Signed("b", T + 3 * HOUR)
    )
    history = History([Version(None, staffed())], overrides=[made])
    duties = roster.duties(history, "engineers", T, T + DAY)
    assert [((d.start - T) // HOUR, (d.end - T) // HOUR, d.person) for d in duties] == [
        (0, 1, "anna"),
        (1, 3, "ben"),
        (3, 24, "anna"),
    ]
    assert history.known(T + HOUR).overrides == ()
    assert history.known(T + 2 * HOUR).overrides[0].cancelled is None
    assert history.known(T + 4 * HOUR) is history


def test_gaps_of_several_versions_are_one_where_they_touch() -> None:
    both = [Version(T - DAY, staffed(nights=False)), Version(T + 8 * HOUR, staffed(nights=False))]
    assert roster.gaps(History(both), T, T + DAY) == [
        Gap(T + 2 * HOUR, T + 14 * HOUR, "clinical_liaison", 1, 0)
    ]
    mended = [both[0], Version(T + 8 * HOUR, staffed())]
    assert roster.gaps(History(mended), T, T + DAY) == [
        Gap(T + 2 * HOUR, T + 8 * HOUR, "clinical_liaison", 1, 0)
    ]


def test_versions_that_say_the_same_of_a_schedule_are_worked_out_as_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[int, int]] = []

    def counted(schedule: Any, zone: Any, start: int, end: int, given: Any) -> list[Duty]:
        asked.append(((start - T) // HOUR, (end - T) // HOUR))
        return plain(schedule, zone, start, end, given)

    plain = rota.duties
    monkeypatch.setattr(rota, "duties", counted)
    renamed = CONTACTS | {"ben": {"name": "Benjamin", "role": "engineering"}}
    left = {name: one for name, one in CONTACTS.items() if name != "ben"}
    alone = {"engineers": {"role": "engineering", "layers": [WEEKLY | {"people": ["anna"]}]}}
    versions = [Version(T - DAY + n * HOUR, staffed(contacts=renamed)) for n in range(30)]
    versions += [Version(T + 9 * HOUR, staffed(contacts=left, on_call=alone, staffing={}))]
    history = History(versions, overrides=[stand_in(7, "ben", T, T + DAY, schedule="engineers")])
    found = roster.duties(history, "engineers", T, T + DAY)
    assert asked == [(0, 9), (9, 24)]
    assert [((d.start - T) // HOUR, (d.end - T) // HOUR, d.person) for d in found] == [
        (0, 9, "ben"),
        (9, 24, "anna"),
    ]


def test_the_next_gap_of_a_role_is_told_as_a_whole_as_far_as_one_looks() -> None:
    # nobody until anna begins at 14:00Z, then one of two
    late = WEEKLY | {"people": ["anna"], "starts": "2026-01-01T08:00"}
    history = History([Version(None, engineers(late, need=2))])
    assert len(roster.gaps(history, T, T + DAY)) == 2
    assert roster.next_gaps(roster.gaps(history, T, T + DAY)) == {
        "engineering": Interval(T, T + DAY)
    }
    night = History([Version(None, staffed(nights=False))])
    assert roster.next_gaps(roster.gaps(night, T, T + 2 * DAY)) == {
        "clinical_liaison": Interval(T + 2 * HOUR, T + 14 * HOUR)
    }
    assert roster.next_gaps(roster.gaps(night, T, T + 2 * HOUR)) == {}


@settings(max_examples=longer(30))
@given(
    st.lists(st.tuples(st.integers(0, 24), st.integers(0, 24)), max_size=4),
    st.lists(st.tuples(st.integers(1, 23), st.booleans()), max_size=3),
    st.integers(0, 23),
)
def test_gaps_are_where_asking_each_instant_finds_too_few(
    stints: list[tuple[int, int]], files: list[tuple[int, bool]], hour: int
) -> None:
    overrides = [stand_in(n, "dora", T + a * HOUR, T + b * HOUR) for n, (a, b) in enumerate(stints)]
    versions = [Version(T - DAY, staffed(nights=False))]
    versions += [Version(T + at * HOUR, staffed(nights=nights)) for at, nights in files]
    history = History(versions, overrides=overrides)
    t = T + hour * HOUR + 1
    short = any(gap.start <= t < gap.end for gap in roster.gaps(history, T, T + DAY))
    assert short == (roster.on_duty(history, "specialists", t) is None)
