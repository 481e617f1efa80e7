"""One POST to the receiver of heartbeats: its address may be a secret and is never shown."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version

import aiohttp

from alerts.outbox import DeliveryReason
from collector.heartbeat import body
from probes.addresses import web_address
from probes.config_channels import Heartbeat
from probes.config_words import SECRET
from probes.signing import SecretError, headers, signing_keys

TIMEOUT_S = 10.0

Send = Callable[[int], Awaitable[DeliveryReason]]


@asynccontextmanager
async def open_sender(
    config: Heartbeat, org: str, read_secret: Callable[[str], bytes]
) -> AsyncIterator[Send]:
    """Gives what makes one attempt; of the answer only the status is looked at."""
    async with aiohttp.ClientSession(
        timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
    ) as session:

        async def send(at_ms: int) -> DeliveryReason:
            said = body(org, at_ms, version("wardwatch"))
            try:
                url = _address(config.url, read_secret)
                signed = {} if config.secret is None else _signed(config.secret, org, at_ms, said)
            except (OSError, KeyError, ValueError, SecretError):
                return DeliveryReason.SECRET
            return await _post(session, url, said, signed)

        def _signed(ref: str, org: str, at_ms: int, said: bytes) -> dict[str, str]:
            keys = signing_keys(read_secret(ref))
            return headers(keys, f"{org}_heartbeat_{at_ms}", at_ms // 1000, said)

        yield send


def _address(url: str, read_secret: Callable[[str], bytes]) -> str:
    """ValueError where a reference leads to no address that may be used."""
    if SECRET.fullmatch(url):
        url = read_secret(url).decode("ascii").strip()
    web_address(url)
    return url


async def _post(
    session: aiohttp.ClientSession, url: str, said: bytes, signed: dict[str, str]
) -> DeliveryReason:
    sent = {**signed, "content-type": "application/json"}
    try:
        async with session.post(url, data=said, headers=sent, allow_redirects=False) as response:
            good = 200 <= response.status < 300
            return DeliveryReason.ACCEPTED if good else DeliveryReason.STATUS
    except TimeoutError:
        return DeliveryReason.TIMEOUT
    except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
        return DeliveryReason.TLS
    except (aiohttp.ClientError, OSError):
        return DeliveryReason.NETWORK
