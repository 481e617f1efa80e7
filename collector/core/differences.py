"""What differs between a calendar's windows and those that are known, field by field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from probes import recurrence

FIELDS = (
    "systems",
    "start",
    "end",
    "timezone",
    "rrule",
    "exdate",
    "expect_down",
    "cancelled",
)


class Differs(StrEnum):
    """`new` is in the calendar only, `gone` in what is known only."""

    NEW = "new"
    CHANGED = "changed"
    GONE = "gone"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Difference:
    """`fields` are (name, as known, as in the calendar)."""

    id: str
    how: Differs
    fields: tuple[tuple[str, Any, Any], ...] = ()


def differences(
    calendar: Mapping[str, Mapping[str, Any]], known: Mapping[str, Mapping[str, Any]]
) -> list[Difference]:
    """Both by id, each with the content of a window and `cancelled`; by id.

    What is cancelled in the one and absent in the other is no difference.
    """
    out: list[Difference] = []
    for name in sorted({*calendar, *known}):
        there, here = calendar.get(name), known.get(name)
        if there is None or here is None:
            only = there or here or {}
            how = Differs.GONE if there is None else Differs.NEW
            out.append(Difference(name, Differs.SAME if only.get("cancelled") else how))
            continue
        fields = tuple(
            (field, here.get(field), there.get(field))
            for field in FIELDS
            if not _equal(field, here.get(field), there.get(field))
        )
        out.append(Difference(name, Differs.CHANGED if fields else Differs.SAME, fields))
    return out


def _equal(field: str, one: Any, two: Any) -> bool:
    if field == "rrule" and one is not None and two is not None:
        return recurrence.parse(one) == recurrence.parse(
            two
        )  # the order of its parts means nothing
    return bool(one == two)
