"""A simulated time stamping authority: OpenSSL's, behind a small server. Its root is made anew."""

from __future__ import annotations

import asyncio
import datetime as dt
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_CONFIG = """\
[tsa]
default_tsa = only
[only]
serial = {folder}/serial
signer_cert = {folder}/tsa.pem
signer_key = {folder}/tsa.key
certs = {folder}/more.pem
signer_digest = sha256
default_policy = 1.3.6.1.4.1.99999.1
digests = sha256, sha512
accuracy = secs:1
ess_cert_id_alg = sha256
"""
BEGAN = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
ENDS = dt.datetime(2049, 1, 1, tzinfo=dt.UTC)
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Authority:
    """`folder` holds what `openssl ts` reads; it sends the certificates of `more.pem`, too."""

    folder: Path
    root: x509.Certificate

    async def reply(self, query: bytes) -> bytes:
        """What it answers to a TimeStampReq."""
        asked, answer = self.folder / "query.tsq", self.folder / "answer.tsr"
        await asyncio.to_thread(asked.write_bytes, query)
        config = self.folder / "tsa.cnf"
        running = await asyncio.create_subprocess_exec(
            "openssl", "ts", "-reply", "-config", config, "-queryfile", asked, "-out", answer,
            stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        await running.wait()
        return await asyncio.to_thread(answer.read_bytes)

    async def serve(self, request: web.Request) -> web.Response:
        assert request.content_type == "application/timestamp-query"
        answer = await self.reply(await request.read())
        return web.Response(body=answer, content_type="application/timestamp-reply")


def authority(folder: Path) -> Authority:
    folder.mkdir()
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root = certificate("simulated root", root_key, "simulated root", root_key, ca=True)
    own = certificate(
        "simulated TSA", key, "simulated root", root_key, use=ExtendedKeyUsageOID.TIME_STAMPING
    )
    for name, data in {
        "more.pem": root.public_bytes(serialization.Encoding.PEM),
        "root.pem": root.public_bytes(serialization.Encoding.PEM),
        "tsa.pem": own.public_bytes(serialization.Encoding.PEM),
        "tsa.key": private_pem(key),
        "serial": b"01\n",
        "tsa.cnf": _CONFIG.format(folder=folder).encode(),
    }.items():
        (folder / name).write_bytes(data)
    return Authority(folder, root)


def private_pem(key: Key) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def certificate(
    name: str,
    key: Key,
    issuer: str,
    issuer_key: Key,
    *,
    ca: bool = False,
    use: x509.ObjectIdentifier | None = None,
) -> x509.Certificate:
    """`use` is its one, critical extended key usage."""
    made = (
        x509.CertificateBuilder()
        .subject_name(_name(name))
        .issuer_name(_name(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(BEGAN)
        .not_valid_after(ENDS)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(_usage(ca=ca), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()),
            critical=False,
        )
    )
    if use is not None:
        made = made.add_extension(x509.ExtendedKeyUsage([use]), critical=True)
    return made.sign(issuer_key, hashes.SHA256())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not ca,
        content_commitment=not ca,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=ca,
        crl_sign=ca,
        encipher_only=False,
        decipher_only=False,
    )
