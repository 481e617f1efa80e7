"""What an answer to our message says about the far side: the table of `kinds/hl7.md`, row by row."""

from __future__ import annotations

from enum import Enum, auto

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.hl7 import AckCode, Acknowledgement, QueryStatus

Verdict = tuple[Outcome, Reason]

UP: Verdict = (Outcome.UP, Reason.OK)
RECORD_LOCKED, INTERNAL_ERROR = 206, 207  # table 0357
UNKNOWN_KEY, DUPLICATE_KEY = 204, 205

_ACCEPTED = frozenset({AckCode.AA, AckCode.CA})
_ERRORS = frozenset({AckCode.AE, AckCode.CE})
COMMITS = frozenset({AckCode.CA, AckCode.CE, AckCode.CR})
"""Table 0008: they speak of storage, never of processing."""


class Expect(Enum):
    """What the right answer to a message is."""

    ACCEPTED = auto()
    REJECTED = auto()
    """The message has a type nobody knows."""
    FOUND = auto()
    """It asks for the test patient."""


def is_refused(ack: Acknowledgement) -> bool:
    """Rejected as a message: of what it asks for nothing was done, and nothing stood before."""
    return ack.code in (AckCode.AR, AckCode.CR) and ack.error != DUPLICATE_KEY


def judge(ack: Acknowledgement, expect: Expect, patient: str | None) -> Verdict:
    """What an answer says. `patient` is the id that a query asked for."""
    if expect is Expect.REJECTED:
        return _of_rejected(ack)
    if ack.code not in _ACCEPTED:
        return _of_error(ack.code in _ERRORS, ack.error)
    return _of_found(ack, patient) if expect is Expect.FOUND else UP


def _of_rejected(ack: Acknowledgement) -> Verdict:
    if ack.code in _ACCEPTED:
        return Outcome.MISCONFIGURED, Reason.HL7_NOT_REJECTED
    if ack.error == INTERNAL_ERROR:
        return _of_error(ack.code in _ERRORS, ack.error)
    return UP


def _of_error(is_error: bool, error: int | None) -> Verdict:  # noqa: FBT001 - AE and CE, or not
    reason = Reason.HL7_ACK_ERROR if is_error else Reason.HL7_ACK_REJECT
    if error == INTERNAL_ERROR:
        return Outcome.DOWN, reason
    if error == RECORD_LOCKED and is_error:
        return Outcome.DEGRADED, reason
    return Outcome.MISCONFIGURED, reason  # alive: the message, its route or its patient is wrong


def _of_found(ack: Acknowledgement, patient: str | None) -> Verdict:
    if ack.query is QueryStatus.NF:
        return Outcome.MISCONFIGURED, Reason.HL7_NO_MATCH
    if ack.query is QueryStatus.OK:
        crossed = patient is not None and patient not in ack.patients
        return (Outcome.DOWN, Reason.HL7_WRONG_PATIENT) if crossed else UP
    if ack.query is None:
        return Outcome.DOWN, Reason.HL7_ACK_MALFORMED
    return _of_error(ack.query is QueryStatus.AE, ack.error)
