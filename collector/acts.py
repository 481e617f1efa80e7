"""Acts of people as journal rows: what is written, and the way back to values.

Rows hold ids, enumerations, instants and a digest; nothing that anybody typed freely.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from collector.facts import Fact, Row, canonical
from probes.acts import (
    ActKind,
    CorrectAs,
    Correction,
    CorrectionKind,
    CorrectionReason,
    OverrideKind,
    RotaOverride,
    Signed,
    WindowAct,
)
from probes.config_windows import Window
from probes.times import rfc3339
from probes.windows import content, digest

KINDS = tuple(kind.value for kinds in (ActKind, CorrectionKind, OverrideKind) for kind in kinds)


def fact_of(act: WindowAct) -> Fact:
    """The row of an act on a window: a proposal holds the whole content."""
    data: dict[str, Any] = {"id": act.id, "by": act.by, "ref": act.ref}
    if act.digest is not None:
        data["digest"] = act.digest
    if act.window is not None:
        data["window"] = content(act.window)
    return Fact(act.kind.value, act.at, canonical(data), act.by)


def fact_of_request(one: Correction) -> Fact:
    data = {
        "id": one.id,
        "system": one.system,
        "from": one.start,
        "to": one.end,
        "as": one.counts_as.value,
        "reason": one.reason.value,
        "by": one.requested.by,
        "ref": one.requested.ref,
    }
    return Fact(CorrectionKind.REQUESTED.value, one.requested.at, canonical(data), one.requested.by)


def fact_of_approval(correction: str, signed: Signed) -> Fact:
    data = {"id": correction, "by": signed.by, "ref": signed.ref}
    return Fact(CorrectionKind.APPROVED.value, signed.at, canonical(data), signed.by)


def fact_of_override(one: RotaOverride) -> Fact:
    """The row names itself by its id."""
    data = {
        "schedule": one.schedule,
        "person": one.person,
        "from": one.start,
        "to": one.end,
        "by": one.made.by,
        "ref": one.made.ref,
    }
    return Fact(OverrideKind.MADE.value, one.made.at, canonical(data), one.made.by)


def fact_of_cancelled_override(override: int, signed: Signed) -> Fact:
    data = {"id": override, "by": signed.by, "ref": signed.ref}
    return Fact(OverrideKind.CANCELLED.value, signed.at, canonical(data), signed.by)


def window_acts(rows: Iterable[Row]) -> tuple[WindowAct, ...]:
    """Acts on windows among the rows, in order; others are passed over."""
    kinds = {kind.value: kind for kind in ActKind}
    return tuple(_act(kinds[row.kind], row) for row in rows if row.kind in kinds)


def _act(kind: ActKind, row: Row) -> WindowAct:
    data = json.loads(row.data)
    at = _at(row)
    window: Window | None = None
    if kind is ActKind.PROPOSED:
        window = Window.model_validate(
            {**data["window"], "proposed": {"by": data["by"], "at": rfc3339(at)}}
        )
    return WindowAct(
        kind,
        data["id"],
        data["by"],
        at,
        data["ref"],
        digest(window) if window is not None else data.get("digest"),
        window,
    )


def corrections(rows: Iterable[Row]) -> tuple[Correction, ...]:
    """Corrections among the rows, in the order of their requests."""
    found: dict[str, Correction] = {}
    for row in rows:
        if row.kind == CorrectionKind.REQUESTED:
            data = json.loads(row.data)
            found[data["id"]] = Correction(
                data["id"],
                data["system"],
                data["from"],
                data["to"],
                CorrectAs(data["as"]),
                CorrectionReason(data["reason"]),
                Signed(data["by"], _at(row), data["ref"]),
            )
        elif row.kind == CorrectionKind.APPROVED:
            data = json.loads(row.data)
            signed = Signed(data["by"], _at(row), data["ref"])
            found[data["id"]] = replace(found[data["id"]], approved=signed)
    return tuple(found.values())


def overrides(rows: Iterable[Row]) -> tuple[RotaOverride, ...]:
    """Overrides of who is on duty among the rows, in order."""
    found: dict[int, RotaOverride] = {}
    for row in rows:
        if row.kind == OverrideKind.MADE:
            data = json.loads(row.data)
            found[row.id] = RotaOverride(
                row.id,
                data["schedule"],
                data["person"],
                data["from"],
                data["to"],
                Signed(data["by"], _at(row), data["ref"]),
            )
        elif row.kind == OverrideKind.CANCELLED:
            data = json.loads(row.data)
            signed = Signed(data["by"], _at(row), data["ref"])
            found[data["id"]] = replace(found[data["id"]], cancelled=signed)
    return tuple(found.values())


def _at(row: Row) -> int:
    """Nobody acts earlier than it is recorded."""
    return max(row.at, row.recorded_at)
