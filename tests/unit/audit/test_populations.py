"""Scope, windows and corrections of a range, from a history alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from collector.audit import duties, plans, rowlists, scope
from collector.audit.population import Span
from collector.journal import Row, canonical
from probes.acts import (
    ActKind,
    CorrectAs,
    Correction,
    CorrectionReason,
    RotaOverride,
    Signed,
    WindowAct,
)
from probes.config import Config
from probes.config_windows import Window
from probes.history import History, Version
from probes.windows import digest
from tests.support.planning import plan
from tests.support.rounds import START, config, document

HOUR = 3_600_000
DAY = 24 * HOUR
SPAN = Span(START + DAY, START + 2 * DAY)
CHECK = document()["checks"]["ehr-read"]


def of(*systems: str, **more: Any) -> Config:
    ehr = document()["systems"]["ehr"]
    return config(systems=dict.fromkeys(systems, ehr), checks={}, **more)


def watched(*systems: str, **more: Any) -> Config:
    ehr = document()["systems"]["ehr"]
    checks = {f"{name}-read": CHECK | {"system": name} for name in systems}
    return config(systems=dict.fromkeys(systems, ehr), checks=checks, **more)


def history(*versions: tuple[int, Config]) -> History:
    return History(Version(START + at, known, n) for n, (at, known) in enumerate(versions, start=1))


def scoped(found: History) -> dict[str, tuple[Any, ...]]:
    return {str(row[0]): row[2:6] for row in scope.systems(found, SPAN)}


def test_a_system_is_in_scope_while_a_check_watches_it() -> None:
    found = history(
        (0, watched("ehr", "gone")),
        (DAY, watched("ehr", "lab")),
        (DAY + HOUR, of("ehr", "lab", "new")),
        (DAY + 2 * HOUR, watched("ehr", "lab")),
    )
    hours = [f"2026-01-02T{hour:02d}:00:00.000Z" for hour in range(3)]
    assert scoped(found) == {
        "ehr": ("in", "monitored_in_part", hours[0], "2026-01-03T00:00:00.000Z"),
        "lab": ("in", "monitored_in_part", hours[0], "2026-01-03T00:00:00.000Z"),
        "new": ("out", "no_check", None, None),
        "gone": ("out", "removed_before", None, None),
    }


def test_a_version_that_comes_back_is_another_version() -> None:
    first = watched("ehr")
    found = history((0, first), (DAY + HOUR, of("ehr")), (DAY + 2 * HOUR, first))
    ((*_, first_version, last_version),) = scope.systems(found, SPAN)
    assert (first_version, last_version) == (1, 3)
    ((*_, definitions, _digest, last),) = scope.checks(found, SPAN)
    assert (definitions, last) == (1, 3)


def test_agreements_and_training_are_those_of_the_last_version_in_the_range() -> None:
    desk = document()["channels"]["desk"]
    agreed = desk | {"baa": {"covered": True, "plan": "Enterprise", "until": "2026-12-31"}}
    anna = {"name": "Anna", "role": "engineering"}
    found = history(
        (0, watched("ehr", channels={"desk": desk}, contacts={"anna": anna})),
        (
            DAY + HOUR,
            watched(
                "ehr",
                channels={"desk": agreed},
                contacts={"anna": anna | {"training": {"security": "2025-05-01"}}},
            ),
        ),
    )
    assert [row[:7] for row in scope.agreements(found, SPAN)] == [
        ("desk", "webhook", True, "Enterprise", None, None, "2026-12-31")
    ]
    (trained,) = scope.training(found, SPAN)
    assert trained[:5] == ("anna", "engineering", None, "2025-05-01", None)
    assert trained[7:10] == ("security", "", "privacy role deidentification")
    year_later = Span(SPAN.start, SPAN.end + 365 * DAY)
    (lapsed,) = scope.training(found, year_later)
    assert lapsed[7:10] == ("", "security", "privacy role deidentification")


def test_changed_contacts_are_named_with_their_fields_and_no_value() -> None:
    data = {"version": 7, "added": ["ben"], "removed": [], "changed": {"anna": ["role", "email"]}}
    row = Row(9, "contact.changed", START, START, "system", canonical(data))
    assert rowlists.cells(rowlists.CONTACTS, row)[4:] == (7, "ben", "", "anna:role+email")


WINDOW = Window.model_validate(
    plan(
        start="2026-01-02T02:00",
        end="2026-01-02T03:00",
        timezone="UTC",
        proposed={"by": "change-1", "at": "2026-01-01T01:00:00Z"},
    )
)
"""Two hours into the range."""


def planned(*acts: WindowAct) -> dict[str, Any]:
    proposal = WindowAct(
        ActKind.PROPOSED, "upgrade", "change-1", START + HOUR, None, digest(WINDOW), WINDOW
    )
    found = History([Version(START, watched("ehr"), 1)], [proposal, *acts])
    (row,) = plans.windows(found, SPAN)
    return dict(zip(plans.WINDOWS.columns, row, strict=True))


def approval(by: str, at: int) -> WindowAct:
    return WindowAct(ActKind.APPROVED, "upgrade", by, at, "CHG1", digest(WINDOW))


def test_a_window_tells_whether_somebody_else_approved_it_before_it_began() -> None:
    begins = START + DAY + 2 * HOUR
    before = planned(approval("approver-1", begins - 1))
    assert (before["occurrences_in_range"], before["first_occurrence"]) == (
        1,
        "2026-01-02T02:00:00.000Z",
    )
    assert (before["approved_by"], before["approved_before_first"]) == ("approver-1", True)
    late = planned(approval("approver-1", begins))
    assert (late["approved_by"], late["approved_before_first"]) == ("approver-1", False)
    own = planned(approval("change-1", START + 2 * HOUR))
    assert (own["approved_by"], own["approved_before_first"]) == ("change-1", False)
    nobody = planned()
    assert (nobody["approved_by"], nobody["approved_before_first"]) == (None, False)


def test_a_cancelled_window_has_no_occurrence_after_that() -> None:
    at = START + 3 * HOUR
    found = planned(WindowAct(ActKind.CANCELLED, "upgrade", "change-2", at, None))
    assert (found["cancelled_by"], found["cancelled_at"]) == (
        "change-2",
        "2026-01-01T03:00:00.000Z",
    )
    assert (found["occurrences_in_range"], found["approved_before_first"]) == (0, None)


def test_corrections_of_a_range_were_requested_or_approved_in_it() -> None:
    def one(name: str, requested: int, approved: int | None) -> Correction:
        signed = None if approved is None else Signed("b", START + approved, None)
        asked = Signed("a", START + requested, "INC-1")
        about = (name, "ehr", START, START + 1, CorrectAs.UP, CorrectionReason.THIRD_PARTY)
        return replace(Correction(*about, asked), approved=signed)

    found = History(
        [Version(START, watched("ehr"), 1)],
        (),
        [
            one("before", 1, 2),
            one("approved", 1, DAY),
            one("requested", 2 * DAY - 1, None),
            one("later", 2 * DAY, None),
        ],
    )
    assert [row[0] for row in plans.corrections(found, SPAN)] == ["approved", "requested"]


def test_duties_gaps_and_overrides_are_those_of_the_range() -> None:
    layer = {"people": ["anna", "ben"], "starts": "2026-01-01T00:00", "turn": "1d"}
    engineer = {"name": "X", "role": "engineering"}
    used = watched(
        "ehr",
        contacts={"anna": engineer, "ben": engineer},
        on_call={"engineers": {"role": "engineering", "timezone": "UTC", "layers": [layer]}},
        staffing={"engineering": 1},
    )
    late = watched("ehr", contacts={"anna": engineer}, staffing={"engineering": 1})
    made = RotaOverride(
        7,
        "engineers",
        "anna",
        SPAN.start + HOUR,
        SPAN.start + 3 * HOUR,
        Signed("lead-1", SPAN.start + 2 * HOUR, "CHG1"),
    )
    earlier = replace(made, id=6, made=Signed("lead-1", START, None), end=START + 1)
    versions = [Version(START, used, 1), Version(SPAN.start + 4 * HOUR, late, 2)]
    found = History(versions, (), (), (earlier, made))
    hours = [f"2026-01-02T{hour:02d}:00:00.000Z" for hour in range(5)]
    assert [row[1:] for row in duties.rota(found, SPAN)] == [
        ("engineers", "engineering", "ben", hours[0], hours[2]),
        ("engineers", "engineering", "anna", hours[2], hours[3]),
        ("engineers", "engineering", "ben", hours[3], hours[4]),
    ]
    assert [row[1:] for row in duties.gaps(found, SPAN)] == [
        ("engineering", hours[4], "2026-01-03T00:00:00.000Z", 1, 0)
    ]
    assert list(duties.overrides(found, SPAN)) == [
        ("7", "engineers", "anna", hours[1], hours[3], "lead-1", hours[2], "CHG1", None, None)
    ]
