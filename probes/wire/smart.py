"""SMART App Launch 2 and OAuth 2.0 answers as verdicts. Total: any bytes give one.

A token leaves this module in a `Grant` and no other text does.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Any

import msgspec

from probes.contract import Fact, Outcome
from probes.reasons import Reason
from probes.wire.fhir import UP, Verdict
from probes.wire.http1 import parse_url
from probes.wire.scopes import missing

DISCOVERY_PATH = ".well-known/smart-configuration"
"""Under the FHIR base, not at the root of the host."""

ERRORS = (
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
)
"""RFC 6749 5.2, in its order: the fact `oauth_error` counts from 1."""

# RFC 6749 4.1.2.1: the server's own trouble; some token endpoints say so in a 400
_ITS_OWN = frozenset({"server_error", "temporarily_unavailable"})
# RFC 6750 2.1; what does not fit cannot be sent in a header field
_B64TOKEN = re.compile(r"[A-Za-z0-9._~+/-]{1,16384}=*")
_DAY_S = 86_400
_UNTOLD_S = 300
"""How long a token of untold life lives: SMART wants no more than this."""
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
"""Members of a JWK (RFC 7518 6) that nobody publishes."""

_NOT_DISCOVERY = Verdict(Outcome.DOWN, Reason.SMART_DISCOVERY)
_NOT_TOKEN = Verdict(Outcome.DOWN, Reason.SMART_NOT_TOKEN)
_REJECTED = Verdict(Outcome.MISCONFIGURED, Reason.SMART_TOKEN_REJECTED)
_REDUCED = Verdict(Outcome.MISCONFIGURED, Reason.SMART_SCOPE_REDUCED)
_NO_KEYS = Verdict(Outcome.MISCONFIGURED, Reason.SMART_JWKS)
_EXPOSED = Verdict(Outcome.MISCONFIGURED, Reason.SMART_KEY_EXPOSED)
_UNPUBLISHED = Verdict(Outcome.MISCONFIGURED, Reason.SMART_KEY_UNPUBLISHED)


@dataclass(frozen=True, slots=True)
class Discovery:
    """What of a discovery document matters to a backend. `deviations` from SMART are counted."""

    token_url: str
    deviations: int
    digest: bytes
    """Equal for the same lists in any order."""


@dataclass(frozen=True, slots=True)
class Grant:
    token: str = field(repr=False)
    lives_s: int


def judge_status(status: int) -> Verdict | None:
    """Of an answer to an open question; None for 2xx, where the body decides."""
    if 200 <= status < 300:
        return None
    if status in (425, 429):
        return Verdict(Outcome.DEGRADED, Reason.HTTP_THROTTLED)
    # 408 is the far side's own time-out: the request was sent whole and at once.
    far_side = status >= 500 or status == 408
    return Verdict(Outcome.DOWN if far_side else Outcome.MISCONFIGURED, Reason.HTTP_STATUS)


def judge_discovery(content_type: str | None, body: bytes) -> tuple[Verdict, Discovery | None]:
    """Judge the body of a 2xx answer to `GET [base]/.well-known/smart-configuration`.

    Only a document that names no token endpoint on https is of no use; other deviations are those
    servers in the field have.
    """
    found = _object(body)
    token_url = None if found is None else found.get("token_endpoint")
    if found is None or not isinstance(token_url, str) or not _is_https(token_url):
        return _NOT_DISCOVERY, None
    grants = _words(found, "grant_types_supported")
    methods = _words(found, "token_endpoint_auth_methods_supported")
    # one vendor's spelling of the same
    used = methods or _words(found, "token_endpoint_auth_methods")
    algorithms = _words(found, "token_endpoint_auth_signing_alg_values_supported")
    challenges = _words(found, "code_challenge_methods_supported")
    capabilities = _words(found, "capabilities")
    media_type = (content_type or "").partition(";")[0].strip().lower()
    deviations = (
        media_type != "application/json",
        "client_credentials" not in grants,
        "private_key_jwt" not in methods,
        algorithms.isdisjoint({"RS384", "ES384"}),
        "S256" not in challenges or "plain" in challenges,
        not capabilities,
    )
    form = (token_url, *(sorted(words) for words in (grants, used, algorithms, capabilities)))
    digest = hashlib.sha256(msgspec.json.encode(form)).digest()
    return UP, Discovery(token_url, sum(deviations), digest)


def judge_token(
    status: int, body: bytes, scope: str, about: dict[Fact, int]
) -> tuple[Verdict, Grant | None]:
    """Judge an answer of a token endpoint (RFC 6749 5.1 and 5.2); `scope` is what was asked for.

    A grant of less than that is none. Facts about the answer go into `about`.
    """
    found = _object(body) or {}
    error = found.get("error")
    if status in (400, 401, 403) or (200 <= status < 300 and isinstance(error, str)):
        return _judge_error(error, about), None
    verdict = judge_status(status)
    if verdict is not None:
        return verdict, None
    token, kind = found.get("access_token"), found.get("token_type", "bearer")
    is_bearer = isinstance(kind, str) and kind.lower() == "bearer"
    if not (is_bearer and isinstance(token, str) and _B64TOKEN.fullmatch(token)):
        return _NOT_TOKEN, None
    granted = found.get("scope", scope)  # left out: what was asked for (RFC 6749 5.1)
    lacking = missing(scope, granted) if isinstance(granted, str) else len(scope.split())
    if lacking:
        about[Fact.SCOPES_MISSING] = lacking
        return _REDUCED, None
    lives_s = _lives_s(found.get("expires_in"))
    about[Fact.TOKEN_EXPIRES_S] = lives_s
    return UP, Grant(token, lives_s)


def _judge_error(error: Any, about: dict[Fact, int]) -> Verdict:
    code = error if isinstance(error, str) else ""
    if code in _ITS_OWN:
        return Verdict(Outcome.DOWN, Reason.HTTP_STATUS)
    if code in ERRORS:
        about[Fact.OAUTH_ERROR] = ERRORS.index(code) + 1
    return _REJECTED


def judge_keys(
    body: bytes, ours: Collection[tuple[str, tuple[str, int, int]]]
) -> tuple[Verdict, int]:
    """Judge the body of a 2xx answer from where we publish our keys (RFC 7517).

    `ours` are (kid, public numbers). The second value is how many of them are not there.
    """
    found = _object(body)
    keys = None if found is None else found.get("keys")
    if not isinstance(keys, list):
        return _NO_KEYS, 0
    published = [key for key in keys if isinstance(key, dict)]
    absent = len(set(ours).difference(_identities(published)))
    if any(not _PRIVATE.isdisjoint(key) for key in published):
        return _EXPOSED, absent
    return (_UNPUBLISHED if absent else UP), absent


def _identities(keys: Iterable[dict[str, Any]]) -> Iterable[tuple[str, tuple[str, int, int]]]:
    for key in keys:
        kid, kind = key.get("kid"), key.get("kty")
        if not isinstance(kid, str):
            continue
        if kind == "RSA":
            first, second = _number(key.get("n")), _number(key.get("e"))
        elif kind == "EC" and key.get("crv") == "P-384":
            first, second = _number(key.get("x")), _number(key.get("y"))
        else:
            continue
        if first is not None and second is not None:
            yield kid, (kind, first, second)


def _number(text: Any) -> int | None:
    if not isinstance(text, str) or not text.isascii():
        return None
    try:
        return int.from_bytes(base64.urlsafe_b64decode(text.rstrip("=") + "==="), "big")
    except ValueError:
        return None


def _lives_s(value: Any) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 9:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return _UNTOLD_S
    return int(min(max(value, 0), _DAY_S))


def _words(found: dict[str, Any], name: str) -> frozenset[str]:
    listed = found.get(name)
    return (
        frozenset(w for w in listed if isinstance(w, str))
        if isinstance(listed, list)
        else frozenset()
    )


def _is_https(text: str) -> bool:
    try:
        return parse_url(text).tls
    except ValueError:
        return False


def _object(body: bytes) -> dict[str, Any] | None:
    # ValueError covers msgspec's errors and broken UTF-8, whose texts quote the body.
    try:
        found = msgspec.json.decode(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
