"""First reading of a log's range: every checkpoint that was published, every row, and their count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from collector.attest.checkpoint import Checkpoint
from collector.attest.entries import Entry, LogStart
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.bundle import layout, logfile, members, opening
from collector.bundle.evidence import Log, Rows
from collector.bundle.logfile import Start
from collector.bundle.members import Members
from collector.verifying import heads, rows
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.log import Anchor, Walk
from collector.verifying.rows import InRange

_EVERY = 2_000
"""Entries between two tellings."""
_MAX_START = 1 << 16


@dataclass(frozen=True, slots=True)
class Published:
    """Checkpoints of the range, by size: their texts, and what they demand of the log. `first` is the
    smallest, with its signatures.
    """

    first: Note
    texts: Sequence[str]
    anchors: Sequence[Anchor]


@dataclass(frozen=True, slots=True)
class Checked:
    """`kinds`: rows of the range by kind, disclosed or not; `state`: state rows of the whole log;
    `began`: the log's first entry, where the range has it.
    """

    log: Log
    entries: int
    state: int
    kinds: Mapping[str, int]
    began: LogStart | None


def start_of(found: Members, final: Checkpoint) -> Start:
    """The tree before the range; VerifyError when it is of another log, or larger than the final."""
    start = logfile.read_start(members.whole(found, layout.LOG_START, _MAX_START))
    if start.origin != final.origin:
        raise VerifyError(Failure.LOG_ORIGIN, layout.LOG_START)
    if start.before.size >= final.size:
        raise VerifyError(Failure.LOG_CHECKPOINTS, layout.LOG_START)
    return start


def published(found: Members, start: Start, final: Checkpoint, policy: Policy) -> Published:
    """VerifyError unless they lead from the start to the final one, each signed by a log key."""
    texts: list[str] = []
    smallest: Note | None = None
    anchors: list[Anchor] = []
    with found.open(layout.CHECKPOINTS) as file:
        for number, head in enumerate(logfile.read_checkpoints(file, start.origin), 1):
            tree = heads.published(policy, head.note, f"{layout.CHECKPOINTS}:{number}")
            smallest = smallest or head.note
            texts.append(head.note.text)
            anchors.append(Anchor(tree.size, tree.root, Failure.LOG_ROOT, f"size {tree.size}"))
    first = start.before.size
    if smallest is None or anchors[-1].size != final.size or (first and anchors[0].size != first):
        raise VerifyError(Failure.LOG_CHECKPOINTS, layout.CHECKPOINTS)
    return Published(smallest, texts, anchors)


def check_begin(
    policy: Policy, start: Start, first: Note, evidence_from: int, latest_ms: int
) -> None:
    """VerifyError unless a quorum had seen the tree before the range when the evidence begins: then
    nothing of it can stand there. Without witnesses there is nobody to ask.
    """
    if not start.before.size or policy.quorum is None:
        return
    place = f"size {start.before.size}"
    try:
        seen = heads.judge(policy, first, latest_ms, place).seen_ms
    except VerifyError as refused:
        if refused.code is not Failure.CHECKPOINT_QUORUM:
            raise
        seen = None
    if seen is None or seen > evidence_from:
        raise VerifyError(Failure.LOG_LATE_START, place)


def check(
    found: Members,
    start: Start,
    org: str,
    shown: Rows,
    anchors: Sequence[Anchor],
    tell: Callable[[int], None],
) -> Checked:
    """VerifyError for the first that does not hold. `tell`: entries seen so far."""
    walk = Walk(start.before, org, anchors)
    in_range = InRange(shown.shown, start.before.size)
    seen = 0
    began: LogStart | None = None

    def look(index: int, data: bytes, entry: Entry, _header: object) -> None:
        nonlocal seen, began
        if isinstance(entry, LogStart):
            began = entry
        walk.take(index, data, entry)
        in_range.take(index, entry)
        seen += 1
        if seen % _EVERY == 0:
            tell(seen)

    log = opening.open_log(found, look)
    state = walk.end()
    in_range.end()
    rows.complete(rows.counted(shown.shown), state)
    return Checked(log, seen, state, in_range.kinds, began)
