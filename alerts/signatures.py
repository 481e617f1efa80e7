"""How receivers sign what they send us, or prove otherwise that it is theirs. Pure.

Each is given the keys in force and what was sent. Comparisons take the same time however much of a guess is right.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

from alerts.inbound import Fault, Keys, Request
from probes.signing import SecretError

TOLERANCE_MS = 300_000
"""How far the sender's time may be from ours, where it is signed."""
MOST = 16
"""Signatures of one request that are looked at: senders that change a secret send two."""


def bearer(keys: Keys, sent: Request) -> Fault | None:
    """The secret itself, `Authorization: Bearer SECRET`: of products that sign nothing."""
    scheme, _, secret = sent.header("authorization").partition(" ")
    if scheme.lower() != "bearer" or not secret:
        return Fault.UNSIGNED
    return _any([_bytes(secret.strip())], keys)


def pagerduty(keys: Keys, sent: Request) -> Fault | None:
    """`X-PagerDuty-Signature: v1=HEX,v1=HEX`, of the body."""
    return _hex(sent.header("x-pagerduty-signature"), "v1=", keys, sent.body)


def hub(keys: Keys, sent: Request) -> Fault | None:
    """`X-Hub-Signature: sha256=HEX`, of the body, as WebSub has it."""
    return _hex(sent.header("x-hub-signature"), "sha256=", keys, sent.body)


def zendesk(keys: Keys, sent: Request) -> Fault | None:
    """`X-Zendesk-Webhook-Signature: BASE64`, of the timestamp beside it and the body."""
    stamp = sent.header("x-zendesk-webhook-signature-timestamp")
    signature = sent.header("x-zendesk-webhook-signature")
    if not signature or not stamp:
        return Fault.UNSIGNED
    wrong = _any(_from_base64([signature]), _macs(keys, _bytes(stamp) + sent.body))
    return wrong or _in_time(_moment(stamp), sent.at)


def slack(keys: Keys, sent: Request) -> Fault | None:
    """`X-Slack-Signature: v0=HEX`, of version, timestamp and body."""
    stamp = sent.header("x-slack-request-timestamp")
    if not stamp:
        return Fault.UNSIGNED
    signed = b"v0:" + _bytes(stamp) + b":" + sent.body
    wrong = _hex(sent.header("x-slack-signature"), "v0=", keys, signed)
    return wrong or _in_time(_seconds(stamp), sent.at)


def teams(keys: Keys, sent: Request) -> Fault | None:
    """`Authorization: HMAC BASE64`, of the body."""
    scheme, _, signature = sent.header("authorization").partition(" ")
    if scheme.lower() != "hmac" or not signature:
        return Fault.UNSIGNED
    return _any(_from_base64([signature.strip()]), _macs(keys, sent.body))


def standard(keys: Keys, sent: Request) -> Fault | None:
    """Standard Webhooks: `webhook-signature: v1,BASE64 ...`, of id, timestamp and body."""
    id_, stamp = sent.header("webhook-id"), sent.header("webhook-timestamp")
    every = sent.header("webhook-signature").split()[:MOST]
    if not (id_ and stamp and every):
        return Fault.UNSIGNED
    ours = [one.removeprefix("v1,") for one in every if one.startswith("v1,")]
    signed = _bytes(id_) + b"." + _bytes(stamp) + b"." + sent.body
    wrong = _any(_from_base64(ours), _macs(keys, signed))
    return wrong or _in_time(_seconds(stamp), sent.at)


def base64_keys(text: bytes) -> Keys:
    """The security tokens of Teams, which are base64 of the key; SecretError."""
    found = []
    for word in text.split():
        try:
            found.append(base64.b64decode(word, validate=True))
        except ValueError:
            raise SecretError from None
    if not found or any(len(key) < 16 for key in found):
        raise SecretError
    return found


def _hex(header: str, prefix: str, keys: Keys, signed: bytes) -> Fault | None:
    sent = [one.strip() for one in header.split(",")[:MOST]]
    ours = [one.removeprefix(prefix) for one in sent if one.startswith(prefix)]
    if not ours:
        return Fault.UNSIGNED if not any(sent) else Fault.WRONG
    return _any(_read(ours, bytes.fromhex), _macs(keys, signed))


def _macs(keys: Keys, signed: bytes) -> list[bytes]:
    return [hmac.new(key, signed, hashlib.sha256).digest() for key in keys]


def _any(sent: Iterable[bytes], right: Iterable[bytes]) -> Fault | None:
    """Each is compared with each, whatever was found before."""
    known = list(right)
    found = [hmac.compare_digest(one, other) for one in sent for other in known]
    return None if any(found) else Fault.WRONG


def _from_base64(sent: Iterable[str]) -> Iterator[bytes]:
    return _read(sent, lambda one: base64.b64decode(one, validate=True))


def _read(sent: Iterable[str], how: Callable[[str], bytes]) -> Iterator[bytes]:
    for one in sent:
        try:
            yield how(one)
        except ValueError:
            continue  # no signature at all: it fits no key


def _bytes(text: str) -> bytes:
    """A header as it came: what is no UTF-8 in one is kept as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def _seconds(text: str) -> int | None:
    """Milliseconds of seconds since 1970, in digits."""
    return int(text) * 1000 if text.isascii() and text.isdigit() and len(text) <= 12 else None


def _moment(text: str) -> int | None:
    """Milliseconds of an instant of RFC 3339."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if at.tzinfo is None else int(at.timestamp() * 1000)


def _in_time(at: int | None, now: int) -> Fault | None:
    return None if at is not None and abs(now - at) <= TOLERANCE_MS else Fault.OLD
