"""A generic receiver of CloudEvents, signed as Standard Webhooks says: one POST an attempt."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any
from urllib.parse import urlsplit

import aiohttp
from pydantic import AfterValidator, Field, StringConstraints

from alerts import inbound_kinds
from alerts.calls import judge
from alerts.channel import Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.outbox import DeliveryReason, Message
from probes.config_words import Model, PositiveDuration, SecretRef
from probes.signing import SecretError, headers, signing_keys

PAGES = (b"<!doctype html", b"<html")
"""How a page begins: nobody who files events answers with one."""
MOST_READ = 65_536


def _address(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or "@" in parts.netloc:
        raise ValueError("an address names a host, and no user or password")
    return value


class WebhookConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    url: Annotated[str, StringConstraints(pattern=r"^https?://\S+$"), AfterValidator(_address)]
    """`http` or `https`, without user or password; redirects are not followed."""
    secret: SecretRef
    """Where the signing secret is; read at each attempt."""
    timeout: Annotated[PositiveDuration, Field(le=60_000)] = 15_000
    """Limit of a whole attempt, at most 60s."""


class Webhook:
    def __init__(
        self, config: WebhookConfig, env: ChannelEnv, session: aiohttp.ClientSession
    ) -> None:
        self._config = config
        self._env = env
        self._session = session

    async def deliver(self, message: Message) -> Receipt:
        try:
            keys = signing_keys(self._env.read_secret(self._config.secret))
        except (OSError, KeyError, SecretError):
            return Receipt(Verdict.RETRY, DeliveryReason.SECRET)
        now = self._env.clock.now_ms()
        try:
            async with self._session.post(
                self._config.url,
                data=message.body,
                headers=headers(keys, message.id, now // 1000, message.body),
                allow_redirects=False,
            ) as response:
                receipt = judge(response.status, response.headers.get("retry-after"), now)
                if receipt.verdict is Verdict.SENT and await _is_page(response):
                    return Receipt(Verdict.RETRY, DeliveryReason.PROTOCOL, response.status)
                return receipt
        except TimeoutError:
            return Receipt(Verdict.RETRY, DeliveryReason.TIMEOUT)
        except (aiohttp.ClientSSLError, aiohttp.ClientConnectorCertificateError):
            return Receipt(Verdict.RETRY, DeliveryReason.TLS)
        except (aiohttp.ClientError, OSError):
            return Receipt(Verdict.RETRY, DeliveryReason.NETWORK)


async def _is_page(response: aiohttp.ClientResponse) -> bool:
    """Is a 2xx a page for people, such as one to log in? What breaks off after a 2xx has said enough."""
    found, read = b"", 0
    try:
        async for part in response.content.iter_chunked(1024):
            found, read = (found + part).lstrip(), read + len(part)
            if len(found) >= len(PAGES[0]) or read > MOST_READ:
                break
    except (TimeoutError, aiohttp.ClientError, OSError):
        return False
    return found.lower().startswith(PAGES)


@asynccontextmanager
async def _open(config: WebhookConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    timeout = aiohttp.ClientTimeout(total=config.timeout / 1000)
    async with aiohttp.ClientSession(
        timeout=timeout,
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"accept-encoding": "identity"},
        auto_decompress=False,
    ) as session:
        yield Webhook(config, env, session)


def _signing(raw: bytes) -> None:
    try:
        signing_keys(raw)
    except SecretError:
        raise ValueError(
            "a signing secret is whsec_ and base64 of 24 to 64 bytes; several, while they rotate"
        ) from None


def _parse(spec: Mapping[str, Any]) -> WebhookConfig:
    return WebhookConfig.model_validate(dict(spec))


KIND = ChannelKind(
    name="webhook",
    summary="A signed CloudEvent to any HTTP receiver that files by the incident's key.",
    guarantee=Guarantee.KEYED,
    settings=WebhookConfig,
    parse=_parse,
    open=_open,
    inbound=inbound_kinds.WEBHOOK,
    secrets={"secret": _signing},
)
