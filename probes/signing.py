"""What a receiver of CloudEvents verifies: signatures as Standard Webhooks says. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"


class SecretError(Exception):
    """The signing secret cannot be read or is not one."""


def signing_keys(text: bytes) -> list[bytes]:
    """The keys in a secret: `whsec_` and base64 of 24 to 64 bytes, several while rotating."""
    keys = []
    for word in text.decode("ascii", "replace").split():
        try:
            key = base64.b64decode(word.removeprefix(PREFIX), validate=True)
        except ValueError:
            raise SecretError from None
        if not (word.startswith(PREFIX) and 24 <= len(key) <= 64):
            raise SecretError
        keys.append(key)
    if not keys:
        raise SecretError
    return keys


def headers(keys: Sequence[bytes], message_id: str, at_s: int, body: bytes) -> dict[str, str]:
    """`at_s` is the attempt's time; the id is the message's, whatever the attempt."""
    signed = f"{message_id}.{at_s}.".encode() + body
    digests = (hmac.new(key, signed, hashlib.sha256).digest() for key in keys)
    return {
        "content-type": "application/cloudevents+json; charset=utf-8",
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(d).decode()}" for d in digests),
    }
