"""The answer to a QIDO-RS search (PS3.18 section 8.3.4 and 10.6): how many matches, and nothing of them."""

from __future__ import annotations

import msgspec

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.dicom_judge import UP, Verdict

_MEDIA = frozenset({"application/dicom+json", "application/json"})
_OK, _NO_CONTENT = 200, 204
_NOT_DICOM: Verdict = (Outcome.DOWN, Reason.DICOMWEB_NOT_DICOM)
_ALIVE: Verdict = (Outcome.MISCONFIGURED, Reason.HTTP_STATUS)
_FAILED: Verdict = (Outcome.DOWN, Reason.HTTP_STATUS)
_BOM = b"\xef\xbb\xbf"
"""A text begins with it at some; RFC 8259 8.1 lets a reader pass it over."""


class _Study(msgspec.Struct, gc=False, frozen=True):
    """An object, none of whose members is kept."""


_results = msgspec.json.Decoder(list[_Study])

# RFC 9110 15: 400 and on, alive, and the route or the way we ask is not welcome; 408 is its own
# time-out, for the request was sent whole and at once
_STATUSES: dict[int, Verdict] = {
    **dict.fromkeys(range(300, 500), _ALIVE),
    408: _FAILED,
    **dict.fromkeys((401, 403), (Outcome.MISCONFIGURED, Reason.DICOMWEB_AUTH)),
    413: (Outcome.MISCONFIGURED, Reason.DICOMWEB_TOO_BROAD),
    **dict.fromkeys((425, 429), (Outcome.DEGRADED, Reason.HTTP_THROTTLED)),
}


def judge(status: int, media: str | None, body: bytes) -> tuple[Verdict, int | None]:
    """The verdict, and the number of matches where it is known."""
    if status == _NO_CONTENT:
        return UP, 0
    if status != _OK:
        return _STATUSES.get(status, _FAILED), None
    matches = _matches(media, body)
    if matches is None:
        return _NOT_DICOM, None
    return (UP if matches == 0 else (Outcome.DEGRADED, Reason.DICOM_MATCH)), matches


def _matches(media: str | None, body: bytes) -> int | None:
    """Objects in an array. None: it is no DICOM JSON."""
    if (media or "").partition(";")[0].strip().lower() not in _MEDIA:
        return None
    try:
        return len(_results.decode(body.removeprefix(_BOM)))
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return None
