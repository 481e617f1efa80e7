"""What the status and the header fields of an engine's answer say, before its content. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from probes.contract import Outcome
from probes.reasons import Reason
from probes.wire.engine import NOT_STATUS, UP, Verdict

AUTH: Verdict = (Outcome.MISCONFIGURED, Reason.ENGINE_AUTH)

_COOKIE = re.compile(r"JSESSIONID=[!#-+\--:<-\[\]-~]{1,512}")
# RFC 9110 15.5.9 and RFC 6585 4: alive, and not now
_NOT_NOW = frozenset({408, 425, 429})


def refuses_us(status: int) -> bool:
    return status in (401, 403)


def judge_status(status: int) -> Verdict | None:
    """None of a 2xx: its content counts."""
    if 200 <= status <= 299:
        return None
    if status >= 500 or status in _NOT_NOW:
        return Outcome.DOWN, Reason.HTTP_STATUS
    return Outcome.MISCONFIGURED, Reason.HTTP_STATUS


def judge_login(status: int, *, has_cookie: bool) -> Verdict:
    """An engine sets its cookie for a user it refuses, too: the status decides."""
    if refuses_us(status):
        return AUTH
    return judge_status(status) or (UP if has_cookie else NOT_STATUS)


def cookie(fields: Iterable[tuple[str, str]]) -> str | None:
    """Name and value of the session to send back."""
    found = (_COOKIE.match(text) for name, text in fields if name == "set-cookie")
    return next((one[0] for one in found if one is not None), None)
