"""Calls by HTTP to a receiver of the operator's file: bounded, no redirect, no cookie, no retry.

Of a reply its status is kept; its JSON is handed to the channel, which takes ids and states out of it
and drops the rest.
"""

from __future__ import annotations

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, Field, StringConstraints

from alerts.channel import Boundary, ChannelEnv, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from alerts.secrets import address_of, text_of
from alerts.ticket import Ticket, ticket
from probes.addresses import is_loopback
from probes.clock import Clock
from probes.config_words import PositiveDuration
from probes.wire.http1 import retry_after_s

T = TypeVar("T")
MAX_REPLY = 1 << 20
THROTTLES = frozenset({408, 425, 429})
"""Statuses that ask for another attempt."""
REFUSALS = frozenset({400, 413, 415, 422})
"""Verdicts on the message itself; it is the same in every attempt.

Anything else may pass (a rotated secret, a redeployed receiver), so no page is given up for it.
"""
NEEDS_LOGIN = frozenset({401, 403})
GONE = 410


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError("an address names a host, and no user or password")
    if "?" in value or "#" in value:
        raise ValueError("an address ends with its path: leave out ? and #")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("write https: http is for this host alone (127.0.0.1, ::1, localhost)")
    return value.rstrip("/")


def _alone(value: str) -> str:
    if urlsplit(value).path:
        raise ValueError("write scheme, host and port alone: the channel adds the path")
    return value


def without(ending: str) -> AfterValidator:
    """Of an address that may have a path: not what the channel adds, a regular expression."""
    added = re.compile(rf"(?:{ending})$")

    def check(value: str) -> str:
        found = added.search(urlsplit(value).path)
        if found:
            raise ValueError(f"leave out {found[0]}: the channel adds it")
        return value

    return AfterValidator(check)


Base = Annotated[str, StringConstraints(pattern=r"^https?://\S+$"), AfterValidator(_address)]
"""Where a receiver's interface begins, without a slash at its end."""
Site = Annotated[Base, AfterValidator(_alone)]
"""A receiver whose interface begins at its first page."""
User = Annotated[str, StringConstraints(pattern=r"^[!-9;-~]{1,255}$")]
"""A name to log in with: printable ASCII without blanks, and without the colon that ends it (RFC 7617 2)."""
File = Annotated[str, StringConstraints(pattern=r"^/.")]
Timeout = Annotated[PositiveDuration, Field(le=60_000)]
"""Of a whole attempt: shorter than the outbox lends a message (`delivery.Pace`)."""


class FailedError(Exception):
    """An attempt is over; `receipt` says how. It has no text."""

    def __init__(self, receipt: Receipt) -> None:
        super().__init__()
        self.receipt = receipt


def judge(status: int, retry_after: str | None, now_ms: int) -> Receipt:
    """Only 2xx is delivered; a redirect is not followed, it is no delivery.

    `retry_after` is the field as the receiver wrote it.
    """
    if 200 <= status < 300:
        return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, status)
    if status == GONE:
        return Receipt(Verdict.DEAD, DeliveryReason.GONE, status)
    if status in REFUSALS:
        return Receipt(Verdict.DEAD, DeliveryReason.REFUSED, status)
    if status in NEEDS_LOGIN:
        return Receipt(Verdict.RETRY, DeliveryReason.AUTH, status)
    reason = DeliveryReason.THROTTLED if status in THROTTLES else DeliveryReason.STATUS
    seconds = retry_after_s(retry_after, now_ms)
    return Receipt(Verdict.RETRY, reason, status, None if seconds is None else seconds * 1000)


@dataclass(frozen=True, slots=True)
class Reply:
    """`value` is the JSON of the body, None where there is none."""

    status: int
    value: Any

    @property
    def sent(self) -> Receipt:
        return Receipt(Verdict.SENT, DeliveryReason.ACCEPTED, self.status)


class Calls:
    """What one receiver is asked. Several attempts may run at once."""

    def __init__(self, session: aiohttp.ClientSession, clock: Clock, ca: str | None) -> None:
        self._session = session
        self._clock = clock
        self._ca = ca

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        form: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        also: Collection[int] = (),
    ) -> Reply:
        """The reply if its status is 2xx or in `also`; FailedError otherwise. `body` goes as JSON."""
        now = self._clock.now_ms()
        trust = await self._trust()
        async with self._session.request(
            method,
            url,
            headers=headers,
            json=body,
            data=form,
            params=query,
            allow_redirects=False,
            ssl=trust,
        ) as response:
            receipt = judge(response.status, response.headers.get("retry-after"), now)
            if receipt.verdict is not Verdict.SENT and response.status not in also:
                raise FailedError(receipt)
            return Reply(response.status, await _value(response))

    async def _trust(self) -> ssl.SSLContext | bool:
        """Read at each call: a CA file may be renewed while we run."""
        if self._ca is None:
            return True
        try:
            return await asyncio.to_thread(ssl.create_default_context, cafile=self._ca)
        except OSError:
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.TLS)) from None


async def _value(response: aiohttp.ClientResponse) -> Any:
    found = bytearray()
    async for part in response.content.iter_chunked(1 << 16):
        found += part
        if len(found) > MAX_REPLY:
            raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, response.status))
    if (
        found.lstrip()[:1] == b"<"
    ):  # a page to log in, or of a proxy between us: nobody has the message
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, response.status))
    try:
        return json.loads(found) if found else None
    except (ValueError, RecursionError):
        return None


async def attempt(work: Awaitable[T], timeout_ms: int) -> T | Receipt:
    """What became of `work`: what the far side or the network does is a receipt."""
    try:
        async with asyncio.timeout(timeout_ms / 1000):
            return await work
    except FailedError as error:
        return error.receipt
    except TimeoutError:
        return Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        return Receipt(Verdict.RETRY, DeliveryReason.TLS)
    except (aiohttp.ClientError, OSError):
        return Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


def read_text(env: ChannelEnv, reference: str) -> str:
    """A secret of printable ASCII, read at each attempt; FailedError where there is none."""
    try:
        return text_of(env.read_secret(reference))
    except (OSError, KeyError, ValueError):
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.SECRET)) from None


def read_url(env: ChannelEnv, reference: str) -> str:
    """An address that is itself the secret; FailedError where it is none, or not encrypted."""
    try:
        raw = env.read_secret(reference)
        address_of(raw)
        return text_of(raw)
    except (OSError, KeyError, ValueError):
        raise FailedError(Receipt(Verdict.RETRY, DeliveryReason.SECRET)) from None


def as_ticket(env: ChannelEnv, message: Message) -> Ticket:
    """The message as a ticket; one whose words looked like a patient's alarms."""
    made = ticket(message)
    if made.patterns:
        env.alarm(Boundary.LETTER, message, made.patterns)
    return made


@asynccontextmanager
async def opened(clock: Clock, ca: str | None = None) -> AsyncIterator[Calls]:
    """`ca`: PEM file of the CA to trust instead of this host's."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        # What is small is asked for as it is: nothing is unpacked here.
        headers={"accept": "application/json", "accept-encoding": "identity"},
        auto_decompress=False,
    ) as session:
        # aiohttp sends a PUT again by itself when its connection breaks; a note would stand twice.
        session._retry_connection = False  # noqa: SLF001 - there is no public switch
        yield Calls(session, clock, ca)
