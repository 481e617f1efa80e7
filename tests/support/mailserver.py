"""A mail server on loopback that misbehaves on request; and one that follows a script.

The first is aiosmtpd, which we did not write. Every refusal carries a text no log may hold.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

REMOTE = "MRN 4711 Jane Roe"
USER, PASSWORD = "wardwatch", b"correct horse"


@dataclass(frozen=True)
class Mail:
    sender: str
    recipients: list[str]
    raw: bytes
    encrypted: bool
    login: bool


@dataclass
class MailServer:
    """`script` holds the next answers to MAIL and DATA, `mailboxes` those of an address to RCPT;
    without one all is well. An answer is a code; of DATA also `hang` and `drop`, both after the
    mail was stored.
    """

    port: int = 0
    script: dict[str, list[str]] = field(default_factory=dict)
    mailboxes: dict[str, list[str]] = field(default_factory=dict)
    mails: list[Mail] = field(default_factory=list)
    greeted: list[str] = field(default_factory=list)
    open: set[SMTP] = field(default_factory=set)

    async def handle_EHLO(  # noqa: N802 - aiosmtpd finds its hooks by name
        self, server: SMTP, session: Session, _: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.greeted.append(hostname)
        return answers

    async def handle_MAIL(  # noqa: N802 - likewise
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := _next(self.script, "MAIL"):
            return f"{answer} {REMOTE}"
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(  # noqa: N802 - likewise
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if answer := _next(self.mailboxes, address):
            return f"{answer} {REMOTE}"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - likewise
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        answer = _next(self.script, "DATA")
        if answer in ("", "hang", "drop"):
            assert envelope.mail_from is not None
            assert isinstance(envelope.content, bytes)
            login = bool(session.authenticated)
            encrypted = session.ssl is not None or self._implicit(server)
            self.mails.append(
                Mail(envelope.mail_from, envelope.rcpt_tos, envelope.content, encrypted, login)
            )
        if answer == "hang":
            await asyncio.Event().wait()
        if answer == "drop":
            _abort(server)
        return f"{answer} {REMOTE}" if answer.isdigit() else "250 OK"

    @staticmethod
    def _implicit(server: SMTP) -> bool:
        assert server.transport is not None
        return server.transport.get_extra_info("sslcontext") is not None


def _abort(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()


def _next(script: dict[str, list[str]], what: str) -> str:
    steps = script.get(what)
    return steps.pop(0) if steps else ""


def _login(
    server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
) -> AuthResult:
    right = given.login == USER.encode() and given.password == PASSWORD
    return AuthResult(success=right, handled=False)


@asynccontextmanager
async def mail_server(
    *,
    starttls: ssl.SSLContext | None = None,
    implicit: ssl.SSLContext | None = None,
    logins: bool = False,
) -> AsyncIterator[MailServer]:
    """With `starttls` it takes nothing before it; with `logins` it takes them encrypted."""
    server = MailServer()

    def connection() -> SMTP:
        made = SMTP(
            server,
            hostname="mail.test",
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=_login if logins else None,
            # aiosmtpd does not know a connection as encrypted that was so from its first byte
            auth_require_tls=implicit is None,
            loop=asyncio.get_running_loop(),
        )
        server.open.add(made)
        return made

    loop = asyncio.get_running_loop()
    listening = await loop.create_server(connection, "127.0.0.1", 0, ssl=implicit)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for one in server.open:
            _abort(one)
        await listening.wait_closed()


@dataclass
class Scripted:
    port: int = 0
    heard: list[bytes] = field(default_factory=list)


@asynccontextmanager
async def scripted(greeting: bytes, answers: Mapping[bytes, bytes]) -> AsyncIterator[Scripted]:
    """Answers a line by its first word: `b""` closes, a word that is not there hangs."""
    server = Scripted()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            writer.write(greeting)
            while line := await reader.readline():
                server.heard.append(line.strip())
                answer = answers.get((line.split() or [line])[0].upper())
                if answer == b"":
                    break
                writer.write(answer or b"")
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()
        for task in tasks:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)
        await listening.wait_closed()
