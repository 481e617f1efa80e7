"""From evidence and numbers to the bundle: rendered, signed with the log's keys, stamped, zipped."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from collector.access.credentials import RandomBytes
from collector.attest.logkeys import Keys
from collector.attest.strictjson import Value
from collector.attesting.algorithm import algorithm
from collector.attesting.disk import OnDisk
from collector.attesting.refusals import Refusal, RefusedAttestationError
from collector.attesting.selfmonitoring import SelfMonitoring
from collector.bundle import assemble, layout
from collector.bundle.assemble import Signing
from collector.bundle.predicate import Claimed, predicate
from collector.child import ChildError
from collector.reports.apart import rendered
from collector.reports.pades import PadesError, sign
from collector.reports.timestamps import StampError, read_roots
from collector.reports.tsa import TsaError, stamped
from collector.tlog.publishing import usable
from collector.tlog.signer import Signer, SignerError
from collector.tlog.signers import Signers
from collector.tlog.signing import TroubleError
from collector.verifyscript.joining import script
from probes import agentkeys
from probes.config import Config
from probes.config_attestations import PdfSignature, Timestamp
from probes.config_evidence_log import EvidenceLog

NONCE_BYTES = 8
NAMED = (layout.ENTRIES, layout.CHECKPOINTS, layout.ROWS)
"""Members beside the evidence that the OSCAL document names by their digests."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What no evidence proves. `supersedes`: the SHA-256 of the former `statement.json`."""

    attestation: str
    revision: int
    computed_at: int
    supersedes: bytes | None
    monitored: SelfMonitoring


class Assembler:
    """One per process. `read_secret` is given what the file refers to: certificates, and a key."""

    def __init__(
        self, signers: Signers, read_secret: Callable[[str], bytes], random_bytes: RandomBytes
    ) -> None:
        self._signers = signers
        self._read_secret = read_secret
        self._random_bytes = random_bytes

    async def assemble(
        self,
        members: Path,
        whole: Path,
        config: Config,
        said: EvidenceLog,
        derived: Mapping[str, Value],
        claims: Claims,
        keys: Keys,
        log: str,
    ) -> bytes:
        """Write the zip; the SHA-256 of its `statement.json`. RefusedAttestationError, OSError."""
        try:
            signing = await asyncio.to_thread(self._signing, said, keys, log)
            told = predicate(derived, _claimed(config, claims, signing))
            reports = await self._rendered(config, members, told, claims.computed_at)
            statement = await asyncio.to_thread(_signed, members, told, reports, signing)
        except (TroubleError, SignerError):
            raise RefusedAttestationError(Refusal.NO_KEY) from None
        stamp = None if config.attestations is None else config.attestations.timestamp
        token = None if stamp is None else await self._stamped(stamp, statement)
        await asyncio.to_thread(_write, members, whole, told, statement, token)
        return hashlib.sha256(statement).digest()

    def _signing(self, said: EvidenceLog, keys: Keys, log: str) -> list[Signing]:
        """Those that sign the log's checkpoints now. TroubleError where there is none."""
        found = usable(keys, log, self._signers.opened(said.keys))
        return [Signing(_key_id(one), one.sign) for one in found]

    async def _rendered(
        self, config: Config, members: Path, told: Mapping[str, Value], at: int
    ) -> Mapping[str, bytes]:
        digests = await asyncio.to_thread(_digests, members)
        try:
            made = await rendered(told, digests)
        except ChildError:
            raise RefusedAttestationError(Refusal.REPORT) from None
        said = None if config.attestations is None else config.attestations.pdf_signature
        if said is not None:
            made[layout.REPORT_PDF] = await self._pdf_signed(said, made, at)
        return {**made, layout.VERIFIER: await asyncio.to_thread(script)}

    async def _pdf_signed(self, said: PdfSignature, made: Mapping[str, bytes], at: int) -> bytes:
        """Without the extra there is no PDF, and so a KeyError."""
        try:
            key = await asyncio.to_thread(self._read_secret, said.key)
            certificate = await asyncio.to_thread(self._read_secret, said.certificate)
            return await asyncio.to_thread(sign, made[layout.REPORT_PDF], key, certificate, at)
        except (PadesError, OSError, KeyError):
            raise RefusedAttestationError(Refusal.PDF_SIGNATURE) from None

    async def _stamped(self, stamp: Timestamp, statement: bytes) -> bytes:
        nonce = int.from_bytes(self._random_bytes(NONCE_BYTES))
        try:
            roots = read_roots(await asyncio.to_thread(self._read_secret, stamp.certificate))
            token, _ = await stamped(stamp.url, statement, nonce, roots)
        except (TsaError, StampError, OSError, ValueError, ModuleNotFoundError):
            raise RefusedAttestationError(Refusal.TIMESTAMP) from None
        return token


def _key_id(signer: Signer) -> str:
    public = Ed25519PublicKey.from_public_bytes(signer.public_key)
    return agentkeys.fingerprint(agentkeys.text_of(public))


def _claimed(config: Config, claims: Claims, signing: Sequence[Signing]) -> Claimed:
    supersedes = claims.supersedes
    return Claimed(
        attestation_id=claims.attestation,
        version=claims.revision,
        computed_at=claims.computed_at,
        software=version("wardwatch"),
        algorithm=algorithm(),
        key_id=signing[0].keyid,
        signer=config.organization.name,
        command=f"wardwatch verify {claims.attestation}.zip",
        checkpoints=claims.monitored.checkpoints,
        away_ms=claims.monitored.away_ms,
        witness_lag_max_ms=claims.monitored.witness_lag_max_ms,
        supersedes=None if supersedes is None else supersedes.hex(),
    )


def _digests(members: Path) -> dict[str, str]:
    names = OnDisk(members).names
    named = [name for name in names if name in NAMED or layout.systems_in([name])]
    return {name: _sha256(members / name) for name in named}


def _signed(
    members: Path,
    told: Mapping[str, Value],
    reports: Mapping[str, bytes],
    signing: Sequence[Signing],
) -> bytes:
    """What was rendered goes into `members`; `statement.json` of all of them."""
    for name, data in reports.items():
        (members / name).write_bytes(data)
    return assemble.sign(OnDisk(members), told, signing)


def _write(
    members: Path, whole: Path, told: Mapping[str, Value], statement: bytes, token: bytes | None
) -> None:
    with whole.open("xb") as out:
        assemble.write(out, OnDisk(members), told, statement, token)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
