"""How the logs of evidence and audit trail are signed and witnessed, as the operator's file gives it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
)

from probes import addresses
from probes.config_words import Id, Model, Name, PositiveDuration, SecretRef
from probes.wire import vkey
from probes.wire.vkey import SignatureType, VkeyError, Wrong

LEAST_YEARS = 6
"""As long as HIPAA has documentation kept (45 CFR 164.316(b)(2)(i))."""
_ORIGIN = re.compile(r"[A-Za-z0-9._~-]+(/[A-Za-z0-9._~-]+)*")
_ORIGIN_MOST = 200
_YEARS = re.compile(r"([1-9][0-9]?)y")
_VKEY = {
    Wrong.SHAPE: "write the witness's verifier key, name+hexadecimal id+base64, as it prints it",
    Wrong.TYPE: "a witness has a key of type 0x04: Ed25519 for cosignatures",
    Wrong.ID: "the id between the plus signs is not that of this name and key; copy it again",
    Wrong.WEAK: "not a key: anybody could sign with it",
}


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value) or len(value) > _ORIGIN_MOST:
        raise ValueError(
            "write a name without a scheme, such as hospital.example.org/wardwatch: parts of letters, "
            f"digits, . _ ~ - between slashes, at most {_ORIGIN_MOST} characters"
        )
    return value


def _years(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value  # as the canonical form has them; in a file a scalar is text
    found = _YEARS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("write whole years, such as 7y")
    return int(found[1])


def _enough(value: int) -> int:
    if value < LEAST_YEARS:
        raise ValueError(f"at least {LEAST_YEARS}y: so long HIPAA has documentation kept")
    return value


def _witness_url(value: str) -> str:
    addresses.web_address(value)
    if "?" in value or "#" in value:
        raise ValueError("the address of a witness has no ? and no #")
    return value.removesuffix("/")


def _witness_key(value: str) -> str:
    try:
        _, kind, _ = vkey.read(value)
    except VkeyError as error:
        raise ValueError(_VKEY[error.code]) from None
    if kind is not SignatureType.COSIGNATURE:
        raise ValueError(_VKEY[Wrong.TYPE])
    return value


def _side(value: Any) -> str:
    return "file" if isinstance(value, str) else "token"


Origin = Annotated[str, AfterValidator(_origin)]
"""Name of the logs, without a scheme."""
Years = Annotated[
    int,
    BeforeValidator(_years),
    AfterValidator(_enough),
    WithJsonSchema({"type": "string", "pattern": _YEARS.pattern}),
]
KeyFile = Annotated[str, StringConstraints(pattern=r"^file:/\S+$")]


class Token(Model):
    """A key that never leaves a PKCS#11 token, such as an HSM; needs the extra `hsm`."""

    module: Annotated[str, StringConstraints(pattern=r"^/\S+$")]
    """Library of the token's maker, such as /usr/lib/softhsm/libsofthsm2.so."""
    token: Name
    """Label of the token."""
    object: Name
    """Label of the Ed25519 key pair on it."""
    pin: SecretRef
    """Where the user's PIN is."""


class TokenKey(Model):
    pkcs11: Token
    """The token, and which key of it."""


class Witness(Model):
    url: Annotated[str, AfterValidator(_witness_url)]
    """Where it listens, without `/add-checkpoint`: https unless this host."""
    key: Annotated[str, AfterValidator(_witness_key)]
    """Its verifier key, `name+id+base64`, as it prints it."""
    operator: Annotated[Name | None, Field(exclude_if=lambda value: value is None)] = None
    """Who runs it, as attestations name it; left out: the organization."""


class EvidenceLog(Model):
    origin: Origin
    """Name of the logs in the world, without a scheme; they are `ORIGIN/evidence` and `ORIGIN/audit`."""
    keys: Annotated[
        tuple[
            Annotated[
                Annotated[KeyFile, Tag("file")] | Annotated[TokenKey, Tag("token")],
                Discriminator(_side),
            ],
            ...,
        ],
        Field(min_length=1, max_length=8),
    ]
    """What checkpoints are signed with, all of them: `file:/path` of `wardwatch log key new`, or a token."""
    checkpoint_every: Annotated[PositiveDuration, Field(ge=10_000, le=86_400_000)] = 300_000
    """How often a log that has grown is signed, from 10s to 1d."""
    witnesses: Annotated[Mapping[Id, Witness], Field(max_length=16)] = {}
    """Who cosigns that the logs only grow, by a name of ours; `none` is no name."""
    quorum: Annotated[int, Field(ge=0)] | None = None
    """How many witnesses make a checkpoint good; left out: more than half of them."""
    retention: Years = 7
    """How many years evidence and logs are kept at least, 6y or more; nothing is deleted by itself."""

    @property
    def needed(self) -> int:
        """Witnesses that make a checkpoint good; 0 where there are none."""
        most = len(self.witnesses)
        return (most // 2 + 1 if most else 0) if self.quorum is None else self.quorum
