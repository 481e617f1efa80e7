"""What DICOM's own codes say about the far side: the tables of `kinds/dicom_echo.md`, row by row."""

from __future__ import annotations

from probes.contract import Outcome
from probes.reasons import Reason

Verdict = tuple[Outcome, Reason]

UP: Verdict = (Outcome.UP, Reason.OK)
MALFORMED: Verdict = (Outcome.DOWN, Reason.DICOM_MALFORMED)
CLOSED: Verdict = (Outcome.DOWN, Reason.DICOM_CLOSED)
CLOSED_AT_ONCE: Verdict = (Outcome.MISCONFIGURED, Reason.DICOM_CLOSED)
"""Connected, and ended before a byte: how many a PACS meets a title it does not know."""

_PERMANENT, _TRANSIENT = 1, 2
_USER, _ACSE, _PRESENTATION = 1, 2, 3
_ABORT_USER, _ABORT_PROVIDER = 0, 2
SUCCESS, PENDING = 0x0000, frozenset({0xFF00, 0xFF01})
"""PS3.4 annex C.4.1.1.4 and PS3.7 annex C."""


def rejection(result: int, source: int, diagnostic: int) -> Verdict:
    """A-ASSOCIATE-RJ, PS3.8 table 9-21."""
    if result not in (_PERMANENT, _TRANSIENT) or source not in (_USER, _ACSE, _PRESENTATION):
        return MALFORMED
    known: dict[tuple[int, int], Verdict] = {
        (_USER, 2): (Outcome.MISCONFIGURED, Reason.DICOM_PROTOCOL),  # application context name
        (_USER, 3): (Outcome.MISCONFIGURED, Reason.DICOM_CALLING_AE),
        (_USER, 7): (Outcome.MISCONFIGURED, Reason.DICOM_CALLED_AE),
        (_ACSE, 2): (Outcome.MISCONFIGURED, Reason.DICOM_PROTOCOL),  # protocol version
        (_PRESENTATION, 1): (Outcome.DEGRADED, Reason.DICOM_BUSY),  # temporary congestion
        (_PRESENTATION, 2): (Outcome.DEGRADED, Reason.DICOM_BUSY),  # local limit exceeded
    }
    transient = result == _TRANSIENT
    other = Outcome.DEGRADED if transient else Outcome.MISCONFIGURED
    return known.get((source, diagnostic), (other, Reason.DICOM_REJECTED))


def abort(source: int, *, associated: bool) -> Verdict:
    """A-ABORT, PS3.8 table 9-26. Before the association stands, the user's is a refusal of us."""
    if source == _ABORT_USER:
        outcome = Outcome.DOWN if associated else Outcome.MISCONFIGURED
        return outcome, Reason.DICOM_ABORTED
    if source == _ABORT_PROVIDER:
        return Outcome.DOWN, Reason.DICOM_PROVIDER_ABORTED
    return MALFORMED


def context(result: int) -> Verdict:
    """Result of our one presentation context, PS3.8 table 9-18; 0 is acceptance."""
    if result == 0:
        return UP
    if result in (1, 2, 3, 4):
        return Outcome.MISCONFIGURED, Reason.DICOM_NO_CONTEXT
    return MALFORMED


def status(code: int) -> Verdict:
    """The Status of a final response, PS3.7 annex C and PS3.4 table C.4-1."""
    if code == SUCCESS:
        return UP
    if 0xA700 <= code <= 0xA7FF:
        return Outcome.DEGRADED, Reason.DICOM_RESOURCES
    if code in _WARNINGS or 0xB000 <= code <= 0xBFFF:
        return Outcome.DEGRADED, Reason.DICOM_FAILED
    return _OURS.get(code, (Outcome.DOWN, Reason.DICOM_FAILED))


_WARNINGS = frozenset({0x0001, 0x0107, 0x0116})
"""It was done, and something about it was not as asked (PS3.7 annex C.4)."""
_OURS: dict[int, Verdict] = {
    0x0122: (Outcome.MISCONFIGURED, Reason.DICOM_UNSUPPORTED),  # SOP class not supported
    0x0211: (Outcome.MISCONFIGURED, Reason.DICOM_UNSUPPORTED),  # unrecognized operation
    0x0212: (Outcome.MISCONFIGURED, Reason.DICOM_IDENTIFIER),  # mistyped argument
    0xA900: (Outcome.MISCONFIGURED, Reason.DICOM_IDENTIFIER),  # identifier and SOP class disagree
    0x0124: (Outcome.MISCONFIGURED, Reason.DICOM_NOT_AUTHORIZED),
}
