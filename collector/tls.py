"""TLS for the collector's own listener, from files that may change while it runs.

TLS 1.2 and later, with the suites Python's ssl takes for servers (RFC 9325).
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path


class TlsError(Exception):
    """The text names the option and the file."""


@dataclass(slots=True)
class ServerTls:
    """`context` is for the listener; connections made after `renew` get the new certificate."""

    context: ssl.SSLContext
    cert: Path
    key: Path
    seen: tuple[int, int]

    def renew(self) -> bool:
        """Read the files again if they changed; False when they did not, or do not fit yet."""
        try:
            seen = _times(self.cert, self.key)
            if seen == self.seen:
                return False
            # tried first on a context of its own: a half-written pair must not replace a good one
            _context().load_cert_chain(self.cert, self.key, password=_no_password)
            self.context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (OSError, ssl.SSLError, ValueError):
            return False
        self.seen = seen
        return True


def server_context(cert: str | None, key: str | None) -> ServerTls | None:
    """None without files; TlsError when one is missing or they do not fit."""
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise TlsError("--tls-cert, --tls-key: write both, or neither")
    context = _context()
    try:
        seen = _times(Path(cert), Path(key))
        context.load_cert_chain(cert, key, password=_no_password)
    except (OSError, ssl.SSLError, ValueError):
        raise TlsError(
            f"--tls-cert, --tls-key: {cert} and {key} are not a readable certificate and its key "
            "in PEM, without a passphrase"
        ) from None
    return ServerTls(context, Path(cert), Path(key), seen)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_password() -> str:
    raise ValueError("the key has a passphrase")


def _times(cert: Path, key: Path) -> tuple[int, int]:
    return cert.stat().st_mtime_ns, key.stat().st_mtime_ns
