"""From evidence and numbers to a signed bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from collector.tlog.signers import Signers
from probes.config import Config

if TYPE_CHECKING:
    from collector.attesting.making import Made


@dataclass(frozen=True, slots=True)
class Claims:
    """What no evidence proves. `supersedes`: the SHA-256 of the former `statement.json`."""

    attestation: str
    computed_at: int
    supersedes: bytes | None
    log: str


class Assembler:
    """One per process."""

    def __init__(self, signers: Signers) -> None:
        self._signers = signers

    async def assemble(
        self, members: Path, whole: Path, config: Config, made: Made, claims: Claims
    ) -> bytes:
        """SHA-256 of `statement.json`."""
        raise NotImplementedError
