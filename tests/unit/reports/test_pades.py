from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pikepdf
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from pyhanko.keys.internal import translate_pyca_cryptography_cert_to_asn1
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko_certvalidator import ValidationContext

from collector.reports.pades import Key, PadesError, sign
from collector.reports.render import render_all
from tests.support.predicates import predicate
from tests.support.tsa import certificate

AT = 1_785_823_200_000  # 2026-08-04T06:00:00Z
MOMENT = datetime(2026, 8, 4, 7, tzinfo=UTC)
ROOT_KEY = ec.generate_private_key(ec.SECP256R1())
ROOT = certificate("test CA", ROOT_KEY, "test CA", ROOT_KEY, ca=True)
SHORT_KEY = rsa.generate_private_key(65537, 1024)  # noqa: S505 - to be refused
OTHER_KEY = ec.generate_private_key(ec.SECP256R1())
OTHER_ROOT = certificate("test CA", OTHER_KEY, "test CA", OTHER_KEY, ca=True)


@pytest.fixture(scope="module")
def report() -> bytes:
    return render_all(predicate())["report.pdf"]


def pem(key: Key | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def chain(key: Key) -> bytes:
    own = certificate("St Elsewhere Health", key, "test CA", ROOT_KEY)
    return own.public_bytes(Encoding.PEM) + ROOT.public_bytes(Encoding.PEM)


async def judged(signed: bytes, root: x509.Certificate = ROOT) -> Any:
    """By pyHanko, offline, with that root alone."""
    context = ValidationContext(
        trust_roots=[translate_pyca_cryptography_cert_to_asn1(root)],
        allow_fetching=False,
        moment=MOMENT,
    )
    found = PdfFileReader(BytesIO(signed)).embedded_signatures
    assert len(found) == 1
    usage = KeyUsageConstraints(key_usage={"non_repudiation"})
    return await async_validate_pdf_signature(found[0], context, key_usage_settings=usage)


@pytest.mark.parametrize("kind", ["ecdsa", "rsa"])
async def test_a_signed_report_is_valid_whole_and_trusted_by_the_root(
    report: bytes, kind: str
) -> None:
    key: Key = (
        ec.generate_private_key(ec.SECP256R1())
        if kind == "ecdsa"
        else rsa.generate_private_key(65537, 2048)
    )
    signed = await asyncio.to_thread(sign, report, pem(key), chain(key), AT)
    assert signed.startswith(report)
    status = await judged(signed)
    assert status.bottom_line
    assert (status.valid, status.intact, status.trusted) == (True, True, True)
    assert status.coverage.name == "ENTIRE_FILE"
    assert status.docmdp_ok
    assert PdfFileReader(BytesIO(signed)).embedded_signatures[0].docmdp_level is MDPPerm.NO_CHANGES
    assert status.signer_reported_dt == datetime(2026, 8, 4, 6, tzinfo=UTC)


def test_a_signed_report_is_still_pdf_a_and_pdf_ua_with_its_attachment(report: bytes) -> None:
    signed = sign(report, pem(OTHER_KEY), chain(OTHER_KEY), AT)
    with pikepdf.open(BytesIO(signed)) as pdf:
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "3A"
        assert list(pdf.attachments) == ["predicate.json"]
        (field,) = pdf.Root.AcroForm.Fields
        assert field.T == "Organization"
        assert field.TU == "Signature of the organization"
        assert field.V.SubFilter == "/ETSI.CAdES.detached"


async def test_another_root_and_a_changed_page_are_seen(report: bytes) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    signed = await asyncio.to_thread(sign, report, pem(key), chain(key), AT)
    assert not (await judged(signed, OTHER_ROOT)).trusted
    changed = bytearray(signed)
    changed[len(report) // 2] ^= 1
    assert not (await judged(bytes(changed))).intact


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (b"no key", "the key is none in PEM without a password"),
        (pem(ed25519.Ed25519PrivateKey.generate()), "the key is neither ECDSA P-256 nor RSA"),
        (pem(ec.generate_private_key(ec.SECP384R1())), "the key is neither ECDSA P-256 nor RSA"),
        (pem(SHORT_KEY), "the key is neither ECDSA P-256 nor RSA"),
        (pem(ec.generate_private_key(ec.SECP256R1())), "the certificate is not that of the key"),
        (
            OTHER_KEY.private_bytes(
                Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
            ),
            "the key is none in PEM without a password",
        ),
    ],
)
def test_a_key_that_cannot_sign_is_refused_in_words(key: bytes, words: str) -> None:
    with pytest.raises(PadesError, match=words):
        sign(b"", key, chain(OTHER_KEY), AT)


def test_a_certificate_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(PadesError, match="the certificate is none in PEM"):
        sign(b"", pem(OTHER_KEY), b"no certificate", AT)
