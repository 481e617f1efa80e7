"""Time stamps of an authority (RFC 3161): what is asked, and what an answer is worth. Pure.

A token says that the authority saw these bytes at that time. It stands over SHA-256 of
`statement.json`, as the whole answer (TimeStampResp), which `openssl ts` reads, too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from cryptography.x509 import Certificate, load_pem_x509_certificates

from collector.reports.certorder import ordered
from probes.times import to_ms

if TYPE_CHECKING:
    from rfc3161_client import TimeStampResponse

MAX_BYTES = 65_536
"""Of an answer: a token with its certificates has 2 to 10 KiB."""
MAX_NONCE = (1 << 64) - 1
SHA256 = "2.16.840.1.101.3.4.2.1"
# AlgorithmIdentifier: that object identifier and NULL, in DER.
_ALGORITHM = bytes.fromhex("300d06096086480165030402010500")
_GRANTED = 0


class StampFault(StrEnum):
    TOO_LARGE = "timestamp.too_large"
    SHAPE = "timestamp.shape"
    NOT_GRANTED = "timestamp.not_granted"
    ALGORITHM = "timestamp.algorithm"
    DIGEST = "timestamp.digest"
    NONCE = "timestamp.nonce"
    UNTRUSTED = "timestamp.untrusted"


STAMP_MEANINGS = {
    StampFault.TOO_LARGE: "more than 64 KiB",
    StampFault.SHAPE: "not an answer as in RFC 3161 with a token in it, in DER, and no more",
    StampFault.NOT_GRANTED: "the authority did not grant it",
    StampFault.ALGORITHM: "not over SHA-256",
    StampFault.DIGEST: "over something else than these bytes",
    StampFault.NONCE: "not the answer to what was asked: another nonce",
    StampFault.UNTRUSTED: "the signature is wrong, or by nobody to whom the roots lead, or by a "
    "certificate that is not for time stamps or was not valid then",
}


class StampError(Exception):
    """Carries the fault."""

    def __init__(self, fault: StampFault) -> None:
        super().__init__(f"{fault.value}: {STAMP_MEANINGS[fault]}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Stamp:
    """`at`: UTC ms, as exact as the authority wrote it; `serial` is the token's."""

    at: int
    serial: int
    policy: str


def request(digest: bytes, nonce: int) -> bytes:
    """TimeStampReq over SHA-256 `digest`, which asks for the certificates, too.

    The library hashes and draws a nonce by itself; here both are given, so it is written out.
    """
    if len(digest) != hashlib.sha256().digest_size or not 0 <= nonce <= MAX_NONCE:
        raise ValueError("a digest has 32 bytes, a nonce is below 2^64")
    imprint = _der(0x30, _ALGORITHM + _der(0x04, digest))
    number = _der(0x02, nonce.to_bytes(nonce.bit_length() // 8 + 1))
    return _der(0x30, _der(0x02, b"\x01") + imprint + number + _der(0x01, b"\xff"))


def check(
    token: bytes, digest: bytes, roots: Sequence[Certificate], nonce: int | None = None
) -> Stamp:
    """StampError with the first fault; `nonce` is that of the request, None where it is not known.

    The certificates are judged at the time of the token. ModuleNotFoundError without the extra.
    """
    response = _read(token)
    try:
        info = response.tst_info
        algorithm = info.message_imprint.hash_algorithm.dotted_string
        covered, answered = info.message_imprint.message, info.nonce
        stamp = Stamp(
            to_ms(info.gen_time, ZoneInfo("UTC")), info.serial_number, info.policy.dotted_string
        )
    except (ValueError, OverflowError):
        raise StampError(StampFault.SHAPE) from None
    if algorithm != SHA256:
        raise StampError(StampFault.ALGORITHM)
    if covered != digest:
        raise StampError(StampFault.DIGEST)
    if nonce is not None and answered != nonce:
        raise StampError(StampFault.NONCE)
    _trust(response, digest, roots)
    return stamp


def read_roots(pem: bytes) -> list[Certificate]:
    """ValueError where there is no certificate in PEM."""
    return load_pem_x509_certificates(pem)


def _read(token: bytes) -> TimeStampResponse:
    from rfc3161_client import decode_timestamp_response  # noqa: PLC0415 - of the extra `tsa`

    if len(token) > MAX_BYTES:
        raise StampError(StampFault.TOO_LARGE)
    try:
        response = decode_timestamp_response(ordered(token))
    except ValueError:
        raise StampError(StampFault.SHAPE) from None
    if response.status != _GRANTED:
        raise StampError(StampFault.NOT_GRANTED)
    return response


def _trust(response: TimeStampResponse, digest: bytes, roots: Sequence[Certificate]) -> None:
    from rfc3161_client import VerifierBuilder  # noqa: PLC0415 - likewise

    try:
        VerifierBuilder(roots=list(roots)).build().verify(response, digest)
    except Exception:  # noqa: BLE001 - besides its own the library lets those of X.509 through
        raise StampError(StampFault.UNTRUSTED) from None


def _der(tag: int, content: bytes) -> bytes:
    """X.690 8.1.3.4: the short form alone, for nothing here is longer than 127 bytes."""
    return bytes((tag, len(content))) + content
