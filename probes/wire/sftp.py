"""SFTP version 3, the client's side (draft-ietf-secsh-filexfer-02): requests to bytes, bytes to answers.

Total: whatever comes is an answer or an `SftpError`, which has no text. Names of files pass through
here; whoever asks for them judges and drops them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from stat import S_IFMT, S_IFREG
from struct import Struct, error, pack

VERSION = 3
LARGEST_PACKET = 256 * 1024
"""What OpenSSH sends and takes at most."""
_NO_FILE = re.compile(rb"[dlbcps][rwxsStT-]{9}")
"""How `ls -l` begins the line of what is no file."""
_U32 = Struct(">I")
_U64 = Struct(">Q")


class _Type(IntEnum):
    """3, and for the names 6."""

    INIT = 1
    VERSION = 2
    OPEN = 3
    CLOSE = 4
    READ = 5
    WRITE = 6
    FSTAT = 8
    OPENDIR = 11
    READDIR = 12
    REMOVE = 13
    RENAME = 18
    STATUS = 101
    HANDLE = 102
    DATA = 103
    NAME = 104
    ATTRS = 105


class Status(IntEnum):
    """7: what a request came to, as far as somebody asks."""

    OK = 0
    EOF = 1
    NO_SUCH_FILE = 2
    PERMISSION_DENIED = 3
    FAILURE = 4


class Mode(IntFlag):
    """6.3."""

    READ = 1
    WRITE = 2
    CREATE = 8
    TRUNCATE = 16


class _Given(IntFlag):
    """5: which attributes follow."""

    SIZE = 1
    OWNER = 2
    PERMISSIONS = 4
    TIMES = 8
    EXTENDED = 0x8000_0000


class SftpError(Exception):
    """No SFTP, or a packet larger than anybody sends."""


@dataclass(frozen=True, slots=True)
class Attributes:
    """What the server told; the rest is None. `mtime_s` by its own clock."""

    size: int | None = None
    permissions: int | None = None
    mtime_s: int | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    name: bytes
    attributes: Attributes
    is_file: bool = True
    """A plain file, as far as the server says."""


@dataclass(frozen=True, slots=True)
class Hello:
    version: int


@dataclass(frozen=True, slots=True)
class Said:
    id: int
    code: int
    """A `Status`, or another number."""


@dataclass(frozen=True, slots=True)
class Handle:
    id: int
    handle: bytes


@dataclass(frozen=True, slots=True)
class Data:
    id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Names:
    id: int
    entries: tuple[Entry, ...]


@dataclass(frozen=True, slots=True)
class Told:
    id: int
    attributes: Attributes


Answer = Said | Handle | Data | Names | Told
Request = Callable[[int], bytes]
"""The packet of a request, given its id."""


def hello() -> bytes:
    return _packet(_Type.INIT, _U32.pack(VERSION))


def open_folder(path: bytes) -> Request:
    return lambda id_: _request(_Type.OPENDIR, id_, _string(path))


def read_folder(handle: bytes) -> Request:
    return lambda id_: _request(_Type.READDIR, id_, _string(handle))


def open_file(path: bytes, mode: Mode) -> Request:
    return lambda id_: _request(_Type.OPEN, id_, _string(path), pack(">II", mode, 0))


def read(handle: bytes, offset: int, length: int) -> Request:
    return lambda id_: _request(_Type.READ, id_, _string(handle), pack(">QI", offset, length))


def write(handle: bytes, offset: int, data: bytes) -> Request:
    return lambda id_: _request(_Type.WRITE, id_, _string(handle), _U64.pack(offset), _string(data))


def told(handle: bytes) -> Request:
    """Attributes of an open file."""
    return lambda id_: _request(_Type.FSTAT, id_, _string(handle))


def close(handle: bytes) -> Request:
    return lambda id_: _request(_Type.CLOSE, id_, _string(handle))


def rename(old: bytes, new: bytes) -> Request:
    return lambda id_: _request(_Type.RENAME, id_, _string(old), _string(new))


def remove(path: bytes) -> Request:
    return lambda id_: _request(_Type.REMOVE, id_, _string(path))


class Decoder:
    """Feed it what comes; take answers until there is none."""

    def __init__(self) -> None:
        self._held = bytearray()

    def receive(self, data: bytes) -> None:
        self._held += data

    def next_answer(self) -> Answer | Hello | None:
        """None: not whole yet. Raises SftpError."""
        if len(self._held) < 4:
            return None
        length = _U32.unpack_from(self._held)[0]
        if not 1 <= length <= LARGEST_PACKET:
            raise SftpError
        if len(self._held) < 4 + length:
            return None
        body = bytes(self._held[4 : 4 + length])
        del self._held[: 4 + length]
        try:
            return _answer(body)
        except error:
            raise SftpError from None


class _Reader:
    """Raises struct.error past the end."""

    def __init__(self, body: bytes) -> None:
        self._body = body
        self._at = 1

    def number(self) -> int:
        found: int = _U32.unpack_from(self._body, self._at)[0]
        self._at += 4
        return found

    def long(self) -> int:
        found: int = _U64.unpack_from(self._body, self._at)[0]
        self._at += 8
        return found

    def string(self) -> bytes:
        length = self.number()
        start, end = self._at, self._at + length
        if end > len(self._body):
            raise error
        self._at = end
        return self._body[start:end]

    def attributes(self) -> Attributes:
        given = self.number()
        size = self.long() if given & _Given.SIZE else None
        if given & _Given.OWNER:
            self.long()
        permissions = self.number() if given & _Given.PERMISSIONS else None
        mtime_s = None
        if given & _Given.TIMES:
            self.number()
            mtime_s = self.number() or None  # of a server that knows none
        if given & _Given.EXTENDED:
            for _ in range(self.number()):
                self.string()
                self.string()
        return Attributes(size, permissions, mtime_s)

    def entry(self) -> Entry:
        name, line, attributes = self.string(), self.string(), self.attributes()
        kind = S_IFMT(attributes.permissions or 0)
        # Some servers send permissions without the type, which stands only in the line of `ls -l`.
        is_file = kind == S_IFREG if kind else _NO_FILE.match(line) is None
        return Entry(name, attributes, is_file)


def _answer(body: bytes) -> Answer | Hello:
    reader = _Reader(body)
    number = reader.number()
    match body[0]:
        case _Type.VERSION:
            return Hello(number)
        case _Type.STATUS:
            return Said(number, reader.number())
        case _Type.HANDLE:
            return Handle(number, reader.string())
        case _Type.DATA:
            return Data(number, reader.string())
        case _Type.NAME:
            return Names(number, tuple(reader.entry() for _ in range(reader.number())))
        case _Type.ATTRS:
            return Told(number, reader.attributes())
        case _:
            raise SftpError


def _string(value: bytes) -> bytes:
    return _U32.pack(len(value)) + value


def _request(kind: _Type, id_: int, *parts: bytes) -> bytes:
    return _packet(kind, _U32.pack(id_), *parts)


def _packet(kind: _Type, *parts: bytes) -> bytes:
    body = bytes([kind]) + b"".join(parts)
    return _U32.pack(len(body)) + body
