"""A process that has told the guard's file what it is about to sign, and gets no further.

    python -m tests.support.killed_signer DATABASE KEY GUARD

It says `signing` and waits to be killed.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from threading import Event
from unittest.mock import patch

from collector.store.open import open_store
from collector.tlog.signer import FileSigner, Signer
from collector.tlog.signers import Opened
from tests.support.signing_logs import SignedLogs, config_of


class Stuck:
    """Signs the change of keys, and of checkpoints none."""

    def __init__(self, signer: FileSigner) -> None:
        self._signer = signer

    @property
    def public_key(self) -> bytes:
        return self._signer.public_key

    def sign(self, message: bytes) -> bytes:
        if message.startswith(b"wardwatch/1 log keys"):
            return self._signer.sign(message)
        sys.stdout.write("signing\n")
        sys.stdout.flush()
        Event().wait()
        raise AssertionError


async def main(database: str, key: Path, guard: Path) -> None:
    logs = SignedLogs(await open_store(database), config_of([key]), guard)
    opened = logs.signers.opened([f"file:{key}"])
    (signer,) = opened.signers
    assert isinstance(signer, FileSigner)
    stuck: tuple[Signer, ...] = (Stuck(signer),)
    with patch.object(logs.signers, "opened", lambda _keys: Opened(stuck, {})):
        await logs.sign()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
