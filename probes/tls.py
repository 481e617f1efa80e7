"""TLS for probes: which certificates are trusted and shown, and what a failed handshake means.

Verification is always on. There is no switch for it: a probe that skips it proves less than the
clients it stands for.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from probes.contract import Outcome
from probes.reasons import Reason

TLS_REASONS = frozenset(
    {
        Reason.AGENT_SECRET,
        Reason.TLS_CLIENT_REJECTED,
        Reason.TLS_EXPIRED,
        Reason.TLS_HANDSHAKE,
        Reason.TLS_HOSTNAME,
        Reason.TLS_NOT_TLS,
        Reason.TLS_TIMEOUT,
        Reason.TLS_UNTRUSTED,
    }
)

# X509_verify_cert results of OpenSSL: 9 not yet valid, 10 expired; 62 host, 64 address mismatch
_TIME_CODES = frozenset({9, 10})
_NAME_CODES = frozenset({62, 64})
# OpenSSL's words for bytes that are no TLS record
_NOT_TLS = frozenset(
    {"WRONG_VERSION_NUMBER", "HTTP_REQUEST", "HTTPS_PROXY_REQUEST", "UNKNOWN_PROTOCOL"}
)
# RFC 8446 5.1 and 4, RFC 5246 7.4
_HANDSHAKE, _TLS_1_3 = 22, 0x0304
_NEW_SESSION_TICKET, _CERTIFICATE_REQUEST, _FINISHED = 4, 13, 20
# RFC 8446 6.2: alerts a server sends about the client's certificate, or the lack of one
_CLIENT_ALERTS = (
    "ALERT_BAD_CERTIFICATE",
    "ALERT_UNSUPPORTED_CERTIFICATE",
    "ALERT_CERTIFICATE_REVOKED",
    "ALERT_CERTIFICATE_EXPIRED",
    "ALERT_CERTIFICATE_UNKNOWN",
    "ALERT_CERTIFICATE_REQUIRED",
    "ALERT_UNKNOWN_CA",
    "ALERT_ACCESS_DENIED",
)


@dataclass(frozen=True, slots=True)
class TlsOptions:
    """Paths of PEM files. `ca` None trusts the system's CAs; `server_name` None is the host."""

    ca: str | None = None
    client_cert: str | None = None
    client_key: str | None = None
    server_name: str | None = None
    watches: bool = False
    """Notice a server that asks for our certificate and then closes without a word; always where
    there is one to show.
    """


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Paths of PEM files of a listener; with `client_ca` every client shows a certificate of it."""

    cert: str
    key: str
    client_ca: str | None = None

    def stamp(self) -> tuple[int, ...]:
        """Another one when a file was replaced. Raises OSError."""
        files = (self.cert, self.key, *([self.client_ca] if self.client_ca else []))
        return tuple(number for file in files for number in _stamp(file))

    def context(self) -> ssl.SSLContext:
        """Raises OSError when a file is unreadable, ssl.SSLError when it is not what it should."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self.cert, self.key, password="")
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.client_ca)
        return context


class _Handshake(ssl.SSLSocket):
    """Tells apart two meanings of `handshake_failure` in TLS 1.2 and older.

    Before a cipher is agreed it is a matter of protocols; afterwards the server has seen our
    answer to its certificate request (RFC 5246 7.4.6: a required certificate is missing).
    """

    asked = False
    """The server wants a certificate of ours. Known where the context watches."""
    content = False
    """It has gone on after it saw our answer: no client that was refused gets a session ticket."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - its signature
        try:
            super().do_handshake(block)
        except ssl.SSLError as error:
            if error.reason == "SSLV3_ALERT_HANDSHAKE_FAILURE" and self.cipher() is not None:
                error.reason = "ALERT_CERTIFICATE_REQUIRED"
            raise


class Contexts:
    """One SSLContext per set of files: building one with the system's CAs costs 21 ms.

    A file replaced on disk gets a new context, so a renewed client certificate needs no restart.
    """

    def __init__(self) -> None:
        self._cache: dict[tuple[str | None, ...], tuple[tuple[int, ...], ssl.SSLContext]] = {}

    def get(self, tls: TlsOptions) -> ssl.SSLContext:
        """Raises OSError when a file is unreadable, ssl.SSLError when it is not what it should."""
        files = (tls.ca, tls.client_cert, tls.client_key)
        key = (*files, str(tls.watches))
        stamp = tuple(number for file in files if file is not None for number in _stamp(file))
        known = self._cache.get(key)
        if known is not None and known[0] == stamp:
            return known[1]
        context = ssl.create_default_context(cafile=tls.ca)
        context.sslsocket_class = _Handshake
        if tls.watches or tls.client_cert is not None:
            # The only door Python has to what the server asked; it costs 3 % of a handshake.
            context._msg_callback = _notice  # type: ignore[attr-defined] # noqa: SLF001
        if tls.client_cert is not None:
            # an encrypted key would make OpenSSL ask on the terminal: answer with nothing
            context.load_cert_chain(tls.client_cert, tls.client_key, password="")
        self._cache[key] = (stamp, context)
        return context


class Expiries:
    """When servers' certificates end. Taking one apart costs as much as a tenth of the handshake,
    and each run shows the same.
    """

    KNOWN = 4_096

    def __init__(self) -> None:
        self._known: dict[bytes, float] = {}

    def of(self, peer: ssl.SSLSocket) -> float | None:
        """Seconds since 1970; None: it has shown none that was verified."""
        encoded = peer.getpeercert(binary_form=True)
        if encoded is None:
            return None
        if encoded not in self._known:
            if len(self._known) >= self.KNOWN:
                self._known.clear()
            certificate = peer.getpeercert() or {}
            self._known[encoded] = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return self._known[encoded]


def refuses_us(peer: ssl.SSLSocket | None, *, shown: bool) -> bool:
    """Whether a server that ended before its first byte has refused our certificate, or the lack
    of one (`shown` False).

    With TLS 1.3 the client's handshake is over before the server has seen the certificate: what
    follows is an alert, or the end of the connection and nothing else (RFC 8446 4.4.2.4). Before,
    the handshake ends only when the server is content; one that then closes on a client without a
    certificate refuses it all the same (nginx does so, in TLS 1.3 even after its tickets).
    """
    if not isinstance(peer, _Handshake) or not peer.asked:
        return False
    return not (shown and peer.content)


def tls_failure(error: ssl.SSLError) -> tuple[Outcome, Reason]:
    """What an OpenSSL error says about the far side, from its codes only."""
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in _TIME_CODES:
            return Outcome.DOWN, Reason.TLS_EXPIRED
        if error.verify_code in _NAME_CODES:
            return Outcome.MISCONFIGURED, Reason.TLS_HOSTNAME
        return Outcome.MISCONFIGURED, Reason.TLS_UNTRUSTED
    reason = error.reason or ""
    if reason in _NOT_TLS:
        return Outcome.MISCONFIGURED, Reason.TLS_NOT_TLS
    if reason.endswith(_CLIENT_ALERTS):
        return Outcome.MISCONFIGURED, Reason.TLS_CLIENT_REJECTED
    return Outcome.DOWN, Reason.TLS_HANDSHAKE


def _notice(
    peer: ssl.SSLSocket, direction: str, version: int, content: int, message: int, _data: bytes
) -> None:
    """What OpenSSL tells of each message; handshake messages alone are looked at."""
    if direction != "read" or content != _HANDSHAKE or not isinstance(peer, _Handshake):
        return
    if message == _CERTIFICATE_REQUEST:
        peer.asked = True
    elif message == _NEW_SESSION_TICKET or (message == _FINISHED and version < _TLS_1_3):
        peer.content = True


def _stamp(file: str) -> tuple[int, int, int]:
    found = Path(file).stat()
    return found.st_mtime_ns, found.st_size, found.st_ino
