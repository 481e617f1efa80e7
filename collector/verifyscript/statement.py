"""The statement: what is attested, in an envelope that the log's key has signed (DSSE, in-toto).

Signed are bytes, so nothing is written anew before the signature is verified.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NamedTuple

from collector.verifyscript.ed25519 import ed25519_signed
from collector.verifyscript.failing import Failure
from collector.verifyscript.notes import Policy, VerifierKey
from collector.verifyscript.spelling import json_in

PREDICATE_TYPE = "urn:wardwatch:attestation:availability:v1"
_PAYLOAD_TYPE = "application/vnd.in-toto+json"
_STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_SHA256 = re.compile(r"[0-9a-f]{64}")


class Statement(NamedTuple):
    """`subjects`: SHA-256 in hexadecimal by name. `signers`: the policy's keys that signed it."""

    subjects: dict[str, str]
    predicate: dict[str, Any]
    signers: list[VerifierKey]


def statement_in(data: bytes, policy: Policy) -> Statement:
    """Failure `statement.malformed`, or `statement.unsigned` where no log of the policy signed it."""
    try:
        envelope = json.loads(data.decode(), object_pairs_hook=_named_once)
        kind, payload = envelope["payloadType"], _bytes(envelope["payload"])
        signatures = [_bytes(one["sig"]) for one in envelope["signatures"]]
        if kind != _PAYLOAD_TYPE or len(signatures) > 32:
            raise ValueError("no envelope of a statement")
    except (ValueError, KeyError, TypeError, RecursionError):
        raise Failure("statement.malformed", "statement.json") from None
    signed = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    signers = [
        key
        for key in policy.logs
        if any(ed25519_signed(key.public, signature, signed) for signature in signatures)
    ]
    if not signers:
        raise Failure("statement.unsigned", "statement.json")
    try:
        found = json_in(payload)
        subjects = [(one["name"], one["digest"]["sha256"]) for one in found["subject"]]
        if not all(isinstance(name, str) and _SHA256.fullmatch(sha) for name, sha in subjects):
            raise ValueError("no subjects")
        if found["_type"] != _STATEMENT_TYPE or found["predicateType"] != PREDICATE_TYPE:
            raise ValueError("another statement")
        if len(dict(subjects)) != len(subjects) or not isinstance(found["predicate"], dict):
            raise ValueError("a subject twice")
    except (ValueError, KeyError, TypeError):
        raise Failure("statement.malformed", "statement.json") from None
    return Statement(dict(subjects), found["predicate"], signers)


def _bytes(text: Any) -> bytes:
    """Base64 of either alphabet, as DSSE demands."""
    try:
        return base64.b64decode(text.translate(str.maketrans("-_", "+/")), validate=True)
    except (binascii.Error, AttributeError):
        raise ValueError("no base64") from None


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a name twice")
    return dict(pairs)
