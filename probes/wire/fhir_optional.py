"""What a server need not offer, and is asked for where a check says so: `$versions`, the state of a
subscription, the start of a bulk export.
"""

from __future__ import annotations

from probes.contract import Outcome
from probes.profiles.profile import Codes
from probes.reasons import Reason
from probes.wire.fhir import (
    NOT_FHIR,
    UP,
    WRONG_RESOURCE,
    Struct,
    Verdict,
    decode,
    judge_type,
)
from probes.wire.http1 import Url, parse_url

NOT_OFFERED = frozenset({400, 404, 501})
"""https://hl7.org/fhir/R4/capabilitystatement-operation-versions.html is optional: most say this."""
ACCEPTED = 202
"""An export has begun (RFC 7240 4.1)."""
_GONE = frozenset({404, 410})
EXPORT_LEFT = Verdict(Outcome.MISCONFIGURED, Reason.FHIR_EXPORT)

_STATES = {
    "active": UP,
    "requested": Verdict(Outcome.DEGRADED, Reason.FHIR_SUBSCRIPTION),
    "off": Verdict(Outcome.MISCONFIGURED, Reason.FHIR_SUBSCRIPTION),
    "error": Verdict(Outcome.DOWN, Reason.FHIR_SUBSCRIPTION),
}


class _Subscription(Struct):
    id: str | None = None
    status: str = ""


def judge_versions(content_type: str | None, body: bytes, codes: Codes) -> Verdict:
    """Of a 2xx answer."""
    verdict, kind = judge_type(content_type, body, codes)
    return verdict or (UP if kind == "Parameters" else WRONG_RESOURCE)


def at_most_partial(verdict: Verdict) -> Verdict:
    """Nobody's work depends on it: its failure is no outage of the interface."""
    if verdict.outcome is Outcome.DOWN:
        return Verdict(Outcome.DEGRADED, Reason.FHIR_OPTIONAL)
    return verdict


def judge_subscription(content_type: str | None, body: bytes, id_: str, codes: Codes) -> Verdict:
    """Of a 2xx answer to the read of one (https://hl7.org/fhir/R4/valueset-subscription-status.html)."""
    verdict, kind = judge_type(content_type, body, codes)
    if verdict is not None:
        return verdict
    answer = decode(body, _Subscription)
    if answer is None:
        return NOT_FHIR
    if kind != "Subscription" or answer.id != id_:
        return WRONG_RESOURCE
    return _STATES.get(answer.status, WRONG_RESOURCE)


def is_cancelled(status: int | None) -> bool:
    """By the answer to the DELETE of an export's status; one that is gone is what was wanted."""
    return status is not None and (200 <= status < 300 or status in _GONE)


def status_address(content_location: str | None, base: Url) -> Url | None:
    """Where an export that was begun is cancelled
    (https://hl7.org/fhir/uv/bulkdata/export.html#bulk-data-kick-off-request); None unless it is
    of the same origin: nothing is asked of a host the check does not name.
    """
    try:
        url = parse_url(content_location or "")
    except ValueError:
        return None
    same = (url.tls, url.host.lower(), url.port) == (base.tls, base.host.lower(), base.port)
    return url if same else None
