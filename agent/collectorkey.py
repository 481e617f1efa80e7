"""Which key the collector's configs must be signed with: what the host's file pins, what the
enrolment token named, or else the first one that came over verified TLS.
"""

from __future__ import annotations

import logging
from pathlib import Path

from agent import enrolled
from agent.identity import IdentityError
from agent.keptfile import KeptFile
from probes.agentkeys import fingerprint

log = logging.getLogger("wardwatch.agent")

FILE = "collector.key"


class CollectorKey:
    """`pinned` is `ed25519:BASE64`; an enrolment names a fingerprint; with neither the first key is
    kept in the state folder. OSError when that folder cannot be read.
    """

    def __init__(self, state: Path, pinned: str | None) -> None:
        self._state = state
        self._file = KeptFile(state / FILE)
        self._pinned = pinned
        self._kept = self._read() if pinned is None else None

    @property
    def first_counts(self) -> bool:
        """Will the next key that comes be believed, as none is known yet?"""
        return self._pinned is None and self._kept is None and self._named() is None

    def trusts(self, key: str) -> bool:
        """`key` as a document names it, in the form of `agentconfig.PublicKey`."""
        if self._pinned is not None:
            return key == self._pinned
        named = self._named()
        return key == self._kept if named is None else fingerprint(key) == named

    def believe(self, key: str) -> None:
        """From now on this one and no other: the first that came, rightly signed. OSError: it
        is not kept beyond this process.
        """
        self._kept = key
        log.warning("config.key_believed fingerprint=%s", fingerprint(key))
        self._file.write(f"{key}\n".encode())

    def _named(self) -> str | None:
        """Looked up each time: somebody may enrol this agent while it waits for its first config."""
        try:
            known = enrolled.load(self._state)
        except IdentityError:
            return ""  # who cannot read what the token said believes nobody
        return None if known is None else known.config_key

    def _read(self) -> str | None:
        data = self._file.read()
        return None if data is None else data.decode("ascii", "replace").strip()
