"""A throw-away CA and the certificates a TLS test needs, written as PEM files."""

from __future__ import annotations

import ipaddress
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_Key = ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True)
class Pair:
    """Paths of a certificate and its key."""

    cert: str
    key: str

    def server_context(self, client_ca: str | None = None) -> ssl.SSLContext:
        """A server's context; with `client_ca` it demands a client certificate of that CA."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        return context


class Authority:
    """A CA in a directory; `ca` is the path of its certificate.

    `now_ms` is the wall clock all dates are counted from. Names may be host names or addresses.
    """

    def __init__(self, directory: Path, now_ms: int, name: str = "Wardwatch test CA") -> None:
        self._directory = directory
        self._now = datetime.fromtimestamp(now_ms // 1000, UTC)
        self._made = 0
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        builder = (
            self._builder(self._name, self._key, -3650, 3650)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
        )
        self.ca = self._write(builder, self._key).cert

    def server(
        self, names: tuple[str, ...] = ("localhost", "127.0.0.1"), days_left: int = 90
    ) -> Pair:
        """A server's certificate for `names` that ends in `days_left` days; negative: expired."""
        return self._leaf(names, ExtendedKeyUsageOID.SERVER_AUTH, -365, days_left)

    def not_yet_valid(self, names: tuple[str, ...] = ("localhost", "127.0.0.1")) -> Pair:
        """A server's certificate that begins tomorrow."""
        return self._leaf(names, ExtendedKeyUsageOID.SERVER_AUTH, 1, 90)

    def client(self, name: str = "wardwatch-agent", days_left: int = 90) -> Pair:
        """A certificate a client shows."""
        return self._leaf((name,), ExtendedKeyUsageOID.CLIENT_AUTH, -365, days_left)

    def _leaf(
        self, names: tuple[str, ...], usage: x509.ObjectIdentifier, first: int, last: int
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        builder = (
            self._builder(subject, key, first, last)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.SubjectAlternativeName([_san(n) for n in names]), critical=False)
        )
        return self._write(builder, key)

    def _builder(
        self, subject: x509.Name, key: _Key, first: int, last: int
    ) -> x509.CertificateBuilder:
        issuer = self._key.public_key()
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now + timedelta(days=first))
            # an hour more, so that "90 days left" is still 90 while the test runs
            .not_valid_after(self._now + timedelta(days=last, hours=1))
            .add_extension(
                x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
            )
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False
            )
        )

    def _write(self, builder: x509.CertificateBuilder, key: _Key) -> Pair:
        self._made += 1
        certificate = builder.sign(self._key, hashes.SHA256())
        pair = Pair(
            cert=str(self._directory / f"{self._made}.cert.pem"),
            key=str(self._directory / f"{self._made}.key.pem"),
        )
        Path(pair.cert).write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
        Path(pair.key).write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return pair


def _san(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
