"""Windows and acts of the journal, beside those of the file (semantics 4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core.acting import RefusedActError, propose
from collector.core.outages import Outage
from collector.core.planned import Approval, Source, planned, segments, standing
from collector.core.windows import Occurrence, excluded, occurrences
from probes.acts import ActKind, WindowAct
from probes.config import Config
from probes.config_windows import Window
from probes.history import History, Version
from probes.spans import Interval, intersect
from probes.windows import digest
from tests.support.stories import T0, config, system

HOUR = 3_600_000
DAY = 24 * HOUR
START = T0 + 2 * HOUR
"""2026-01-01T02:00Z."""
LATER = T0 + 400 * DAY


def entry(**changes: Any) -> dict[str, Any]:
    return {
        "id": "w",
        "systems": ["ehr"],
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T03:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-31T00:00:00Z"},
    } | changes


def window(**changes: Any) -> Window:
    return Window.model_validate(entry(**changes))


def proposed(at: int, **changes: Any) -> WindowAct:
    value = window(**changes)
    by = value.proposed.by
    return WindowAct(ActKind.PROPOSED, "w", by, at, digest=digest(value), window=value)


def approved(at: int, by: str = "q", **changes: Any) -> WindowAct:
    return WindowAct(ActKind.APPROVED, "w", by, at, "CHG1", digest(window(**changes)))


def said(kind: ActKind, at: int) -> WindowAct:
    return WindowAct(kind, "w", "p", at)


def listed(
    *acts: WindowAct, files: tuple[tuple[int, Config], ...] = (), outages: tuple[Outage, ...] = ()
) -> tuple[Occurrence, ...]:
    versions = [Version(at, used) for at, used in files] or [Version(T0 - 9 * DAY, config())]
    history = History(versions, acts)
    return occurrences("ehr", history, outages, T0 - 9 * DAY, LATER, recorded=True)


def only(*acts: WindowAct, **more: Any) -> tuple[str | None, tuple[Interval, ...]]:
    (one,) = listed(*acts, **more)
    return one.why, one.parts


WHOLE = (Interval(START, START + HOUR),)


@pytest.mark.parametrize(
    ("acts", "why"),
    [
        ([], "unapproved"),
        ([approved(T0)], None),
        ([approved(T0, by="p")], "self_approved"),
        ([approved(T0, by="p"), approved(T0 + 1)], None),
        ([approved(START - 1)], None),
        ([approved(START)], "approved_late"),
        ([approved(T0, end="2026-01-01T04:00")], "unapproved"),
        ([approved(T0), said(ActKind.CANCELLED, START)], "cancelled"),
        ([approved(T0), said(ActKind.CANCELLED, START + 1)], None),
        ([said(ActKind.CANCELLED, T0)], "cancelled"),
    ],
)
def test_an_occurrence_of_a_proposed_window_says_exactly_one_why(
    acts: list[WindowAct], why: str | None
) -> None:
    assert only(proposed(T0 - DAY), *acts) == (why, WHOLE if why is None else ())


def test_why_in_the_contracts_order() -> None:
    empty = {"start": "2026-03-08T02:30", "end": "2026-03-08T03:15", "timezone": "America/New_York"}
    assert only(proposed(T0, **empty), approved(T0 + 1, **empty)) == ("empty", ())
    outage = Outage(T0 - 1, None, None, None)
    assert only(proposed(T0 - DAY), approved(T0), outages=(outage,)) == ("during_outage", ())
    assert only(proposed(T0 - DAY), approved(T0, by="p"), said(ActKind.CANCELLED, T0 + 1)) == (
        "cancelled",
        (),
    )


def test_a_proposal_acts_from_its_own_time_on() -> None:
    daily = {"rrule": "FREQ=DAILY;COUNT=3"}
    at = START + DAY + HOUR // 2
    found = listed(proposed(at, **daily), approved(at + 1, **daily))
    assert [(o.start, o.why) for o in found] == [
        (START + DAY, "approved_late"),
        (START + 2 * DAY, None),
    ]


def test_a_new_proposal_takes_over_unapproved_from_its_time_on() -> None:
    daily, longer = {"rrule": "FREQ=DAILY;COUNT=2"}, {"rrule": "FREQ=DAILY;COUNT=3"}
    acts = [
        proposed(T0 - DAY, **daily),
        approved(T0, **daily),
        proposed(START + HOUR // 2, **longer),
    ]
    found = listed(*acts)
    assert [(o.why, o.parts) for o in found] == [
        ("unapproved", (Interval(START, START + HOUR // 2),)),
        ("unapproved", ()),
        ("unapproved", ()),
    ]
    again = listed(*acts, approved(START + 2 * HOUR, **longer))
    assert [o.excludes for o in again] == [True, True, True]


def test_content_that_comes_back_needs_an_approval_of_its_own() -> None:
    other = {"end": "2026-01-01T04:00"}
    acts = [proposed(T0 - DAY), approved(T0 - DAY + 1), proposed(T0, **other), proposed(T0 + 1)]
    assert only(*acts) == ("unapproved", ())
    assert only(*acts, approved(T0 + 2)) == (None, WHOLE)


def test_a_file_that_takes_the_id_owns_it_for_good() -> None:
    files = (
        (T0 - 9 * DAY, config()),
        (T0, config(maintenance=[entry(end="2026-01-01T02:30")])),
        (T0 + 1, config()),
    )
    acts = (proposed(T0 - DAY), approved(T0 - HOUR))
    assert listed(*acts, files=files) == ()
    assert standing(History([Version(at, c) for at, c in files], acts)) == {}
    taken = History([Version(at, c) for at, c in files[:2]], acts)
    assert standing(taken)["w"].source is Source.FILE


def test_an_id_that_a_file_once_had_may_be_proposed() -> None:
    files = ((T0 - 9 * DAY, config(maintenance=[entry()])), (T0 - 2 * DAY, config()))
    assert only(proposed(T0 - DAY), approved(T0), files=files) == (None, WHOLE)


def test_a_window_of_the_file_is_approved_beside_it() -> None:
    files = ((T0 - DAY, config(maintenance=[entry()])),)
    assert only(files=files) == ("unapproved", ())
    assert only(approved(T0), files=files) == (None, WHOLE)
    assert only(approved(T0, by="p"), files=files) == ("self_approved", ())
    changed = (*files, (T0 + 1, config(maintenance=[entry(expect_down="5m")])))
    assert only(approved(T0), files=changed) == ("unapproved", ())


def test_what_the_file_says_and_what_came_beside_it_count_both() -> None:
    late = {"by": "r", "at": "2026-01-01T05:00:00Z"}
    files = ((T0 - DAY, config(maintenance=[entry(approval=late)])),)
    assert only(files=files) == ("approved_late", ())
    assert only(approved(T0), files=files) == (None, WHOLE)
    ended = {"by": "p", "at": "2026-01-01T02:20:00Z"}
    both = ((T0 - DAY, config(maintenance=[entry(finished=[ended])])),)
    acts = (approved(T0), said(ActKind.FINISHED, START + HOUR // 6))
    assert only(*acts, files=both) == (None, (Interval(START, START + HOUR // 6),))


def test_a_cancelled_id_stays_cancelled_also_in_a_file() -> None:
    acts = (proposed(T0 - DAY), said(ActKind.CANCELLED, T0))
    approval = {"by": "q", "at": "2025-12-31T00:00:00Z"}
    files = ((T0 - 9 * DAY, config()), (T0 + 1, config(maintenance=[entry(approval=approval)])))
    assert only(*acts, files=files) == ("cancelled", ())


def test_the_impact_at_the_start_of_an_occurrence_says_how_long_down_is_expected() -> None:
    plain = config(systems={"ehr": system(impact={"class": "administrative"})})
    files = ((T0 - 9 * DAY, plain), (T0 + DAY, config()))
    daily = {"rrule": "FREQ=DAILY;COUNT=2"}
    found = listed(proposed(T0 - DAY, **daily), files=files)
    assert [o.expect_down_ms for o in found] == [None, 1_800_000]


def test_nothing_is_known_before_it_is_recorded() -> None:
    acts = (proposed(T0 - DAY), approved(T0))
    history = History([Version(T0 - 9 * DAY, config())], acts)
    assert history.known(T0).acts == acts[:1]
    assert history.known(T0 + 1) is history
    assert history.instants == (T0 - 9 * DAY, T0 - DAY, T0)


def test_the_digest_is_of_what_and_when_and_not_of_who() -> None:
    assert digest(window()) == digest(window(proposed={"by": "x", "at": "2025-01-01T00:00:00Z"}))
    assert digest(window(systems=["a", "b"])) == digest(window(systems=["b", "a"]))
    changes: list[dict[str, Any]] = [
        {"id": "v"},
        {"systems": ["ehr", "b"]},
        {"start": "2026-01-01T02:01"},
        {"end": "2026-01-01T03:01"},
        {"timezone": "Europe/Berlin"},
        {"rrule": "FREQ=DAILY"},
        {"exdate": ["2026-01-02T02:00"]},
        {"expect_down": "1m"},
    ]
    assert len({digest(window()), *(digest(window(**change)) for change in changes)}) == 9
    assert digest(window()) == "66fb82ae9463e1eee9625d8509f65bbf7b7a263b67fba0209cc1adec0025c6b6"


@st.composite
def stories(draw: st.DrawFn) -> list[WindowAct]:
    """Acts on a daily window over four days, in the order they were recorded."""
    found: list[WindowAct] = []
    for at in sorted(draw(st.sets(st.integers(-24, 72), max_size=8))):
        t = T0 + at * HOUR // 2
        content = {
            "rrule": "FREQ=DAILY;COUNT=4",
            "end": draw(st.sampled_from(["2026-01-01T03:00", "2026-01-01T05:00"])),
        }
        by = draw(st.sampled_from(["p", "q"]))
        act = draw(st.sampled_from(["proposed", "approved", "cancelled", "finished"]))
        match act:
            case "proposed":
                found.append(proposed(t, **content))
            case "approved":
                found.append(approved(t, by=by, **content))
            case _:
                found.append(said(ActKind(f"window.{act}"), t))
    return found


@given(stories(), st.integers(-24, 200))
def test_no_act_changes_what_was_excluded_before_it(acts: list[WindowAct], at: int) -> None:
    t = T0 + at * HOUR // 2
    history = History([Version(T0 - 9 * DAY, config())], acts)
    past = (Interval(T0 - 9 * DAY, t),)

    def taken(known: History) -> tuple[Interval, ...]:
        found = occurrences("ehr", known, (), T0 - 9 * DAY, LATER, recorded=True)
        return intersect(excluded(found), past)

    assert taken(history.known(t)) == taken(history)


def file_with(**more: Any) -> Config:
    return config(maintenance=[entry(approval={"by": "q", "at": "2025-12-31T00:00:00Z"}, **more)])


def test_a_cancellation_in_a_file_stands_when_a_later_version_drops_it() -> None:
    gone = {"by": "p", "at": "2025-12-31T12:00:00Z"}
    files = ((T0 - DAY, file_with()), (T0 - HOUR, file_with(cancelled=gone)), (T0, file_with()))
    assert only(files=files) == ("cancelled", ())
    to_come = {"by": "p", "at": "2026-01-01T01:00:00Z"}
    taken_back = (
        (T0 - DAY, file_with()),
        (T0 - HOUR, file_with(cancelled=to_come)),
        (T0, file_with()),
    )
    assert only(files=taken_back) == (None, WHOLE)


def test_an_id_that_a_file_cancelled_is_not_proposed_again() -> None:
    gone = {"by": "p", "at": "2025-12-31T12:00:00Z"}
    files = ((T0 - 2 * DAY, file_with(cancelled=gone)), (T0 - HOUR, config()))
    history = History([Version(at, used) for at, used in files])
    with pytest.raises(RefusedActError) as refused:
        propose(history, [window()], "p", T0, replace=False)
    assert refused.value.code == "window.cancelled"
    assert only(proposed(T0), approved(T0 + 1), files=files) == ("cancelled", ())


def test_a_finish_in_a_file_stands_when_a_later_version_drops_it() -> None:
    ended = {"by": "p", "at": "2026-01-01T02:20:00Z"}
    third = HOUR // 3
    files = (
        (T0 - DAY, file_with()),
        (START + third, file_with(finished=[ended])),
        (START + 2 * third, file_with()),
    )
    assert only(files=files) == (None, (Interval(START, START + third),))


def test_a_finish_that_a_file_tells_late_ends_the_occurrence_when_it_is_told() -> None:
    ended = {"by": "p", "at": "2026-01-01T02:20:00Z"}
    half = START + HOUR // 2
    (one,) = listed(files=((T0 - DAY, file_with()), (half, file_with(finished=[ended]))))
    assert (one.end, one.parts) == (half, (Interval(START, half),))


def test_a_version_that_another_of_its_instant_replaced_was_never_in_force() -> None:
    gone = {"by": "p", "at": "2025-12-31T12:00:00Z"}
    first, second, third = config(), file_with(cancelled=gone), file_with()
    files = ((None, first), (T0, second), (T0, third))
    history = History([Version(at, used) for at, used in files])
    assert segments(history) == [(-(1 << 60), T0, first), (T0, 1 << 60, third)]
    assert standing(history)["w"].cancelled is None


def test_a_cancellation_whose_time_is_that_of_the_version_that_drops_it_is_taken_back() -> None:
    to_come = {"by": "p", "at": "2026-01-01T00:00:00Z"}
    files = ((T0 - HOUR, file_with(cancelled=to_come)), (T0, file_with()))
    assert only(files=files) == (None, WHOLE)


def test_who_cancelled_it_and_why_stays_known_in_the_file_and_after_it() -> None:
    gone = {"by": "r", "at": "2025-12-31T12:00:00Z", "ref": "CHG9"}
    versions = [Version(T0 - DAY, file_with(cancelled=gone)), Version(T0, file_with())]
    said_then = WindowAct(ActKind.CANCELLED, "w", "r", T0 - 12 * HOUR, "CHG9")
    for history in (History(versions[:1]), History(versions)):
        assert standing(history)["w"].cancelled == said_then


def test_an_approval_in_a_file_counts_from_its_recording_and_in_replay_from_its_claim() -> None:
    approval = {"by": "q", "at": "2025-12-31T00:00:00Z", "ref": "CHG8"}
    late = History([Version(T0 - HOUR, config(maintenance=[entry(approval=approval)]))])
    assert standing(late)["w"].approvals == (Approval(T0 - HOUR, "q", "CHG8"),)
    (claimed,) = planned(late, recorded=False)
    assert claimed.approvals == (Approval(T0 - DAY, "q", "CHG8"),)


def test_a_proposal_that_lacks_its_content_plans_nothing_and_keeps_no_other_out() -> None:
    whole = proposed(T0 - HOUR)
    for half in (
        replace(whole, at=T0 - DAY, window=None),
        replace(whole, at=T0 - DAY, digest=None),
    ):
        assert [
            one.start
            for one in planned(History([Version(None, config())], [half, whole]), recorded=True)
        ] == [T0 - HOUR]
