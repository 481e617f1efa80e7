"""Brings one message to the webhook or the mail server of the host's file: one attempt a call."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

import aiohttp

from agent import tellingtext
from agent.hostfile import Fallback, FallbackMail, FallbackWebhook, split_place
from agent.telling import Message
from agent.world import World
from probes import signing
from probes.clock import Clock

TIMEOUT_S = 15.0
_NEVER = frozenset({400, 410, 413, 415, 422})
"""Verdicts on the message itself; anything else may pass."""


class Verdict(StrEnum):
    TAKEN = "taken"
    AGAIN = "again"
    NEVER = "never"


class Carrier(Protocol):
    """`name` stands in the state file and in metrics."""

    name: str

    async def carry(self, message: Message) -> Verdict: ...


def carriers_of(settings: Fallback, org: str, agent: str, world: World) -> list[Carrier]:
    """What the host's file names."""
    found: list[Carrier] = []
    if settings.webhook is not None:
        found.append(WebhookCarrier(settings.webhook, org, agent, world.clock, world.read_secret))
    if settings.mail is not None:
        found.append(MailCarrier(settings.mail, org, agent, world.read_secret))
    return found


class WebhookCarrier:
    name = "webhook"

    def __init__(
        self,
        settings: FallbackWebhook,
        org: str,
        agent: str,
        clock: Clock,
        read_secret: Callable[[str], bytes],
    ) -> None:
        self._settings = settings
        self._from = (org, agent)
        self._clock = clock
        self._read_secret = read_secret

    async def carry(self, message: Message) -> Verdict:
        body = tellingtext.event(message, *self._from)
        try:
            keys = signing.signing_keys(self._read_secret(self._settings.secret))
            trust = ssl.create_default_context(cafile=self._settings.ca)
        except (OSError, KeyError, signing.SecretError):
            return Verdict.AGAIN
        signed = signing.headers(keys, message.id, self._clock.now_ms() // 1000, body)
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
                    cookie_jar=aiohttp.DummyCookieJar(),
                    auto_decompress=False,
                ) as session,
                session.post(
                    self._settings.url,
                    data=body,
                    headers=signed,
                    allow_redirects=False,
                    ssl=trust,
                ) as response,
            ):
                status = response.status
        except (aiohttp.ClientError, OSError):  # TimeoutError among them
            return Verdict.AGAIN
        if 200 <= status < 300:
            return Verdict.TAKEN
        return Verdict.NEVER if status in _NEVER else Verdict.AGAIN


class MailCarrier:
    """One connection an attempt, in a thread; never without the protection that is configured."""

    name = "mail"

    def __init__(
        self, settings: FallbackMail, org: str, agent: str, read_secret: Callable[[str], bytes]
    ) -> None:
        self._settings = settings
        self._from = (org, agent)
        self._read_secret = read_secret

    async def carry(self, message: Message) -> Verdict:
        settings = self._settings
        raw = tellingtext.letter(message, *self._from, settings.sender, settings.to)
        try:
            return await asyncio.to_thread(self._attempt, raw)
        except smtplib.SMTPDataError as error:
            return Verdict.NEVER if 500 <= error.smtp_code < 600 else Verdict.AGAIN
        except smtplib.SMTPRecipientsRefused as error:
            codes = [code for code, _ in error.recipients.values()]
            return Verdict.NEVER if all(500 <= c < 600 for c in codes) else Verdict.AGAIN
        except (smtplib.SMTPException, OSError, KeyError, ValueError):
            return Verdict.AGAIN

    def _attempt(self, raw: bytes) -> Verdict:
        """Somebody who got it is enough: a page is told. Raises what smtplib raises."""
        settings = self._settings
        host, port = split_place(settings.server)
        # The name we greet with is configured; this host's own is nobody's business.
        who = settings.sender.rpartition("@")[2]
        server: smtplib.SMTP
        if settings.tls == "implicit":
            trust = ssl.create_default_context(cafile=settings.ca)
            server = smtplib.SMTP_SSL(
                host, port, local_hostname=who, timeout=TIMEOUT_S, context=trust
            )
        else:
            server = smtplib.SMTP(host, port, local_hostname=who, timeout=TIMEOUT_S)
        with server:
            if settings.tls == "starttls":
                server.starttls(context=ssl.create_default_context(cafile=settings.ca))
            if settings.user is not None and settings.password is not None:
                secret = self._read_secret(settings.password).decode().rstrip("\r\n")
                server.login(settings.user, secret)
            server.sendmail(settings.sender, list(settings.to), raw)
        return Verdict.TAKEN
