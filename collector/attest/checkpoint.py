"""C2SP tlog-checkpoint: a log's tree head as the text of a signed note."""

from __future__ import annotations

import re
from dataclasses import dataclass

from collector.attest import spelling
from collector.attest.faults import AttestError, Fault
from probes.wire.merkle import EMPTY

_LINES = 3
_NOT_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")
"""What no note holds: control characters, and halves of surrogate pairs, which UTF-8 cannot say."""


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`origin` names the log, `size` counts its leaves (below 2^63), `root` is MTH(D[0:size]).

    `extensions`: lines of others, kept as they stand; we write none.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()


def parse(text: str) -> Checkpoint:
    """AttestError for anything that `write` would not have written so."""
    lines = text.split("\n")
    if len(lines) <= _LINES or lines.pop() or not all(lines) or _NOT_TEXT.search(text):
        raise AttestError(Fault.CHECKPOINT_SHAPE)
    size = spelling.number(lines[1])
    if size is None:
        raise AttestError(Fault.CHECKPOINT_SIZE)
    root = spelling.hash_of(lines[2])
    if root is None or (size == 0 and root != EMPTY):
        raise AttestError(Fault.CHECKPOINT_ROOT)
    return Checkpoint(lines[0], size, root, tuple(lines[_LINES:]))


def write(checkpoint: Checkpoint) -> str:
    """The text to sign; AttestError for a checkpoint that `parse` would not read as this one."""
    root = spelling.base64_of(checkpoint.root)
    lines = (checkpoint.origin, str(checkpoint.size), root, *checkpoint.extensions)
    text = "".join(f"{line}\n" for line in lines)
    if parse(text) != checkpoint:
        raise AttestError(Fault.CHECKPOINT_SHAPE)
    return text
