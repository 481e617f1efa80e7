"""Letters by SMTP: one connection an attempt, encrypted, with nothing of the server's words kept."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any, Literal

import aiosmtplib
from aiosmtplib import SMTPDataError, SMTPException
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from alerts.channel import Boundary, Channel, ChannelEnv, ChannelKind, Guarantee, Receipt, Verdict
from alerts.customer import is_told
from alerts.mime import Audience, compose
from alerts.outbox import DeliveryReason, Message
from alerts.secrets import anything
from alerts.smtp import ACCEPTED, RefusedError, encrypt, failed, judge, log_in, offer, worst
from probes.addresses import is_loopback
from probes.config_words import MailAddress, Model, PositiveDuration, SecretRef, Word

Host = Annotated[str, StringConstraints(max_length=253, pattern=r"^[A-Za-z0-9.:-]+$")]
File = Annotated[str, StringConstraints(pattern=r"^/.")]

MOST = 100
REMEMBERED = 1_000
FAREWELL_S = 1.0


def _recipients(value: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(value) <= MOST:
        raise ValueError(
            f"name 1 to {MOST} addresses; more are a list of the mail server's. Left out: it writes "
            "to contacts alone"
        )
    if len(set(value)) != len(value):
        raise ValueError("an address stands there twice")
    return value


class EmailConfig(Model):
    """The entry under `channels`, without `kind` and `baa`."""

    host: Host
    """Name or address of the mail server; its certificate must be for it."""
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    """Left out: 587, with `tls: implicit` 465."""
    tls: Literal["starttls", "implicit", "none"] = "starttls"
    """`starttls`: refuse a server without it; `implicit`: TLS from the first byte; `none`: only to this host."""
    ca: File | None = None
    """PEM file of the CA to trust; left out: this host's CAs."""
    user: Word | None = None
    """Name to log in with; left out: no login."""
    password: SecretRef | None = None
    """Where its password is; read at each attempt."""
    from_: Annotated[MailAddress, Field(alias="from")]
    """Address it comes from."""
    to: Annotated[tuple[MailAddress, ...], AfterValidator(_recipients)] = ()
    """Addresses it goes to, all in one message; left out: it writes to contacts with it in `reach` alone."""
    audience: Audience = Audience.STAFF
    """`staff`: all that is known; `customer`: plain words for who only depends on the system."""
    timeout: Annotated[PositiveDuration, Field(le=60_000)] = 30_000
    """Limit of a whole attempt, at most 60s."""

    @model_validator(mode="after")
    def _whole(self) -> EmailConfig:
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError("tls: none is for this host alone (127.0.0.1, ::1, localhost)")
        if self.tls == "none" and self.ca is not None:
            raise ValueError("ca: without TLS there is no certificate to check")
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password stand together or not at all")
        return self

    @property
    def port_used(self) -> int:
        return self.port or (465 if self.tls == "implicit" else 587)


class Email:
    """Remembers who has a message that is tried again, so one full mailbox repeats it to nobody."""

    def __init__(self, config: EmailConfig, env: ChannelEnv) -> None:
        self._config = config
        self._env = env
        self._reached: OrderedDict[str, set[str]] = OrderedDict()

    async def deliver(self, message: Message) -> Receipt:
        config = self._config
        if config.audience is Audience.CUSTOMER and not is_told(json.loads(message.body)):
            return Receipt(Verdict.SENT, DeliveryReason.UNTOLD)
        mail = compose(message, config.from_, config.to, config.audience)
        if mail.patterns:
            self._env.alarm(Boundary.LETTER, message, mail.patterns)
        try:
            password = self._password()
            client = self._client(await self._trust())
        except RefusedError as refusal:
            return refusal.receipt
        try:
            async with asyncio.timeout(self._config.timeout / 1000):
                receipt = await self._attempt(client, message.id, mail.raw, password)
            with suppress(SMTPException, OSError):
                await client.quit(timeout=FAREWELL_S)
        except (SMTPException, RefusedError, OSError) as error:
            return failed(error)
        finally:
            client.close()
        if receipt.verdict is not Verdict.RETRY:
            self._reached.pop(message.id, None)
        return receipt

    def _password(self) -> bytes:
        if self._config.password is None:
            return b""
        try:
            secret = self._env.read_secret(self._config.password).rstrip(b"\r\n")
        except (OSError, KeyError):
            secret = b""
        if not secret:
            raise RefusedError(DeliveryReason.SECRET)
        return secret

    async def _trust(self) -> ssl.SSLContext | None:
        """Read at each attempt: a CA file may be renewed while we run."""
        if self._config.tls == "none":
            return None
        try:
            return await asyncio.to_thread(ssl.create_default_context, cafile=self._config.ca)
        except OSError:
            raise RefusedError(DeliveryReason.TLS) from None

    def _client(self, trust: ssl.SSLContext | None) -> aiosmtplib.SMTP:
        config = self._config
        return aiosmtplib.SMTP(
            hostname=config.host,
            port=config.port_used,
            # The name we greet with is configured; this host's own is nobody's business.
            local_hostname=config.from_.rpartition("@")[2],
            timeout=config.timeout / 1000,
            use_tls=config.tls == "implicit",
            start_tls=False,
            tls_context=trust,
        )

    async def _attempt(
        self, client: aiosmtplib.SMTP, name: str, mail: bytes, password: bytes
    ) -> Receipt:
        await client.connect()
        if self._config.tls == "starttls":
            await encrypt(client)
        if self._config.user is not None:
            await log_in(client, self._config.user, password)
        await client.mail(self._config.from_)
        reached = self._reached.get(name, set())
        taken, refused = await offer(client, [to for to in self._config.to if to not in reached])
        if not taken:
            return worst(refused)
        try:
            await client.data(mail)
        except SMTPDataError as error:
            return judge(error.code)
        if not refused:
            return judge(ACCEPTED)
        self._remember(name, taken)
        return worst(refused)

    def _remember(self, name: str, taken: list[str]) -> None:
        self._reached.setdefault(name, set()).update(taken)
        self._reached.move_to_end(name)
        while len(self._reached) > REMEMBERED:
            self._reached.popitem(last=False)


@asynccontextmanager
async def _open(config: EmailConfig, env: ChannelEnv) -> AsyncIterator[Channel]:
    yield Email(config, env)


def _parse(spec: Mapping[str, Any]) -> EmailConfig:
    return EmailConfig.model_validate(dict(spec))


def _personal(config: EmailConfig, address: str) -> EmailConfig:
    return config.model_copy(update={"to": (address,)})


KIND = ChannelKind(
    name="email",
    summary="A letter in plain words to people, one conversation an incident.",
    guarantee=Guarantee.SEND,
    settings=EmailConfig,
    parse=_parse,
    open=_open,
    personal=_personal,
    secrets={"password": anything},
)
