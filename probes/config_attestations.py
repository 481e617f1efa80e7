"""Attestations that are issued by themselves, as the operator's file gives it."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from probes.config_words import Id, Model

File = Annotated[str, StringConstraints(pattern=r"^(?:file:/\S+)$")]
Address = Annotated[str, StringConstraints(pattern=r"^https?://[A-Za-z0-9.:\[\]-]+(/[!-?A-~]*)?$")]
"""Plain http will do: an answer is signed, and whoever reads the question learns a SHA-256."""


class Deliver(Model):
    to: Annotated[tuple[Id, ...], Field(min_length=1)]
    """Contacts, by id: each gets a letter with the id, the SHA-256 and how to fetch it."""
    via: Id
    """The channel of kind `email` that writes it."""


class Timestamp(Model):
    url: Address
    """The time-stamping authority (RFC 3161). It is sent a SHA-256 and nothing else."""
    certificate: File
    """`file:/path` of the PEM certificate at which its tokens must end."""


class PdfSignature(Model):
    certificate: File
    """`file:/path` of the signer's certificate in PEM, with those that lead to its root behind it."""
    key: File
    """`file:/path` of its key in PEM without a password: ECDSA P-256, or RSA of 2048 bits or more."""


class Attestations(Model):
    issue: Literal["monthly"] | None = None
    """`monthly`: each calendar month is attested by itself 72 h after its end, and again when late evidence came; left out: by hand alone."""
    systems: Literal["all"] | Annotated[tuple[Id, ...], Field(min_length=1)] = "all"
    """Systems that are attested each month; `all`: whatever was monitored in it."""
    deliver: Deliver | None = None
    """Who is told of an attestation that was issued by itself; left out: nobody."""
    timestamp: Timestamp | None = None
    """A time stamp over each attestation; left out: none."""

    pdf_signature: PdfSignature | None = None
    """A signature inside `report.pdf` by a key of the organization (PAdES), for PDF viewers; left out: none."""

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.deliver is not None and self.issue is None:
            raise ValueError("deliver tells of what is issued by itself: write issue: monthly, too")
        return self
