"""A token for an interface of a clearinghouse: OAuth 2.0 client credentials (RFC 6749 4.4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlencode

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.wire import smart
from probes.wire.x12_answer import Verdict

_REASONS = {
    Reason.SMART_TOKEN_REJECTED: Reason.X12_CREDENTIALS,
    Reason.SMART_SCOPE_REDUCED: Reason.X12_CREDENTIALS,
    Reason.SMART_NOT_TOKEN: Reason.X12_NOT_TOKEN,
}
_MARGIN_S = 30


@dataclass(frozen=True, slots=True)
class Granted:
    """`kept_s`: how long it may be used, counted from when it was asked for."""

    token: str = field(repr=False)
    kept_s: int


def form(client_id: str, secret: str, scope: str) -> bytes:
    """`scope` may be empty: then none is asked for."""
    told = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": secret,
        **({"scope": scope} if scope else {}),
    }
    return urlencode(told).encode("ascii")


def judge(
    status: int, body: bytes, scope: str, about: dict[Fact, int]
) -> tuple[Verdict, Granted | None]:
    """Facts about the answer go into `about`. A grant of less than was asked for is none."""
    found, grant = smart.judge_token(status, body, scope, about)
    if grant is None:
        return (found.outcome, _REASONS.get(found.reason, found.reason)), None
    margin_s = max(_MARGIN_S, -(-grant.lives_s // 10))  # it must not end on its way
    return (Outcome.UP, Reason.OK), Granted(grant.token, grant.lives_s - margin_s)
