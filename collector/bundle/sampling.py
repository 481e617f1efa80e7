"""Chance from a seed, the same everywhere: for samples, never for keys that protect anything."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class Dice:
    """What comes out depends on the seed and the words asked with, and on nothing else."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def data(self, *words: object) -> bytes:
        """32 bytes."""
        told = " ".join(map(str, (self._seed, *words)))
        return hashlib.sha256(told.encode()).digest()

    def below(self, limit: int, *words: object) -> int:
        return int.from_bytes(self.data(*words)[:8], "big") % limit

    def key(self, name: str) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.data("key", name))
