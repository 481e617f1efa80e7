"""What is mended of the tickets found: every case by name, and what holds of any order of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.lookup import Found, Move, Standing
from alerts.reconcile import QUIET, Last, Mend, Remedy, next_look, plan
from alerts.ticket import Stage, Ticket, ticket
from tests.support import ticket_messages as messages

BASE = ticket(messages.message(messages.OPENED))
N, T, R, C = Standing.NEW, Standing.TAKEN, Standing.RESOLVED, Standing.CLOSED
OPEN, ACK, RECOVERED, DONE = Stage.OPEN, Stage.ACKNOWLEDGED, Stage.RECOVERED, Stage.DONE
SEEN, UNSEEN, SILENT = Last(), Last(unseen=True), Last(speaks=False)
MINUTE = 60_000
CASES: list[
    tuple[str, list[Standing], Stage, Last, Remedy, tuple[bool, int | None, Move | None, list[int]]]
]
CASES = [
    # name, found, stage, last, remedy, (create, index kept, move, indexes of doubles)
    ("as told", [N], OPEN, SEEN, Remedy.NOTHING, (False, 0, None, [])),
    ("taken", [T], OPEN, SEEN, Remedy.NOTHING, (False, 0, None, [])),
    ("put back to new", [N], ACK, SEEN, Remedy.NOTHING, (False, 0, None, [])),
    ("deleted", [], OPEN, SEEN, Remedy.CREATED, (True, None, None, [])),
    ("deleted, taken here", [], ACK, SEEN, Remedy.CREATED, (True, None, Move.ACKNOWLEDGE, [])),
    ("deleted, recovered", [], RECOVERED, SEEN, Remedy.NOTHING, (False, None, None, [])),
    ("deleted, silent", [], OPEN, SILENT, Remedy.NOTHING, (False, None, None, [])),
    ("deleted, over", [], DONE, SEEN, Remedy.NOTHING, (False, None, None, [])),
    ("resolved there", [R], OPEN, SEEN, Remedy.REOPENED, (False, 0, Move.REOPEN, [])),
    ("resolved, taken here", [R], ACK, SEEN, Remedy.REOPENED, (False, 0, Move.REOPEN, [])),
    ("resolved, recovered", [R], RECOVERED, SEEN, Remedy.LEFT, (False, None, None, [])),
    ("resolved, silent", [R], OPEN, SILENT, Remedy.LEFT, (False, None, None, [])),
    ("resolved with its doubles", [R, R], OPEN, SEEN, Remedy.REOPENED, (False, 0, Move.REOPEN, [])),
    ("closed there", [C], OPEN, SEEN, Remedy.FOLLOWED, (True, None, None, [])),
    ("closed, recovered", [C], RECOVERED, SEEN, Remedy.LEFT, (False, None, None, [])),
    ("followed before", [C, N], OPEN, SEEN, Remedy.NOTHING, (False, 1, None, [])),
    ("doubles", [N, N, T], OPEN, SEEN, Remedy.DOUBLES, (False, 0, None, [1, 2])),
    ("doubles of a silent one", [N, N], OPEN, SILENT, Remedy.DOUBLES, (False, 0, None, [1])),
    ("over", [R], DONE, SEEN, Remedy.NOTHING, (False, None, None, [])),
    ("over and new", [N], DONE, SEEN, Remedy.RESOLVED, (False, 0, Move.RESOLVE, [])),
    ("over and taken up again", [T], DONE, SEEN, Remedy.LEFT, (False, None, None, [])),
    ("over before it showed", [T], DONE, UNSEEN, Remedy.RESOLVED, (False, 0, Move.RESOLVE, [])),
    ("a late double", [R, N], DONE, SEEN, Remedy.DOUBLES, (False, 0, None, [1])),
    ("late doubles", [N, N], DONE, SEEN, Remedy.RESOLVED, (False, 0, Move.RESOLVE, [1])),
    ("a late double of one held", [T, N], DONE, SEEN, Remedy.DOUBLES, (False, 0, None, [1])),
    (
        "a late double of one closed",
        [C, N],
        DONE,
        SEEN,
        Remedy.RESOLVED,
        (False, 1, Move.RESOLVE, []),
    ),
]


def tickets(standings: list[Standing], *, people: int | None = None) -> list[Found]:
    """`people` made the one of that index."""
    return [Found(str(n), f"T-{n}", one, 1, ours=n != people) for n, one in enumerate(standings)]


@pytest.mark.parametrize(
    ("standings", "stage", "last", "remedy", "wanted"),
    [one[1:] for one in CASES],
    ids=[one[0] for one in CASES],
)
def test_each_case(
    standings: list[Standing],
    stage: Stage,
    last: Last,
    remedy: Remedy,
    wanted: tuple[bool, int | None, Move | None, list[int]],
) -> None:
    found = tickets(standings)
    mend = plan(replace(BASE, stage=stage), found, 1, last)
    kept = None if mend.keep is None else found.index(mend.keep)
    assert (
        mend.remedy,
        (mend.create, kept, mend.move, [found.index(d) for d in mend.doubles]),
    ) == (
        remedy,
        wanted,
    )


@pytest.mark.parametrize(("standings", "then"), [([], Remedy.MISSING), ([C], Remedy.LEFT)])
def test_after_three_that_were_made_again_a_person_has_to_look(
    standings: list[Standing], then: Remedy
) -> None:
    remedies = [plan(BASE, tickets(standings), 1, Last(made=made)).remedy for made in range(5)]
    assert remedies == [Remedy.FOLLOWED if standings else Remedy.CREATED] * 3 + [then] * 2


def test_a_new_one_names_the_one_that_is_closed_for_good() -> None:
    found = tickets([C, C])
    assert plan(BASE, found, 1, SEEN).before == found[1]


@pytest.mark.parametrize("stage", [OPEN, RECOVERED])
def test_peoples_own_ticket_stays_and_ours_is_the_double(stage: Stage) -> None:
    found = tickets([N, T], people=1)
    mend = plan(replace(BASE, stage=stage), found, 1, SEEN)
    assert (mend.remedy, mend.keep, mend.doubles) == (Remedy.ADOPTED, found[1], (found[0],))


def test_peoples_own_ticket_alone_is_as_it_should_be() -> None:
    assert plan(BASE, tickets([T], people=0), 1, SEEN).remedy is Remedy.NOTHING


@pytest.mark.parametrize(
    ("step", "theirs", "last", "raised"),
    [
        ("raised", 3, SEEN, True),
        ("category_set", 3, SEEN, True),
        ("opened", 3, SEEN, False),
        ("raised", 1, SEEN, False),
        ("raised", None, SEEN, False),
        ("raised", 3, Last(fresh=False), False),  # people lowered it since
    ],
)
def test_the_priority_is_raised_once_where_the_last_message_said_so(
    step: str, theirs: int | None, last: Last, *, raised: bool
) -> None:
    mend = plan(replace(BASE, step_code=step), [Found("1", "T-1", T, theirs)], 2, last)
    assert (mend.rank, mend.remedy) == (raised, Remedy.RAISED if raised else Remedy.NOTHING)


def test_while_it_goes_on_it_is_looked_at_after_five_minutes_and_then_every_fifteen() -> None:
    def at(looked_at: int | None, mends: int = 0, lag: int = MINUTE) -> int | None:
        found = next_look(0, looked_at, mends, 0, over=False, lag=lag)
        return None if found is None else found // MINUTE

    assert at(None) == 5
    assert at(None, lag=10 * MINUTE) == 10
    assert at(5 * MINUTE) == 20
    assert [at(0, mends) for mends in (0, 1, 2, 3, 10)] == [15, 30, 60, 120, 360]


def test_after_the_end_it_is_looked_at_five_times_and_then_never() -> None:
    looks: list[int] = []
    looked: int | None = None
    while (at := next_look(0, looked, 0, looked or 0, over=True, lag=MINUTE)) is not None:
        looked = at
        looks.append(at // MINUTE)
    assert looks == [5, 20, 60, 360, 1440]


def test_what_was_missed_while_no_collector_ran_is_made_up_for_within_an_hour() -> None:
    def at(now: int) -> int | None:
        return next_look(0, None, 0, now * MINUTE, over=True, lag=MINUTE)

    assert at(64) == 5 * MINUTE
    assert at(65) == 20 * MINUTE
    assert at(200) == 360 * MINUTE
    assert at(1500) is None


STANDINGS = st.lists(st.sampled_from(Standing), max_size=6)
LASTS = st.builds(Last, st.booleans(), st.booleans(), st.booleans())
"""Nothing was made again yet."""
TICKETS = st.builds(
    lambda stage, step: replace(BASE, stage=stage, step_code=step),
    st.sampled_from([OPEN, ACK, RECOVERED, DONE]),
    st.sampled_from(["opened", "raised", "resolved", "report_due"]),
)


def mended(standings: list[Standing], mend: Mend) -> list[Standing]:
    after = list(standings)
    if mend.create:
        after.append(T if mend.move is Move.ACKNOWLEDGE else N)
    elif mend.keep is not None and mend.move is not None:
        after[int(mend.keep.id)] = {Move.REOPEN: T, Move.RESOLVE: R}[mend.move]
    for double in mend.doubles:
        after[int(double.id)] = R
    return after


@given(STANDINGS, TICKETS, LASTS, st.none() | st.integers(0, 5))
def test_what_is_mended_stays_so(
    standings: list[Standing], said: Ticket, last: Last, people: int | None
) -> None:
    after = mended(standings, plan(said, tickets(standings, people=people), 1, last))
    again = plan(said, tickets(after, people=people), 1, replace(last, fresh=False))
    assert again.remedy in QUIET


@given(STANDINGS, TICKETS, LASTS)
def test_one_at_most_is_open_then_and_one_where_the_incident_goes_on(
    standings: list[Standing], said: Ticket, last: Last
) -> None:
    after = mended(standings, plan(said, tickets(standings), 1, last))
    still_open = [one for one in after if one in (N, T)]
    if said.stage in (OPEN, ACK) and last.speaks:
        assert len(still_open) == 1
    elif said.stage is DONE:
        assert still_open == ([] if last.unseen else [one for one in standings if one is T])
    else:
        assert len(still_open) <= 1


@given(STANDINGS, TICKETS, LASTS)
def test_what_is_closed_for_good_is_never_written_to(
    standings: list[Standing], said: Ticket, last: Last
) -> None:
    mend = plan(said, tickets(standings), 1, last)
    if mend.remedy not in (*QUIET, Remedy.DOUBLES):
        assert mend.keep is None or mend.keep.standing is not C
    assert all(one.is_open for one in mend.doubles)
