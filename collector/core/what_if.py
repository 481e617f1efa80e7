"""Two documents of the replay contract over the same evidence, and what differs between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

MILLISECONDS = (
    "eligible_ms",
    "up_ms",
    "degraded_ms",
    "down_ms",
    "unknown_ms",
    "excluded_ms",
    "not_monitored_ms",
)
JUDGED = ("known", "min", "max", "formula", "target", "verdict", "minimum", "minimum_verdict")
OUTAGE = ("start", "end", "min_ms", "max_ms")
INCIDENT = (
    "causes",
    "category",
    "priority",
    "started_at",
    "detected_at",
    "recovered_at",
    "attached_to",
    "quiet",
    "reopened",
    "flapping",
    "sites",
)

Entry = Mapping[str, Any]


def compare(before: Entry, after: Entry) -> dict[str, Any]:
    """`before` and `after` are documents of one period, as `collector.replay.replay` makes them.

    A system on one side only has null on the other. An outage or incident is the same one when
    it starts at the same instant or overlaps; what is left on one side is gone or new.
    """
    names = [*before["systems"], *(n for n in after["systems"] if n not in before["systems"])]
    return {
        "period": before["period"],
        "approval_basis": before["approval_basis"],
        "systems": {
            name: _system(before["systems"].get(name), after["systems"].get(name)) for name in names
        },
        "incidents": _differences(
            before["incidents"], after["incidents"], ("started_at", "recovered_at"), INCIDENT
        ),
    }


def differs(one: Entry) -> bool:
    """Does anything of a compared system differ?"""
    moved = one["change"] is None or any(one["change"].values())
    judged = moved or any(one["before"][key] != one["after"][key] for key in JUDGED)
    return judged or any(one["outages"].values())


def _system(before: Entry | None, after: Entry | None) -> dict[str, Any]:
    change = None
    if before is not None and after is not None:
        change = {key: after[key] - before[key] for key in MILLISECONDS}
    return {
        "before": _numbers(before),
        "after": _numbers(after),
        "change": change,
        "outages": _differences(
            () if before is None else before["outages"],
            () if after is None else after["outages"],
            ("start", "end"),
            OUTAGE,
        ),
    }


def _numbers(one: Entry | None) -> dict[str, Any] | None:
    return None if one is None else {key: one[key] for key in (*MILLISECONDS, *JUDGED)}


def _differences(
    before: Sequence[Entry], after: Sequence[Entry], range_: tuple[str, str], fields: Sequence[str]
) -> dict[str, list[Any]]:
    """What is gone, new and changed; of the changed also which fields differ."""
    left, right = list(before), list(after)
    pairs: list[tuple[Entry, Entry]] = []
    for same in (_same_start, _overlap):
        for one in list(left):
            found = next((o for o in right if same(one, o, range_)), None)
            if found is not None:
                left.remove(one)
                right.remove(found)
                pairs.append((one, found))
    changed = [
        {"before": dict(one), "after": dict(two), "fields": differing}
        for one, two in sorted(pairs, key=lambda pair: str(pair[0][range_[0]]))
        for differing in [[key for key in fields if one[key] != two[key]]]
        if differing
    ]
    return {"gone": left, "new": right, "changed": changed}


def _same_start(one: Entry, two: Entry, range_: tuple[str, str]) -> bool:
    return _of_one(one, two) and bool(one[range_[0]] == two[range_[0]])


def _overlap(one: Entry, two: Entry, range_: tuple[str, str]) -> bool:
    """Instants are text of one form, so they are in order as text."""
    (start, end), (begin, stop) = ([e[key] for key in range_] for e in (one, two))
    return _of_one(one, two) and (stop is None or start < stop) and (end is None or begin < end)


def _of_one(one: Entry, two: Entry) -> bool:
    return all(one.get(key) == two.get(key) for key in ("system", "family"))
