"""Every act in every state: what becomes of it, or what stands in the way, written out."""

from __future__ import annotations

from dataclasses import replace

import pytest

from alerts.events import Cause
from alerts.people import Act, ActKind, CategoryReason, Facts, IncidentState, Ruling, standing
from alerts.permitted import IllegalActError, decide
from tests.unit.alerts.people import ANN, BOB, CLOCK, act, facts, stands

S = IncidentState
O, A, R, E, C, M, F = (  # noqa: E741 - a table is read by its columns
    S.OPEN, S.ACKNOWLEDGED, S.RECOVERED, S.RESOLVED, S.CLOSED, S.MERGED, S.FALSE_POSITIVE,
)  # fmt: skip
NOT = "incident.state"
STATES = (O, A, R, E, C, M, F)
TABLE: dict[str, tuple[IncidentState | str, ...]] = {
    # in state:        O    A    R    E    C    M    F
    "acknowledge": (A, A, NOT, NOT, NOT, NOT, NOT),
    "take over": (A, "incident.acknowledged", NOT, NOT, NOT, NOT, NOT),
    "note": (O, A, R, E, C, M, F),
    "category 3": (O, A, R, NOT, NOT, NOT, NOT),
    "category 1": (O, A, R, NOT, NOT, NOT, NOT),
    "category 4": (O, A, R, R, R, O, O),
    "resolve": (NOT, NOT, E, NOT, NOT, NOT, NOT),
    "close": (NOT, NOT, NOT, C, NOT, NOT, NOT),
    "false positive": (F, F, F, NOT, NOT, NOT, NOT),
    "merge": (M, M, M, NOT, NOT, NOT, NOT),
    "rule": (O, A, R, E, C, M, F),
}
ACTS = {
    "acknowledge": act(ActKind.ACKNOWLEDGED, ANN),
    "take over": act(ActKind.ACKNOWLEDGED, BOB),
    "note": act(ActKind.NOTED, BOB),
    "category 3": act(ActKind.RAISED, BOB, category=3, reason=CategoryReason.WIDER_IMPACT),
    "category 1": act(ActKind.RAISED, BOB, category=1, reason=CategoryReason.NARROWER_IMPACT),
    "category 4": act(ActKind.RAISED, BOB, category=4, reason=CategoryReason.PATIENT_HARMED),
    "resolve": act(ActKind.RESOLVED, BOB),
    "close": act(ActKind.CLOSED, BOB),
    "false positive": act(ActKind.FALSE_POSITIVE, BOB),
    "merge": act(ActKind.MERGED, BOB, into="lab.availability.5"),
    "rule": act(ActKind.RULED, BOB, ruling=Ruling.THEIRS),
}
BEFORE: dict[IncidentState, tuple[Facts, tuple[Act, ...]]] = {
    O: (facts(), ()),
    A: (facts(), (ACTS["acknowledge"],)),
    R: (facts(recovered_at=50), ()),
    E: (facts(recovered_at=50), (ACTS["resolve"],)),
    C: (facts(recovered_at=50), (ACTS["resolve"], ACTS["close"])),
    M: (facts(), (ACTS["merge"],)),
    F: (facts(), (ACTS["false positive"],)),
}
KEY = "ehr.availability.1"
REFUSED = (Cause.MISCONFIGURED, Cause.REJECTED_BY_ALL)
OTHER = standing(facts(), (), CLOCK)


def test_the_table_names_every_state_and_every_act_of_people() -> None:
    assert set(STATES) == set(IncidentState)
    assert {one.kind for one in ACTS.values()} == set(ActKind) - {
        ActKind.REOPENED,
        ActKind.CAUTIONED,
    }


@pytest.mark.parametrize(
    ("state", "name", "expected"),
    [
        (state, name, expected)
        for name, row in TABLE.items()
        for state, expected in zip(STATES, row, strict=True)
    ],
)
def test_an_act_in_a_state_leads_where_the_table_says(
    state: IncidentState, name: str, expected: IncidentState | str
) -> None:
    known, acts = BEFORE[state]
    before = standing(known, acts, CLOCK)
    assert before.state is state
    if isinstance(expected, IncidentState):
        done = decide(KEY, before, ACTS[name], safety=True, causes=REFUSED, target=OTHER)
        assert done == ACTS[name]
        assert standing(known, (*acts, done), CLOCK).state is expected
        return
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, before, ACTS[name], safety=True, causes=REFUSED, target=OTHER)
    assert (refused.value.code, refused.value.state) == (expected, state)
    wanted = [one for one, then in zip(STATES, TABLE[name], strict=True) if then is not NOT]
    assert refused.value.needed == (tuple(wanted) if expected is NOT else ())


@pytest.mark.parametrize("causes", [(), (Cause.MISCONFIGURED,), (Cause.DOWN,)])
def test_only_a_rejection_by_all_is_ruled(causes: tuple[Cause, ...]) -> None:
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, OTHER, ACTS["rule"], safety=True, causes=causes)
    assert (refused.value.code, refused.value.needed) == ("incident.not_rejected", ())


@pytest.mark.parametrize(
    ("category", "review_by", "before", "is_void"),
    [
        (1, 99, None, True),
        (1, 100, None, False),
        (2, 99, None, False),
        (3, 99, None, False),
        (1, 99, 3, False),
        (1, None, None, False),
    ],
)
def test_a_category_that_would_hold_for_no_time_is_refused(
    category: int, review_by: int | None, before: int | None, *, is_void: bool
) -> None:
    """At 100, where the rules say 2; one that lowers what a person had set has its effect."""
    set_ = act(ActKind.RAISED, BOB, category=before, review_by=99) if before else None
    now = standing(facts(category=2), () if set_ is None else (set_,), 100)
    assert now.rules_category == 2
    wanted = replace(act(ActKind.RAISED, ANN, category=category, review_by=review_by), at=100)
    if not is_void:
        assert decide(KEY, now, wanted, safety=False) == wanted
        return
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, now, wanted, safety=False)
    assert refused.value.code == "incident.category_void"


@pytest.mark.parametrize("name", ["category 4"])
def test_only_who_rules_on_patient_safety_sets_category_4(name: str) -> None:
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, OTHER, ACTS[name], safety=False)
    assert refused.value.code == "act.patient_safety"


@pytest.mark.parametrize(
    ("name", "recovered_at"),
    [
        ("category 3", None),
        ("category 1", None),
        ("false positive", None),
        ("merge", None),
        ("resolve", 50),
    ],
)
def test_category_4_is_lowered_and_ended_only_by_who_may_set_it(
    name: str, recovered_at: int | None
) -> None:
    grave = standing(facts(recovered_at=recovered_at), (ACTS["category 4"],), CLOCK)
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, grave, ACTS[name], safety=False, target=OTHER)
    assert refused.value.code == "act.patient_safety"
    alike = standing(facts(), (ACTS["category 4"],), CLOCK)
    assert decide(KEY, grave, ACTS[name], safety=True, target=alike) == ACTS[name]


@pytest.mark.parametrize("name", ["acknowledge", "note"])
def test_category_4_is_acknowledged_and_noted_by_whoever_acts(name: str) -> None:
    grave = standing(facts(), (ACTS["category 4"],), CLOCK)
    assert decide(KEY, grave, ACTS[name], safety=False) == ACTS[name]


@pytest.mark.parametrize("name", sorted(set(ACTS) - {"acknowledge", "take over"}))
def test_a_service_acknowledges_and_does_nothing_else(name: str) -> None:
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, OTHER, replace(ACTS[name], by_service=True), safety=True, target=OTHER)
    assert refused.value.code == "act.people_only"


def test_a_service_does_not_acknowledge_over_a_person() -> None:
    by_service = act(ActKind.ACKNOWLEDGED, "svc-1", by_service=True)
    assert decide(KEY, OTHER, by_service, safety=False) == by_service
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, stands(ACTS["acknowledge"]), by_service, safety=False)
    assert refused.value.code == "incident.acknowledged"


@pytest.mark.parametrize(
    ("into", "target", "code", "state"),
    [
        (KEY, OTHER, "incident.itself", O),
        ("none.blind.1", None, "incident.unknown_target", O),
        ("x.blind.1", standing(*BEFORE[R], CLOCK), "incident.target_not_open", R),
        ("x.blind.1", standing(*BEFORE[E], CLOCK), "incident.target_not_open", E),
        ("x.blind.1", standing(*BEFORE[C], CLOCK), "incident.target_not_open", C),
        ("x.blind.1", standing(*BEFORE[M], CLOCK), "incident.target_not_open", M),
        ("x.blind.1", standing(*BEFORE[F], CLOCK), "incident.target_not_open", F),
    ],
)
def test_only_another_open_incident_takes_one_in(
    into: str, target: object, code: str, state: IncidentState
) -> None:
    merge = act(ActKind.MERGED, ANN, into=into)
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, OTHER, merge, safety=True, target=target)  # type: ignore[arg-type]  # a table
    assert (refused.value.code, refused.value.state) == (code, state)


def test_an_acknowledged_incident_takes_another_in() -> None:
    merge = act(ActKind.MERGED, ANN, into="x.blind.1")
    assert decide(KEY, OTHER, merge, safety=False, target=stands(ACTS["acknowledge"])) == merge


def test_category_4_is_lowered_again_whatever_became_of_the_incident() -> None:
    done = (ACTS["category 4"], act(ActKind.RESOLVED), act(ActKind.CLOSED))
    closed = standing(facts(recovered_at=50), done, CLOCK)
    assert (closed.state, closed.category) == (C, 4)
    assert decide(KEY, closed, ACTS["category 3"], safety=True) == ACTS["category 3"]


def test_an_incident_is_merged_into_one_of_its_category_or_higher() -> None:
    slight = standing(facts(category=2), (), CLOCK)
    with pytest.raises(IllegalActError) as refused:
        decide(KEY, OTHER, ACTS["merge"], safety=True, target=slight)
    assert refused.value.code == "incident.target_less_urgent"
    assert decide(KEY, slight, ACTS["merge"], safety=True, target=OTHER) == ACTS["merge"]
