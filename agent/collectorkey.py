"""Which key the collector's configs must be signed with: what the host's file pins, what the
enrolment token named, or else the first one that came over verified TLS.
"""

from __future__ import annotations

import logging
from pathlib import Path

from agent.keptfile import KeptFile
from probes.agentkeys import fingerprint

log = logging.getLogger("wardwatch.agent")

FILE = "collector.key"


class CollectorKey:
    """`pinned` is `ed25519:BASE64`, `named` a fingerprint; with neither the first key is kept in
    the state folder. OSError when that folder cannot be read.
    """

    def __init__(self, state: Path, pinned: str | None, named: str | None = None) -> None:
        self._file = KeptFile(state / FILE)
        self._pinned = pinned
        self._named = named
        self._kept = self._read() if pinned is None and named is None else None

    @property
    def first_counts(self) -> bool:
        """Will the next key that comes be believed, as none is known yet?"""
        return self._pinned is None and self._named is None and self._kept is None

    def trusts(self, key: str) -> bool:
        """`key` as a document names it, in the form of `agentconfig.PublicKey`."""
        if self._pinned is not None:
            return key == self._pinned
        if self._named is not None:
            return fingerprint(key) == self._named
        return key == self._kept

    def believe(self, key: str) -> None:
        """From now on this one and no other: the first that came, rightly signed. OSError: it
        is not kept beyond this process.
        """
        self._kept = key
        log.warning("config.key_believed fingerprint=%s", fingerprint(key))
        self._file.write(f"{key}\n".encode())

    def _read(self) -> str | None:
        data = self._file.read()
        return None if data is None else data.decode("ascii", "replace").strip()
