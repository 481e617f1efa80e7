"""When an incident could first be known: by what had come, and not before its timer was due."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from msgspec import structs

from alerts.events import Family, Incident
from alerts.policy import incidents
from collector.core.detection import PROMPT, detected_at
from collector.core.truth import fold_system
from collector.core.view import view
from probes.config import Config
from probes.history import History, Version
from probes.results import Result
from tests.support.stories import T0, at, check, config

MINUTE, HOUR = 60_000, 3_600_000
Late = dict[int, int]
"""Minute of a result, and when it came, in ms after `T0`; others come 5 ms after their start."""


class Scene:
    """`ehr` of one check, from `words` of one letter a minute."""

    def __init__(
        self,
        words: str,
        late: Late,
        minutes: int,
        used: Config | None = None,
        *,
        every: int = 1,
        first_seen: int = T0,
    ) -> None:
        self.first_seen = first_seen
        self.history = History([Version(None, used or config())])
        self.line = [
            structs.replace(r, received=T0 + late.get((r.t - T0) // MINUTE, r.t - T0 + 5))
            for r in at(words, every=60 * every)
        ]
        now = T0 + minutes * MINUTE
        truth = fold_system("ehr", self.history, {("c", "a"): self.line}, now, first_seen)
        self.views = {"ehr": view(truth)}
        found = incidents(self.views, self.history, now)
        self.found = [i for i in found if i.family is not Family.BUDGET]

    def one(self, **changes: Any) -> Incident:
        (incident,) = self.found
        return replace(incident, **changes)

    def detected(self, incident: Incident) -> int:
        """In ms after `T0`."""
        lines: dict[tuple[str, str], list[Result]] = {("c", "a"): self.line}
        return detected_at(incident, self.views, self.history, lines, self.first_seen) - T0


DOWN = "uudduuuu"
"""Down from 2:00, confirmed at 3:00, up from 4:00, recovered then."""
ONCE = config(checks={"c": check(confirm={"down": 1})})


@pytest.mark.parametrize(
    ("words", "late", "minutes", "detected"),
    [
        (DOWN, {}, 15, 3 * MINUTE + 5),
        ("uudd", {}, 4, 3 * MINUTE + 5),
        # Its confirmation came late; so did its first failure; a good run changes nothing.
        (DOWN, {3: 90 * MINUTE}, 15, 90 * MINUTE),
        (DOWN, {2: 10 * MINUTE}, 15, 10 * MINUTE),
        (DOWN, {4: 90 * MINUTE}, 15, 3 * MINUTE + 5),
        # The agent's clock is ahead: what it says of a time is known when the time comes.
        (DOWN, {3: 2 * MINUTE}, 15, 3 * MINUTE),
        (DOWN, {1: 3 * MINUTE - 1, 3: 2 * MINUTE}, 15, 3 * MINUTE),
        # Silence from the start, and from 2:10 on, due ten minutes later.
        ("." * 30 + "u", {}, 31, 10 * MINUTE),
        ("u", {}, 20, 12 * MINUTE + 10_000),
    ],
)
def test_an_incident_is_known_when_what_shows_it_has_come(
    words: str, late: Late, minutes: int, detected: int
) -> None:
    scene = Scene(words, late, minutes)
    assert scene.detected(scene.one()) == detected


def test_what_one_result_shows_is_known_when_it_comes() -> None:
    scene = Scene("uuduuu", {}, 10, ONCE)
    assert scene.detected(scene.one()) == 2 * MINUTE + 5


def test_a_blip_for_as_long_as_its_end_was_not_known() -> None:
    # By 3:00 it had failed twice; that the agent had been good between came later.
    scene = Scene("uudduu", {4: 3 * HOUR, 5: 3 * HOUR}, 200, config())
    down = next(one for one in scene.found if one.family is Family.AVAILABILITY)
    assert scene.detected(down) == 3 * MINUTE + 5


@pytest.mark.parametrize("last", [PROMPT - 1, PROMPT, PROMPT + 1, PROMPT + 20])
def test_it_is_found_among_many_moments_as_among_few(last: int) -> None:
    words = "uudd" + "u" * 100
    # The start and the minutes from the second on are moments before.
    scene = Scene(words, {3: (last + 2) * MINUTE + 7}, 110)
    assert scene.detected(scene.one()) == (last + 2) * MINUTE + 7


@pytest.mark.parametrize(("words", "last"), [("uudduu", 5), ("uudd" + "u" * 100, 103)])
def test_what_is_never_shown_is_known_with_the_last_that_came(words: str, last: int) -> None:
    scene = Scene(words, {}, 110)
    down = next(one for one in scene.found if one.family is Family.AVAILABILITY)
    assert scene.detected(replace(down, family=Family.BLIND)) == last * MINUTE + 5


SHOWN, NEVER = 3 * MINUTE + 5, 7 * MINUTE + 5


@pytest.mark.parametrize(
    ("changes", "detected"),
    [
        ({"started_at": T0 + 4 * MINUTE - 1}, SHOWN),
        ({"recovered_at": T0 + 2 * MINUTE + 1}, SHOWN),
        ({"recovered_at": T0 + 2 * MINUTE}, NEVER),
        ({"recovered_at": None}, SHOWN),
        ({"family": Family.ACCESS}, NEVER),
    ],
)
def test_one_is_the_same_that_touches_it_and_is_of_its_family(
    changes: dict[str, Any], detected: int
) -> None:
    scene = Scene(DOWN, {}, 15)
    assert scene.detected(scene.one(**changes)) == detected


def test_one_that_had_recovered_when_it_started_is_another() -> None:
    scene = Scene("uuduuuuuuuuu", {}, 20, ONCE)
    one = scene.one()
    assert one.recovered_at == T0 + 3 * MINUTE
    later: dict[str, Any] = {"due_at": T0 + 9 * MINUTE, "recovered_at": None}
    assert scene.detected(replace(one, started_at=T0 + 3 * MINUTE - 1, **later)) == 9 * MINUTE
    assert scene.detected(replace(one, started_at=T0 + 3 * MINUTE, **later)) == 11 * MINUTE + 5


def test_a_system_is_watched_from_its_start_whatever_is_known_of_it_then() -> None:
    scene = Scene("x", {0: 3 * HOUR}, 15, first_seen=T0 + HOUR)
    assert scene.one().started_at == T0
    assert scene.detected(scene.one()) == 10 * MINUTE


SLOW = config(checks={"c": check(every="3h")})


def test_the_next_run_of_a_slow_check_confirms_hours_later() -> None:
    scene = Scene("uudduuuu", {}, 24 * 60, SLOW, every=180)
    down = next(one for one in scene.found if one.family is Family.AVAILABILITY)
    assert down.started_at == T0 + 6 * HOUR
    assert scene.detected(down) == 9 * HOUR + 5


TIMES = {"reopen_within": "7m", "recover_for": "2m"}


@pytest.mark.parametrize(
    ("used", "reach"),
    [
        (config(), 155 * MINUTE),
        (config(policy=TIMES), 129 * MINUTE),
        # Two days and ten seconds of hold: twice three runs and one more of it.
        (
            config(checks={"c": check(every="24h", confirm={"down": 2, "up": 3})}, policy=TIMES),
            12 * (48 * HOUR + 10_000) + 9 * MINUTE,
        ),
    ],
)
def test_evidence_from_twice_as_long_as_any_run_counts(used: Config, reach: int) -> None:
    scene = Scene(DOWN, {}, 15, used)
    due = T0 + 3 * MINUTE - reach
    assert scene.detected(scene.one(due_at=due)) == SHOWN
    assert scene.detected(scene.one(due_at=due - 1)) == 2 * MINUTE + 5
