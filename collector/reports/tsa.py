"""Asking a time stamping authority (RFC 3161 3.4): one POST, no redirects, a bounded answer."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from enum import StrEnum

import aiohttp
from cryptography.x509 import Certificate

from collector.reports.timestamps import MAX_BYTES, Stamp, check, request

QUERY = "application/timestamp-query"
REPLY = "application/timestamp-reply"
TIMEOUT_S = 30.0


class TsaTrouble(StrEnum):
    TIMEOUT = "timeout"
    TLS = "tls"
    NETWORK = "network"
    STATUS = "status"
    NOT_A_REPLY = "not_a_reply"
    TOO_LARGE = "too_large"


TSA_MEANINGS = {
    TsaTrouble.TIMEOUT: "it did not answer in time",
    TsaTrouble.TLS: "its certificate does not hold, or no TLS came about",
    TsaTrouble.NETWORK: "it could not be reached, or the answer broke off",
    TsaTrouble.STATUS: "it answered with another status than 200; redirects are not followed",
    TsaTrouble.NOT_A_REPLY: "the answer is no `application/timestamp-reply`",
    TsaTrouble.TOO_LARGE: "the answer has more than 64 KiB",
}


class TsaError(Exception):
    """The authority gave no answer that could be judged."""

    def __init__(self, trouble: TsaTrouble) -> None:
        super().__init__(f"the time stamping authority: {TSA_MEANINGS[trouble]}")
        self.trouble = trouble


async def stamped(
    url: str,
    statement: bytes,
    nonce: int,
    roots: Sequence[Certificate],
    timeout_s: float = TIMEOUT_S,
) -> tuple[bytes, Stamp]:
    """The token for `timestamp.tsr` over the bytes of `statement.json`, checked against `roots`.

    `nonce` is below 2^64 and used once. TsaError where nothing came, StampError for what came and
    does not hold: then there is no time stamp, and the bundle is whole without one.
    """
    digest = hashlib.sha256(statement).digest()
    token = await _asked(url, request(digest, nonce), timeout_s)
    return token, check(token, digest, roots, nonce)


async def _asked(url: str, query: bytes, timeout_s: float) -> bytes:
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=timeout_s),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            ) as session,
            session.post(
                url, data=query, headers={"content-type": QUERY}, allow_redirects=False
            ) as response,
        ):
            return await _reply(response)
    except TimeoutError:
        raise TsaError(TsaTrouble.TIMEOUT) from None
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        raise TsaError(TsaTrouble.TLS) from None
    except (aiohttp.ClientError, OSError):
        raise TsaError(TsaTrouble.NETWORK) from None


async def _reply(response: aiohttp.ClientResponse) -> bytes:
    if response.status != 200:
        raise TsaError(TsaTrouble.STATUS)
    if response.content_type != REPLY:
        raise TsaError(TsaTrouble.NOT_A_REPLY)
    found = bytearray()
    async for part in response.content.iter_chunked(1 << 14):
        found += part
        if len(found) > MAX_BYTES:
            raise TsaError(TsaTrouble.TOO_LARGE)
    return bytes(found)
