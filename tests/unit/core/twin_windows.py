"""Section 4 once more, from the text alone: occurrences of the windows of a file, in units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from tests.unit.core.twin_hospital import FAR, Scene, TwinSystem

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


@dataclass
class Occurrence:
    """`out` are the units it excludes, `why` the contract's."""

    id: str
    start: int
    end: int
    why: str | None
    out: set[int] = field(default_factory=set)


def starts(window: Mapping[str, Any], scene: Scene) -> list[datetime]:
    """Local starts: the first is an occurrence whatever the rule says, and COUNT counts it."""
    first = datetime.fromisoformat(window["start"])
    found = [first]
    if "rrule" in window:
        parts = dict(part.split("=") for part in window["rrule"].split(";"))
        last = scene.unit(parts["UNTIL"], "UTC") if "UNTIL" in parts else FAR
        for day in range(1, 60):
            at = first + timedelta(days=day)
            weeks = (day + first.weekday()) // 7
            if parts["FREQ"] == "DAILY":
                fits = day % int(parts.get("INTERVAL", "1")) == 0
            else:
                fits = weeks % int(parts.get("INTERVAL", "1")) == 0
                days = parts.get("BYDAY", DAYS[first.weekday()]).split(",")
                fits = fits and DAYS[at.weekday()] in days
            too_many = len(found) >= int(parts.get("COUNT", "999"))
            if fits and not too_many and scene.unit(at.isoformat(), window["timezone"]) <= last:
                found.append(at)
    left_out = {datetime.fromisoformat(one) for one in window.get("exdate", ())}
    return [at for at in found if at not in left_out]


def why_not(window: Mapping[str, Any], start: int, at: Mapping[str, int]) -> str | None:
    """Without `during_outage` and `empty`; `at` has the units of the acts."""
    if "cancelled" in at and start >= at["cancelled"]:
        return "cancelled"
    if "approval" not in at:
        return "unapproved"
    if window["approval"]["by"] == window["proposed"]["by"]:
        return "self_approved"
    return "approved_late" if at["approval"] >= start else None


def occurrences(system: TwinSystem, scene: Scene) -> list[Occurrence]:
    """Of one system, by (start, id), of all versions known; where several have it, the last."""
    found: dict[tuple[int, str], Occurrence] = {}
    known = scene.known
    cancelled: dict[str, int] = {}
    finished: dict[str, list[int]] = {}
    for place, version in enumerate(known):
        left = -FAR if version.at is None else version.at
        right = FAR
        if place + 1 < len(known):
            right = known[place + 1].at or 0
        zone = version.file["organization"]["timezone"]
        for window in version.file.get("maintenance", ()):
            if system.name not in window["systems"]:
                continue
            length = datetime.fromisoformat(window["end"]) - datetime.fromisoformat(window["start"])
            at = {
                act: scene.unit(window[act]["at"], zone)
                for act in ("approval", "cancelled")
                if act in window
            }
            done_at = [scene.unit(finish["at"], zone) for finish in window.get("finished", ())]
            name, said = window["id"], dict(at)
            if name in cancelled:  # a cancelled id stays cancelled
                at["cancelled"] = min(cancelled[name], at.get("cancelled", FAR))
            for local in starts(window, scene):
                begin = scene.unit(local.isoformat(), window["timezone"])
                end = scene.unit((local + length).isoformat(), window["timezone"])
                for done in (*done_at, *finished.get(name, ())):
                    end = done if begin <= done < end else end
                if left >= scene.end or begin >= right or max(end, begin + 1) <= left:
                    continue
                one = _judged(system, window, begin, end, at)
                one.out = {x for x in one.out if left <= x < right}
                before = found.get((begin, one.id))
                one.out |= before.out if before else set()
                found[begin, one.id] = one
            # What came true while this version was in force holds in later ones.
            if said.get("cancelled", FAR) < right:
                cancelled[name] = min(said["cancelled"], cancelled.get(name, FAR))
            finished[name] = [*finished.get(name, ()), *(x for x in done_at if x < right)]
    return [found[key] for key in sorted(found)]


def _judged(
    system: TwinSystem, window: Mapping[str, Any], begin: int, end: int, at: Mapping[str, int]
) -> Occurrence:
    one = Occurrence(window["id"], begin, end, why_not(window, begin, at))
    if one.why is not None:
        return one
    whole = set(range(begin, end))
    for start, stop in system.outages:
        if start <= at["approval"] and (stop is None or at["approval"] < stop):
            one.out |= {x for x in whole if start <= x and (stop is None or x < stop)}
    one.why = "during_outage" if one.out else ("empty" if not whole else None)
    one.out = whole - one.out
    return one
