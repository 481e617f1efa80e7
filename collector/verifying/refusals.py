"""What readers of the parts refuse, as failures of the whole."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from collector.bundle.faults import BundleError, BundleFault
from collector.verifying.failures import Failure, VerifyError

FAILURES = {
    BundleFault.SHAPE: Failure.BUNDLE_SHAPE,
    BundleFault.TOO_LARGE: Failure.BUNDLE_LIMIT,
    BundleFault.MEMBER: Failure.BUNDLE_NAME,
    BundleFault.MISSING: Failure.BUNDLE_MEMBER,
    BundleFault.POLICY: Failure.POLICY_MALFORMED,
    BundleFault.LOG_START: Failure.LOG_MALFORMED,
    BundleFault.LOG_CHECKPOINT: Failure.LOG_MALFORMED,
    BundleFault.LOG_FRAME: Failure.LOG_LENGTH,
    BundleFault.LOG_ENTRY: Failure.LOG_ENTRY,
    BundleFault.LOG_HEADER: Failure.CHAIN_HEADER,
    BundleFault.ROWS_LINE: Failure.ROWS_MALFORMED,
    BundleFault.ROWS_ORDER: Failure.ROWS_ORDER,
    BundleFault.ROWS_CONTENT: Failure.ROWS_ACT,
    BundleFault.ROWS_PART: Failure.ROWS_CONFIG,
    BundleFault.ROWS_STATE: Failure.ROWS_CONFIG,
    BundleFault.ROWS_KEY: Failure.KEYS_ILLEGAL,
    BundleFault.EVIDENCE_CHUNK: Failure.SEGMENT_MALFORMED,
    BundleFault.EVIDENCE_RECORD: Failure.SEGMENT_MALFORMED,
    BundleFault.EVIDENCE_ORDER: Failure.SEGMENT_ORDER,
    BundleFault.EVIDENCE_BATCH: Failure.SEGMENT_PLACE,
    BundleFault.EVIDENCE_PROOF: Failure.SEGMENT_PROOF,
    BundleFault.EVIDENCE_SEGMENT: Failure.SEGMENT_MALFORMED,
    BundleFault.EVIDENCE_TOMBSTONE: Failure.TOMBSTONE_MALFORMED,
    BundleFault.PROOF_EARLY: Failure.EARLY_PROOF,
    BundleFault.PREDICATE: Failure.STATEMENT_MALFORMED,
}
"""Every one of them: a test compares."""


@contextmanager
def refusals() -> Iterator[None]:
    """A BundleError comes out as the VerifyError that it means."""
    try:
        yield
    except BundleError as refused:
        raise VerifyError(FAILURES[refused.code], refused.place or None) from None
