"""The stretch of the log in the bundle: it leads from one published checkpoint to the next, and says
what stands in it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from collector.verifyscript.archive import Archive
from collector.verifyscript.entries import STATE_KINDS, Entry, entry_in
from collector.verifyscript.failing import Failure
from collector.verifyscript.notes import (
    Accepted,
    Note,
    Policy,
    accepted_by,
    checkpoint_in,
    note_in,
    quorum_time,
)
from collector.verifyscript.spans import DAY_MS
from collector.verifyscript.spelling import canonical_in, hash_in
from collector.verifyscript.tree import Growing, leaf_hash

_PIECE = 1 << 20


class Published(NamedTuple):
    """The checkpoints of the range. `smallest` is the first, `final` the last one, as the policy accepts it; `roots` by
    size, `texts` what agents name: by SHA-256 which of them it is. `tree` is the one before the first entry, which stands at `first`, and grows in `walk`.
    """

    origin: str
    first: int
    tree: Growing
    roots: dict[int, bytes]
    texts: dict[bytes, int]
    smallest: Note
    final: Accepted
    note: Note


def published(bundle: Archive, policy: Policy, computed_at: int) -> Published:
    """Who has signed each checkpoint, and a quorum the last; Failure."""
    try:
        start = canonical_in(bundle.whole("log/start.json", 1 << 16))
        peaks = [hash_in(peak) for peak in start["peaks"]]
        tree = Growing(start["size"], [peak for peak in peaks if peak is not None])
        if set(start) != {"origin", "peaks", "size"} or None in peaks:
            raise ValueError("no start")
    except (ValueError, KeyError, TypeError):
        raise Failure("log.malformed", "log/start.json") from None
    note = note_in(bundle.whole("checkpoint.txt", 2 << 20))
    if note is None:
        raise Failure("checkpoint.malformed", "checkpoint.txt")
    final = accepted_by(policy, note, "checkpoint.txt")
    if any(1000 * time > computed_at + DAY_MS for time in final.times.values()):
        raise Failure("checkpoint.future", "checkpoint.txt")
    roots: dict[int, bytes] = {}
    texts: dict[bytes, int] = {}
    smallest: Note | None = None
    last: Note | None = None
    for where, line in bundle.lines("log/checkpoints.jsonl"):
        last = _note_of(line, where)
        smallest = smallest or last
        head = accepted_by(policy, last, where, quorum=False).checkpoint
        if head.origin != final.checkpoint.origin:
            raise Failure("log.origin", where)
        if roots and head.size <= max(roots):
            raise Failure("log.checkpoints", where)
        texts[hashlib.sha256(last.text.encode()).digest()] = len(roots)
        roots[head.size] = head.root
    if start["origin"] != final.checkpoint.origin:
        raise Failure("log.origin", "log/start.json")
    if smallest is None or last != note or (tree.size and tree.size != min(roots)):
        raise Failure("log.checkpoints", "log/checkpoints.jsonl")
    return Published(start["origin"], tree.size, tree, roots, texts, smallest, final, note)


def check_begin(policy: Policy, log: Published, since: int, computed_at: int) -> None:
    """A quorum had seen the tree before the range when the evidence begins: then nothing of it stands
    there; Failure.
    """
    if not log.first or policy.quorum is None:
        return
    where = f"size {log.first}"
    try:
        found = accepted_by(policy, log.smallest, where)
    except Failure as failure:
        if failure.code != "checkpoint.quorum":
            raise
        raise Failure("log.late_start", where) from None
    if any(1000 * time > computed_at + DAY_MS for time in found.times.values()):
        raise Failure("checkpoint.future", where)
    seen = quorum_time(policy, found)
    if seen is None or seen > since:
        raise Failure("log.late_start", where)


def _note_of(line: bytes, where: str) -> Note:
    try:
        found = canonical_in(line)
        note = note_in(found["note"].encode()) if set(found) == {"note"} else None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Failure("log.malformed", where) from None
    if note is None or checkpoint_in(note.text) is None:
        raise Failure("log.malformed", where)
    return note


def kept(policy: Policy, data: bytes, log: Published) -> None:
    """A checkpoint from before, given with --since: the log must have its root at its size. Failure
    where that cannot be seen; the root itself is compared by `walk`.
    """
    note = note_in(data)
    try:
        head = (
            None if note is None else accepted_by(policy, note, "--since", quorum=False).checkpoint
        )
    except Failure:
        head = None
    if head is None:
        raise Failure("since.unsigned", "--since")
    if head.origin != log.origin:
        raise Failure("since.other_log", "--since")
    if head.size > log.final.checkpoint.size:
        raise Failure(_ahead(policy, note, log), "--since")
    if 0 < head.size < log.first:
        raise Failure("since.before", "--since")
    if log.roots.get(head.size, head.root) != head.root:
        raise Failure("since.forked", "--since")


def _ahead(policy: Policy, note: Note | None, log: Published) -> str:
    """A witness that cosigned the longer log cosigns no shorter one afterwards."""
    now = quorum_time(policy, log.final)
    try:
        then = None if note is None else quorum_time(policy, accepted_by(policy, note, "--since"))
    except Failure:
        then = None
    return "since.ahead" if now is None or then is None or then >= now else "since.rolled_back"


def kept_root(data: bytes) -> dict[int, bytes]:
    """Of a checkpoint that `kept` has let pass."""
    note = note_in(data)
    head = None if note is None else checkpoint_in(note.text)
    return {} if head is None else {head.size: head.root}


def expected(log: Published, since: dict[int, bytes], early: dict[int, bytes]) -> list[Any]:
    """(size, root, what it means if it differs), all that the log must lead to."""
    due = [(size, root, "log.root") for size, root in log.roots.items()]
    due += [(size, root, "since.forked") for size, root in since.items()]
    due += [(size, root, "early.forked") for size, root in early.items()]
    return sorted(due, key=lambda one: one[0])


def walk(
    bundle: Archive, log: Published, due: list[Any], look: Callable[[int, bytes, Entry], None]
) -> int:
    """Every entry of the range to `look`, in order; how many state rows the log has at its end.

    Failure as soon as an entry, a count or a root does not hold.
    """
    tree, end = log.tree, log.final.checkpoint.size
    waiting = [one for one in due if tree.size <= one[0] <= end]
    state: int | None = None
    _reached(tree, waiting)
    for data in _framed(bundle):
        index = tree.size
        if index >= end:
            raise Failure("log.length", str(end))
        entry = entry_in(data, str(index))
        if (entry.word == "log") != (index == 0):
            raise Failure("log.start", str(index))
        more = entry.word == "row" and entry.kind in STATE_KINDS
        if entry.word != "log" and state not in (None, entry.state - more):
            raise Failure("log.state", str(index))
        state = entry.state
        look(index, data, entry)
        tree.append(leaf_hash(data))
        _reached(tree, waiting)
    if tree.size != end or state is None:
        raise Failure("log.length", str(tree.size))
    return state


def _reached(tree: Growing, waiting: list[Any]) -> None:
    while waiting and waiting[0][0] == tree.size:
        size, root, failure = waiting.pop(0)
        if tree.root() != root:
            raise Failure(failure, f"size {size}")


def _framed(bundle: Archive) -> Iterator[bytes]:
    """Each entry, behind its length in two bytes."""
    rest, start = b"", 0
    while block := bundle.read("log/entries.bin", start, _PIECE):
        start += len(block)
        rest += block
        place = 0
        while place + 2 <= len(rest):
            size = int.from_bytes(rest[place : place + 2], "big")
            if place + 2 + size > len(rest):
                break
            yield rest[place + 2 : place + 2 + size]
            place += 2 + size
        rest = rest[place:]
    if rest:
        raise Failure("log.length", "log/entries.bin")
