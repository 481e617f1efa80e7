"""A fold from what is settled says what a fold from the first result on says."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from collector import snapshots
from collector.core import voice_fold
from collector.core.settled import NOTHING, Settled, taken_back
from collector.core.settling import settle
from collector.core.tally import BUCKET_MS
from collector.core.truth import SystemTruth, counted, fold_system, rules
from collector.truths import Live
from probes.config import Config
from probes.contract import Outcome
from probes.history import History, Version
from probes.results import Result
from probes.spans import Interval
from tests.support.soak import longer
from tests.support.stories import T0, check, config, result, system

UNIT = 60_000
MOODS = [*Outcome, Outcome.UP, Outcome.UP, Outcome.UP, Outcome.DOWN, Outcome.MISCONFIGURED]
CONFIRM = [1, 1, 1, 2, 2, 3, 12]


def hospital(rng: random.Random, *, need: int = 1) -> Config:
    """Two critical checks and a group, from agents of two sites."""
    confirm = {"down": rng.choice(CONFIRM), "up": rng.choice(CONFIRM)}
    return config(
        systems={"ehr": system(groups={"g": {"need": need}})},
        checks={
            "c": check(**{"from": ["a", "b", "s"], "confirm": confirm}),
            "d": check(every=rng.choice(["10s", "60s", "120s", "3600s"])),
            "e": check(role={"group": "g"}),
            "f": check(role={"group": "g"}, **{"from": ["s"]}),
        },
    )


def later_hospital(rng: random.Random, at: int) -> Config:
    """What a version recorded at `at` may have made of it: checks, agents, the system itself may
    be gone, or back, or monitored only from a later instant on.
    """
    gone = {name for name in ("a", "b", "s") if rng.random() < 0.15}
    agents = {"a": "north", "b": "north", "s": "south", "z": "south"}
    agents = {name: site for name, site in agents.items() if name not in gone}
    confirm = {"down": rng.choice(CONFIRM), "up": rng.choice(CONFIRM)}
    role = rng.choice(["critical", "critical", "supporting"])
    checks = {
        "c": check(confirm=confirm),
        "d": check(role=role, every=rng.choice(["10s", "60s", "120s", "3600s"])),
        "e": check(role={"group": "g"}),
        "f": check(role={"group": "g"}),
        "l": check(system="lab", **{"from": ["z"]}),
    }
    wanted = {"c": ["a", "b", "s"], "d": ["a"], "e": ["a"], "f": ["s"]}
    for name, found in wanted.items():
        checks[name]["from"] = [x for x in found if x in agents] or ["z"]
    if rng.random() < 0.2:
        del checks[rng.choice(["d", "f"])]
    groups = {"g": {"need": rng.randint(1, 2) if "f" in checks else 1}}
    changes: dict[str, Any] = {"groups": groups}
    if rng.random() < 0.2:
        moment = (at - T0) // UNIT + rng.randint(1, 30)
        changes["effective_from"] = f"2026-01-01T{moment // 60:02}:{moment % 60:02}"
    systems = {"lab": system(), "ehr": system(**changes)}
    if rng.random() < 0.15:
        del systems["ehr"]
        checks = {"l": checks["l"]}
    return config(
        systems=systems,
        checks=checks,
        agents={name: {"site": site} for name, site in agents.items()},
    )


SOURCES = [("c", "a"), ("c", "b"), ("c", "s"), ("d", "a"), ("e", "a"), ("f", "s")]
HOLD = 130_000
"""Of a check every 60 s."""


def weather(rng: random.Random, slots: int) -> list[Result]:
    """What each says changes now and then, and silence is among it."""
    out: list[Result] = []
    for check_id, agent in SOURCES:
        mood: Outcome | None = Outcome.UP
        shaky = rng.random() < 0.3
        certified = rng.random() < 0.5
        every = rng.choice([UNIT, UNIT, UNIT, UNIT, 20_000, 10 * UNIT])
        t = T0
        while t < T0 + slots * UNIT:
            if rng.random() < 0.08:
                mood = rng.choice([*MOODS, None])
            said = rng.choice([Outcome.UP, Outcome.DOWN]) if shaky and mood else mood
            if said:
                days = rng.choice([None, 5, 5, 5, 5, 4, 90]) if certified else None
                out.append(replace(result(t, said, check_id, agent), cert_days_left=days))
                if rng.random() < 0.02:
                    # Said twice, maybe otherwise.
                    out.append(result(t, rng.choice([said, *Outcome]), check_id, agent))
            t += rng.choice([every, every, every, every + 1, max(1, every - 1), every, every])
            if rng.random() < 0.03:
                t += rng.choice([HOLD, HOLD + 1, HOLD - 1]) - every
    return out


@dataclass
class Follower:
    """Takes results as they come and settles what is past, as a collector does."""

    history: History
    settled: Settled = NOTHING
    tail: dict[tuple[str, str], list[Result]] = field(default_factory=dict)
    everything: dict[tuple[str, str], list[Result]] = field(default_factory=dict)
    started_anew: int = 0
    taken_back: int = 0
    mended: int = 0

    def take(self, results: list[Result], truth: SystemTruth | None) -> None:
        for each in sorted(results, key=lambda r: r.t):
            source = (each.check, each.agent)
            self.everything.setdefault(source, []).append(each)
            line = self.tail.setdefault(source, [])
            if self.settled.is_late(source, each.t):
                assert truth is not None
                back = taken_back(
                    self.settled,
                    source,
                    sorted(line, key=lambda r: r.t),
                    rules(source, "ehr", truth.versions),
                    each.t,
                    waiting=len(truth.decided.dates) > len(self.settled.decided.dates),
                )
                if back is None:
                    self.started_anew += 1
                    self.settled = NOTHING
                    self.tail = {s: list(line) for s, line in self.everything.items()}
                    continue
                self.taken_back += 1
                self.settled = back
            line.append(each)

    def restart(self) -> None:
        """Go on from the bytes of a snapshot."""
        live = snapshots.decode(
            "ehr", snapshots.encode(Live("ehr", self.settled, self.tail)), self.history
        )
        assert live.settled == self.settled
        self.settled = live.settled
        self.tail = live.tail

    def tell(self, now: int) -> SystemTruth:
        truth = fold_system("ehr", self.history, self.tail, now, None, self.settled)
        if truth.mended is None:
            return truth
        self.mended += 1
        self.settled = NOTHING
        self.tail = {s: list(line) for s, line in self.everything.items()}
        return fold_system("ehr", self.history, self.tail, now, None)

    def settle(self, truth: SystemTruth, edge: int) -> None:
        self.settled = settle(truth, self.tail, self.settled, edge)
        self.tail = {
            source: [r for r in line if r.t >= self.settled.upto(source)]
            for source, line in self.tail.items()
        }


def same(one: SystemTruth, two: SystemTruth) -> None:
    for name in (
        "monitored_from",
        "decided",
        "checks",
        "sites",
        "states",
        "outages",
        "blips",
        "access",
        "rejected_by_all",
        "expires",
        "burning",
        "conflicts",
    ):
        assert getattr(one, name) == getattr(two, name), name
    assert one.voices.keys() >= two.voices.keys()
    for source, voice in two.voices.items():
        assert one.voices[source].states == voice.states
        assert one.voices[source].failing == voice.failing


def whole_buckets(one: SystemTruth, two: SystemTruth, start: int, end: int) -> None:
    part = Interval(start // 300_000 * 300_000, end // 300_000 * 300_000)
    for source, voice in two.voices.items():
        assert one.voices[source].runs(part) == voice.runs(part)


def any_edges(
    rng: random.Random, one: SystemTruth, two: SystemTruth, everything: Follower, now: int
) -> None:
    """Runs are exact at any edge once what `cut` names is looked up."""
    left = rng.randint(T0 - UNIT, now)
    right = rng.randint(left, now)
    for source, voice in two.voices.items():
        tally = one.voices[source].judged
        for bucket in tally.cut([left, right]):
            near = [
                r
                for r in everything.everything.get(source, ())
                if bucket <= r.t < bucket + BUCKET_MS
            ]
            tally.exact[bucket] = counted(one, source, near)
        assert one.voices[source].runs(Interval(left, right)) == voice.runs(Interval(left, right))
        tally.exact.clear()


def versions(rng: random.Random, slots: int) -> History:
    found: list[Any] = [Version(T0, hospital(rng))]
    for _ in range(rng.choice([0, 0, 1, 2, 4])):
        at = found[-1].at + rng.randint(1, slots // 2) * UNIT + rng.choice([0, 0, 7])
        found.append(Version(at, later_hospital(rng, at)))
    return History(found)


def story(seed: int) -> Follower:
    """A hospital's time, told step by step; AssertionError where the two folds differ."""
    rng = random.Random(seed)
    slots = rng.choice([20, 40, 80])
    history = versions(rng, slots)
    follower = Follower(history)
    coming = []
    for each in weather(rng, slots):
        # A result may come late, as those of an agent that was cut off for a while do.
        lateness = rng.choice([0] * 20 + [rng.randint(0, 40)]) * UNIT
        coming.append((each.t + 5 + lateness, each))
    for check_id, agent in SOURCES[: rng.choice([0, 2])]:
        cut = T0 + rng.randint(5, slots) * UNIT
        healed = cut + rng.randint(10, 40) * UNIT
        coming = [
            (max(at, healed) if (e.check, e.agent) == (check_id, agent) and e.t >= cut else at, e)
            for at, e in coming
        ]
    coming.sort(key=lambda pair: pair[0])
    truth: SystemTruth | None = None
    now = T0
    grace = rng.choice([2, 5, 15]) * UNIT
    while coming:
        now += rng.randint(1, 8) * UNIT + rng.choice([0, 0, 333])
        count = sum(at < now for at, _ in coming)
        follower.take([each for _, each in coming[:count]], truth)
        coming = coming[count:]
        truth = follower.tell(now)
        if rng.random() < 0.6:
            follower.settle(truth, now - grace)
        if rng.random() < 0.1:
            follower.restart()
        if rng.random() < 0.3 or not coming:
            expected = fold_system("ehr", history, follower.everything, now, None)
            same(follower.tell(now), expected)
            whole_buckets(truth, expected, T0, now)
            any_edges(rng, follower.tell(now), expected, follower, now)
    return follower


@settings(max_examples=longer(30), deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([UNIT, 10 * UNIT, voice_fold.PATIENCE_MS]))
def test_a_fold_from_what_is_settled_is_a_fold_from_the_first_result(
    seed: int, patience: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(voice_fold, "PATIENCE_MS", patience)
        story(seed)


def test_what_lies_far_back_is_not_looked_at_again() -> None:
    rng = random.Random(1)
    follower = Follower(History([Version(T0, hospital(rng))]))
    line = [result(T0 + n * UNIT, Outcome.UP, *source) for n in range(600) for source in SOURCES]
    follower.take(line, None)
    now = T0 + 600 * UNIT
    follower.settle(follower.tell(now), now - 15 * UNIT)
    assert {len(rest) for rest in follower.tail.values()} == {15}
    assert follower.settled.until == now - 15 * UNIT
    heard = follower.settled.voices["c", "a"]
    assert len(heard.fold.segments) <= 10
    assert len(heard.judged.fine) <= 10
