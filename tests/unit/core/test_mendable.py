"""From when on what an agent said may still change (semantics 2.1 to 2.3)."""

from __future__ import annotations

import pytest

from collector.core.voice_fold import VoiceFold
from probes.config_checks import Check
from tests.support.stories import OUTCOMES, check

MINUTE = 60_000
HOUR = 60 * MINUTE


def fold(words: str, every: int = MINUTE, **changes: object) -> VoiceFold:
    """One letter a slot from 0 on; a result holds two slots and 10 s."""
    used = Check.model_validate(check(every=f"{every}ms", **changes))
    found = VoiceFold()
    for n, letter in enumerate(words):
        if letter != ".":
            found.take(n * every, OUTCOMES[letter], used)
    return found


@pytest.mark.parametrize(
    ("words", "edge", "first"),
    [
        # a failing run in doubt, until its hold has ended
        ("ud", 3 * HOUR + 10_000, HOUR),
        ("ud", 3 * HOUR + 10_001, 3 * HOUR + 10_001),
        # decided; its last failure is within an hour
        ("uudmd", 5 * HOUR, 4 * HOUR),
        ("uudmd", 5 * HOUR + 1, 5 * HOUR + 1),
        # a row of misconfigured waits for the next, through any silence
        ("um", 9 * HOUR, HOUR),
        ("umm", 9 * HOUR, 9 * HOUR),
        ("umu", 9 * HOUR, 9 * HOUR),
        ("uu", 3 * HOUR, 3 * HOUR),
    ],
)
def test_what_is_in_doubt_may_change(words: str, edge: int, first: int) -> None:
    assert fold(words, HOUR).mendable_from(edge) == first


@pytest.mark.parametrize(
    ("words", "edge", "first"),
    [("ddu", 3 * HOUR, 2 * HOUR), ("dduu", 4 * HOUR, 4 * HOUR), ("ddu", 6 * HOUR, 6 * HOUR)],
)
def test_a_recovery_in_doubt_may_change(words: str, edge: int, first: int) -> None:
    told = fold(words, HOUR, confirm={"down": 2, "up": 2})
    assert told.mendable_from(edge) == first


@pytest.mark.parametrize(
    ("words", "edge", "first"),
    [
        ("d" + "u" * 8, 9 * MINUTE, 0),
        ("d" + "u" * 9, 10 * MINUTE, 10 * MINUTE),
        ("u" * 9, 9 * MINUTE, 9 * MINUTE),
        ("dudu" + "u" * 4, HOUR, 0),
        ("dudu" + "u" * 4, HOUR + 1, 2 * MINUTE),
        ("dudu" + "u" * 4, HOUR + 2 * MINUTE + 1, HOUR + 2 * MINUTE + 1),
    ],
)
def test_a_failure_that_ten_within_an_hour_may_hold_may_change(
    words: str, edge: int, first: int
) -> None:
    assert fold(words).mendable_from(edge) == first


def test_what_may_change_is_kept_and_the_rest_forgotten() -> None:
    told = fold("u" * 30 + "d" + "u" * 8)
    told.prune()
    assert (told.first, len(told.segments)) == (29, 10)
    told = fold("u" * 30, HOUR)
    told.prune()
    # of the last ten, those within an hour
    assert (told.first, len(told.segments)) == (28, 2)
