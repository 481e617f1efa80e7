from __future__ import annotations

from collector.attesting.folder import Folder
from collector.store.attestations import Attestation
from collector.store.leases import Lease


class Maker:
    def __init__(self, folder: Folder) -> None:
        self.folder = folder

    async def make(self, one: Attestation, lease: Lease) -> tuple[str, ...]:
        raise NotImplementedError
