"""The same evidence under another config: both folds, the comparison, and its plain words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from collector.core.settled import Source
from collector.core.what_if import compare, differs
from collector.replay import Input, replay
from probes.config import Config
from probes.history import History, Version

COLUMNS = ("up", "degraded", "down", "unknown", "excluded", "eligible", "not_monitored")
OTHER_ORGANIZATION = "organization.id: another organization than that of the recorded versions"


def what_if(
    recorded: History,
    new: Config,
    given: Input,
    start: int,
    end: int,
    now: int,
    *,
    says: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """`[start, end)` as known at `now`, under the recorded versions and under `new`.

    Approvals are judged by their claimed time on both sides. `says` hears what is being done.
    """
    says("folding under the recorded versions")
    before = replay(recorded, given, start, end, now)
    says("folding under the new file")
    after = replay(instead(recorded, new), given, start, end, now)
    return compare(before, after)


def instead(recorded: History, new: Config) -> History:
    """`new` in place of every version, from the instant the first one was recorded.

    So nothing waits for an outage to end: there is no earlier version to wait with.
    """
    return History([Version(recorded.versions[0].at, new)])


def both(recorded: History, new: Config) -> History:
    """For reading results: every id of either side is known, times are the recorded zone's."""
    return History([Version(recorded.versions[0].at, new), *recorded.versions])


def sources(history: History) -> set[Source]:
    """Every (check, agent) any version assigns."""
    return {
        (name, agent)
        for version in history.versions
        for name in version.config.checks
        for agent in version.config.agents_of(name)
    }


def lines(found: Mapping[str, Any]) -> list[str]:
    """What differs, in words; seconds are exact."""
    period = found["period"]
    out = [
        (
            f"{period['start']} to {period['end']}, known up to {period['now']}: "
            "recorded versions -> new file"
        ),
        "",
    ]
    same = [name for name, one in found["systems"].items() if not differs(one)]
    for name, one in found["systems"].items():
        if name not in same:
            out += _system(name, one)
    if same:
        out.append(f"The same numbers: {', '.join(same)}")
    out += ["", *(_incidents(found["incidents"]) or ["The same incidents."])]
    return out


def _system(name: str, one: Mapping[str, Any]) -> Iterable[str]:
    before, after = one["before"], one["after"]
    if before is None or after is None:
        side = "new file" if before is None else "recorded versions"
        yield f"{name}: only in the {side}"
        yield f"  {_amounts(after if before is None else before)}"
    else:
        yield f"{name}: {_judged(before, after)}"
        moved = [c for c in COLUMNS if one["change"][f"{c}_ms"]]
        for column in moved:
            left, right = before[f"{column}_ms"], after[f"{column}_ms"]
            yield f"  {column} {_s(left)} -> {_s(right)} ({_signed(right - left)})"
    for kind in ("gone", "new"):
        for outage in one["outages"][kind]:
            yield f"  outage {kind}: {_range(outage['start'], outage['end'])}"
    for pair in one["outages"]["changed"]:
        left, right = (_range(pair[side]["start"], pair[side]["end"]) for side in SIDES)
        more = "" if left != right else " (its uncertainty)"
        yield f"  outage changed: {left} -> {right}{more}"


SIDES = ("before", "after")


def _judged(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    told = [
        _moved(key, *(_percent(side[key]) for side in (before, after)))
        for key in ("known", "min", "max")
    ]
    for key in ("verdict", "minimum_verdict", "target", "minimum", "formula"):
        left, right = (str(side[key] or "none") for side in (before, after))
        if key == "verdict" or left != right:
            told.append(_moved(key.replace("_", " "), left, right))
    return ", ".join(told)


def _moved(name: str, left: str, right: str) -> str:
    return f"{name} {left}" if left == right else f"{name} {left} -> {right}"


def _amounts(one: Mapping[str, Any]) -> str:
    return ", ".join(f"{c} {_s(one[f'{c}_ms'])}" for c in COLUMNS if one[f"{c}_ms"])


def _incidents(found: Mapping[str, Any]) -> list[str]:
    out = [
        f"Incident {kind}: {_named(one)}, {_range(one['started_at'], one['recovered_at'])}, "
        f"category {one['category']}, {one['priority']}"
        for kind in ("gone", "new")
        for one in found[kind]
    ]
    for pair in found["changed"]:
        one, two = pair["before"], pair["after"]
        fields = ", ".join(
            f"{key.replace('_', ' ')} {_value(one[key])} -> {_value(two[key])}"
            for key in pair["fields"]
        )
        out.append(f"Incident changed: {_named(one)} from {one['started_at']}: {fields}")
    return out


def _named(one: Mapping[str, Any]) -> str:
    return f"{one['system']} {one['family']} ({', '.join(one['causes'])})"


def _range(start: str, end: str | None) -> str:
    return f"{start} to {'now, still open' if end is None else end}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return " and ".join(value) or "none"
    return "none" if value is None else str(value)


def _percent(text: str | None) -> str:
    return "undefined" if text is None else f"{text} %"


def _s(ms: int) -> str:
    whole, rest = divmod(abs(ms), 1000)
    return f"{whole}.{rest:03d} s" if rest else f"{whole} s"


def _signed(ms: int) -> str:
    return f"{'+' if ms > 0 else '-'}{_s(ms)}"
