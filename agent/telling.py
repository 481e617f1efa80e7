"""What this agent tells by itself while its line is lost: once each, and when it is over. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec


class Kind(StrEnum):
    LOST = "uplink.lost"
    DOWN = "system.down"
    UP = "system.up"
    BACK = "uplink.back"


@dataclass(frozen=True, slots=True)
class Line:
    """`silent_ms`: since the last acknowledgement, or the start where there was none yet; not counted
    while nothing waited.
    """

    silent_ms: int
    has_spoken: bool
    waits: bool
    """Is there something to deliver at all?"""


@dataclass(frozen=True, slots=True)
class Outage:
    """A critical check of a clinical system, confirmed down."""

    system: str
    check: str
    cause: str
    since_ms: int


class Message(msgspec.Struct, frozen=True):
    """Ids, codes and UTC milliseconds: there is no place for anything else. `since_ms` is when the
    line was lost or the outage began; `systems` are those still down when the line is back.
    """

    id: str
    kind: Kind
    at_ms: int
    since_ms: int
    system: str | None = None
    cause: str | None = None
    checks: tuple[str, ...] = ()
    systems: tuple[str, ...] = ()


class Cause(msgspec.Struct):
    since_ms: int
    checks: list[str]


class Told(msgspec.Struct):
    """What was told and is not over: kept on disk, so a start in the middle goes on. `systems`: by system, then by cause."""

    lost_ms: int | None = None
    systems: dict[str, dict[str, Cause]] = msgspec.field(default_factory=dict)


def decide(
    told: Told,
    now_ms: int,
    line: Line,
    after_ms: int,
    outages: list[Outage],
    is_well: Callable[[str], bool | None],
    new_id: Callable[[], str],
) -> list[Message]:
    """What is to be told now; `told` is brought up to date. `is_well`: is a check up for certain?
    None: it is not followed any more.
    """
    out: list[Message] = []
    if line.waits and (line.silent_ms >= after_ms or (told.lost_ms and not line.has_spoken)):
        if told.lost_ms is None:
            told.lost_ms = now_ms - line.silent_ms
            out.append(Message(new_id(), Kind.LOST, now_ms, told.lost_ms))
        out += _recovered(told, now_ms, is_well, new_id)
        out += _failed(told, now_ms, outages, new_id)
    elif told.lost_ms is not None and line.has_spoken and line.silent_ms < after_ms:
        still = tuple(sorted({outage.system for outage in outages}))
        out.append(Message(new_id(), Kind.BACK, now_ms, told.lost_ms, systems=still))
        told.lost_ms, told.systems = None, {}
    return out


def _failed(
    told: Told, now_ms: int, outages: list[Outage], new_id: Callable[[], str]
) -> list[Message]:
    out = []
    for (system, cause), found in _by_cause(outages).items():
        causes = told.systems.setdefault(system, {})
        checks = [outage.check for outage in found]
        if cause in causes:
            # not told again, but not over before these are up, too
            causes[cause].checks = sorted({*causes[cause].checks, *checks})
            continue
        since_ms = min(outage.since_ms for outage in found)
        causes[cause] = Cause(since_ms, checks)
        out.append(
            Message(new_id(), Kind.DOWN, now_ms, since_ms, system, cause, checks=tuple(checks))
        )
    return out


def _recovered(
    told: Told, now_ms: int, is_well: Callable[[str], bool | None], new_id: Callable[[], str]
) -> list[Message]:
    """A system is over when every check that was told of it, and is still run, is up: neither silence
    nor another config is a recovery.
    """
    out = []
    for system in sorted(told.systems):
        causes = told.systems[system].values()
        seen = [is_well(check) for cause in causes for check in cause.checks]
        followed = [well for well in seen if well is not None]
        if followed and all(followed):
            since_ms = min(cause.since_ms for cause in causes)
            out.append(Message(new_id(), Kind.UP, now_ms, since_ms, system))
            del told.systems[system]
    return out


def _by_cause(outages: list[Outage]) -> Mapping[tuple[str, str], list[Outage]]:
    found: dict[tuple[str, str], list[Outage]] = {}
    for outage in sorted(outages, key=lambda one: (one.system, one.cause, one.check)):
        found.setdefault((outage.system, outage.cause), []).append(outage)
    return found
