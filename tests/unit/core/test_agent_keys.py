"""The life of an agent's key: every act in every state."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.core import agent_keys
from collector.core.agent_keys import (
    LEGAL,
    MOST_REPLACED,
    OVERLAP_MS,
    IllegalKeyError,
    Key,
    KeyAct,
    KeyState,
    RevokeReason,
)

S = KeyState
DAY_MS = 86_400_000


def key(state: KeyState, name: str = "a", **more: object) -> Key:
    return replace(Key("north-1", name, f"key {name}", state, 1), **more)  # type: ignore[arg-type]  # any field


def states(keys: list[Key]) -> dict[str, KeyState]:
    return {one.fingerprint: one.state for one in keys}


def done(keys: list[Key], changed: list[Key]) -> list[Key]:
    """The agent's keys afterwards."""
    by_name = {one.fingerprint: one for one in (*keys, *changed)}
    return list(by_name.values())


def do(act: KeyAct, keys: list[Key]) -> list[Key]:
    match act:
        case KeyAct.ENROLLED:
            return agent_keys.enrol(keys, "north-1", "a", "key a", 10)
        case KeyAct.APPROVED:
            return agent_keys.approve(keys, "a", "ann", 10)
        case KeyAct.ROTATED:
            return agent_keys.rotate(keys, "north-1", "a", "b", "key b", 10)
        case _:
            return agent_keys.revoke(keys, "a", RevokeReason.LOST, 10)


def outcome(act: KeyAct, state: KeyState) -> str:
    """What becomes of key `a`, or why it does not."""
    keys = [key(state)]
    try:
        changed = do(act, keys)
    except IllegalKeyError as error:
        return error.code if error.state is state else "another state is named"
    return states(done(keys, changed))["a"].value if changed else "as it was"


ILLEGAL, WAITS = "agent.key_state", "agent.not_approved"
TABLE = {
    KeyAct.ENROLLED: ("as it was", "pending", "as it was", ILLEGAL, ILLEGAL),
    KeyAct.APPROVED: ("approved", ILLEGAL, "as it was", ILLEGAL, ILLEGAL),
    KeyAct.ROTATED: (WAITS, WAITS, "replaced", ILLEGAL, ILLEGAL),
    KeyAct.REVOKED: ("revoked", "revoked", "revoked", "revoked", "as it was"),
}


@pytest.mark.parametrize("act", TABLE)
def test_every_act_in_every_state(act: KeyAct) -> None:
    assert tuple(outcome(act, state) for state in KeyState) == TABLE[act]
    legal = {
        s for s, told in zip(KeyState, TABLE[act], strict=True) if not told.startswith("agent")
    }
    assert legal == LEGAL[act]


def test_a_new_key_waits_and_takes_the_place_of_one_that_waited() -> None:
    keys = [key(S.APPROVED, "old"), key(S.PENDING, "first")]
    changed = agent_keys.enrol(keys, "north-1", "second", "key second", 10)
    assert states(changed) == {"first": S.WITHDRAWN, "second": S.PENDING}
    assert states(done(keys, changed))["old"] is S.APPROVED


def test_an_approved_key_replaces_the_one_before_which_is_taken_for_21_days() -> None:
    keys = [key(S.APPROVED, "old"), key(S.PENDING, "new")]
    old, new = agent_keys.approve(keys, "new", "ann", 10)
    assert (old.state, old.replaced_at, old.replaced_by) == (S.REPLACED, 10, "new")
    assert (new.state, new.approved_at, new.by) == (S.APPROVED, 10, "ann")
    assert OVERLAP_MS == 21 * DAY_MS
    assert old.taken(10 + 21 * DAY_MS - 1)
    assert not old.taken(10 + 21 * DAY_MS)
    assert new.taken(10 + 99 * DAY_MS)


def test_a_rotated_key_is_approved_at_once_and_the_rotation_may_come_again() -> None:
    keys = [key(S.APPROVED)]
    old, new = agent_keys.rotate(keys, "north-1", "a", "b", "key b", 10)
    assert (old.state, old.replaced_by, old.valid_until) == (S.REPLACED, "b", 10 + OVERLAP_MS)
    assert (new.state, new.by, new.approved_at, new.key) == (S.APPROVED, "rotation", 10, "key b")
    keys = done(keys, [old, new])
    assert agent_keys.rotate(keys, "north-1", "a", "b", "key b", 99) == []
    with pytest.raises(IllegalKeyError) as caught:
        agent_keys.rotate(keys, "north-1", "a", "c", "key c", 99)
    assert (caught.value.code, caught.value.state) == ("agent.key_state", S.REPLACED)


@pytest.mark.parametrize("state", list(KeyState))
def test_nothing_is_rotated_to_a_key_that_is_known(state: KeyState) -> None:
    keys = [key(S.APPROVED), key(state, "b")]
    with pytest.raises(IllegalKeyError) as caught:
        agent_keys.rotate(keys, "north-1", "a", "b", "key b", 10)
    assert (caught.value.code, caught.value.state) == ("agent.key_state", state)


def test_an_agent_has_so_many_replaced_keys_at_most_and_time_makes_room() -> None:
    many = [key(S.REPLACED, f"k{n}", valid_until=100) for n in range(MOST_REPLACED)]
    keys = [*many, key(S.APPROVED)]
    with pytest.raises(IllegalKeyError) as caught:
        agent_keys.rotate(keys, "north-1", "a", "b", "key b", 99)
    assert (caught.value.code, caught.value.state) == ("agent.too_many_keys", None)
    assert len(agent_keys.rotate(keys, "north-1", "a", "b", "key b", 100)) == 2


def test_what_goes_back_to_a_revoked_key_by_rotation_is_named_and_nothing_else() -> None:
    keys = [
        key(S.REPLACED, "a", replaced_by="b"),
        key(S.REPLACED, "b", replaced_by="c", by="rotation"),
        key(S.REPLACED, "c", replaced_by="d", by="rotation"),
        key(S.APPROVED, "d", by="ann"),
    ]
    assert [one.fingerprint for one in agent_keys.announced(keys, "a")] == ["b", "c"]
    assert agent_keys.announced(keys, "d") == []


def test_an_unknown_key_is_named_so() -> None:
    for act in (KeyAct.APPROVED, KeyAct.ROTATED, KeyAct.REVOKED):
        with pytest.raises(IllegalKeyError) as caught:
            do(act, [])
        assert (caught.value.code, caught.value.state) == ("agent.unknown_key", None)


ACTS = st.lists(
    st.tuples(st.sampled_from(list(TABLE)), st.sampled_from("abcd"), st.sampled_from("abcd"))
)


@given(ACTS)
def test_at_most_one_key_waits_and_one_is_approved_and_a_revoked_one_stays_so(
    acts: list[tuple[KeyAct, str, str]],
) -> None:
    keys: list[Key] = []
    revoked: set[str] = set()
    for at, (act, one, other) in enumerate(acts):
        try:
            match act:
                case KeyAct.ENROLLED:
                    changed = agent_keys.enrol(keys, "north-1", one, f"key {one}", at)
                case KeyAct.APPROVED:
                    changed = agent_keys.approve(keys, one, "ann", at)
                case KeyAct.ROTATED:
                    changed = agent_keys.rotate(keys, "north-1", one, other, f"key {other}", at)
                case _:
                    changed = agent_keys.revoke(keys, one, RevokeReason.STOLEN, at)
        except IllegalKeyError:
            changed = []
        keys = done(keys, changed)
        found = list(states(keys).values())
        assert found.count(S.PENDING) <= 1
        assert found.count(S.APPROVED) <= 1
        revoked |= {k.fingerprint for k in keys if k.state is S.REVOKED}
        assert not any(k.taken(at) for k in keys if k.fingerprint in revoked)
