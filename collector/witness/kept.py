"""What a witness has cosigned last of each log, on disk: a file each, the cosigned note itself.

Its own cosignature is the checksum: a file that does not verify is never taken for no file, because
a witness that forgets may cosign a fork.
"""

from __future__ import annotations

import hashlib

from collector.attest import checkpoint, note
from collector.attest.faults import AttestError
from collector.attest.vkey import VerifierKey
from collector.witness.disk import Disk, UnsyncedError
from collector.witness.judging import Held

SUFFIX, ASIDE = ".checkpoint", ".new"
_ADVICE = (
    "restore the folder, or the key it is of. Never remove the file: a witness that forgets may cosign "
    "a fork; one that cannot be restored is set up anew, with another key and another name"
)


class StateError(Exception):
    """The text names the file and says what to do."""


class Kept:
    def __init__(self, disk: Disk, key: VerifierKey) -> None:
        self._disk = disk
        self._key = key

    def load(self) -> dict[str, Held]:
        """By origin. Each is written anew: what was read may be what an earlier process could not
        make safe. StateError, OSError.
        """
        found: dict[str, Held] = {}
        for name in self._disk.names():
            if name.endswith(SUFFIX):
                held = self._read(name)
                found[held.checkpoint.origin] = held
        for held in found.values():
            self.keep(held)
        return found

    def keep(self, held: Held) -> None:
        """Safe when it returns; else what was there before is, and goes on to count. UnsyncedError when
        that is not known; OSError of any other kind leaves all as it was.
        """
        name = name_of(held.checkpoint.origin)
        self._disk.put(name + ASIDE, note.write(held.signed))
        try:
            self._disk.rename(name + ASIDE, name)
            self._disk.sync_names()
        except OSError as error:
            raise UnsyncedError(error.errno, "not known what is kept") from None

    def _read(self, name: str) -> Held:
        try:
            signed = note.parse(self._disk.read(name))
            head = checkpoint.parse(signed.text)
            times = {one.key: one.time_s for one in note.verify(signed, [self._key])}
        except AttestError:
            raise StateError(f"{name} is not what this key has cosigned: {_ADVICE}") from None
        time_s = times[self._key]
        if name != name_of(head.origin) or time_s is None:
            raise StateError(f"{name} is the file of another log: {_ADVICE}")
        return Held(head, signed, time_s)


def name_of(origin: str) -> str:
    """An origin is any line, and so no name of a file."""
    return hashlib.sha256(origin.encode()).hexdigest() + SUFFIX
