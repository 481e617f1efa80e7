"""Why there is no attestation, in words. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Refusal(StrEnum):
    """Each ends what was asked for; asked again, it is tried again."""

    OPEN = "attestation.open"
    NO_LOG = "attestation.no_log"
    NO_FOLDER = "attestation.no_folder"
    NOTHING = "attestation.nothing"
    UNKNOWN = "attestation.unknown"
    NOT_ISSUED = "attestation.not_issued"
    GONE = "attestation.gone"
    LOG_BEHIND = "attestation.log_behind"
    NO_CHECKPOINT = "attestation.no_checkpoint"
    NO_QUORUM = "attestation.no_quorum"
    NO_KEY = "attestation.no_key"
    CHANGED = "attestation.changed"
    DIFFERENT = "attestation.different"
    MISSING = "attestation.missing"
    TOO_LARGE = "attestation.too_large"
    DISK = "attestation.disk"
    TIMESTAMP = "attestation.timestamp"
    DEFECT = "attestation.defect"
    NUMBERS = "attestation.numbers"
    REPORT = "attestation.report"
    PDF_SIGNATURE = "attestation.pdf_signature"


MEANINGS: Mapping[Refusal, str] = {
    Refusal.OPEN: "the period has not closed: evidence that comes within 72 h of its end counts",
    Refusal.NO_LOG: "nothing is signed: give the file an `evidence_log` with a key"
    " (`wardwatch log key new FILE`) and restart",
    Refusal.NO_FOLDER: "there is no folder for bundles: start the collector with --attestations DIR,"
    " on PostgreSQL the same folder for every replica",
    Refusal.NOTHING: "no system was monitored in this period",
    Refusal.UNKNOWN: "no attestation of this id; `wardwatch attest list` has all",
    Refusal.NOT_ISSUED: "it was not issued, so there is no bundle; `wardwatch attest list` says why",
    Refusal.GONE: "its file is not in the folder for bundles any more, or not as it was made; put it"
    " back from a backup",
    Refusal.LOG_BEHIND: "not everything that is stored is in the evidence log yet; see"
    " `wardwatch log show`, then ask again",
    Refusal.NO_CHECKPOINT: "no checkpoint has all of it: the log is not signed; see"
    " `wardwatch log show` for why, then ask again",
    Refusal.NO_QUORUM: "the witnesses have not cosigned: see `wardwatch log show` for who, then ask"
    " again",
    Refusal.NO_KEY: "no key of the log can sign; see `wardwatch log show`, then ask again",
    Refusal.CHANGED: "what the store holds is not what was logged: it was changed, or is damaged;"
    " nothing can be attested from it",
    Refusal.DIFFERENT: "the numbers that follow from the evidence are not those this collector shows:"
    " nothing is issued; please report it",
    Refusal.MISSING: "evidence that is in the log is not in the store any more",
    Refusal.TOO_LARGE: "the bundle would be larger than any reader takes: name fewer systems",
    Refusal.DISK: "the folder for bundles (--attestations) cannot be written, or takes no more; see"
    " `attesting.disk` in the collector's log, then ask again",
    Refusal.TIMESTAMP: "the time-stamping authority gave no right answer; ask again, or take"
    " `timestamp` out of the file",
    Refusal.DEFECT: "a defect of this program: nothing is issued; please report the line"
    " `attesting.defect` of the collector's log",
    Refusal.NUMBERS: "the process that makes the numbers died, as for want of memory; make room, or"
    " name fewer systems, then ask again",
    Refusal.REPORT: "the process that makes the reports died, as for want of memory; make room, or"
    " name fewer systems, then ask again",
    Refusal.PDF_SIGNATURE: "`report.pdf` could not be signed: the extra `pdf` is missing"
    " (pip install 'wardwatch[pdf]'), or key and certificate of `pdf_signature` cannot be read, are"
    " of another kind, or do not belong together",
}


class RefusedAttestationError(Exception):
    """`closes_at`, UTC ms: when an open period closes."""

    def __init__(self, refusal: Refusal, *, closes_at: int | None = None) -> None:
        super().__init__(refusal.value)
        self.refusal = refusal
        self.closes_at = closes_at


def markdown() -> str:
    rows = [f"| `{one.value}` | {MEANINGS[one]} |" for one in Refusal]
    return "\n".join(["| code | meaning |", "|---|---|", *rows])
