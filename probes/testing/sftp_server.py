"""A simulated SFTP server (asyncssh's own) that lies and fails on command.

Its folders stand in memory. It never looks at what a name or a file means.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import asyncssh
from asyncssh import FXF_TRUNC, FXF_WRITE, SFTPAttrs, SFTPName, SFTPServer

from probes.testing.port import Port

_LINGER_OFF = struct.pack("ii", 1, 0)
_FILE, _FOLDER = 0o100644, 0o040755
_SFTP_VERSION = b"\x00\x00\x00\x05\x02\x00\x00\x00\x03"
_NOTHING_LISTED = b"\x68%b\x00\x00\x00\x00"


_OFFER = bytes([4, 20]) + bytes(16) + b"".join(
    len(names).to_bytes(4, "big") + names
    for names in (
        b"diffie-hellman-group14-sha1", b"ssh-ed25519", b"aes128-ctr", b"aes128-ctr",
        b"hmac-sha2-256", b"hmac-sha2-256", b"none", b"none", b"", b"",
    )
) + bytes(5 + 4)  # fmt: skip
_RAW = frozenset({"garbage", "too_large", "wrong_id", "lists_nothing", "ends_at_once"})


@dataclass
class File:
    mtime_s: int | None
    """By the server's clock, as it says; None: it says nothing of times."""
    data: bytes = b"x"


@dataclass
class SftpHost:
    """`start`, change `folders` and `fault`, `stop`."""

    FAULTS = (
        "none",
        "refuse",
        "silent",
        "closes",
        "reset",
        "reset_late",
        "not_ssh",
        "ssh_1",
        "banner_only",
        "weak",
        "weak_ends",
        "rejects",
        "no_sftp",
        "ends_at_once",
        "garbage",
        "too_large",
        "wrong_id",
        "lists_nothing",
        "endless",
        "hangs",
        "cut",
        "failure",
        "denied",
        "disk_full",
        "read_only",
        "no_delete",
        "no_read",
        "read_fails",
        "fetched",
    )
    clock_s: Callable[[], int]
    """The server's own clock."""
    user: str = "wardwatch"
    password: str = "secret"  # noqa: S105 - simulated
    authorized: tuple[str, ...] = ()
    """Public keys, as in authorized_keys."""
    folders: dict[str, dict[bytes, File]] = field(default_factory=dict)
    fault: str = "none"
    port: int = 0
    sign_ins: int = 0
    """Attempts to sign in."""
    asked: list[str] = field(default_factory=list)
    """What was asked of the folders, in order, without names."""
    banner: str = ""
    """Shown before anybody signs in."""

    def __post_init__(self) -> None:
        self._released = asyncio.Event()
        self._doors: _Doors | None = None
        self._served: set[asyncio.Task[None]] = set()
        self.change_host_key()

    @property
    def fingerprint(self) -> str:
        return self._key.get_fingerprint()

    def change_host_key(self, kind: str = "ssh-ed25519") -> None:
        self._key = asyncssh.generate_private_key(kind)

    def set_fault(self, name: str) -> None:
        if name not in self.FAULTS:
            raise ValueError(name)
        if self._doors is not None:
            self._doors.turn(self.fault, name)
        self.fault = name
        if name != "hangs":
            self._released.set()
            self._released = asyncio.Event()

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        self._doors = _Doors(self)
        self.port = self._doors.open(host, port)
        return self.port

    async def stop(self) -> None:
        self._released.set()
        if self._doors is not None:
            self._doors.close()
        for task in self._served:
            task.cancel()
        await asyncio.gather(*self._served, return_exceptions=True)

    async def serve(self, sock: socket.socket) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._served.add(task)
            task.add_done_callback(self._served.discard)
        loop = asyncio.get_running_loop()
        says = {
            "silent": b"",
            "closes": b"",
            "not_ssh": b"HTTP/1.1 400 Bad Request\r\n\r\n",
            "ssh_1": b"SSH-1.5-old\r\n",
            "banner_only": b"SSH-2.0-stuck\r\n",
            "weak_ends": b"SSH-2.0-old\r\n" + _packet(_OFFER),
        }
        if self.fault in {"reset", "reset_late"}:
            if self.fault == "reset_late":
                await loop.sock_sendall(sock, b"SSH-2.0-restarts\r\n")
                await loop.sock_recv(sock, 4096)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
            sock.close()
        elif self.fault in says:
            with sock, suppress(OSError):
                await loop.sock_sendall(sock, says[self.fault])
                if self.fault in {"silent", "banner_only"}:
                    while await loop.sock_recv(sock, 4096):
                        pass
        else:
            with suppress(asyncssh.Error, OSError):
                await self._speak(sock)

    async def _speak(self, sock: socket.socket) -> None:
        options: dict[str, Any] = {
            "server_host_keys": [self._key],
            "server_factory": lambda: _Login(self),
            "config": None,
            "gss_host": None,
            "login_timeout": 30,
        }
        if self.fault == "weak":
            options["kex_algs"] = ["diffie-hellman-group14-sha1"]
        if self.fault in _RAW:
            options["encoding"] = None
        elif self.fault != "no_sftp":
            options["sftp_factory"] = lambda channel: _Files(channel, self)
        connection = await asyncssh.run_server(sock, **options)
        try:
            await connection.wait_closed()
        finally:
            connection.abort()

    async def released(self) -> None:
        await self._released.wait()


class _Doors(Port):
    def __init__(self, host: SftpHost) -> None:
        super().__init__(asyncio.Protocol, None)
        self._host = host

    async def _serve(self, connection: socket.socket) -> None:
        await self._host.serve(connection)


class _Login(asyncssh.SSHServer):
    def __init__(self, host: SftpHost) -> None:
        self._host = host
        self._connection: asyncssh.SSHServerConnection | None = None

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        if self._connection is not None and self._host.banner:
            self._connection.send_auth_banner(self._host.banner)
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        host = self._host
        host.sign_ins += 1
        return host.fault != "rejects" and (username, password) == (host.user, host.password)

    def public_key_auth_supported(self) -> bool:
        return True

    def session_requested(self) -> _Raw | bool:
        return _Raw(self._host) if self._host.fault in _RAW else False

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        host = self._host
        host.sign_ins += 1
        if host.fault == "rejects" or username != host.user:
            return False
        known = [asyncssh.import_public_key(one) for one in host.authorized]
        return key.convert_to_public() in known


class _Raw(asyncssh.SSHServerSession[bytes]):
    """A subsystem that speaks worse SFTP than the library could."""

    def __init__(self, host: SftpHost) -> None:
        self._host = host
        self._channel: asyncssh.SSHServerChannel[bytes] | None = None

    def connection_made(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        self._channel = chan

    def subsystem_requested(self, subsystem: str) -> bool:
        return True

    def session_started(self) -> None:
        if self._channel is not None and self._host.fault == "ends_at_once":
            self._channel.exit(1)

    def data_received(self, data: bytes, datatype: asyncssh.DataType) -> None:
        if self._channel is not None:
            self._channel.write(self._answer(data))

    def _answer(self, asked: bytes) -> bytes:
        self._host.asked.append("raw")
        kind, id_ = asked[4], asked[5:9]
        if kind == 1:
            return _SFTP_VERSION
        match self._host.fault:
            case "garbage":
                return b"Last login: by somebody\r\n"
            case "too_large":
                return b"\x00\x04\x00\x01\x65"
            case "wrong_id":
                return _packet(b"\x65" + b"\xff" * 4 + bytes(12))
        return _packet(
            b"\x66" + id_ + b"\x00\x00\x00\x01h" if kind == 11 else _NOTHING_LISTED % id_
        )


class _Files(SFTPServer):
    def __init__(self, channel: Any, host: SftpHost) -> None:
        super().__init__(channel)
        self._host = host

    async def scandir(self, path: bytes) -> AsyncIterator[SFTPName]:
        self._host.asked.append("list")
        fault, files = self._host.fault, self._folder(path)
        if fault == "hangs":
            await self._host.released()
        for name in (b".", b"..", b"a-folder"):
            yield _entry(name, SFTPAttrs(size=4096, permissions=_FOLDER, atime=1, mtime=1))
        numbers = itertools.count() if fault == "endless" else ()
        now_s = self._host.clock_s()
        for number in numbers:
            yield _entry(b"%d" % number, _attributes(File(now_s)))
        for name, file in list(files.items()):
            yield _entry(name, _attributes(file))
            if fault == "cut":
                self.connection.abort()

    def format_longname(self, name: SFTPName) -> None:
        """It is given."""

    def open(self, path: bytes, pflags: int, attrs: SFTPAttrs) -> object:
        folder, _, name = path.rpartition(b"/")
        files = self._folder(folder)
        self._host.asked.append("write" if pflags & FXF_WRITE else "read")
        if pflags & FXF_WRITE:
            if self._host.fault == "read_only":
                raise asyncssh.SFTPPermissionDenied("")
            if pflags & FXF_TRUNC or name not in files:
                files[name] = File(self._host.clock_s(), b"")
        elif self._host.fault == "no_read":
            raise asyncssh.SFTPPermissionDenied("")
        elif name not in files or self._host.fault == "fetched":
            raise asyncssh.SFTPNoSuchFile("")
        return files[name]

    def close(self, file_obj: object) -> None:
        """Nothing is held."""

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        if self._host.fault == "read_fails":
            raise asyncssh.SFTPFailure("")
        data: bytes = file_obj.data[offset : offset + size]
        return data

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        if self._host.fault == "disk_full":
            raise asyncssh.SFTPFailure("")
        file_obj.data = file_obj.data[:offset] + data
        file_obj.mtime_s = self._host.clock_s()
        return len(data)

    def fstat(self, file_obj: Any) -> SFTPAttrs:
        return _attributes(file_obj)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        self._host.asked.append("rename")
        folder, _, name = oldpath.rpartition(b"/")
        new_folder, _, new_name = newpath.rpartition(b"/")
        if new_name in self._folder(new_folder):
            raise asyncssh.SFTPFailure("")  # as version 3 has it
        self._folder(new_folder)[new_name] = self._folder(folder).pop(name)

    def remove(self, path: bytes) -> None:
        self._host.asked.append("remove")
        folder, _, name = path.rpartition(b"/")
        files = self._folder(folder)
        if name not in files:
            raise asyncssh.SFTPNoSuchFile("")
        if self._host.fault == "no_delete":
            raise asyncssh.SFTPPermissionDenied("")
        del files[name]

    def _folder(self, path: bytes) -> dict[bytes, File]:
        if self._host.fault == "failure":
            raise asyncssh.SFTPFailure("")
        if self._host.fault == "denied":
            raise asyncssh.SFTPPermissionDenied("")
        try:
            return self._host.folders[path.decode()]
        except KeyError:
            raise asyncssh.SFTPNoSuchFile("") from None


def _packet(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


def _entry(name: bytes, attributes: SFTPAttrs) -> SFTPName:
    return SFTPName(name, b"-rw-r--r-- 1 a b " + name, attributes)


def _attributes(file: File) -> SFTPAttrs:
    times = {} if file.mtime_s is None else {"atime": file.mtime_s, "mtime": file.mtime_s}
    return SFTPAttrs(size=len(file.data), permissions=_FILE, **times)
