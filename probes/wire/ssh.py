"""What an SSH server offers before anything is secret (RFC 4253, 4.2 and 7.1): bytes to names.

Total. The names are the far side's: compare them with lists of ours, never keep them.
"""

from __future__ import annotations

from struct import Struct, error

FIRST = 16_384
"""Bytes within which banner and offer stand."""
_U32 = Struct(">I")
_KEXINIT = 20
_COOKIE = 16


def offered(data: bytes) -> list[frozenset[str]]:
    """Key exchange, host keys, ciphers to the server and from it, of what a server says first; empty:
    they are not among the bytes.
    """
    at = data.find(b"SSH-2.0-")  # lines may stand before it
    at = data.find(b"\n", at) + 1 if at >= 0 else 0
    found = []
    try:
        if not at or data[at + 5] != _KEXINIT:
            return []
        at += 6 + _COOKIE
        for _ in range(4):
            end = at + 4 + _U32.unpack_from(data, at)[0]
            if end > len(data):
                return []
            found.append(frozenset(data[at + 4 : end].decode("latin-1").split(",")))
            at = end
    except (error, IndexError):
        return []
    return found
