"""Two people, a service and the rules act on three incidents in any order."""

from __future__ import annotations

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from alerts.people import Act, ActKind, Facts, IncidentState, Standing, standing
from alerts.permitted import PERMITTED, IllegalActError, decide
from tests.unit.alerts.people import act

KEYS = ("a", "b", "c")
S, K = IncidentState, ActKind
keys = st.sampled_from(KEYS)


class Desk(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.facts = dict.fromkeys(KEYS, Facts(None, resolved=False, category=2))
        self.acts: dict[str, list[Act]] = {key: [] for key in KEYS}
        self.at_four: set[str] = set()

    def stands(self, key: str) -> Standing:
        return standing(self.facts[key], self.acts[key], self.now)

    @rule(by=st.integers(1, 200))
    def time_passes(self, by: int) -> None:
        self.now += by

    @rule(
        key=keys,
        kind=st.sampled_from(sorted(set(K) - {K.REOPENED, K.CAUTIONED})),
        by=st.sampled_from(["ann", "bob", "svc-1"]),
        category=st.integers(1, 4),
        into=keys,
        safety=st.booleans(),
    )
    def somebody_acts(
        self, key: str, kind: ActKind, by: str, category: int, into: str, *, safety: bool
    ) -> None:
        service = by == "svc-1"
        more = {"category": category} if kind is K.RAISED else {}
        wanted = act(kind, by, self.now, by_service=service, **more)
        if kind is K.MERGED:
            wanted = act(kind, by, self.now, by_service=service, into=into)
        before, others = self.stands(key), {k: self.stands(k) for k in KEYS if k != key}
        may = safety and not service
        try:
            done = decide(key, before, wanted, safety=may, target=self.stands(into))
        except IllegalActError:
            assert self.stands(key) == before
            return
        self.acts[key].append(done)
        after = self.stands(key)
        assert {k: self.stands(k) for k in KEYS if k != key} == others
        assert not service or after.state is before.state
        if before.category == 4 and kind not in (K.ACKNOWLEDGED, K.NOTED, K.CLOSED):
            assert may
        if after.category == 4 and before.category != 4:
            assert may
        assert before.state in PERMITTED[kind] or category == 4
        if kind is K.RAISED:
            self.at_four.discard(key)
            if category == 4:
                self.at_four.add(key)

    @rule(key=keys)
    def the_rules_raise(self, key: str) -> None:
        old = self.facts[key]
        if old.recovered_at is None:
            self.facts[key] = Facts(None, resolved=False, category=3)

    @rule(key=keys)
    def it_recovers(self, key: str) -> None:
        old = self.facts[key]
        if old.recovered_at is None:
            self.facts[key] = Facts(self.now, resolved=old.category <= 2, category=old.category)

    @rule(key=keys)
    @precondition(lambda self: any(f.recovered_at is not None for f in self.facts.values()))
    def it_reopens(self, key: str) -> None:
        if self.facts[key].recovered_at is not None:
            self.facts[key] = Facts(None, resolved=False, category=self.facts[key].category)
            self.acts[key].append(Act(K.REOPENED, "system", self.now))
            assert self.stands(key).state is S.OPEN

    @invariant()
    def no_automation_lowers_a_category(self) -> None:
        for key in KEYS:
            found = self.stands(key)
            assert found.rules_category == self.facts[key].category
            assert (found.category == 4) == (key in self.at_four)

    @invariant()
    def merges_make_no_circle(self) -> None:
        for key in KEYS:
            seen, at = set(), key
            while (following := self.stands(at).merged_into) is not None:
                assert at not in seen
                seen.add(at)
                at = following

    @invariant()
    def a_state_agrees_with_the_facts(self) -> None:
        for key in KEYS:
            state, recovered = self.stands(key).state, self.facts[key].recovered_at is not None
            if state in (S.OPEN, S.ACKNOWLEDGED):
                assert not recovered
            if state in (S.RECOVERED, S.RESOLVED, S.CLOSED):
                assert recovered


TestDesk = pytest.mark.timeout(300)(Desk.TestCase)
