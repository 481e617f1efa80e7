"""What is to be done with the tickets found: every case by name, and what holds of any order of them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerts.lookup import REOPENINGS, Found, Move, Standing, Work, bounded_key, plan
from alerts.ticket import DUES, Stage, Ticket, ticket
from tests.support import ticket_messages as messages

BASE = ticket(messages.message(messages.OPENED))
N, T, R, C = Standing.NEW, Standing.TAKEN, Standing.RESOLVED, Standing.CLOSED
OPEN, ACK, RECOVERED, DONE, TOLD = Stage
CASES: list[tuple[list[Standing], Stage, str, int, tuple[bool, int | None, Move | None, list[int]]]]
CASES = [
    # found, stage, step, sequence -> (create, index kept, move, indexes resolved as doubles)
    ([], OPEN, "opened", 1, (True, None, None, [])),
    ([], ACK, "acknowledged", 2, (True, None, Move.ACKNOWLEDGE, [])),
    ([], RECOVERED, "recovered", 2, (True, None, None, [])),
    ([], DONE, "resolved", 2, (False, None, None, [])),
    ([], DONE, "found_late", 1, (True, None, Move.RESOLVE, [])),
    ([], TOLD, "", 1, (True, None, Move.RESOLVE, [])),
    ([N], OPEN, "raised", 2, (False, 0, None, [])),
    ([N], ACK, "acknowledged", 2, (False, 0, Move.ACKNOWLEDGE, [])),
    ([T], ACK, "acknowledged", 2, (False, 0, None, [])),
    ([T], OPEN, "acknowledgement_expired", 3, (False, 0, None, [])),
    ([T], RECOVERED, "recovered", 3, (False, 0, None, [])),
    ([T], DONE, "resolved", 3, (False, 0, Move.RESOLVE, [])),
    ([T], DONE, "report_due", 4, (False, 0, None, [])),
    ([N], DONE, "report_due", 4, (False, 0, Move.RESOLVE, [])),
    ([T], DONE, "closed", 4, (False, 0, Move.RESOLVE, [])),
    ([N], TOLD, "", 1, (False, 0, Move.RESOLVE, [])),
    ([N], DONE, "found_late", 1, (False, 0, Move.RESOLVE, [])),
    ([R], DONE, "closed", 4, (False, 0, None, [])),
    ([R, C], DONE, "report_due", 4, (False, 0, None, [])),
    ([C], DONE, "closed", 4, (False, None, None, [])),
    ([C], DONE, "found_late", 1, (False, None, None, [])),
    ([C], DONE, "mdr_due", 9, (True, None, Move.RESOLVE, [])),
    ([], DONE, "report_overdue", 9, (True, None, Move.RESOLVE, [])),
    ([R], DONE, "found_late", 1, (False, 0, None, [])),
    ([C], TOLD, "", 1, (False, None, None, [])),
    ([R], OPEN, "reopened", 4, (False, 0, Move.REOPEN, [])),
    ([R], OPEN, "category_set", 4, (False, 0, Move.REOPEN, [])),
    ([R], OPEN, "raised", 4, (False, 0, None, [])),
    ([R], ACK, "acknowledged", 4, (False, 0, None, [])),
    ([R, R], OPEN, "reopened", 4, (False, 0, Move.REOPEN, [])),  # the other was a double
    ([C, R], OPEN, "reopened", 4, (False, 1, Move.REOPEN, [])),
    ([R, C, R, R], OPEN, "reopened", 4, (False, 2, Move.REOPEN, [])),
    ([R, C], OPEN, "reopened", 4, (False, 0, Move.REOPEN, [])),
    ([C], OPEN, "reopened", 4, (True, None, None, [])),
    ([C], OPEN, "raised", 4, (True, None, None, [])),
    ([C], RECOVERED, "recovered", 4, (False, None, None, [])),
    ([C], RECOVERED, "category_set", 4, (True, None, None, [])),
    ([C], RECOVERED, "response_breached", 4, (True, None, None, [])),
    ([C, N], OPEN, "raised", 4, (False, 1, None, [])),
    ([R, N, T], OPEN, "raised", 4, (False, 1, None, [2])),
    ([N, N, N], DONE, "resolved", 4, (False, 0, Move.RESOLVE, [1, 2])),
    ([T], OPEN, "cautioned", 2, (False, 0, None, [])),
    ([T], DONE, "cautioned", 4, (False, 0, None, [])),
    ([R], OPEN, "cautioned", 4, (False, 0, None, [])),
    ([R], DONE, "cautioned", 4, (False, 0, None, [])),
    ([C], OPEN, "cautioned", 4, (False, None, None, [])),
    ([C], DONE, "cautioned", 4, (False, None, None, [])),
    ([], OPEN, "cautioned", 4, (False, None, None, [])),
]


def tickets(standings: list[Standing]) -> list[Found]:
    return [Found(str(n), f"T-{n}", one) for n, one in enumerate(standings)]


@pytest.mark.parametrize(("standings", "stage", "step", "sequence", "wanted"), CASES)
def test_each_case(
    standings: list[Standing],
    stage: Stage,
    step: str,
    sequence: int,
    wanted: tuple[bool, int | None, Move | None, list[int]],
) -> None:
    found = tickets(standings)
    work = plan(found, replace(BASE, stage=stage, step_code=step, sequence=sequence), 1)
    kept = None if work.keep is None else found.index(work.keep)
    assert (work.create, kept, work.move, [found.index(d) for d in work.doubles]) == wanted


@pytest.mark.parametrize(
    ("theirs", "ours", "step", "ranked"),
    [
        (3, 1, "raised", True),
        (3, 1, "response_warned", True),
        (1, 3, "response_warned", False),
        (1, 3, "category_set", True),
        (2, 2, "category_set", True),  # the same priority may be another urgency
        (2, 2, "raised", False),
        (None, 1, "raised", False),
    ],
)
def test_the_priority_goes_up_and_down_only_by_a_person_here(
    theirs: int | None, ours: int, step: str, *, ranked: bool
) -> None:
    found = [Found("1", "T-1", Standing.TAKEN, theirs)]
    assert plan(found, replace(BASE, step_code=step), ours).rank is ranked


@dataclass
class Shelf:
    """A receiver that shows only some of what it has, as one does whose index lags."""

    standings: list[Standing] = field(default_factory=list)

    def seen(self, hidden: frozenset[int] = frozenset()) -> list[Found]:
        return [one for one in tickets(self.standings) if int(one.id) not in hidden]

    def do(self, work: Work) -> None:
        keep = work.keep
        if work.create:
            self.standings.append(Standing.NEW)
            keep = tickets(self.standings)[-1]
        to = {Move.ACKNOWLEDGE: T, Move.RESOLVE: R, Move.REOPEN: T}
        if keep is not None and work.move is not None:
            self.standings[int(keep.id)] = to[work.move]
        for double in work.doubles:
            self.standings[int(double.id)] = R

    @property
    def open(self) -> int:
        return sum(one in (N, T) for one in self.standings)


STANDINGS = st.lists(st.sampled_from(Standing), max_size=6)
TICKETS = st.builds(
    lambda stage, step, sequence: replace(BASE, stage=stage, step_code=step, sequence=sequence),
    st.sampled_from(Stage),
    st.sampled_from(["opened", "raised", "mdr_due", "recovered", *sorted(REOPENINGS)]),
    st.integers(1, 3),
)
UNDER_WAY = st.builds(
    lambda stage, step: replace(BASE, stage=stage, step_code=step, sequence=2),
    st.sampled_from([OPEN, ACK]),
    st.sampled_from(["opened", "raised", *sorted(REOPENINGS)]),
)
HIDDEN = st.lists(st.frozensets(st.integers(0, 12)), max_size=6)


@given(STANDINGS, TICKETS)
def test_one_ticket_at_most_is_left_open_and_when_it_is_over_none_but_a_reminded_one(
    standings: list[Standing], told: Ticket
) -> None:
    shelf = Shelf(list(standings))
    shelf.do(plan(shelf.seen(), told, 1))
    taken_up = told.step_code in DUES and T in standings
    assert shelf.open <= (told.stage not in (DONE, TOLD) or taken_up)


@given(STANDINGS, TICKETS)
def test_a_repeat_makes_and_moves_nothing(standings: list[Standing], told: Ticket) -> None:
    shelf = Shelf(list(standings))
    shelf.do(plan(shelf.seen(), told, 1))
    again = plan(shelf.seen(), told, 1)
    assert (again.create, again.move, again.doubles) == (False, None, ())


@given(STANDINGS, TICKETS)
def test_what_is_closed_is_never_written_to_and_what_people_hold_goes_only_forward(
    standings: list[Standing], told: Ticket
) -> None:
    shelf = Shelf(list(standings))
    work = plan(shelf.seen(), told, 1)
    touched = [*([work.keep] if work.keep else []), *work.doubles]
    assert all(one.standing is not C for one in touched)
    assert len({one.id for one in touched}) == len(touched)
    allowed = {
        N: {None, Move.ACKNOWLEDGE, Move.RESOLVE},
        T: {None, Move.RESOLVE},
        R: {None, Move.REOPEN} if told.step_code in REOPENINGS else {None},
    }
    if work.keep is not None:
        assert work.move in allowed[work.keep.standing]


@given(HIDDEN, UNDER_WAY)
def test_attempts_that_saw_too_little_leave_one_open_ticket_once_all_is_seen(
    hidden: list[frozenset[int]], told: Ticket
) -> None:
    shelf = Shelf()
    for unseen in hidden:
        shelf.do(plan(shelf.seen(unseen), told, 1))
    shelf.do(plan(shelf.seen(), told, 1))
    assert shelf.open == 1


@given(HIDDEN, UNDER_WAY)
def test_the_end_leaves_none_open_however_many_were_made(
    hidden: list[frozenset[int]], told: Ticket
) -> None:
    shelf = Shelf()
    for unseen in hidden:
        shelf.do(plan(shelf.seen(unseen), told, 1))
    shelf.do(plan(shelf.seen(), replace(told, stage=DONE, step_code="resolved"), 1))
    assert shelf.open == 0


@given(STANDINGS, TICKETS, st.sampled_from(sorted(DUES)))
def test_what_comes_due_is_always_written_somewhere(
    standings: list[Standing], told: Ticket, step: str
) -> None:
    work = plan(tickets(standings), replace(told, step_code=step), 1)
    assert work.create or work.keep is not None


def test_a_key_that_is_too_long_for_a_field_is_its_beginning_and_its_digest() -> None:
    assert bounded_key("a.b", 100) == "a.b"
    assert bounded_key("x" * 100, 100) == "x" * 100
    long = bounded_key("x" * 101, 100)
    assert (len(long), long[:68]) == (100, "x" * 67 + "-")
    assert long != bounded_key("x" * 102, 100)
