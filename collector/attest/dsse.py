"""DSSE v1: any bytes signed with what they are, as one JSON envelope; Ed25519 alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from collector.attest import spelling, strictjson
from collector.attest.faults import AttestError, Fault
from collector.attest.strictjson import JsonError, Value
from probes import agentkeys

MAX_BYTES = 16 << 20
MAX_SIGNATURES = 32
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Signature:
    """`keyid` is signed by nobody: a hint, never a reason to believe."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """`payload` is what is signed, byte for byte: take it from here and parse it after `verify`."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...] = ()


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: what is signed."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign(envelope: Envelope, key: Ed25519PrivateKey) -> Envelope:
    """With one signature more; its `keyid` is the key's fingerprint (`probes/agentkeys.py`)."""
    keyid = agentkeys.fingerprint(agentkeys.text_of(key.public_key()))
    signature = Signature(keyid, key.sign(pae(envelope.payload_type, envelope.payload)))
    return replace(envelope, signatures=(*envelope.signatures, signature))


def verify(envelope: Envelope, keys: Mapping[str, Ed25519PublicKey]) -> frozenset[str]:
    """The names of the keys that have signed; signatures of others are passed over.

    AttestError DSSE_UNSIGNED when none has. Every key is tried on every signature, each time over the
    whole payload: ask with the few keys that count.
    """
    message = pae(envelope.payload_type, envelope.payload)
    accepted = frozenset(
        name
        for name, key in keys.items()
        if any(_signed(key, signature.sig, message) for signature in envelope.signatures)
    )
    if not accepted:
        raise AttestError(Fault.DSSE_UNSIGNED)
    return accepted


def parse(data: bytes) -> Envelope:
    """AttestError for what is no envelope. Fields that are not known are passed over, and base64 may
    be of either alphabet, as the specification demands; nothing is verified.
    """
    if len(data) > MAX_BYTES:
        raise AttestError(Fault.DSSE_TOO_LARGE)
    try:
        found = strictjson.read(data, fractions=True)
    except JsonError:
        raise AttestError(Fault.DSSE_JSON) from None
    if not isinstance(found, dict):
        raise AttestError(Fault.DSSE_JSON)
    kind, signatures = found.get("payloadType"), found.get("signatures")
    if not isinstance(kind, str) or not isinstance(signatures, list):
        raise AttestError(Fault.DSSE_FIELD)
    if len(signatures) > MAX_SIGNATURES:
        raise AttestError(Fault.DSSE_FIELD)
    return Envelope(kind, _bytes(found.get("payload")), tuple(map(_signature, signatures)))


def write(envelope: Envelope) -> bytes:
    """The envelope as JSON; AttestError for one that `parse` would refuse."""
    signatures: list[Value] = [
        {"keyid": one.keyid, "sig": spelling.base64_of(one.sig)} for one in envelope.signatures
    ]
    try:
        data = strictjson.write(
            {
                "payload": spelling.base64_of(envelope.payload),
                "payloadType": envelope.payload_type,
                "signatures": signatures,
            }
        )
    except JsonError:
        raise AttestError(Fault.DSSE_JSON) from None
    parse(data)
    return data


def _signature(value: Value) -> Signature:
    if not isinstance(value, dict) or not isinstance(value.get("keyid"), str | None):
        raise AttestError(Fault.DSSE_FIELD)
    return Signature(str(value.get("keyid") or ""), _bytes(value.get("sig")))


def _bytes(value: Value) -> bytes:
    data = spelling.bytes_of(value.translate(_URL_SAFE)) if isinstance(value, str) else None
    if data is None:
        raise AttestError(Fault.DSSE_FIELD)
    return data


def _signed(key: Ed25519PublicKey, signature: bytes, message: bytes) -> bool:
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True
