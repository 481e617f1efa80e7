"""One question over HTTP: sent, and what came back, or why nothing did."""

from __future__ import annotations

import io
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import aiohttp
from yarl import URL

NDJSON = "application/x-ndjson"
SILENT_S = 60.0
"""How long a long answer may say nothing."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Where to ask, and as whom. `tls` trusts what the host trusts when it is left out."""

    url: URL
    token: str | None = None
    tls: ssl.SSLContext | None = None


class Effect(Enum):
    """What it does there to ask."""

    NONE = "none"
    ACT = "act"
    KEYED = "keyed"
    """An act that is done once, however often it is sent under the same key."""


@dataclass(frozen=True, slots=True)
class Question:
    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None
    timeout_s: float
    effect: Effect


@dataclass(frozen=True, slots=True)
class Answer:
    """`document` is None where the answer is no JSON."""

    status: int
    document: Any
    retry_after_s: int | None


class UnansweredError(Exception):
    """The text says what to do."""


class CaError(Exception):
    """The text names the file."""


def trusting(ca: str) -> ssl.SSLContext:
    """Trusts this CA and no other; CaError when the file holds none."""
    try:
        return ssl.create_default_context(cafile=ca)
    except (OSError, ssl.SSLError, ValueError):
        raise CaError(f"{ca} holds no certificate in PEM that can be read") from None


async def exchange(to: Collector, asked: Question) -> Answer:
    """UnansweredError when nobody answers. A keyed act whose line broke is sent once more."""
    try:
        try:
            return await _send(to, asked)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError) as error:
            if asked.effect is not Effect.KEYED or not _broke(error):
                raise
        return await _send(to, asked)
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise UnansweredError(_why(error, to.url, asked)) from None


async def each_line(to: Collector, asked: Question, take: Callable[[bytes], None]) -> Answer | None:
    """Hand over the lines of a long answer as they come, each with its end; None, or the answer
    that is none of it. UnansweredError when nobody answers, or the answer breaks off.
    """

    async def lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
        async for line in content:
            yield line if line.strip() else b""  # an empty one shows that it goes on

    return await _long(to, asked, NDJSON, SILENT_S, lines, take)


async def each_piece(
    to: Collector, asked: Question, media: str, silent_s: float, take: Callable[[bytes], None]
) -> Answer | None:
    """As `each_line`, for an answer of any content type, in whatever pieces it comes."""
    return await _long(to, asked, media, silent_s, lambda content: content.iter_any(), take)


async def _long(
    to: Collector,
    asked: Question,
    media: str,
    silent_s: float,
    pieces: Callable[[aiohttp.StreamReader], AsyncIterator[bytes]],
    take: Callable[[bytes], None],
) -> Answer | None:
    begun = False
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=asked.timeout_s, sock_read=silent_s)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                asked.method,
                asked.url,
                headers=asked.headers,
                allow_redirects=False,
                ssl=True if to.tls is None else to.tls,
            ) as response,
        ):
            if response.status != 200 or response.content_type != media:
                wait = response.headers.get("Retry-After", "")
                after_s = int(wait) if _is_number(wait) else None
                return Answer(response.status, _json(await response.read()), after_s)
            begun = True
            async for piece in pieces(response.content):
                if piece:
                    take(piece)
    except BrokenPipeError:  # whoever read what was taken has gone, not the collector
        raise
    except (aiohttp.ClientError, TimeoutError, ConnectionError) as error:
        if begun:
            raise UnansweredError(
                f"The collector broke off: what came is not all; ask again. ({to.url})"
            ) from None
        raise UnansweredError(_why(error, to.url, asked)) from None
    return None


async def _send(to: Collector, asked: Question) -> Answer:
    timeout = aiohttp.ClientTimeout(total=asked.timeout_s)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.request(
            asked.method,
            asked.url,
            headers=asked.headers,
            # as a stream: aiohttp warns of large bodies given whole, for they hold up the loop
            data=None if asked.body is None else io.BytesIO(asked.body),
            allow_redirects=False,
            ssl=True if to.tls is None else to.tls,
        ) as response,
    ):
        data = await response.read()
        wait = response.headers.get("Retry-After", "")
        return Answer(response.status, _json(data), int(wait) if _is_number(wait) else None)


def _json(data: bytes) -> Any:
    try:
        return json.loads(data)
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 9


def _broke(error: BaseException) -> bool:
    """Was there a connection, and what was asked may have arrived?"""
    return isinstance(
        error, aiohttp.ClientConnectionError | aiohttp.ClientPayloadError
    ) and not isinstance(error, aiohttp.ClientConnectorError | TimeoutError)


def _why(error: BaseException, url: URL, asked: Question) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return (
                f"The certificate of {url.origin()} is not trusted here, or is of another name; "
                "`--ca FILE` names the CA that made it."
            )
        case aiohttp.ClientSSLError():
            return f"No TLS can be agreed with {url.origin()}; is it an http:// address?"
        case _ if asked.effect is not Effect.NONE and (
            _broke(error) or isinstance(error, TimeoutError)
        ):
            return (
                "The collector did not answer, and may have done it all the same: look before you "
                f"ask again. ({url})"
            )
        case _:
            return f"The collector does not answer; {hint(url)}"


def hint(url: URL) -> str:
    return f"is it running? `wardwatch collector --help` starts one, `--url` names another. ({url})"
