"""When the witnesses first saw a row: what was approved beforehand, and what only afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from collector.attest import merkle
from collector.attest.checkpoint import Checkpoint
from collector.attest.policy import Policy
from collector.attest.proof import Proof
from collector.attest.strictjson import Value
from collector.bundle.rowsfile import ShownRow
from collector.facts import CONFIG
from collector.verifying import heads, rows
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.heads import Head
from collector.verifying.log import Anchor

KINDS = frozenset({CONFIG, "window.approved"})
"""Rows that exclude time."""
_UNTRUSTED = {
    Failure.CHECKPOINT_UNSIGNED: Failure.EARLY_UNTRUSTED,
    Failure.CHECKPOINT_QUORUM: Failure.EARLY_UNTRUSTED,
    Failure.CHECKPOINT_SIGNATURE: Failure.EARLY_UNTRUSTED,
    Failure.CHECKPOINT_MALFORMED: Failure.EARLY_PROOF,
}


@dataclass(frozen=True, slots=True)
class Seen:
    """`head` is said to have the row in it: then it was in the log when the witnesses cosigned."""

    row: ShownRow
    proof: Proof
    head: Head

    @property
    def anchor(self) -> Anchor:
        found = self.head.checkpoint
        return Anchor(found.size, found.root, Failure.EARLY_FORKED, str(self.row.index))


def seen(policy: Policy, one: ShownRow, data: bytes, final: Checkpoint, latest_ms: int) -> Seen:
    """VerifyError unless it is a proof with a checkpoint of this log that the policy accepts, the
    final one or one before it.
    """
    place = str(one.index)
    found = rows.parsed(data, place, Failure.EARLY_PROOF)
    try:
        head = heads.judge(policy, found.checkpoint, latest_ms, place)
    except VerifyError as refused:
        raise VerifyError(_UNTRUSTED.get(refused.code, refused.code), place) from None
    if head.checkpoint.origin != final.origin:
        raise VerifyError(Failure.LOG_ORIGIN, place)
    if head.checkpoint.size > final.size:
        raise VerifyError(Failure.EARLY_PROOF, place)
    return Seen(one, found, head)


def included(one: Seen) -> None:
    """VerifyError unless the proof leads from the row to its checkpoint."""
    tree, found = one.head.checkpoint, one.proof
    held = merkle.included(rows.leaf_of(one.row), found.index, tree.size, found.path, tree.root)
    if found.index != one.row.index or not held:
        raise VerifyError(Failure.EARLY_PROOF, str(one.row.index))


def asked_for(shown: Iterable[ShownRow]) -> list[ShownRow]:
    """Rows of which a bundle says when they were seen, where there are witnesses."""
    return [one for one in shown if one.entry.kind in KINDS]


def one_log(found: Iterable[Seen], known: Mapping[int, bytes]) -> None:
    """VerifyError where two checkpoints of one size have two roots. `known`: root by size."""
    roots = dict(known)
    for one in found:
        tree = one.head.checkpoint
        if roots.setdefault(tree.size, tree.root) != tree.root:
            raise VerifyError(Failure.EARLY_FORKED, str(one.row.index))


def agree(derived: Mapping[str, Value], own: Iterable[Seen]) -> None:
    """VerifyError where an occurrence was approved beforehand by the bundle's policy and afterwards by
    the auditor's, by which `own` was seen.
    """
    times = {one.row.index: one.head.seen_ms for one in own}
    listed = derived.get("exclusions")
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("preRegistered") is True:
            index, start = one.get("logIndex"), one.get("start")
            at = times.get(index) if isinstance(index, int) else None
            if at is not None and isinstance(start, int) and at >= start:
                raise VerifyError(Failure.EARLY_LATER, str(index))
