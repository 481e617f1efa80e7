"""One run's visit to an SFTP server: connect, banner, host key, sign in, then what is to be done.

asyncssh speaks SSH on our own connected socket. It reads no file of this host, asks no agent, and
refuses what rests on SHA-1. Its known_hosts are not used: a host key is one of the pinned ones, or
the socket is shut before anything is sent after it. Its log lines may quote the far side and go nowhere.
"""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

import asyncssh

from probes.clock import Clock
from probes.contract import Env, Outcome, Phase, Scheme, Step, StepName
from probes.net import Deadline, NetFailure
from probes.reasons import Reason
from probes.sftp_session import Session
from probes.sftp_spec import SftpAccess, SftpAuth
from probes.wire.ssh import FIRST, offered

T = TypeVar("T")
MOST_BYTES = 128 << 20
"""Taken of one connection: more than all that a run lists, with names as long as they get, and reads."""
_CLOSE_S = 0.5
_KEX = (
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "curve448-sha512",
    "ecdh-sha2-nistp521",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp256",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
)
_MACS = (
    "hmac-sha2-256-etm@openssh.com",
    "hmac-sha2-512-etm@openssh.com",
    "hmac-sha2-256",
    "hmac-sha2-512",
)
_CIPHERS = (
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
)
_SIGNATURES = (
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
)

for _name in ("asyncssh", "asyncssh.sftp"):
    logging.getLogger(_name).disabled = True  # whatever level anybody sets


_SAID: dict[type[Exception], tuple[Outcome, Reason]] = {
    asyncssh.PermissionDenied: (Outcome.MISCONFIGURED, Reason.SFTP_AUTH),
    asyncssh.ChannelOpenError: (Outcome.MISCONFIGURED, Reason.SFTP_NO_SFTP),
    asyncssh.ProtocolError: (Outcome.DOWN, Reason.SFTP_PROTOCOL),
    asyncssh.MACError: (Outcome.DOWN, Reason.SFTP_PROTOCOL),
    asyncssh.DisconnectError: (Outcome.DOWN, Reason.SFTP_CLOSED),
}
"""The first that fits; whatever else the library raises is about what it could not read."""
_FOREIGN = (Outcome.MISCONFIGURED, Reason.SFTP_HOST_KEY)


async def credentials(auth: SftpAuth, read_secret: Callable[[str], bytes]) -> dict[str, object]:
    """What `asyncssh.connect` signs in with; raises OSError, KeyError or ValueError."""
    if auth.password is not None:
        password = read_secret(auth.password).decode().strip("\r\n")
        return {"password": password, "client_keys": None, "preferred_auth": ["password"]}
    data = read_secret(auth.key or "")
    try:
        key = await asyncio.to_thread(asyncssh.import_private_key, data)
    except Exception:  # noqa: BLE001 - its text may quote the file
        raise ValueError("no private key") from None
    return {"client_keys": [key], "preferred_auth": ["publickey"]}


class Visit:
    """`steps` and `phases` fill while it goes on; whatever ends it is the last step."""

    def __init__(self, access: SftpAccess, env: Env) -> None:
        self._access = access
        self._env = env
        self._deadline = Deadline(env.clock, env.timeout_ms)
        self._client = _Client(access.host_keys)
        self._watched: _Watched | None = None
        self._stage = StepName.CONNECT
        self._began_ns = env.clock.monotonic_ns()
        self.steps: list[Step] = []
        self.phases: dict[Phase, int] = {}

    async def go(self, work: Callable[[Session], Awaitable[None]]) -> None:
        """Connect, sign in, have `work` done; it says of its own stages by `enter` and `leave`."""
        try:
            given = await credentials(self._access.auth, self._env.read_secret)
        except (OSError, KeyError, ValueError):
            self.leave(Outcome.UNKNOWN, Reason.AGENT_SECRET)
            return
        try:
            connection = await self._env.network.connect(
                self._access.host, self._access.port, self._deadline, None, Scheme.SFTP
            )
        except NetFailure as failure:
            self.phases = failure.phases
            self.leave(failure.outcome, failure.reason)
            return
        self.phases = connection.phases
        self._watched = _Watched(connection.release(), self._env.clock)
        self.leave()
        self.enter(StepName.BANNER)
        try:
            async with asyncio.timeout(self._deadline.remaining_s()):
                await self._speak(given, work)
        except TimeoutError:
            self.leave(Outcome.DOWN, self._late())
        except NetFailure as failure:
            is_foreign = self._client.is_pinned is False  # also where keys are exchanged anew
            self.leave(*(_FOREIGN if is_foreign else (failure.outcome, failure.reason)))
        finally:
            await self._client.close()
            self._watched.close()

    def has_time(self) -> bool:
        """More than a third of it is left: whoever can go on in the next run stops."""
        return self._deadline.remaining_s() * 3000 > self._env.timeout_ms

    def enter(self, stage: StepName) -> None:
        self._stage, self._began_ns = stage, self._env.clock.monotonic_ns()

    def leave(self, outcome: Outcome = Outcome.UP, reason: Reason = Reason.OK) -> None:
        took_us = (self._env.clock.monotonic_ns() - self._began_ns) // 1000
        self.steps.append(Step(self._stage, outcome, reason, took_us))

    async def _speak(
        self, given: dict[str, object], work: Callable[[Session], Awaitable[None]]
    ) -> None:
        await self._asked(self._sign_in(given))
        if not self._client.is_pinned:  # aborted, which is no error to the library
            raise NetFailure(*_FOREIGN)
        writer, reader, _ = await self._asked(self._client.session())
        session = Session(partial(_sent, writer), lambda: self._asked(reader.read(65536)))
        await session.begin()
        self.leave()
        await work(session)

    async def _asked(self, library: Awaitable[T]) -> T:
        """What asyncssh answers; raises NetFailure for whatever it raises of what the server sent."""
        try:
            return await library
        except Exception as error:
            if not self._client.is_connected:
                raise  # of what we gave it
            raise NetFailure(*self._blame(error)) from None

    async def _sign_in(self, given: dict[str, object]) -> None:
        client, watched = self._client, self._watched
        # Only now does the library listen: what it took to get ready is not the server's.
        client.begun = partial(self.enter, StepName.BANNER)
        client.key_seen = self._key_seen
        await asyncssh.connect(
            self._access.host,
            self._access.port,
            sock=watched,
            config=None,
            client_factory=lambda: client,
            username=self._access.user,
            known_hosts=([], [], []),
            x509_trusted_certs=None,
            client_certs=(),
            client_host_keysign=False,
            host_based_auth=False,
            kbdint_auth=False,
            agent_path=None,
            agent_forwarding=False,
            pkcs11_provider=None,
            gss_host=None,
            gss_kex=False,
            gss_auth=False,
            kex_algs=_KEX,
            encryption_algs=_CIPHERS,
            mac_algs=_MACS,
            server_host_key_algs=_SIGNATURES,
            signature_algs=_SIGNATURES,
            compression_algs=None,
            **given,
        )

    def _key_seen(self) -> None:
        """The banner came, and with the key exchange the host key; later ones are only judged."""
        if self._stage is not StepName.BANNER:
            return
        watched = self._watched
        if watched is not None and watched.first_ns is not None:
            took_us = (watched.first_ns - self._began_ns) // 1000
            self.steps.append(Step(StepName.BANNER, Outcome.UP, Reason.OK, took_us))
            self.phases[Phase.FIRST_BYTE] = took_us
            self._stage, self._began_ns = StepName.HOST_KEY, watched.first_ns
        if self._client.is_pinned:
            self.leave()
            self.enter(StepName.LOGIN)

    def _late(self) -> Reason:
        return Reason.SFTP_TIMEOUT if self._client.has_version else Reason.SFTP_NO_BANNER

    def _blame(self, error: Exception) -> tuple[Outcome, Reason]:
        client = self._client
        if client.is_pinned is False:
            return _FOREIGN
        if not client.has_version or isinstance(error, (asyncssh.ConnectionLost, OSError)):
            if client.is_pinned is None and self._has_nothing_in_common():
                return Outcome.MISCONFIGURED, Reason.SFTP_ALGORITHMS
            return Outcome.DOWN, self._ended()
        if isinstance(error, asyncssh.KeyExchangeFailed):
            # With the key already shown: it could not prove that the key is its own.
            shown = client.is_pinned
            reason = Reason.SFTP_HOST_KEY if shown else Reason.SFTP_ALGORITHMS
            return Outcome.MISCONFIGURED, reason
        return next(
            (said for kind, said in _SAID.items() if isinstance(error, kind)),
            (Outcome.DOWN, Reason.SFTP_PROTOCOL),
        )

    def _has_nothing_in_common(self) -> bool:
        """Both sides find out, and the server may be the first to go."""
        theirs = [] if self._watched is None else offered(bytes(self._watched.first))
        ours = (_KEX, _SIGNATURES, _CIPHERS, _CIPHERS)
        return any(their.isdisjoint(our) for their, our in zip(theirs, ours, strict=False))

    def _ended(self) -> Reason:
        """How the connection came to its end."""
        watched = self._watched
        if watched is not None and watched.is_over:
            return Reason.SFTP_PROTOCOL
        if watched is not None and watched.is_reset:
            return Reason.TCP_RESET
        if self._client.has_version:
            return Reason.SFTP_CLOSED
        if watched is not None and watched.first_ns is not None:
            return Reason.SFTP_NOT_SSH
        return Reason.SFTP_NO_BANNER


class _Client(asyncssh.SSHClient):
    """Judges the host key."""

    def __init__(self, pins: tuple[str, ...]) -> None:
        self._pins = pins
        self._connection: asyncssh.SSHClientConnection | None = None
        self.is_pinned: bool | None = None
        """None: no host key came."""
        self.begun: Callable[[], None] = lambda: None
        self.key_seen: Callable[[], None] = lambda: None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        self.begun()

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 - the pin is enough
        addr: str,  # noqa: ARG002
        port: int,  # noqa: ARG002
        key: asyncssh.SSHKey,
    ) -> bool:
        self.is_pinned = key.get_fingerprint() in self._pins
        self.key_seen()
        if not self.is_pinned and self._connection is not None:
            self._connection.abort()
        return self.is_pinned

    @property
    def is_connected(self) -> bool:
        return self._connection is not None

    @property
    def has_version(self) -> bool:
        conn = self._connection
        return conn is not None and conn.get_extra_info("server_version") is not None

    async def session(
        self,
    ) -> tuple[asyncssh.SSHWriter[bytes], asyncssh.SSHReader[bytes], asyncssh.SSHReader[bytes]]:
        if self._connection is None:
            raise asyncssh.ConnectionLost("")
        return await self._connection.open_session(subsystem="sftp", encoding=None)

    async def close(self) -> None:
        """Say goodbye, and wait for nobody."""
        conn = self._connection
        if conn is not None:
            conn.close()
            with suppress(TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await conn.wait_closed()


class _Watched(socket.socket):
    """A connected socket that knows what came of it."""

    def __init__(self, raw: socket.socket, clock: Clock) -> None:
        super().__init__(fileno=raw.detach())
        self.setblocking(False)  # noqa: FBT003 - the standard library's signature
        self._clock = clock
        self._left = MOST_BYTES
        self.first_ns: int | None = None
        self.first = bytearray()
        """What came in the clear."""
        self.is_reset = False
        self.is_over = False

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        try:
            data = super().recv(bufsize, flags)
        except ConnectionError:
            self.is_reset = True
            raise
        if data and self.first_ns is None:
            self.first_ns = self._clock.monotonic_ns()
        self.first += data[: FIRST - len(self.first)]
        self._left -= len(data)
        if self._left < 0:
            self.is_over = True
            raise ConnectionAbortedError
        return data


def _sent(writer: asyncssh.SSHWriter[bytes], data: bytes) -> None:
    with suppress(BrokenPipeError):  # the far side closed the channel: reading tells
        writer.write(data)
