"""Five minutes of one (check, agent): how runs ended, and how long answers took.

A rollup is made of distinct results, one an instant, whatever order they came in, so it never
depends on the way evidence travelled. Rollups of other instants add up.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import compress, repeat
from operator import attrgetter
from typing import Annotated, Final, Literal

import msgspec

from collector.core.agent_state import distinct, in_order
from collector.core.settled import Source
from collector.core.tally import BUCKET_MS
from probes.contract import COUNTED, Outcome
from probes.results import Result

BOUNDS = (
    1, 2, 3, 5, 7,
    10, 15, 20, 30, 50, 70,
    100, 150, 200, 300, 500, 700,
    1_000, 1_500, 2_000, 3_000, 5_000, 7_000,
    10_000, 15_000, 20_000, 30_000, 50_000, 70_000,
    100_000, 150_000, 200_000, 300_000,
)  # fmt: skip
"""Upper bounds of the histogram in milliseconds, inclusive; what took longer is counted after the
last. About six a decade, and the 20 s of CAQH CORE among them. They are part of the stored form:
another scale is another `FORMAT`."""
FORMAT: Final = 2
COUNTING: Final = 3
"""The format of an hour in which a fact was counted; every other stays in the one before."""
HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Rollup:
    """`counts` is (outcome, reason, runs), sorted. `answered` counts the `up` and `degraded` runs
    by duration, one entry for each of `BOUNDS` and one for what took longer: how long a failure
    took says nothing about latency.
    """

    counts: tuple[tuple[Outcome, str, int], ...]
    answered: tuple[int, ...]
    counted: tuple[tuple[str, int, int], ...] = ()
    """(fact, runs that have it, their sum) of facts that add up, sorted."""

    @property
    def responses(self) -> int:
        return sum(self.answered)

    def within(self, limit_ms: int) -> int:
        """Responses that took at most `limit_ms`, which is one of `BOUNDS`; ValueError otherwise."""
        return sum(self.answered[: BOUNDS.index(limit_ms) + 1])


EMPTY = Rollup((), (0,) * (len(BOUNDS) + 1))

Rollups = Mapping[Source, Mapping[int, Rollup]]
"""By (check, agent), then by the start of the bucket."""


def rollups(results: Iterable[Result]) -> dict[int, Rollup]:
    """Of one (check, agent), by the start of the bucket that holds `t`.

    Of several results of one instant the one that stands counts; among those with the same
    outcome that is the longest.
    """
    line = list(results)
    kept = line if in_order(line) else distinct(sorted(line, key=_longest_first))[0]
    if kept and kept[0].t // BUCKET_MS == kept[-1].t // BUCKET_MS:
        return {kept[0].t // BUCKET_MS * BUCKET_MS: _rollup(kept)}
    inside: dict[int, list[Result]] = {}
    for result in kept:
        inside.setdefault(result.t // BUCKET_MS * BUCKET_MS, []).append(result)
    return {bucket: _rollup(found) for bucket, found in inside.items()}


def added(parts: Iterable[Rollup]) -> Rollup:
    """The sum of rollups that share no instant."""
    counts: Counter[tuple[Outcome, str]] = Counter()
    answered = [0] * (len(BOUNDS) + 1)
    sums: _Sums = {}
    for part in parts:
        for outcome, reason, n in part.counts:
            counts[outcome, reason] += n
        for place, n in enumerate(part.answered):
            answered[place] += n
        for fact, runs, total in part.counted:
            _add(sums, fact, runs, total)
    return Rollup(_sorted(counts), tuple(answered), _summed(sums))


_Sums = dict[str, tuple[int, int]]


def _add(sums: _Sums, fact: str, runs: int, total: int) -> None:
    before = sums.get(fact, (0, 0))
    sums[fact] = before[0] + runs, before[1] + total


def _summed(sums: _Sums) -> tuple[tuple[str, int, int], ...]:
    return tuple((fact, *of) for fact, of in sorted(sums.items()))


Place = Annotated[int, msgspec.Meta(ge=0, lt=HOUR_MS // BUCKET_MS)]


class _Bucket(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`counts` has one number for each of the hour's `kinds`; `answered` is place in the histogram
    and runs, in turn, without zeros.
    """

    place: Place
    counts: list[Annotated[int, msgspec.Meta(ge=0)]]
    answered: list[int]


class _Stored(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    format: Literal[2]
    kinds: list[tuple[Outcome, str]]
    buckets: list[_Bucket]


class _Sum(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    fact: str
    runs: Annotated[int, msgspec.Meta(ge=1)]
    total: int


class _Counted(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """An hour as `_Stored` has it, and its sums by place, without empty ones."""

    format: Literal[3]
    hour: bytes
    sums: list[tuple[Place, list[_Sum]]]


class _Unread(msgspec.Struct, array_like=True, forbid_unknown_fields=True):
    """`_Stored` with its buckets as they stand; byte `_PLACE_BYTE` of each is its place."""

    format: Literal[2]
    kinds: list[tuple[Outcome, str]]
    buckets: list[msgspec.Raw]


_PLACE_BYTE = 1
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(_Stored)
_unread_decoder = msgspec.msgpack.Decoder(_Unread)
_counting = msgspec.msgpack.Decoder(_Counted)

Hour = Mapping[int, Rollup]
"""By the place of the bucket in its hour."""


def encode(hour: Hour) -> bytes:
    """The same bytes for the same rollups, always."""
    kinds = _kinds(hour)
    buckets = [_bucket(place, one, kinds) for place, one in sorted(hour.items())]
    plain = _encoder.encode(_Stored(FORMAT, kinds, buckets))
    sums = [
        (n, [_Sum(*of) for of in one.counted]) for n, one in sorted(hour.items()) if one.counted
    ]
    return _encoder.encode(_Counted(COUNTING, plain, sums)) if sums else plain


def put(data: bytes, fresh: Hour) -> bytes:
    """`encode` of the hour that `data` holds, with `fresh` in the place of what it had of it.

    Where runs ended as they did all hour the rest need not be read; ValueError as of `decode`.
    """
    kinds = _kinds(fresh)
    if _is_counting(data) or any(one.counted for one in fresh.values()):
        return encode({**decode(data), **fresh})
    try:
        stored = _unread_decoder.decode(data)
        buckets = {one[_PLACE_BYTE]: one for one in map(bytes, stored.buckets)}
    except (msgspec.DecodeError, ValueError, IndexError):
        raise ValueError("no rollup of a format known here") from None
    if kinds != stored.kinds:
        return encode({**decode(data), **fresh})
    for place, one in fresh.items():
        buckets[place] = _encoder.encode(_bucket(place, one, kinds))
    held = [msgspec.Raw(buckets[place]) for place in sorted(buckets)]
    return _encoder.encode(_Unread(FORMAT, kinds, held))


def _kinds(hour: Hour) -> list[tuple[Outcome, str]]:
    return sorted({(o, reason) for one in hour.values() for o, reason, _ in one.counts})


def _bucket(place: int, one: Rollup, kinds: Sequence[tuple[Outcome, str]]) -> _Bucket:
    counts = {(o, reason): n for o, reason, n in one.counts}
    answered = [x for at in compress(_PLACES, one.answered) for x in (at, one.answered[at])]
    return _Bucket(place, [counts.get(kind, 0) for kind in kinds], answered)


def decode(data: bytes) -> dict[int, Rollup]:
    """ValueError for what `encode` did not write, or another format did."""
    try:
        counted = _counting.decode(data) if _is_counting(data) else None
        stored = _decoder.decode(data if counted is None else counted.hour)
        hour = {one.place: _read(stored.kinds, one) for one in stored.buckets}
        for place, sums in counted.sums if counted is not None else ():
            found = tuple((of.fact, of.runs, of.total) for of in sums)
            hour[place] = replace(hour[place], counted=found)
    except (msgspec.DecodeError, ValueError, IndexError, KeyError):
        raise ValueError("no rollup of a format known here") from None
    if encode(hour) != data:
        raise ValueError("no rollup of a format known here")
    return hour


def _is_counting(data: bytes) -> bool:
    return data[1:2] == COUNTING.to_bytes(1, "big")


def _read(kinds: Sequence[tuple[Outcome, str]], stored: _Bucket) -> Rollup:
    answered = [0] * (len(BOUNDS) + 1)
    for place, n in zip(stored.answered[::2], stored.answered[1::2], strict=True):
        answered[place] = n
    counts = zip(kinds, stored.counts, strict=True)
    return Rollup(tuple((*kind, n) for kind, n in counts if n), tuple(answered))


def _longest_first(result: Result) -> tuple[int, int, str, tuple[tuple[str, int], ...]]:
    return result.t, -result.duration_ms, result.reason, result.facts


def _rollup(results: Sequence[Result]) -> Rollup:
    counts: dict[tuple[Outcome, str], int] = {}
    for said in map(_said, results):
        counts[said] = counts.get(said, 0) + 1
    answered = [0] * (len(BOUNDS) + 1)
    took = [result.duration_ms for result in results if result.outcome in _GOOD]
    for place in map(bisect_left, repeat(BOUNDS), took):
        answered[place] += 1
    sums: _Sums = {}
    for result in filter(_facts, results):
        for fact, value in result.facts:
            if fact in COUNTED:
                _add(sums, fact, 1, value)
    return Rollup(_sorted(counts), tuple(answered), _summed(sums))


_PLACES = range(len(BOUNDS) + 1)
_said = attrgetter("outcome", "reason")
_facts = attrgetter("facts")
_GOOD = frozenset(outcome for outcome in Outcome if outcome.good)


def _sorted(counts: Mapping[tuple[Outcome, str], int]) -> tuple[tuple[Outcome, str, int], ...]:
    return tuple((outcome, reason, n) for (outcome, reason), n in sorted(counts.items()))
