"""Why there is no cosignature: a closed list for the witness that answers and for the log that asks."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Refusal(StrEnum):
    """The first ones are answers of a witness; those from `STATUS` on are what a log finds."""

    REQUEST = "witness.request"
    OLD_SIZE = "witness.old_size"
    TOO_LARGE = "witness.too_large"
    SIGNATURE = "witness.signature"
    ORIGIN = "witness.origin"
    SIZE = "witness.size"
    ROOT = "witness.root"
    PROOF = "witness.proof"
    BUSY = "witness.busy"
    CLOCK = "witness.clock"
    STATE = "witness.state"
    STATUS = "witness.status"
    ANSWER = "witness.answer"
    COSIGNATURE = "witness.cosignature"
    TIME = "witness.time"
    TIMEOUT = "witness.timeout"
    TLS = "witness.tls"
    NETWORK = "witness.network"


@dataclass(frozen=True, slots=True)
class Refused:
    """`size`: the one that the witness has, where it says it."""

    code: Refusal
    size: int | None = None


MEANINGS = {
    Refusal.REQUEST: "not a request as tlog-witness has it, or no signed checkpoint in it",
    Refusal.OLD_SIZE: "the old size is larger than the checkpoint's",
    Refusal.TOO_LARGE: "the request is longer than the witness reads",
    Refusal.SIGNATURE: "no key that the witness trusts for this log has signed, or wrongly",
    Refusal.ORIGIN: "the witness does not know a log of this origin",
    Refusal.SIZE: "the witness has cosigned another size than the log said; a larger one than the "
    "log has means that the log has lost entries",
    Refusal.ROOT: "the witness has cosigned another tree of the same size: the log has forked",
    Refusal.PROOF: "the checkpoint does not continue the one that the witness has cosigned: a wrong "
    "proof, or the log has forked",
    Refusal.BUSY: "the log asks too often, or too many ask at once",
    Refusal.CLOCK: "the clock of the witness is behind the time of its last cosignature",
    Refusal.STATE: "the witness cannot read or write what it keeps of this log",
    Refusal.STATUS: "an answer that tlog-witness does not know, such as a redirect",
    Refusal.ANSWER: "an answer that cannot be read, or is too long",
    Refusal.COSIGNATURE: "an answer without a valid cosignature of the key that was configured",
    Refusal.TIME: "a cosignature whose time is more than a day from the log's clock",
    Refusal.TIMEOUT: "no answer in time",
    Refusal.TLS: "no TLS, or a certificate that is not trusted here",
    Refusal.NETWORK: "no connection, or one that broke",
}
"""Each in plain words."""

STATUSES = {
    Refusal.REQUEST: 400,
    Refusal.OLD_SIZE: 400,
    Refusal.TOO_LARGE: 413,
    Refusal.SIGNATURE: 403,
    Refusal.ORIGIN: 404,
    Refusal.SIZE: 409,
    Refusal.ROOT: 409,
    Refusal.PROOF: 422,
    Refusal.BUSY: 429,
    Refusal.CLOCK: 503,
    Refusal.STATE: 503,
}
"""How a witness answers; 400, 403, 404, 409 and 422 are those of tlog-witness."""
