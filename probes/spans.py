"""Half-open intervals `[start, end)` on integer milliseconds, and piecewise-constant timelines."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, TypeVar

import msgspec

T = TypeVar("T")
U = TypeVar("U")


class Interval(msgspec.Struct, frozen=True, order=True, gc=False):
    start: int
    end: int

    @property
    def length(self) -> int:
        return self.end - self.start


class Span(msgspec.Struct, Generic[T], frozen=True, gc=False):
    """A value that holds over `[start, end)`."""

    start: int
    end: int
    value: T


Timeline = tuple[Span[T], ...]
"""Spans in order, touching, without overlap; neighbours differ in value once `merge`d."""


def unite(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    """Sorted, disjoint, non-touching intervals that cover the same instants."""
    items = [i for i in intervals if i.end > i.start]
    if len(items) > 1:
        items.sort(key=_start)
    out: list[Interval] = []
    for item in items:
        if out and item.start <= out[-1].end:
            if item.end > out[-1].end:
                out[-1] = Interval(out[-1].start, item.end)
        else:
            out.append(item)
    return tuple(out)


def intersect(left: Sequence[Interval], right: Sequence[Interval]) -> tuple[Interval, ...]:
    """Instants in both; each argument united."""
    out: list[Interval] = []
    i = j = 0
    while i < len(left) and j < len(right):
        start, end = max(left[i].start, right[j].start), min(left[i].end, right[j].end)
        if start < end:
            out.append(Interval(start, end))
        if left[i].end < right[j].end:
            i += 1
        else:
            j += 1
    return tuple(out)


def subtract(left: Sequence[Interval], right: Sequence[Interval]) -> tuple[Interval, ...]:
    """Instants in `left` and not in `right`; each argument united."""
    out: list[Interval] = []
    j = 0
    for item in left:
        start = item.start
        while j < len(right) and right[j].end <= start:
            j += 1
        k = j
        while k < len(right) and right[k].start < item.end:
            if right[k].start > start:
                out.append(Interval(start, right[k].start))
            start = max(start, right[k].end)
            k += 1
        if start < item.end:
            out.append(Interval(start, item.end))
    return tuple(out)


def total(intervals: Iterable[Interval]) -> int:
    """Milliseconds covered by disjoint intervals."""
    return sum(i.length for i in intervals)


def merge(spans: Iterable[Span[T]]) -> Timeline[T]:
    """Join touching neighbours of equal value and drop empty spans. Input is in order."""
    out: list[Span[T]] = []
    for span in spans:
        if span.end <= span.start:
            continue
        if out and out[-1].end == span.start and out[-1].value == span.value:
            out[-1] = Span(out[-1].start, span.end, span.value)
        else:
            out.append(span)
    return tuple(out)


def clip(timeline: Iterable[Span[T]], start: int, end: int) -> Timeline[T]:
    """The part of a timeline inside `[start, end)`."""
    out: list[Span[T]] = []
    for span in timeline:
        if start <= span.start < span.end <= end:
            out.append(span)
        elif (left := max(span.start, start)) < (right := min(span.end, end)):
            out.append(Span(left, right, span.value))
    return tuple(out)


def onwards(timeline: Sequence[Span[T]], start: int) -> Sequence[Span[T]]:
    """The spans of a timeline that end after `start`, whole; quick also where it is long."""
    return timeline[bisect.bisect_right(timeline, start, key=_end) :]


def until(timeline: Sequence[Span[T]], end: int) -> Timeline[T]:
    """The part of a timeline before `end`; quick also where it is long."""
    spans = timeline[: bisect.bisect_left(timeline, end, key=_start)]
    if spans and spans[-1].end > end:
        return (*spans[:-1], Span(spans[-1].start, end, spans[-1].value))
    return tuple(spans)


def joined(left: Timeline[T], right: Timeline[T]) -> Timeline[T]:
    """Two merged timelines, one after the other, as one."""
    if left and right and left[-1].end == right[0].start and left[-1].value == right[0].value:
        middle = Span(left[-1].start, right[0].end, right[0].value)
        return (*left[:-1], middle, *right[1:])
    return (*left, *right)


def _start(span: Span[T] | Interval) -> int:
    return span.start


def _end(span: Span[T]) -> int:
    return span.end


def where(timeline: Iterable[Span[T]], test: Callable[[T], bool]) -> tuple[Interval, ...]:
    """United intervals whose value passes `test`."""
    out: list[Interval] = []
    for span in timeline:
        if span.end > span.start and test(span.value):
            if out and span.start <= out[-1].end:
                out[-1] = Interval(out[-1].start, span.end)
            else:
                out.append(Interval(span.start, span.end))
    return tuple(out)


def combine(
    timelines: Sequence[Sequence[Span[T]]], fold: Callable[[tuple[T, ...]], U], start: int, end: int
) -> Timeline[U]:
    """Sweep several timelines, each covering `[start, end)`, and fold their values per instant."""
    if not timelines:
        return merge((Span(start, end, fold(())),))
    if len(timelines) == 1:
        return merge(
            Span(max(s.start, start), min(s.end, end), fold((s.value,))) for s in timelines[0]
        )
    cuts = {start, end}
    for line in timelines:
        cuts.update(s.start for s in line if start < s.start < end)
    edges = sorted(cuts)
    position = [0] * len(timelines)
    out: list[Span[U]] = []
    for left, right in itertools.pairwise(edges):
        for n, line in enumerate(timelines):
            while line[position[n]].end <= left:
                position[n] += 1
        values = tuple(line[position[n]].value for n, line in enumerate(timelines))
        out.append(Span(left, right, fold(values)))
    return merge(out)
