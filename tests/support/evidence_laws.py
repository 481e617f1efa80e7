"""The way of evidence from the slot to the fold: what was seen of it, and the laws it obeys. Pure.

`History.events` is in the order in which things happened. A run is counted once its agent holds it
safely; sealed into a batch; acknowledged as far as the agent was told; stored once the collector's
commit is done; folded when it is handed to the truth. `broken` names every law that does not hold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probes import batch
from probes.contract import Outcome
from probes.segments import Run

Chain = tuple[str, str]
"""(agent, epoch)."""


class Ran(NamedTuple):
    """One run; `slot` and `t` in UTC milliseconds, `t` by true time."""

    agent: str
    check: str
    slot: int
    t: int
    outcome: Outcome
    reason: str

    def __str__(self) -> str:
        return f"{self.agent} {self.check} at {self.slot}"


class Link(NamedTuple):
    """A batch's place in its chain. `prev` and `hash` are of headers."""

    agent: str
    epoch: str
    seq: int
    prev: str
    hash: str

    def __str__(self) -> str:
        return f"{self.agent} {self.epoch} {self.seq}"


@dataclass(frozen=True, slots=True)
class Counted:
    run: Ran


@dataclass(frozen=True, slots=True)
class Sealed:
    link: Link
    runs: tuple[Ran, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What an answer the agent believed says is stored: both ends included."""

    agent: str
    epoch: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Stored:
    link: Link
    runs: tuple[Ran, ...]


@dataclass(frozen=True, slots=True)
class Folded:
    """`life`: which process of the collector. A new one may fold anew what an older one did."""

    life: int
    agent: str
    check: str
    t: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which an agent answers for no slot, and why: `[start, end)`."""

    agent: str
    start: int
    end: int
    why: str


Event = Counted | Sealed | Acknowledged | Stored | Folded | Gap


@dataclass(frozen=True, slots=True)
class Promised:
    """Every instant at which an agent owes a run of a check."""

    agent: str
    check: str
    slots: Sequence[int]


@dataclass
class History:
    """`promised` is what the schedule says; `events` what came of it."""

    promised: list[Promised] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)

    _opened: dict[bytes, tuple[Link, tuple[Ran, ...]]] = field(default_factory=dict)

    def add(self, *events: Event) -> None:
        self.events += events

    def offered(self, data: bytes) -> None:
        """An agent wants to send this envelope, for the first time or again."""
        if data not in self._opened:
            self.add(Sealed(*self._taken_apart(data)))

    def stored(self, data: bytes) -> None:
        """A collector's commit of this envelope is done."""
        self.add(Stored(*self._taken_apart(data)))

    def _taken_apart(self, data: bytes) -> tuple[Link, tuple[Ran, ...]]:
        if data not in self._opened:
            self._opened[data] = taken_apart(data)
        return self._opened[data]


def ran(agent: str, run: Run, offset_ms: int = 0) -> Ran:
    return Ran(agent, run.check, run.slot_ms, run.at_ms + offset_ms, run.outcome, run.reason)


def taken_apart(data: bytes) -> tuple[Link, tuple[Ran, ...]]:
    """A batch's envelope, as `Sealed` and `Stored` hold it."""
    opened = batch.open_batch(data)
    header = opened.header
    link = Link(header.agent, header.epoch, header.seq, header.prev, batch.header_hash(opened))
    offset_ms = header.clock_offset_ms
    return link, tuple(ran(header.agent, run, offset_ms) for run in batch.runs_of(opened))


def broken(history: History) -> list[str]:
    """Every breach in words; none when all laws hold. To be asked when everything has come to rest."""
    sealed = [event for event in history.events if isinstance(event, Sealed)]
    stored = [event for event in history.events if isinstance(event, Stored)]
    return [
        *_acknowledged_is_stored(history.events),
        *_stored_is_what_was_sealed(sealed, stored),
        *_nothing_counted_is_lost(history.events, stored),
        *_nothing_twice(stored, history.events),
        *_all_stored_is_folded(stored, history.events),
        *_one_order("sealed", sealed),
        *_one_order("stored", stored),
        *_in_the_order_counted(history.events, sealed),
        *_chain_holds(sealed),
        *_chain_holds(stored),
        *_every_slot_ends_once(history, stored),
    ]


def _acknowledged_is_stored(events: Sequence[Event]) -> Iterator[str]:
    """Nobody is told of a batch before it is stored: the order of events counts."""
    held: dict[Chain, set[int]] = {}
    for event in events:
        if isinstance(event, Stored):
            held.setdefault((event.link.agent, event.link.epoch), set()).add(event.link.seq)
        elif isinstance(event, Acknowledged):
            there = held.get((event.agent, event.epoch), set())
            for seq in range(event.first, event.last + 1):
                if seq not in there:
                    yield f"acknowledged, not stored: {event.agent} {event.epoch} {seq}"


def _stored_is_what_was_sealed(sealed: Sequence[Sealed], stored: Sequence[Stored]) -> Iterator[str]:
    made = {_place(one.link): one for one in sealed}
    for one in stored:
        original = made.get(_place(one.link))
        if original is None:
            yield f"stored, never sealed: {one.link}"
        elif (original.link, original.runs) != (one.link, one.runs):
            yield f"stored otherwise than sealed: {one.link}"


def _nothing_counted_is_lost(events: Sequence[Event], stored: Sequence[Stored]) -> Iterator[str]:
    there = {run for one in stored for run in one.runs}
    for event in events:
        if isinstance(event, Counted) and event.run not in there:
            yield f"counted, not stored: {event.run}"


def _nothing_twice(stored: Sequence[Stored], events: Sequence[Event]) -> Iterator[str]:
    for place, times in Counter(_place(one.link) for one in stored).items():
        if times > 1:
            yield f"stored {times} times: {' '.join(map(str, place))}"
    batches: dict[tuple[str, str, int], set[Link]] = {}
    for one in stored:
        for run in one.runs:
            batches.setdefault((run.agent, run.check, run.t), set()).add(one.link)
    for (agent, check, t), links in batches.items():
        if len(links) > 1:
            yield f"in {len(links)} batches: {agent} {check} run at {t}"
    folds = Counter(event for event in events if isinstance(event, Folded))
    for fold, times in folds.items():
        if times > 1:
            yield f"folded {times} times in life {fold.life}: {fold.agent} {fold.check} run at {fold.t}"


def _all_stored_is_folded(stored: Sequence[Stored], events: Sequence[Event]) -> Iterator[str]:
    there = {(run.agent, run.check, run.t) for one in stored for run in one.runs}
    folded = {(e.agent, e.check, e.t) for e in events if isinstance(e, Folded)}
    for agent, check, t in sorted(there - folded):
        yield f"stored, not folded: {agent} {check} run at {t}"
    for agent, check, t in sorted(folded - there):
        yield f"folded, not stored: {agent} {check} run at {t}"


def _one_order(word: str, made: Sequence[Sealed] | Sequence[Stored]) -> Iterator[str]:
    """One header a number, and no number left out."""
    headers: dict[tuple[str, str, int], set[str]] = {}
    for one in made:
        headers.setdefault(_place(one.link), set()).add(one.link.hash)
    for place, found in headers.items():
        if len(found) > 1:
            yield f"{len(found)} headers {word} as {' '.join(map(str, place))}"
    for (agent, epoch), links in _by_chain(made).items():
        numbers = sorted({link.seq for link in links})
        for at, seq in enumerate(numbers, 1):
            if at != seq:
                yield f"number missing among those {word}: {agent} {epoch} {at}"
                break


def _in_the_order_counted(events: Sequence[Event], sealed: Sequence[Sealed]) -> Iterator[str]:
    """Within a chain no batch holds a run that was counted before one of an earlier batch."""
    place = {event.run: at for at, event in enumerate(events) if isinstance(event, Counted)}
    last: dict[Chain, int] = {}
    for one in sorted(sealed, key=lambda one: one.link):
        chain = (one.link.agent, one.link.epoch)
        counted = [place[run] for run in one.runs if run in place]
        if counted and min(counted) < last.get(chain, -1):
            yield f"sealed out of order: {one.link}"
        last[chain] = max([last.get(chain, -1), *counted])


def _chain_holds(made: Sequence[Sealed] | Sequence[Stored]) -> Iterator[str]:
    for links in _by_chain(made).values():
        by_seq = {link.seq: link for link in links}
        for seq, link in sorted(by_seq.items()):
            before = by_seq.get(seq - 1)
            prev = batch.NO_PREVIOUS if seq == 1 else before and before.hash
            if prev is not None and link.prev != prev:
                yield f"not chained to the one before: {link}"


def _every_slot_ends_once(history: History, stored: Sequence[Stored]) -> Iterator[str]:
    """With a result or an explicit unknown; or it lies in a gap that somebody named."""
    by_source: dict[tuple[str, str], Counter[int]] = {}
    for run in {run for one in stored for run in one.runs}:
        by_source.setdefault((run.agent, run.check), Counter())[run.slot] += 1
    gaps: dict[str, list[Gap]] = {}
    for event in history.events:
        if isinstance(event, Gap):
            gaps.setdefault(event.agent, []).append(event)
    owed: dict[tuple[str, str], set[int]] = {}
    for promised in history.promised:
        source = (promised.agent, promised.check)
        owed[source] = set(promised.slots)
        ended = by_source.get(source, Counter())
        for slot in promised.slots:
            if ended[slot] > 1:
                yield f"ended {ended[slot]} times: {promised.agent} {promised.check} at {slot}"
            elif not ended[slot] and not _is_in(gaps.get(promised.agent, ()), slot):
                yield f"no result and no gap: {promised.agent} {promised.check} at {slot}"
    yield from _nothing_beside_the_slots(stored, owed)


def _nothing_beside_the_slots(
    stored: Sequence[Stored], owed: Mapping[tuple[str, str], set[int]]
) -> Iterator[str]:
    """A clock that stepped is told beside them, and knows nothing."""
    for one in stored:
        for run in one.runs:
            own = owed.get((run.agent, run.check), set())
            if run.slot not in own and run.outcome is not Outcome.UNKNOWN:
                yield f"no such slot: {run}"


def _is_in(gaps: Sequence[Gap], slot: int) -> bool:
    return any(gap.start <= slot < gap.end for gap in gaps)


def _place(link: Link) -> tuple[str, str, int]:
    return link.agent, link.epoch, link.seq


def _by_chain(made: Sequence[Sealed] | Sequence[Stored]) -> dict[Chain, list[Link]]:
    chains: dict[Chain, list[Link]] = {}
    for one in made:
        chains.setdefault((one.link.agent, one.link.epoch), []).append(one.link)
    return chains
