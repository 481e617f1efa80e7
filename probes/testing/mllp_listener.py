"""An HL7 v2 listener that fails on command; ACKs are built by hand so that it can misbehave.

The canaries it is given stand in every answer: MSA-3, ERR-8, a patient segment, garbage, even in
what is no acknowledgement. It keeps counts and control ids, never a message.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

from probes.testing.port import Port

_LINGER_OFF = struct.pack("ii", 1, 0)
_END = b"\x1c\x0d"
# fault: MSA-1, ERR-3
_CODES = {
    "ae": ("AE", 101),
    "ar": ("AR", 202),
    "ae_206": ("AE", 206),
    "ar_207": ("AR", 207),
}


class MllpListener:
    """`port` after `start`; `control_ids` are the MSH-10 of what was sent, in order; `connections` counts accepts."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "late_ack",
        "wrong_id",
        "ae",
        "ar",
        "ae_206",
        "ar_207",
        "eof",
        "garbage",
        "malformed",
        "truncated",
        "split",
        "two_acks",
        "reset",
    )

    def __init__(self, canaries: tuple[str, ...] = ()) -> None:
        self.port = 0
        self.connections = 0
        self.control_ids: list[str] = []
        self.slow_ms = 200
        self._text = " ".join(canaries) or "none"
        self._fault = "none"
        self._released = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._port: Port | None = None

    async def start(
        self, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
    ) -> int:
        """Listen, and return the port."""
        self._port = Port(self._protocol, tls)
        self.port = self._port.open(host, port)
        return self.port

    async def stop(self) -> None:
        """Close everything, hanging connections too."""
        self._released.set()
        if self._port is not None:
            self._port.close()
        open_now = tuple(self._writers)
        for writer in open_now:
            writer.transport.abort()
        await asyncio.gather(*(w.wait_closed() for w in open_now), return_exceptions=True)

    def set_fault(self, name: str) -> None:
        """Fail as `name` from the next message on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        if self._port is not None and name != self._fault:
            if name == "refuse":
                self._port.refuse()
            elif self._fault == "refuse":
                self._port.accept()
        self._fault = name

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while not writer.is_closing():
                    block = await reader.readuntil(_END)
                    message = block.rpartition(b"\x0b")[2][: -len(_END)]
                    await self._answer(message.decode("ascii", "replace"), writer)
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _answer(self, message: str, writer: asyncio.StreamWriter) -> None:
        header = message.partition("\r")[0].split("|") + [""] * 12
        control_id = header[9]
        self.control_ids.append(control_id)
        if self._fault in ("hang", "slow"):
            with suppress(TimeoutError):
                limit = self.slow_ms / 1000 if self._fault == "slow" else None
                await asyncio.wait_for(self._released.wait(), limit)
        if self._fault == "reset":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF
            )
            writer.transport.abort()
        elif self._fault in ("eof", "hang"):
            writer.close()
        else:
            for piece in self._pieces(header, control_id):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if self._fault == "truncated":
                writer.close()

    def _pieces(self, header: list[str], control_id: str) -> list[bytes]:
        """What is sent, cut where one write ends; all faults that answer at all."""
        code, error = _CODES.get(self._fault, ("AA", None))
        good = self._ack(header, control_id, code, error)
        other = self._ack(header, "WWEARLIER00000000000", "AA", None)
        no_ack = f"\x0bMSH|^~\\&|ENGINE|\rPID|1||{self._text}\r\x1c\r".encode()
        return {
            "late_ack": [other, good],
            "wrong_id": [other],
            "garbage": [f"220 ready {self._text}\r\n".encode() + good],
            "malformed": [no_ack],
            "truncated": [good[: len(good) // 2]],
            "split": [good[at : at + 1] for at in range(len(good))],
            "two_acks": [good + good],
        }.get(self._fault, [good])

    def _ack(self, header: list[str], control_id: str, code: str, error: int | None) -> bytes:
        ours, theirs = "|".join(header[4:6]), "|".join(header[2:4])
        number = len(self.control_ids)
        kind = f"ACK^A08^ACK|ACK{number:06d}|{header[10]}|{header[11]}"
        segments = [
            f"MSH|^~\\&|{ours}|{theirs}|20260101000000+0000||{kind}",
            f"MSA|{code}|{control_id}|{self._text}",
        ]
        if error is not None:
            segments.append(
                f"ERR||PID^1^3|{error}^{self._text}^HL70357|E|||{self._text}|{self._text}"
            )
        segments.append(f"ZPD|1|{self._text}")
        return ("\x0b" + "\r".join(segments) + "\r\x1c\r").encode()
