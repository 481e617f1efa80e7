"""A checkpoint that the auditor kept: nothing up to it was changed since."""

from __future__ import annotations

from collector.attest import note
from collector.attest.faults import AttestError
from collector.attest.note import Note
from collector.attest.policy import Policy
from collector.verifying import heads
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.heads import Head
from collector.verifying.log import Anchor

PLACE = "--since"


def kept(policy: Policy, data: bytes) -> tuple[Note, Anchor]:
    """The checkpoint, and what it demands of the log; VerifyError when no log of the policy signed it."""
    try:
        signed = note.parse(data)
        found = heads.published(policy, signed, PLACE)
    except AttestError:
        raise VerifyError(Failure.SINCE_UNSIGNED, PLACE) from None
    except VerifyError:
        raise VerifyError(Failure.SINCE_UNSIGNED, PLACE) from None
    return signed, Anchor(found.size, found.root, Failure.SINCE_FORKED, PLACE)


def anchors(policy: Policy, data: bytes | None, first: int, final: Head) -> list[Anchor]:
    """What a checkpoint kept from before demands of the log, if there is one; VerifyError as `kept`
    and `comparable`.
    """
    if data is None:
        return []
    signed, anchor = kept(policy, data)
    comparable(policy, signed, anchor, first, final)
    return [anchor]


def comparable(policy: Policy, signed: Note, anchor: Anchor, first: int, final: Head) -> None:
    """VerifyError unless the range from `first` to the final checkpoint has its size."""
    if heads.published(policy, signed, PLACE).origin != final.checkpoint.origin:
        raise VerifyError(Failure.SINCE_OTHER_LOG, PLACE)
    if anchor.size > final.checkpoint.size:
        raise VerifyError(_ahead(policy, signed, final), PLACE)
    if anchor.size < first and anchor.size > 0:
        raise VerifyError(Failure.SINCE_BEFORE, PLACE)


def _ahead(policy: Policy, signed: Note, final: Head) -> Failure:
    """A witness that cosigned the longer log does not cosign a shorter one afterwards."""
    if final.seen_ms is None:
        return Failure.SINCE_AHEAD
    try:
        older = heads.judge(policy, signed, 1 << 62, PLACE)
    except VerifyError:
        return Failure.SINCE_AHEAD
    rolled = older.seen_ms is not None and older.seen_ms < final.seen_ms
    return Failure.SINCE_ROLLED_BACK if rolled else Failure.SINCE_AHEAD
