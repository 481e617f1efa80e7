"""Views, histories and expectations written in minutes, for tests of the process fold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from alerts.events import Cause, Family, Incident, QuietWindow, State, SystemView
from probes.config import Config
from probes.history import History, Version
from probes.spans import Interval, Span, Timeline, merge

MIN = 60_000


def line(text: str, start: float = 0) -> Timeline[State]:
    """`"up:10 down:5"` is ten minutes up, then five down, from minute `start` on."""
    spans = []
    at = round(start * MIN)
    for part in text.split():
        state, _, length = part.partition(":")
        end = at + round(float(length) * MIN)
        spans.append(Span(at, end, State(state)))
        at = end
    return merge(spans)


def feeds(text: str, start: float = 0) -> tuple[Span[Cause], ...]:
    """`"ok:10 silent:5 flooded:5"`, in minutes from `start` on."""
    spans = []
    at = round(start * MIN)
    for part in text.split():
        cause, _, length = part.partition(":")
        end = at + round(float(length) * MIN)
        if cause != "ok":
            spans.append(Span(at, end, Cause(cause)))
        at = end
    return tuple(spans)


def times(*pairs: tuple[float, float]) -> tuple[Interval, ...]:
    return tuple(Interval(round(a * MIN), round(b * MIN)) for a, b in pairs)


def ends(*spans: tuple[float, float, float | None]) -> Timeline[int | None]:
    """`(0, 10, 90)`: from minute 0 to 10 the first certificate is known to end by minute 90."""
    return tuple(
        Span(round(a * MIN), round(b * MIN), None if by is None else round(by * MIN))
        for a, b, by in spans
    )


def window(start: float, end: float, expect_down: float | None = None) -> QuietWindow:
    expected = None if expect_down is None else round(expect_down * MIN)
    return QuietWindow(round(start * MIN), round(end * MIN), expected)


def view(
    states: str,
    *,
    system: str = "ehr",
    start: float = 0,
    sites: Mapping[str, str] | None = None,
    access: tuple[Interval, ...] = (),
    rejected: tuple[Interval, ...] = (),
    windows: tuple[QuietWindow, ...] = (),
    expires: Timeline[int | None] = (),
    burning: tuple[Interval, ...] = (),
    feed: str = "",
) -> SystemView:
    return SystemView(
        system=system,
        states=line(states, start),
        site_states={name: line(text, start) for name, text in (sites or {}).items()},
        access=access,
        rejected_by_all=rejected,
        windows=windows,
        expires=expires,
        burning=burning,
        feed=feeds(feed, start),
    )


def views(*each: SystemView) -> dict[str, SystemView]:
    return {one.system: one for one in each}


def config(systems: Mapping[str, Mapping[str, Any]] | None = None, **policy: Any) -> Config:
    """Systems by id with `class`, `workaround` and `depends_on`; policy durations as text."""
    chosen = {"ehr": {}} if systems is None else systems
    return Config.model_validate(
        {
            "version": "1",
            "organization": {"id": "st-elsewhere", "name": "St Elsewhere", "timezone": "UTC"},
            "policy": policy,
            "sites": {"north": {"name": "North"}},
            "agents": {"north-1": {"site": "north"}},
            "systems": {
                name: {
                    "name": name.upper(),
                    "impact": {
                        "class": system.get("class", "clinical"),
                        **(
                            {"workaround": {"name": "Binder", **system["workaround"]}}
                            if "workaround" in system
                            else {}
                        ),
                    },
                    "depends_on": list(system.get("depends_on", ())),
                }
                for name, system in chosen.items()
            },
            "checks": {},
        }
    )


def history(*versions: Config | tuple[float, Config]) -> History:
    """A config that holds throughout, or `(minute, config)` pairs."""
    if not versions:
        return History([Version(None, config())])
    return History(
        Version(None, v) if isinstance(v, Config) else Version(round(v[0] * MIN), v[1])
        for v in versions
    )


def minute(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / MIN


def brief(found: Sequence[Incident]) -> list[tuple[str, float, float | None]]:
    """(causes joined by +, start, recovery) of each, in minutes."""
    return [("+".join(i.causes), i.started_at / MIN, minute(i.recovered_at)) for i in found]


def only(found: Sequence[Incident]) -> Incident:
    assert len(found) == 1, brief(found)
    return found[0]


__all__ = [
    "MIN",
    "Cause",
    "Family",
    "brief",
    "config",
    "ends",
    "history",
    "line",
    "minute",
    "only",
    "times",
    "view",
    "views",
    "window",
]
