"""What is settled of a system, as bytes: a process takes it up instead of reading all evidence.

A cache, made from the evidence and thrown away where its `FORMAT` is not this program's.
"""

from __future__ import annotations

from collections.abc import Mapping
from sys import intern
from typing import TypeVar

import msgspec
import zstandard

from alerts.events import State
from collector.core.agent_state import Heard
from collector.core.outages import Outage
from collector.core.settled import Settled, Source
from collector.core.tally import Tally
from collector.core.versions import Decided, InForce
from collector.core.voice_fold import AgentState, Told, VoiceFold
from collector.core.windows import segments
from collector.truths import Live
from probes.contract import Outcome
from probes.history import History
from probes.results import Result
from probes.spans import Interval, Span, Timeline

FORMAT = 4
"""Grows with every change of what the fold remembers or decides."""
LARGEST = 256 * 1024 * 1024

S = TypeVar("S")
_Line = list[tuple[int, S]]
"""(start, value) of touching spans."""


class _Voice(msgspec.Struct, array_like=True):
    check: str
    agent: str
    until: int
    edge: int
    fold: VoiceFold
    states: _Line[AgentState]
    states_end: int
    blips: tuple[Interval, ...]
    judged: Tally
    good: tuple[int, ...]
    failing: tuple[int, ...]
    last_t: int | None
    told: tuple[Told, ...]


class _Late(msgspec.Struct, array_like=True):
    """A result that is not settled."""

    check: str
    agent: str
    t: int
    outcome: Outcome
    reason: str
    duration_ms: int
    received: int
    cert_days_left: int | None
    facts: tuple[tuple[str, int], ...]


class _System(msgspec.Struct, array_like=True):
    until: int
    ended: int
    voices: list[_Voice]
    versions: list[tuple[int, int, bool, int]]
    dates: list[int]
    checks: dict[str, _Line[State]]
    sites: dict[str, _Line[State]]
    states: _Line[State]
    access: list[Interval]
    rejected: list[Interval]
    expires: _Line[int | None]
    burning: list[Interval]
    outages: list[Outage]
    open_since: int | None
    conflicts: int
    tail: list[_Late]


_DECODER = msgspec.msgpack.Decoder(_System)


def encode(live: Live) -> bytes:
    settled = live.settled
    saved = _System(
        settled.until,
        live.ended,
        [_voice(source, heard) for source, heard in settled.voices.items()],
        [(v.start, v.end, v.waited, v.number) for v in settled.decided.versions],
        list(settled.decided.dates),
        {name: _short(line) for name, line in settled.checks.items()},
        {name: _short(line) for name, line in settled.sites.items()},
        _short(settled.states),
        list(settled.access),
        list(settled.rejected),
        _short(settled.expires),
        list(settled.burning),
        list(settled.outages),
        settled.open_since,
        settled.conflicts,
        [
            _Late(
                r.check,
                r.agent,
                r.t,
                r.outcome,
                r.reason,
                r.duration_ms,
                r.received,
                r.cert_days_left,
                r.facts,
            )
            for line in live.tail.values()
            for r in line
        ],
    )
    return zstandard.compress(msgspec.msgpack.encode(saved), 1)


def decode(system: str, data: bytes, history: History) -> Live:
    """`history` holds the versions that were known then, at least."""
    saved = _DECODER.decode(zstandard.decompress(data, max_output_size=LARGEST))
    configs = [config for _, _, config in segments(history)]
    settled = Settled(
        until=saved.until,
        voices={(v.check, v.agent): _heard(v) for v in saved.voices},
        decided=Decided(
            tuple(
                InForce(start, end, configs[number], waited, number)
                for start, end, waited, number in saved.versions
            ),
            tuple(saved.dates),
        ),
        checks=_lines(saved.checks, saved.until),
        sites=_lines(saved.sites, saved.until),
        states=_long(saved.states, saved.until),
        access=tuple(saved.access),
        rejected=tuple(saved.rejected),
        expires=_long(saved.expires, saved.until),
        burning=tuple(saved.burning),
        outages=tuple(saved.outages),
        open_since=saved.open_since,
        conflicts=saved.conflicts,
    )
    tail: dict[Source, list[Result]] = {}
    for r in saved.tail:
        tail.setdefault((r.check, r.agent), []).append(
            Result(
                intern(r.check),
                intern(r.agent),
                r.t,
                r.outcome,
                intern(r.reason),
                r.duration_ms,
                r.received,
                r.cert_days_left,
                tuple((intern(name), value) for name, value in r.facts),
            )
        )
    return Live(system, settled, tail, ended=saved.ended)


def _voice(source: Source, heard: Heard) -> _Voice:
    return _Voice(
        *source,
        heard.until,
        heard.edge,
        heard.fold,
        _short(heard.states),
        heard.until,
        heard.blips,
        msgspec.structs.replace(heard.judged, exact={}),
        heard.good,
        heard.failing,
        heard.last_t,
        heard.told,
    )


def _heard(voice: _Voice) -> Heard:
    return Heard(
        voice.until,
        voice.edge,
        voice.fold,
        _long(voice.states, voice.states_end),
        voice.blips,
        voice.judged,
        voice.good,
        voice.failing,
        voice.last_t,
        voice.told,
    )


def _short(line: Timeline[S]) -> _Line[S]:
    return [(span.start, span.value) for span in line]


def _long(line: _Line[S], end: int) -> Timeline[S]:
    ends = [start for start, _ in line[1:]] + [end]
    return tuple(Span(start, stop, value) for (start, value), stop in zip(line, ends, strict=False))


def _lines(lines: Mapping[str, _Line[S]], end: int) -> dict[str, Timeline[S]]:
    return {name: _long(line, end) for name, line in lines.items()}
