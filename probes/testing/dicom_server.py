"""A simulated DICOM node that fails on command: an archive, a worklist, a modality's echo.

It keeps counts and titles that called it, never a query.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import suppress

from probes.testing import dicom_pdus as pdus
from probes.testing.port import Port

_LINGER_OFF = struct.pack("ii", 1, 0)
REJECTIONS = tuple(
    f"reject_{row}"
    for row in (
        *("1_1_1", "1_1_2", "1_1_3", "1_1_7", "1_1_9", "1_2_1", "1_2_2", "1_3_1", "1_3_2"),
        *("2_1_1", "2_1_3", "2_2_1", "2_3_1", "2_3_2", "2_3_5", "0_1_1", "3_1_1", "1_9_1"),
    )
)
ABORTS = tuple(f"abort_{row}" for row in ("0_0", "2_0", "2_1", "2_2", "2_6", "1_0"))
LATE_ABORTS = tuple(f"late_{name}" for name in ABORTS)
CONTEXTS = ("context_1", "context_2", "context_3", "context_4", "context_9")
STATUSES = tuple(
    f"status_{code}"
    for code in (
        *("0105", "0107", "0110", "0122", "0124", "0210", "0211", "0212"),
        *("a700", "a702", "a900", "b000", "c000", "c123", "fe00"),
    )
)


class DicomServer:
    """`port` after `start`; `matches` are found in every query with the fault `match`."""

    FAULTS: tuple[str, ...] = (
        "none",
        "refuse",
        "hang",
        "slow",
        "closes_at_once",
        "closes",
        "closes_late",
        "half_accept",
        "half_answer",
        "hangs_late",
        "reset",
        "reset_late",
        "garbage",
        "http",
        "tls_alert",
        "bomb",
        "bomb_late",
        "other_pdu",
        "other_pdu_late",
        "other_context",
        "no_contexts",
        "no_status",
        "other_message",
        "other_command",
        "broken_command",
        "empty_fragment",
        "match",
        "matches_without_end",
        "split",
        "in_halves",
        "no_release",
        "wants_release",
        *REJECTIONS,
        *ABORTS,
        *LATE_ABORTS,
        *CONTEXTS,
        *STATUSES,
    )

    def __init__(self, canaries: tuple[str, ...] = (), matches: int = 1) -> None:
        self.port = 0
        self.connections = 0
        self.associations = 0
        self.released = 0
        self.aborted = 0
        self.titles: list[tuple[str, str]] = []
        self.asked: list[str] = []
        """SOP classes of what was asked, in order."""
        self.slow_ms = 200
        self._names = "^".join(canaries).encode() or b"NONE"
        self._matches = matches
        self._fault = "none"
        self._gone = asyncio.Event()
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
        self._gone.set()
        if self._port is not None:
            self._port.close()
        for writer in tuple(self._writers):
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def set_fault(self, name: str) -> None:
        """From the next connection on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        if self._port is not None:
            self._port.turn(self._fault, name)
        self._fault = name

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                await self._converse(reader, writer, self._fault)
        finally:
            self._writers.discard(writer)
            with suppress(OSError):
                writer.close()
                await writer.wait_closed()

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: str
    ) -> None:
        if fault == "closes_at_once":
            return
        type_, content = await _pdu(reader)
        if type_ != pdus.RQ:
            return
        asked = pdus.requested(content)
        self.titles.append((asked.called, asked.calling))
        answer = self._to_association(asked, fault)
        if fault in ("hang", "closes", "reset"):
            await self._end(writer, fault)
            return
        await self._send(writer, answer, fault)
        if fault in ("half_accept", "garbage", "http", "tls_alert") or answer[0] != pdus.AC:
            return
        self.associations += 1
        await self._talk(reader, writer, asked.context, fault)

    def _to_association(self, asked: pdus.Request, fault: str) -> bytes:
        kind, _, row = fault.partition("_")
        if kind in ("reject", "abort"):
            return pdus.short(pdus.RJ if kind == "reject" else pdus.ABORT, *_abort_row(kind, row))
        accepted = pdus.accept(asked, int(row) if kind == "context" else 0, self._names)
        without = pdus.Request("", "", 7, "")
        odd = {
            "half_accept": accepted[: len(accepted) // 2],
            "garbage": b"\x02" + self._names * 20,
            "http": b"HTTP/1.1 400 Bad Request\r\n\r\n" + self._names,
            "tls_alert": b"\x15\x03\x01\x00\x02\x02\x28",
            "bomb": b"\x02\x00\xff\xff\xff\xff" + self._names,
            "other_pdu": pdus.short(pdus.RELEASE_RP),
            "other_context": pdus.accept(without, 0, self._names),
            "no_contexts": pdus.pdu(pdus.AC, accepted[6:74]),
        }
        return odd.get(fault, accepted)

    async def _talk(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        context: int,
        fault: str,
    ) -> None:
        command: pdus.Command | None = None
        while True:
            type_, content = await _pdu(reader)
            if type_ == pdus.ABORT:
                self.aborted += 1
                return
            if type_ == pdus.RELEASE_RQ:
                self.released += 1
                if fault == "no_release":
                    await self._gone.wait()
                writer.write(pdus.short(pdus.RELEASE_RP))
                return
            if type_ != pdus.DATA:
                return
            command = pdus.commanded(content) or command
            if command is None or (
                command.field == pdus.FIND_RQ and not pdus.has_last_data(content)
            ):
                continue
            self.asked.append(command.sop_class)
            if fault in ("hangs_late", "closes_late", "reset_late"):
                await self._end(writer, fault.removesuffix("_late"))
                return
            for answer in self._to_request(context, command, fault):
                await self._send(writer, answer, fault)
            if fault == "half_answer":
                return

    def _to_request(self, context: int, command: pdus.Command, fault: str) -> Iterator[bytes]:
        kind, _, row = fault.partition("_")
        if kind == "late":
            yield pdus.short(pdus.ABORT, *_abort_row("abort", row.removeprefix("abort_")))
            return
        status = int(row, 16) if kind == "status" else 0
        found = fault in ("match", "matches_without_end") and command.field == pdus.FIND_RQ
        count = 0
        while found and (fault != "match" or count < self._matches):
            count += 1
            data_set = pdus.identifier(self._names)
            yield pdus.response(context, command, 0xFF00 + count % 2, b"", data_set)
        comment = self._names if status else b""
        right = pdus.response(context, command, status, comment, None)
        other_message = pdus.Command(command.field, 77, command.sop_class)
        other_command = pdus.Command(0x0001, command.message_id, command.sop_class)
        odd = {
            "half_answer": right[: len(right) // 2],
            "bomb_late": b"\x04\x00\xff\xff\xff\xff" + self._names,
            "other_pdu_late": pdus.short(pdus.RELEASE_RP),
            "wants_release": pdus.short(pdus.RELEASE_RQ),
            "no_status": pdus.response(context, command, None, self._names, None),
            "other_message": pdus.response(context, other_message, 0, b"", None),
            "other_command": pdus.response(context, other_command, 0, b"", None),
            "broken_command": pdus.pdu(
                pdus.DATA, b"\0\0\0\x0c" + bytes((context, 3)) + b"\xff" * 10
            ),
            "empty_fragment": pdus.pdu(pdus.DATA, b"\0\0\0\0") + right,
        }
        yield odd.get(fault, right)

    async def _send(self, writer: asyncio.StreamWriter, data: bytes, fault: str) -> None:
        pieces = [data]
        if fault == "slow":
            await asyncio.sleep(self.slow_ms / 1000)
        elif fault == "split":
            pieces = [data[at : at + 1] for at in range(len(data))]
        elif fault == "in_halves":  # as dcmtk writes: the second waits for our acknowledgement
            writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 0)
            pieces = [data[:6], data[6:]]
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)  # `drain` lets nobody else run while there is room

    async def _end(self, writer: asyncio.StreamWriter, fault: str) -> None:
        if fault.startswith("hang"):
            await self._gone.wait()
        elif fault == "reset":
            writer.get_extra_info("socket").setsockopt(
                socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF
            )
            writer.transport.abort()


async def _pdu(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = await reader.readexactly(6)
    return head[0], await reader.readexactly(int.from_bytes(head[2:], "big"))


def _abort_row(kind: str, row: str) -> tuple[int, ...]:
    """The bytes after the first reserved one."""
    numbers = tuple(map(int, row.split("_")))
    return numbers if kind == "reject" else (0, *numbers)
