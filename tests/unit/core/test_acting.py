"""Who may do what to a window now, and with what code it is refused otherwise, case by case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from collector.core.acting import (
    DETAILS,
    RefusedActError,
    approve,
    cancel,
    finish,
    place_of,
    propose,
)
from probes.acts import ActKind, WindowAct
from probes.config import Config
from probes.config_windows import Window
from probes.history import History, Version
from probes.windows import digest
from tests.support.stories import T0, config

HOUR = 3_600_000
START = T0 + 2 * HOUR
"""2026-01-01T02:00Z."""
NOW = T0 + HOUR
SIGNED = {"by": "q", "at": "2025-12-31T00:00:00Z"}
GONE = {"by": "p", "at": "2025-12-31T12:00:00Z"}


def entry(name: str = "w", **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "systems": ["ehr"],
        "start": "2026-01-01T02:00",
        "end": "2026-01-01T03:00",
        "timezone": "UTC",
        "proposed": {"by": "p", "at": "2025-12-30T00:00:00Z"},
    } | changes


def window(name: str = "w", **changes: Any) -> Window:
    return Window.model_validate(entry(name, **changes))


LONGER: dict[str, Any] = {"end": "2026-01-01T04:00"}
OWN, OTHER = digest(window()), digest(window(**LONGER))


def proposed(at: int = T0 - HOUR, **changes: Any) -> WindowAct:
    value = window(**changes)
    return WindowAct(ActKind.PROPOSED, "w", "p", at, digest=digest(value), window=value)


def approved(by: str, at: int = T0) -> WindowAct:
    return WindowAct(ActKind.APPROVED, "w", by, at, "CHG1", OWN)


def said(kind: ActKind, at: int) -> WindowAct:
    return WindowAct(kind, "w", "p", at)


def api(*acts: WindowAct) -> History:
    return History([Version(T0 - 48 * HOUR, config())], acts)


def filed(*windows: dict[str, Any], acts: tuple[WindowAct, ...] = ()) -> History:
    return History([Version(T0 - 48 * HOUR, config(maintenance=list(windows)))], acts)


def dropped(**changes: Any) -> History:
    """A file had it, and has it no more."""
    versions: list[tuple[int, Config]] = [
        (T0 - 48 * HOUR, config(maintenance=[entry(**changes)])),
        (T0, config()),
    ]
    return History([Version(at, used) for at, used in versions])


Told = tuple[str, str, str | None, str | None]
"""Code, about, place, digest."""


def refused(act: Callable[[], list[WindowAct]]) -> Told:
    with pytest.raises(RefusedActError) as error:
        act()
    found = error.value
    assert found.file is None
    assert str(found) == found.code
    assert found.code in DETAILS
    return found.code, found.about, found.place, found.digest


def test_what_is_proposed_is_recorded_with_its_content_and_its_digest() -> None:
    one, two = window(), window("v")
    assert propose(api(), [one, two], "r", NOW, replace=False) == [
        WindowAct(ActKind.PROPOSED, "w", "r", NOW, None, OWN, one),
        WindowAct(ActKind.PROPOSED, "v", "r", NOW, None, digest(two), two),
    ]


@pytest.mark.parametrize(
    ("history", "replaces", "told"),
    [
        (filed(entry("v"), entry()), True, ("window.in_file", "w", "maintenance[1]", None)),
        (filed(entry(cancelled=GONE)), True, ("window.in_file", "w", "maintenance[0]", None)),
        (dropped(cancelled=GONE), False, ("window.cancelled", "w", None, None)),
        (
            api(proposed(), said(ActKind.CANCELLED, T0)),
            True,
            ("window.cancelled", "w", None, None),
        ),
        (api(proposed()), False, ("window.unchanged", "w", None, OWN)),
        (api(proposed()), True, ("window.unchanged", "w", None, OWN)),
        (api(proposed(**LONGER)), False, ("window.exists", "w", None, OTHER)),
    ],
)
def test_why_a_proposal_is_refused(history: History, replaces: bool, told: Told) -> None:  # noqa: FBT001 - a table
    assert refused(lambda: propose(history, [window()], "p", NOW, replace=replaces)) == told


def test_one_that_is_refused_among_others_keeps_all_out() -> None:
    given = [window("v"), window(), window("x")]
    told = ("window.unchanged", "w", None, OWN)
    assert refused(lambda: propose(api(proposed()), given, "p", NOW, replace=True)) == told


@pytest.mark.parametrize("history", [api(), dropped(), api(proposed(**LONGER))])
def test_an_id_is_taken_again_or_its_content_replaced(history: History) -> None:
    (act,) = propose(history, [window()], "p", NOW, replace=True)
    assert (act.id, act.digest) == ("w", OWN)


BOTH = (proposed(), approved("p"))


@pytest.mark.parametrize(
    ("history", "by", "content", "told"),
    [
        (api(), "q", OWN, ("window.unknown", "w", None, None)),
        (api(proposed()), "p", OTHER, ("act.own_proposal", "p", None, None)),
        (filed(entry(approval=SIGNED)), "p", OWN, ("act.own_proposal", "p", None, None)),
        (
            filed(entry("v"), entry(approval=SIGNED, cancelled=GONE)),
            "r",
            OWN,
            ("window.in_file", "w", "maintenance[1]", None),
        ),
        (
            api(proposed(), said(ActKind.CANCELLED, T0)),
            "q",
            OTHER,
            ("window.cancelled", "w", None, None),
        ),
        (api(proposed(), approved("q")), "r", OTHER, ("window.changed", "w", None, OWN)),
        (api(proposed(), approved("q")), "r", OWN, ("window.approved", "w", None, None)),
        (api(*BOTH, approved("q")), "r", OWN, ("window.approved", "w", None, None)),
    ],
)
def test_why_an_approval_is_refused(history: History, by: str, content: str, told: Told) -> None:
    assert refused(lambda: approve(history, "w", content, by, None, NOW)) == told


@pytest.mark.parametrize("history", [api(proposed()), api(*BOTH), filed(entry())])
def test_somebody_else_than_the_proposer_approves_once(history: History) -> None:
    assert approve(history, "w", OWN, "q", "CHG7", NOW) == [
        WindowAct(ActKind.APPROVED, "w", "q", NOW, "CHG7", OWN)
    ]


@pytest.mark.parametrize(
    ("history", "told"),
    [
        (api(), ("window.unknown", "w", None, None)),
        (
            filed(entry("v"), entry(cancelled=GONE)),
            ("window.in_file", "w", "maintenance[1]", None),
        ),
        (
            api(proposed(), said(ActKind.CANCELLED, T0)),
            ("window.cancelled", "w", None, None),
        ),
    ],
)
def test_why_a_cancellation_is_refused(history: History, told: Told) -> None:
    assert refused(lambda: cancel(history, "w", "p", None, NOW)) == told


@pytest.mark.parametrize("history", [api(proposed()), filed(entry(approval=SIGNED))])
def test_a_window_is_cancelled_by_whoever_may(history: History) -> None:
    assert cancel(history, "w", "p", "CHG7", NOW) == [
        WindowAct(ActKind.CANCELLED, "w", "p", NOW, "CHG7")
    ]


DAILY = proposed(rrule="FREQ=DAILY")
DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("acts", "at", "runs"),
    [
        ([proposed()], START - 1, False),
        ([proposed()], START, True),
        ([proposed()], START + HOUR - 1, True),
        ([proposed()], START + HOUR, False),
        ([proposed(), said(ActKind.FINISHED, START)], START + 1, False),
        ([proposed(), said(ActKind.FINISHED, START + 9)], START + 9, False),
        ([DAILY], START + HOUR, False),
        ([DAILY], START + 3 * DAY + 1, True),
        ([DAILY, said(ActKind.FINISHED, START + 1)], START + DAY + 1, True),
        ([proposed(), said(ActKind.CANCELLED, START - 1)], START + 1, False),
        ([proposed(), said(ActKind.CANCELLED, START)], START + 1, False),
        ([proposed(), said(ActKind.CANCELLED, START + 1)], START + 2, True),
    ],
)
def test_what_runs_is_finished(acts: list[WindowAct], at: int, runs: bool) -> None:  # noqa: FBT001 - a table
    if runs:
        done = WindowAct(ActKind.FINISHED, "w", "r", at, "CHG7")
        assert finish(api(*acts), "w", "r", "CHG7", at) == [done]
    else:
        told = ("window.not_running", "w", None, None)
        assert refused(lambda: finish(api(*acts), "w", "r", "CHG7", at)) == told


def test_what_nobody_knows_is_not_finished() -> None:
    told = ("window.unknown", "w", None, None)
    assert refused(lambda: finish(api(), "w", "r", None, NOW)) == told


def test_the_place_is_that_in_the_file_in_force() -> None:
    history = filed(entry("v"), entry())
    assert [place_of(history, name) for name in ("v", "w", "x")] == [
        "maintenance[0]",
        "maintenance[1]",
        None,
    ]
    assert place_of(dropped(), "w") is None
