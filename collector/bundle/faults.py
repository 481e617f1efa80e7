"""Why a bundle is refused before anything of it is judged: a closed list, and the one error."""

from __future__ import annotations

from enum import StrEnum


class BundleFault(StrEnum):
    """The part before the dot is what cannot be read."""

    SHAPE = "bundle.shape"
    TOO_LARGE = "bundle.too_large"
    MEMBER = "bundle.member"
    MISSING = "bundle.missing"
    POLICY = "policy.file"
    LOG_START = "log.start"
    LOG_CHECKPOINT = "log.checkpoint"
    LOG_FRAME = "log.frame"
    LOG_ENTRY = "log.entry"
    LOG_HEADER = "log.header"
    ROWS_LINE = "rows.line"
    ROWS_ORDER = "rows.order"
    ROWS_CONTENT = "rows.content"
    ROWS_PART = "rows.part"
    ROWS_STATE = "rows.state"
    ROWS_KEY = "rows.key"
    PROOF_EARLY = "proof.early"
    EVIDENCE_CHUNK = "evidence.chunk"
    EVIDENCE_RECORD = "evidence.record"
    EVIDENCE_ORDER = "evidence.order"
    EVIDENCE_BATCH = "evidence.batch"
    EVIDENCE_PROOF = "evidence.proof"
    EVIDENCE_SEGMENT = "evidence.segment"
    EVIDENCE_TOMBSTONE = "evidence.tombstone"
    PREDICATE = "predicate.shape"


BUNDLE_MEANINGS = {
    BundleFault.SHAPE: "not byte for byte a zip as they are written: stored members in their order, nothing else",
    BundleFault.TOO_LARGE: "the whole, a member, a line or a chunk is larger than any reader takes",
    BundleFault.MEMBER: "a member of a name or at a place that no bundle has",
    BundleFault.MISSING: "a member that every bundle has is not there",
    BundleFault.POLICY: "`policy.txt` is no policy",
    BundleFault.LOG_START: "`log/start.json` is not the tree before the range, in its one spelling",
    BundleFault.LOG_CHECKPOINT: "a line of `log/checkpoints.jsonl` is no checkpoint, or not larger than the one before",
    BundleFault.LOG_FRAME: "`log/entries.bin` ends within an entry, or has another number of them than the checkpoints say",
    BundleFault.LOG_ENTRY: "an entry of the log is none, or is spelled another way",
    BundleFault.LOG_HEADER: "the header of a batch or a tombstone cannot be read, or is of another organization",
    BundleFault.ROWS_LINE: "a line of `rows.jsonl` is no row in its one spelling",
    BundleFault.ROWS_ORDER: "rows are not in the order of their places in the log, or one comes twice",
    BundleFault.ROWS_CONTENT: "a row's content is not that of its kind",
    BundleFault.ROWS_PART: "the part of a version is none of the system it is called by, or does not lead to the commitment",
    BundleFault.ROWS_STATE: "there is no version of the operator's file for a disclosed system",
    BundleFault.ROWS_KEY: "the rows of an agent's keys do not follow from each other",
    BundleFault.PROOF_EARLY: "an early proof does not prove, by the bundle's policy, when witnesses had seen its row",
    BundleFault.EVIDENCE_CHUNK: "a chunk of evidence is cut short, no zlib, empty, or too large unpacked",
    BundleFault.EVIDENCE_RECORD: "a record of evidence is cut short or impossible",
    BundleFault.EVIDENCE_ORDER: "records of evidence are not in the order of the log, or one comes twice",
    BundleFault.EVIDENCE_BATCH: "a record of evidence names an entry of the log that is no batch of the range",
    BundleFault.EVIDENCE_PROOF: "a segment is not the one that its batch's signed header holds there",
    BundleFault.EVIDENCE_SEGMENT: "a segment cannot be read, or has runs outside of its batch's time",
    BundleFault.EVIDENCE_TOMBSTONE: "a line of `evidence/tombstones.jsonl` is no body of a tombstone of the range",
    BundleFault.PREDICATE: "the predicate lacks a field or has one of another type",
}
"""Each in plain words."""


class BundleError(Exception):
    """`place` says where: a member, and in it a number after a colon. The text is the code."""

    def __init__(self, code: BundleFault, place: str = "") -> None:
        super().__init__(code.value)
        self.code = code
        self.place = place
