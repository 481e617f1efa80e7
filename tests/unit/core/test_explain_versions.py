"""All that the steps of an explanation hold about config versions and what they change."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from collector.core.explain_versions import changes
from collector.core.steps import Subject
from probes.config import Config
from tests.support.stories import check, config, system
from tests.unit.core.test_explain_number import APPROVED, WINDOW
from tests.unit.core.told import explained, line, lines

SLOW, FAST = config(), config(checks={"c": check(every="30s")})
BY = {0: "admin-1", 150: "admin-2"}
QUICKER = "changed version changed path=checks.c.every before=60000 after=30000 told=yes"
SLOWER = "changed version changed path=checks.c.every before=30000 after=60000 told=yes"


@pytest.mark.parametrize(
    ("words", "second", "history", "steps"),
    [
        (
            "uuuu",
            59,
            [(0, SLOW), (60, FAST)],
            ["in_force version in_force 0-60 recorded_at=0 by=admin-1 outage_start=None"],
        ),
        (
            "uddddu",
            200,
            [(0, SLOW), (150, FAST)],
            [
                "in_force version in_force 0-300 recorded_at=0 by=admin-1 outage_start=None",
                "waits version not_in_force 300- recorded_at=150 by=admin-2 outage_start=60",
                QUICKER,
            ],
        ),
        (
            "uddddu",
            310,
            [(0, SLOW), (150, FAST)],
            ["waited version in_force 300- recorded_at=150 by=admin-2 outage_start=60", QUICKER],
        ),
        # a config that holds throughout, and one recorded in an outage that goes on
        (
            "dddddddd",
            200,
            [(None, SLOW), (150, FAST)],
            [
                "in_force version in_force recorded_at=None by=None outage_start=None",
                "waits version not_in_force recorded_at=150 by=admin-2 outage_start=0",
                QUICKER,
            ],
        ),
        # the same config comes again: it takes effect when it does so then, not as it did before
        (
            "uuddddu",
            240,
            [(0, SLOW), (60, FAST), (210, SLOW)],
            [
                "in_force version in_force 60-360 recorded_at=60 by=None outage_start=None",
                QUICKER,
                "waits version not_in_force 360- recorded_at=210 by=None outage_start=120",
                SLOWER,
            ],
        ),
        # and one that was overtaken stays so when it comes again later
        (
            "uddddu",
            180,
            [(0, SLOW), (150, FAST), (200, SLOW), (400, FAST)],
            [
                "in_force version in_force 0-200 recorded_at=0 by=admin-1 outage_start=None",
                "overtaken version not_in_force recorded_at=150 by=admin-2 outage_start=60",
                QUICKER,
            ],
        ),
    ],
)
def test_every_step_of_a_version(
    words: str, second: int, history: Sequence[tuple[int | None, Config]], steps: list[str]
) -> None:
    found = explained(words, second=second, history=history, recorded_by=BY)
    assert lines(found, Subject.VERSION) == [f"2, versions {step}" for step in steps]


def test_a_change_names_its_place_and_words_are_told_of_no_further() -> None:
    spec = {"kind": "https", "spec": {"url": "https://x.example.org/"}}
    finished = WINDOW | {"finished": [{"by": "p", "at": "2026-01-01T00:04:00Z"}]}
    old = config(
        checks={
            "c": check(**spec, **{"from": ["a", "b"]}),
            "z": check(role="supporting"),
            "y": check(timeout="5s"),
        },
        maintenance=[finished],
    )
    new = config(
        agents={"a": {"site": "north"}, "b": {"site": "south"}},
        sites={"north": {"name": "N", "users": 3}, "south": {"name": "South"}},
        systems={"ehr": system(runbook="https://y.example.org/")},
        checks={
            "c": check(**spec | {"spec": {"url": "https://y.example.org/"}}, **{"from": ["b"]}),
            "y": check(timeout="6s", **{"from": ["a", "b"]}),
            "x": check(),
        },
        maintenance=[APPROVED],
    )
    assert [line(step).removeprefix("2, versions ") for step in changes("ehr", old, new)] == [
        "changed version changed path=systems.ehr.runbook before=None after=None told=no",
        "changed version changed path=checks.c.from before=a,b after=b told=yes",
        "changed version changed path=checks.c.spec before=None after=None told=no",
        "removed version changed path=checks.z",
        "changed version changed path=checks.y.timeout before=5000 after=6000 told=yes",
        "changed version changed path=checks.y.from before=a after=a,b told=yes",
        "changed version changed path=agents.b.site before=north after=south told=yes",
        "changed version changed path=sites.north.users before=None after=3 told=yes",
        "changed version changed path=maintenance.w.finished before=... after= told=yes",
        (
            "changed version changed path=maintenance.w.approval.by before=None after=approver-1 "
            "told=yes"
        ),
        (
            "changed version changed path=maintenance.w.approval.at before=None "
            "after=2025-12-31T00:00:00Z told=yes"
        ),
        "added version changed path=checks.x",
        "added version changed path=sites.south",
    ]
