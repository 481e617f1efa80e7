"""What interfaces of clearinghouses in JSON have in common: values, statuses, loops and codes.

Total: any bytes give a value. The tables that judge are those of X12 (`x12_judge.py`); here a loop is
found behind the name that an interface has for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire import core
from probes.wire.x12_answer import FollowUp, Loop, Rejection, Verdict, aaa_code, follow_up

Json = dict[str, Any]

API_ERROR: Verdict = (Outcome.DOWN, Reason.X12_API_ERROR)
CREDENTIALS: Verdict = (Outcome.MISCONFIGURED, Reason.X12_CREDENTIALS)
NOT_JSON: Verdict = (Outcome.DOWN, Reason.X12_NOT_JSON)
PAYER_UNREACHABLE: Verdict = (Outcome.DOWN, Reason.X12_UNREACHABLE_PAYER)
REQUEST: Verdict = (Outcome.MISCONFIGURED, Reason.X12_REQUEST)
WRONG_MODE: Verdict = (Outcome.MISCONFIGURED, Reason.X12_WRONG_MODE)
_FORBIDDEN: Verdict = (Outcome.MISCONFIGURED, Reason.HTTP_STATUS)
_CONFLICT: Verdict = (Outcome.DEGRADED, Reason.HTTP_THROTTLED)

REFUSES_REQUEST = frozenset({400, 422})
"""The body may say why."""
_SPECIAL: Mapping[int, Verdict] = {
    # the key, what was asked, or a firewall before it that does not like our address
    403: _FORBIDDEN,
    # of all statuses the one that comes with Retry-After
    409: _CONFLICT,
}
_LOOP = re.compile(r"(?<![0-9])(2000A|2[01][01]0[A-D])(?![0-9A-Z])")
_LOOPS = {"A": Loop.PAYER, "B": Loop.PROVIDER, "C": Loop.MEMBER, "D": Loop.MEMBER}
# X12 has a name for each AAA04
_FOLLOW_UPS = {
    "please correct and resubmit": FollowUp.C,
    "resubmission not allowed": FollowUp.N,
    "please resubmit original transaction": FollowUp.P,
    "resubmission allowed": FollowUp.R,
    "do not resubmit; inquiry initiated to a third party": FollowUp.S,
    "please wait 30 days and resubmit": FollowUp.W,
    "please wait 10 days and resubmit": FollowUp.X,
    "do not resubmit; we will hold your request and respond again shortly": FollowUp.Y,
}


def judge_status(status: int) -> Verdict | None:
    """None for 2xx, where the body decides."""
    return _SPECIAL.get(status) or core.judge_status(status)


def read_object(body: bytes) -> Json | None:
    """None where the bytes are no JSON object."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def one(value: Any) -> Json:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def each(value: Any) -> list[Json]:
    """The objects of a list."""
    return [entry for entry in value if isinstance(entry, dict)] if isinstance(value, list) else []


def text(value: Any) -> str:
    """A string without its outer blanks, or a whole number as one; else empty."""
    if isinstance(value, bool):
        return ""
    if isinstance(value, int):
        return str(value) if abs(value) < 10**18 else ""
    return value.strip() if isinstance(value, str) else ""


def loop_of(location: str) -> Loop | None:
    """`Loop 2100A` and the like."""
    found = _LOOP.search(location)
    if found is None:
        return None
    return Loop.CLEARINGHOUSE if found[1] == "2000A" else _LOOPS[found[1][-1]]


def rejection(error: Json, loop: Loop) -> Rejection:
    """Of an AAA; what it says of its own place comes before that of the object it stands in."""
    told = text(error.get("followupAction"))
    return Rejection(
        loop_of(text(error.get("location"))) or loop,
        aaa_code(text(error.get("code"))),
        None,
        _FOLLOW_UPS.get(told.lower()) or follow_up(told),
    )
