"""A zip whose bytes follow from its files alone: fixed times, order as given, nothing compressed.

Compression is left out because its bytes differ between versions of the library.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import BinaryIO

TIME = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can hold."""
CHUNK = 1 << 20


class Archive:
    """Made in a temporary file without a name; what is finished can be read while the rest is made."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_STORED)
        self._read = 0

    def add(self, name: str, content: BinaryIO | bytes) -> None:
        """One more file; `content` is read from where it stands."""
        info = zipfile.ZipInfo(name, TIME)
        info.create_system = 3  # the mode below is Unix's, whatever writes it
        info.external_attr = 0o100644 << 16
        with self._zip.open(info, "w") as entry:
            if isinstance(content, bytes):
                entry.write(content)
            else:
                while chunk := content.read(CHUNK):
                    entry.write(chunk)

    def finish(self) -> None:
        self._zip.close()

    def fresh(self) -> Iterator[bytes]:
        """What is finished and was not read yet."""
        end = self._file.seek(0, 2)
        while self._read < end:
            self._file.seek(self._read)
            chunk = self._file.read(min(CHUNK, end - self._read))
            self._read += len(chunk)
            yield chunk
        self._file.seek(end)

    def close(self) -> None:
        self._zip.fp = None  # else one that was not finished writes its end, into a closed file
        self._file.close()
