"""Small hospitals with all that bears on a number, drawn at random, for the twin's document."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from tests.support.stories import OUTCOMES
from tests.unit.core.twin import UNIT
from tests.unit.core.twin_hospital import Recorded, Scene

ORGANIZATION = "America/Chicago"
ZEROS = (
    "2026-01-05T06:00:00+00:00",  # a Monday
    "2026-03-08T07:00:00+00:00",  # an hour before the clock jumps ahead
    "2026-11-01T06:00:00+00:00",  # an hour before it is set back
    "2026-08-01T04:00:00+00:00",  # an hour before a new month
)
LONGEST = 46
"""Units of a scene, about."""
CHECKS = {
    "c": "critical",
    "e": "critical",
    "g1": "pair",
    "g2": "pair",
    "h1": "trio",
    "t": "supporting",
}
AGENTS = ("a", "b", "s", "w")
STEADY = ("u" * 44, "u" * 44, "d" * 8 + "u" * 36, "u" * 12 + "d" * 9 + "u" * 23, "")
RULES = (
    None,
    None,
    "FREQ=DAILY",
    "FREQ=DAILY;INTERVAL=2",
    "FREQ=DAILY;COUNT=3",
    "FREQ=WEEKLY;BYDAY=MO,SU,SA,FR",
    "FREQ=WEEKLY",
)


def local(zero: int, x: int, zone: str) -> datetime:
    at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=zero + x * UNIT)
    return at.astimezone(ZoneInfo(zone)).replace(tzinfo=None)


def instant(zero: int, x: int) -> str:
    return local(zero, x, "UTC").isoformat() + "Z"


@st.composite
def checks(draw: st.DrawFn, names: tuple[str, ...], system: str) -> dict[str, Any]:
    found = {}
    for name in names:
        role = CHECKS[name.removeprefix("lab-")]
        if role == "supporting" and draw(st.integers(0, 3)) == 0:
            role = "critical"
        every = draw(st.sampled_from([2, 2, 2, 4]))
        entry: dict[str, Any] = {
            "system": system,
            "kind": "any",
            "every": f"{every}m",
            "timeout": "2m",
            "role": role if role in ("critical", "supporting") else {"group": role},
            "confirm": {"down": str(draw(st.integers(1, 3))), "up": str(draw(st.integers(1, 2)))},
            "from": draw(st.sampled_from([["a"], ["a", "s"], ["a", "b"], ["a", "b", "s"]])),
        }
        if draw(st.integers(0, 9)) == 0:
            del entry["from"]
        need = draw(st.sampled_from([None, None, 1, 2]))
        if need is not None:
            entry["quorum"] = {"need": str(need)}
        found[name] = entry
    return found


@st.composite
def systems(draw: st.DrawFn, names: tuple[str, ...], zero: int) -> dict[str, Any]:
    about: dict[str, Any] = {"name": "System", "impact": {"class": "clinical"}}
    roles = [CHECKS[name.removeprefix("lab-")] for name in names]
    groups = {g: roles.count(g) for g in ("pair", "trio") if g in roles}
    if groups:
        about["groups"] = {g: {"need": str(draw(st.integers(1, n)))} for g, n in groups.items()}
    if draw(st.integers(0, 5)):
        about["slo"] = {
            "target": draw(st.sampled_from(["90", "99.95", "75", "100"])),
            "minimum": draw(st.sampled_from(["50", "75"])),
            "formula": draw(st.sampled_from(["contract-v1", "whole-period-v1"])),
            "scope": draw(st.sampled_from(["organization", "worst_site", "user_weighted"])),
        }
    effective = draw(st.sampled_from([None, None, None, 3, 14, 30]))
    if effective is not None:
        about["effective_from"] = local(zero, effective, ORGANIZATION).isoformat()
    return about


@st.composite
def windows(draw: st.DrawFn, name: str, zero: int, known: tuple[str, ...]) -> dict[str, Any]:
    zone = draw(st.sampled_from([ORGANIZATION, ORGANIZATION, "UTC", "America/Phoenix"]))
    rule = draw(st.sampled_from(RULES))
    x = draw(st.integers(0, LONGEST - 6))
    first = local(zero, x, zone)
    if rule is not None:
        first -= timedelta(days=draw(st.sampled_from([0, 1, 2, 7])))
    found: dict[str, Any] = {
        "id": name,
        "systems": list(draw(st.sampled_from([known, known[:1]]))),
        "start": first.isoformat(),
        "end": (first + timedelta(milliseconds=UNIT * draw(st.integers(1, 35)))).isoformat(),
        "timezone": zone,
        "proposed": {"by": "p", "at": instant(zero, -60 * 720)},
    }
    if rule is not None:
        found["rrule"] = rule
        if draw(st.integers(0, 3)) == 0:
            found["exdate"] = [(first + timedelta(days=draw(st.integers(1, 3)))).isoformat()]
    early = draw(st.sampled_from([9 * 720, 9 * 720, 9 * 720, 6, 2, 1, 0, -2]))
    if draw(st.integers(0, 6)):
        by = draw(st.sampled_from(["q", "q", "q", "q", "p"]))
        found["approval"] = {"by": by, "at": instant(zero, x - early)}
    if draw(st.integers(0, 5)) == 0:
        found["cancelled"] = {"by": "p", "at": instant(zero, x + draw(st.integers(-4, 4)))}
    if draw(st.integers(0, 3)) == 0:
        ends = x + draw(st.integers(-1, 8))
        found["finished"] = [{"by": "p", "at": instant(zero, ends)}]
    return found


@st.composite
def files(draw: st.DrawFn, zero: int, *, first: bool) -> dict[str, Any]:
    sites: dict[str, Any] = {
        "north": {"name": "North", "users": "3"},
        "south": {"name": "South", "users": draw(st.sampled_from(["1", "1", "7"]))},
        "west": {"name": "West"},
    }
    agents = {"a": "north", "b": draw(st.sampled_from(["north", "north", "south"])), "s": "south"}
    if draw(st.integers(0, 3)) == 0:
        agents["w"] = "west"
    extra = draw(
        st.sampled_from([(), (), ("e",), ("t",), ("g1", "g2"), ("g1", "g2", "t"), ("h1", "t")])
    )
    own = ("c", *extra) if not extra or draw(st.booleans()) else extra
    if own == ("t",):
        own = ("c", "t")
    has_lab = draw(st.integers(0, 3)) == 0
    has_ehr = first or not has_lab or draw(st.integers(0, 3)) > 0
    known = (("ehr",) if has_ehr else ()) + (("lab",) if has_lab else ())
    file: dict[str, Any] = {
        "version": "1",
        "organization": {"id": "org", "name": "Org", "timezone": ORGANIZATION},
        "sites": sites,
        "agents": {agent: {"site": site} for agent, site in agents.items()},
        "systems": {},
        "checks": {},
    }
    for system in known:
        names = (
            own
            if system == "ehr"
            else tuple(f"lab-{n}" for n in draw(st.sampled_from([("c",), ("c", "t")])))
        )
        file["systems"][system] = draw(systems(names, zero))
        file["checks"] |= draw(checks(names, system))
    # A supporting check may change hands.
    if has_ehr and has_lab and "lab-t" in file["checks"] and draw(st.booleans()):
        file["checks"]["lab-t"]["system"] = "ehr"
    count = draw(st.sampled_from([0, 0, 1, 1, 2]))
    file["maintenance"] = [draw(windows(name, zero, known)) for name in ("v", "w")[:count]]
    return file


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    zero = int(datetime.fromisoformat(draw(st.sampled_from(ZEROS))).timestamp()) * 1000
    if draw(st.booleans()):
        versions = [Recorded(None, draw(files(zero, first=True)))]
    else:
        ats = sorted({draw(st.integers(0, 6)), *draw(st.lists(st.integers(4, 34), max_size=2))})
        versions = [Recorded(at, draw(files(zero, first=at == ats[0]))) for at in ats]
        for left, right in itertools.pairwise(versions):
            # Often only windows, or only words, differ.
            if draw(st.booleans()):
                for key in ("systems", "checks", "agents"):
                    right.file[key] = left.file[key]  # type: ignore[index]
                known = set(right.file["systems"])
                right.file["maintenance"] = [  # type: ignore[index]
                    w for w in right.file["maintenance"] if set(w["systems"]) <= known
                ]
                if draw(st.booleans()):
                    right.file["maintenance"] = left.file["maintenance"]  # type: ignore[index]
    named = sorted({name for v in versions for name in v.file["checks"]})
    here = sorted({agent for v in versions for agent in v.file["agents"]})
    moods = st.text("uuuuuddddggmmx.", max_size=LONGEST) | st.sampled_from(STEADY)
    results: list[dict[str, Any]] = []
    begins = draw(st.sampled_from([0, 0, 4]))
    for check in named:
        for agent in here:
            wild = check in ("c", "g1", "lab-t", "lab-c") and agent in ("a", "s")
            words = draw(moods if wild else st.sampled_from(STEADY))
            results += [
                entry(zero, begins + n, check, agent, letter)
                for n, letter in enumerate(words)
                if letter != "."
            ]
    for x, letter in draw(
        st.lists(st.tuples(st.integers(0, 40), st.sampled_from("udgmx")), max_size=3)
    ):
        results.append(entry(zero, x, named[0], "a", letter))
    start = draw(st.sampled_from([0, 0, 3, 12, 20]))
    end = start + draw(st.integers(1, 40))
    now = draw(st.sampled_from([end, end, start + 2, draw(st.integers(0, 50))]))
    return Scene(zero, tuple(versions), tuple(results), start, end, now)


def entry(zero: int, x: int, check: str, agent: str, letter: str) -> dict[str, Any]:
    return {
        "check": check,
        "agent": agent,
        "at": instant(zero, x),
        "outcome": str(OUTCOMES[letter]),
        "reason": "any",
        "duration_ms": 5,
    }
