"""A signature inside `report.pdf` by a key of the organization (PAdES B-B), for PDF viewers.

What counts is the statement's; this one is for readers who have nothing but the PDF. It is made
offline, and before the statement, whose subjects name the signed file's digest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates

from probes.times import from_ms

if TYPE_CHECKING:
    from pyhanko.sign.signers import SimpleSigner

FIELD = "Organization"
RSA_BITS = 2048
Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


class PadesError(ValueError):
    """What is wrong with the key or the certificate; shows nothing of them."""


def sign(pdf: bytes, key: bytes, certificate: bytes, at: int) -> bytes:
    """The PDF with a signature that allows no change after it.

    `key`: PEM, PKCS#8 without a password, ECDSA P-256 or RSA; `certificate`: PEM, the signer's
    first, then those that lead to its root. `at`: UTC ms, the signing time it claims. PadesError
    for keys and certificates that cannot be used; ModuleNotFoundError without the extra `pdf`.
    Takes some 0.1 s: call it in a thread without an event loop.
    """
    own, *chain = _certificates(certificate)
    private = _private(key)
    if own.public_key() != private.public_key():
        raise PadesError("the certificate is not that of the key")
    return asyncio.run(_signed(pdf, _signer(private, own, chain), at))


async def _signed(pdf: bytes, signer: SimpleSigner, at: int) -> bytes:
    from pyhanko.pdf_utils.incremental_writer import (  # noqa: PLC0415 - of the extra `pdf`
        IncrementalPdfFileWriter,
    )
    from pyhanko.sign.fields import (  # noqa: PLC0415 - likewise
        MDPPerm,
        SigFieldSpec,
        SigSeedSubFilter,
    )
    from pyhanko.sign.signers import (  # noqa: PLC0415 - likewise
        PdfSignatureMetadata,
        PdfSigner,
    )
    from pyhanko.sign.signers.pdf_cms import PdfCMSSignedAttributes  # noqa: PLC0415 - likewise

    how = PdfSigner(
        PdfSignatureMetadata(
            field_name=FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.NO_CHANGES,
        ),
        signer,
        new_field_spec=SigFieldSpec(FIELD, readable_field_name="Signature of the organization"),
    )
    writer = IncrementalPdfFileWriter(BytesIO(pdf))
    session = how.init_signing_session(writer)
    session.system_time = from_ms(at)  # by itself it would ask the host's clock
    reserved = await session.estimate_signature_container_size(None)
    document = session.prepare_tbs_document(validation_info=None, bytes_reserved=reserved)
    output = BytesIO()
    prepared, _ = document.digest_tbs_document(output=output)
    await document.perform_signature(
        prepared.document_digest, PdfCMSSignedAttributes(signing_time=session.system_time)
    )
    return output.getvalue()


def _signer(private: Key, own: Certificate, chain: Sequence[Certificate]) -> SimpleSigner:
    from pyhanko.keys.internal import (  # noqa: PLC0415 - likewise
        translate_pyca_cryptography_cert_to_asn1,
        translate_pyca_cryptography_key_to_asn1,
    )
    from pyhanko.sign.signers import SimpleSigner  # noqa: PLC0415 - likewise
    from pyhanko_certvalidator.registry import SimpleCertificateStore  # noqa: PLC0415 - likewise

    known = SimpleCertificateStore()
    for one in chain:
        known.register(translate_pyca_cryptography_cert_to_asn1(one))
    return SimpleSigner(
        signing_cert=translate_pyca_cryptography_cert_to_asn1(own),
        signing_key=translate_pyca_cryptography_key_to_asn1(private),
        cert_registry=known,
    )


def _certificates(pem: bytes) -> list[Certificate]:
    try:
        return load_pem_x509_certificates(pem)
    except ValueError:
        raise PadesError("the certificate is none in PEM") from None


def _private(pem: bytes) -> Key:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError):
        raise PadesError("the key is none in PEM without a password") from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= RSA_BITS:
        return key
    raise PadesError("the key is neither ECDSA P-256 nor RSA of 2048 bits or more")
