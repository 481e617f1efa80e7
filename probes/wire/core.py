"""The envelope of CAQH CORE connectivity vC2.2.0, whatever carries it: its fields and its errors.

HTTP 200 says nothing: the error code of the envelope does, and then the X12 inside.
"""

from __future__ import annotations

from collections.abc import Mapping

from probes import times
from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.x12_answer import (
    NOT_X12,
    Answer,
    Verdict,
    read_answer,
)
from probes.wire.x12_question import Asked

RULE_VERSION = "2.2.0"
NOT_CORE: Verdict = (Outcome.DOWN, Reason.X12_NOT_CORE)
CREDENTIALS: Verdict = (Outcome.MISCONFIGURED, Reason.X12_CREDENTIALS)
_REJECTED: Verdict = (Outcome.MISCONFIGURED, Reason.X12_CORE_REJECTED)
_ERROR: Verdict = (Outcome.DOWN, Reason.X12_CORE_ERROR)
_STATUS_DOWN: Verdict = (Outcome.DOWN, Reason.HTTP_STATUS)
_STATUS_OURS: Verdict = (Outcome.MISCONFIGURED, Reason.HTTP_STATUS)
_THROTTLED: Verdict = (Outcome.DEGRADED, Reason.HTTP_THROTTLED)

_SUCCESS = "success"
_FIELDS = (
    *("payloadtype", "processingmode", "payloadid", "payloadlength", "timestamp", "username"),
    *("password", "senderid", "receiverid", "coreruleversion", "checksum", "payload"),
)
_FAULTS = ("illegal", "required", "notunderstood")
_LOGIN = ("username", "password")
# Of the table of error codes: each field with each of three faults, and some more
_CODES: Mapping[str, Verdict] = {
    **{
        f"{name}{fault}": CREDENTIALS if name in _LOGIN else _REJECTED
        for name in _FIELDS
        for fault in _FAULTS
    },
    "versionmismatch": _REJECTED,
    "checksummismatched": _REJECTED,
    "sender": _REJECTED,
    "unauthorized": CREDENTIALS,
    "receiver": _ERROR,
}
_REFUSES_US = frozenset({401, 403, 407})
_OURS = frozenset({400, 404, 405, 406, 410, 411, 413, 414, 415, 417, 422, 426})
_THROTTLES = frozenset({425, 429})


def envelope(asked: Asked, sender: str, receiver: str) -> tuple[tuple[str, str], ...]:
    """The fields before the payload, in order. A login stands behind the time in a form."""
    asks = asked.question.asks
    at = times.from_ms(asked.run.at_ms)
    return (
        ("PayloadType", f"X12_{asks}_Request_{asks.guide}"),
        ("ProcessingMode", "RealTime"),
        ("PayloadID", str(asked.run.request_id)),
        ("TimeStamp", f"{at:%Y-%m-%dT%H:%M:%SZ}"),
        ("SenderID", sender),
        ("ReceiverID", receiver),
        ("CORERuleVersion", RULE_VERSION),
    )


def judge_status(status: int) -> Verdict | None:
    """Of a status and nothing else; None for 2xx, where the body decides."""
    if 200 <= status < 300:
        return None
    if status in _REFUSES_US:
        return CREDENTIALS
    if status in _THROTTLES:
        return _THROTTLED
    return _STATUS_OURS if status < 400 or status in _OURS else _STATUS_DOWN


def judge_error(fields: Mapping[str, str]) -> Verdict | None:
    """Of ErrorCode; None where there was no error. What CORE does not list is no fault of ours."""
    code = fields.get("ErrorCode", "").strip().lower()
    if code in {"", _SUCCESS}:
        failed = fields.get("PayloadType", "").strip() == "CoreEnvelopeError"
        return _ERROR if failed else None
    return _CODES.get(code, _ERROR)


def read_fields(asked: Asked, fields: Mapping[str, str], max_bytes: int) -> Answer | Verdict:
    """Of an envelope of real time. PayloadType does not decide: the X12 itself says what it is, and
    whoever sends a right answer under a wrong name has answered.
    """
    failed = judge_error(fields)
    if failed is not None:
        return failed
    # Some escape the brackets of the section together with all else.
    payload = fields.get("Payload", "").strip().removeprefix("<![CDATA[").removesuffix("]]>")
    if not payload:
        return NOT_X12
    data = payload.encode("latin-1", "replace")
    return read_answer(data, asked.question.asks, asked.run, max_bytes)
