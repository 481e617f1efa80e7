"""A disk under SQLite that loses its power: what was written and not flushed is lost, or torn.

`Recorder` is a VFS for apsw that lets everything through and writes down what was written to which
file, and when it was flushed. `crashed` makes the files of a crash after any of these steps: each
write since the last flush of its file is there, is not, or is there in part, in sectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import apsw

SECTOR = 512
SHARED = "-shm"
"""The end of the name of a file that is memory: SQLite makes it anew."""


@dataclass(frozen=True, slots=True)
class Write:
    file: str
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    file: str
    size: int


@dataclass(frozen=True, slots=True)
class Flush:
    file: str


@dataclass(frozen=True, slots=True)
class Delete:
    file: str


@dataclass(frozen=True, slots=True)
class Mark:
    """Whoever writes has come to `number`; nothing happens to the disk."""

    number: int


Step = Write | Truncate | Flush | Delete | Mark


class _File(apsw.VFSFile):
    def __init__(self, name: Any, flags: list[int], steps: list[Step]) -> None:
        super().__init__("", name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._name = Path(path or "unnamed").name
        self._steps = steps

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        self._steps.append(Write(self._name, offset, bytes(data)))
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802 - apsw's name
        self._steps.append(Truncate(self._name, newsize))
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        super().xSync(flags)
        self._steps.append(Flush(self._name))


class Recorder(apsw.VFS):
    """Registered under `name` as long as it lives."""

    def __init__(self, name: str) -> None:
        self.steps: list[Step] = []
        super().__init__(name, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - apsw's name
        return _File(name, flags, self.steps)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802, FBT001 - apsw's
        super().xDelete(filename, syncdir)
        self.steps.append(Delete(Path(filename).name))


def crashed(steps: Sequence[Step], folder: Path, rng: Random) -> int:
    """Write the files as they are after these steps and a loss of power; the last mark, else 0."""
    flushed = {step.file: n for n, step in enumerate(steps) if isinstance(step, Flush | Delete)}
    files: dict[str, bytearray] = {}
    for n, step in enumerate(steps):
        match step:
            case Write() | Truncate():
                content = files.setdefault(step.file, bytearray())
                safe = n < flushed.get(step.file, -1)
                for part in [step] if safe else _left(step, rng):
                    _apply(content, part)
            case Delete():
                files.pop(step.file, None)
    for name, content in files.items():
        if not name.endswith(SHARED):
            (folder / name).write_bytes(content)
    return max((step.number for step in steps if isinstance(step, Mark)), default=0)


def _left(step: Write | Truncate, rng: Random) -> Iterator[Write | Truncate]:
    """What the disk has of something that nobody has flushed: all, nothing, or some sectors."""
    chance = rng.random()
    if chance < 1 / 3:
        return
    if isinstance(step, Truncate) or chance > 2 / 3:
        yield step
        return
    for at in range(0, len(step.data), SECTOR):
        if rng.random() < 1 / 2:
            yield Write(step.file, step.offset + at, step.data[at : at + SECTOR])


def _apply(content: bytearray, step: Write | Truncate) -> None:
    if isinstance(step, Truncate):
        del content[step.size :]
        content.extend(bytes(step.size - len(content)))
        return
    end = step.offset + len(step.data)
    content.extend(bytes(max(0, end - len(content))))
    content[step.offset : end] = step.data
