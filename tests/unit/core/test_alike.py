"""Many results alike are taken in one step; what comes of it is what one after the other makes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.core.agent_state import Rules, follow, tell
from collector.core.voice_fold import Segment, VoiceFold
from probes.config_checks import Check
from probes.contract import Outcome
from probes.results import Result
from tests.support.stories import check, config

EVERY = 60_000
HOLD = 130_000
CHECKS: list[Check | None] = [
    config(checks={"c": check(confirm={"down": down, "up": up})}).checks["c"]
    for down, up in ((1, 1), (2, 1), (3, 12))
]
LETTERS = {
    "u": Outcome.UP,
    "d": Outcome.DOWN,
    "w": Outcome.DEGRADED,
    "?": Outcome.UNKNOWN,
    "m": Outcome.MISCONFIGURED,
}
Piece = tuple[str, int, int, int | None]
"""Outcome (`.` is silence), how often, how far apart, days a certificate has left."""

pieces = st.tuples(
    st.sampled_from("uuuuuwd?m."),
    st.integers(1, 40),
    st.sampled_from([EVERY, EVERY, EVERY - 1, HOLD, HOLD + 1, 7 * EVERY]),
    st.sampled_from([None, None, 6, 5]),
)


def line(drawn: list[Piece]) -> list[Result]:
    out, t = [Result("c", "a", 1, Outcome.UP, "ok", 5, 6)], EVERY
    for letter, count, every, days in drawn:
        for _ in range(count):
            if letter != ".":
                out.append(Result("c", "a", t, LETTERS[letter], "ok", 5, t + 5, days))
            t += every
    return out


def one_by_one(results: list[Result], rules: Rules) -> VoiceFold:
    """As semantics 2 tells it."""
    fold = VoiceFold()
    for r in results:
        own = rules.at(r.t)
        if own is not None and r.outcome is not Outcome.UNKNOWN:
            fold.take(r.t, r.outcome, own)
            if r.cert_days_left is not None:
                fold.hear(r.t, r.cert_days_left, rules.version(r.t))
    return fold


def remembered(fold: VoiceFold) -> tuple[list[Segment], list[object]]:
    """What a fold that is put down takes along: numbers aside, they only name segments."""
    fold.prune()
    segments = [fold._at(n) for n in fold.recent]
    return segments, [
        fold.steady,
        fold.since_down,
        fold.hold_end,
        fold.in_outage,
        fold.failures,
        fold.good_run,
        fold.row_confirmed,
        fold.gap_since_judged,
        fold.running,
        fold.ends_by,
        fold.heard_in,
        fold.later,
    ]


@given(
    st.lists(pieces, min_size=1, max_size=8),
    st.lists(st.sampled_from([*CHECKS, None]), min_size=1, max_size=3),
    st.integers(1, 200),
)
def test_alike_in_one_step_is_one_after_the_other(
    drawn: list[Piece], checks: list[Check | None], apart: int
) -> None:
    results = line(drawn)
    rules = Rules(tuple(n * apart * EVERY for n in range(len(checks))), tuple(checks))
    quick, slow = follow(results, rules, None), one_by_one(results, rules)
    last = results[-1].t
    for now in (last + 1, last + 3 * HOLD):
        assert tell(quick, 0, now, None) == tell(slow, 0, now, None)
        assert quick.mendable_from(now) == slow.mendable_from(now)
    assert remembered(quick) == remembered(slow)
