"""A folder that loses its power: what is not synced is lost, torn or there; names likewise."""

from __future__ import annotations

import errno
from random import Random

from collector.witness.disk import UnsyncedError


class PowerLossError(Exception):
    """The machine stops here."""


class LossyFolder:
    """`Disk` of a witness in memory. `lose_power_at` counts steps that change something, from 1 on: a
    `put` is two, the writing and the sync. `fail_at` has a step fail instead.
    """

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._files: dict[str, bytes] = {}
        self._safe: dict[str, bytes] = {}
        self._torn: set[str] = set()
        self.steps = 0
        self.lose_power_at: int | None = None
        self.fail_at: int | None = None

    def names(self) -> list[str]:
        return sorted(self._files)

    def read(self, name: str) -> bytes:
        return self._files[name]

    def put(self, name: str, data: bytes) -> None:
        self._step()
        self._files[name] = data
        self._torn.add(name)
        self._step(syncing=True)
        self._torn.discard(name)

    def rename(self, old: str, new: str) -> None:
        self._step()
        self._files[new] = self._files.pop(old)

    def sync_names(self) -> None:
        self._step(syncing=True)
        self._safe = dict(self._files)

    def lose_power(self) -> LossyFolder:
        """What the next start finds."""
        left = LossyFolder(self._rng)
        names = {**self._safe, **self._files}
        for name in names:
            now, before = self._files.get(name), self._safe.get(name)
            kept = now if self._rng.random() < 0.5 else before
            if kept is not None and name in self._torn and kept is now:
                kept = kept[: self._rng.randint(0, len(kept))]
            if kept is not None:
                left._files[name] = kept
        left._safe = dict(left._files)
        return left

    def _step(self, *, syncing: bool = False) -> None:
        self.steps += 1
        if self.steps == self.lose_power_at:
            raise PowerLossError
        if self.steps == self.fail_at:
            raise (UnsyncedError(errno.EIO, "failed") if syncing else OSError(errno.ENOSPC, "full"))
