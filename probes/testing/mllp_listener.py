"""A simulated HL7 v2 listener that fails on command.

It acknowledges in the mode a message asks for, answers queries for one patient, rejects types it
does not know, and knows what a pair of messages left standing. It keeps counts, control ids and
the agreed identifiers, never a message.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from contextlib import suppress

from probes.testing.mllp_answers import CODES, END, START, Answers, Message
from probes.testing.port import Port

_LINGER_OFF = struct.pack("ii", 1, 0)


class MllpListener:
    """`port` after `start`; `control_ids` are the MSH-10 of what was sent, in order; `connections` counts accepts; `standing` is what was made and not taken back."""

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
        "ce",
        "eof",
        "garbage",
        "malformed",
        "truncated",
        "split",
        "two_acks",
        "reset",
        "commit_block",
        "nak_block",
        "ends_after",
        "full",
        # of single messages; to all others it is "none"
        "accepts_all",
        "internal",
        "commit_only",
        "no_match",
        "query_error",
        "no_query_status",
        "crossed",
        "first_hangs",
        "undo_hangs",
        "undo_ae",
        "undo_locked",
    )

    def __init__(self, canaries: tuple[str, ...] = (), patient: str = "ZZ0001") -> None:
        self.port = 0
        self.connections = 0
        self.control_ids: list[str] = []
        self.types: list[str] = []
        self.standing: set[str] = set()
        self.slow_ms = 200
        self._patient = patient
        self._answers = Answers(" ".join(canaries) or "none")
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
        await self.cut()

    async def cut(self) -> None:
        """Reset every connection there is, as a restart of the engine does."""
        open_now = tuple(self._writers)
        for writer in open_now:
            _reset(writer)
        await asyncio.gather(*(w.wait_closed() for w in open_now), return_exceptions=True)

    def say(self, data: bytes) -> None:
        """Unasked, on every connection."""
        for writer in self._writers:
            writer.write(data)

    def set_fault(self, name: str) -> None:
        """Fail as `name` from the next message on."""
        if name not in self.FAULTS:
            raise ValueError(f"no such fault: {name}")
        if self._port is not None:
            self._port.turn(self._fault, name)
        self._fault = name

    def _protocol(self) -> asyncio.StreamReaderProtocol:
        return asyncio.StreamReaderProtocol(asyncio.StreamReader(), self._serve)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        if self._fault == "full":  # one client per port, and it is there
            _reset(writer)
            return
        self._writers.add(writer)
        try:
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
                while not writer.is_closing():
                    block = await reader.readuntil(END)
                    text = block.rpartition(START)[2][: -len(END)].decode("ascii", "replace")
                    await self._answer(Message(text), writer)
                await writer.wait_closed()
        finally:
            writer.transport.abort()
            self._writers.discard(writer)

    async def _answer(self, message: Message, writer: asyncio.StreamWriter) -> None:
        self.control_ids.append(message.control_id)
        self.types.append(message.type)
        fault = self._of(message)
        if fault in ("hang", "slow"):
            if fault == "hang":
                self._file(message)
            with suppress(TimeoutError):
                limit = self.slow_ms / 1000 if fault == "slow" else None
                await asyncio.wait_for(self._released.wait(), limit)
        if fault == "reset":
            _reset(writer)
        elif fault in ("eof", "hang"):
            writer.close()
        else:
            for piece in self._pieces(message, fault):
                writer.write(piece)
                await writer.drain()
                await asyncio.sleep(0)
            if fault in ("truncated", "ends_after"):
                writer.close()

    def _of(self, message: Message) -> str:
        """What is wrong with the answer to this message."""
        undoing = message.takes_back
        if self._fault in ("first_hangs", "undo_hangs"):
            return "hang" if undoing == (self._fault == "undo_hangs") else "none"
        if self._fault in ("undo_ae", "undo_locked"):
            return {"undo_ae": "ae", "undo_locked": "ae_206"}[self._fault] if undoing else "none"
        return self._fault

    def _pieces(self, message: Message, fault: str) -> list[bytes]:
        """What is sent, cut where one write ends; all faults that answer at all."""
        answers = self._answers
        code, error = CODES.get(fault, ("AA", None))
        good = answers.ack(message, code, error) if fault in CODES else self._right(message, fault)
        other = answers.earlier(message)
        text = answers.text
        return {
            "late_ack": [other, good],
            "wrong_id": [other],
            "garbage": [f"220 ready {text}\r\n".encode() + good],
            "malformed": [answers.no_ack()],
            "truncated": [good[: len(good) // 2]],
            "split": [good[at : at + 1] for at in range(len(good))],
            "two_acks": [good + good],
            "commit_block": [START + b"\x06" + END, good],
            "nak_block": [START + b"\x15" + END],
        }.get(fault, [good])

    def _right(self, message: Message, fault: str) -> bytes:
        """What a listener that is well says: in the mode the message asks for."""
        answer = self._application(message, fault)
        accept, application = message.header[14], message.header[15]
        if not accept and not application:
            return answer
        commit = self._answers.ack(message, "CA")
        return commit if application != "AL" or fault == "commit_only" else commit + answer

    def _application(self, message: Message, fault: str) -> bytes:
        if message.type.startswith("Z") and fault != "accepts_all":
            return self._answers.ack(message, "AR", 200)
        if message.type.startswith("QBP"):
            return self._found(message, fault)
        self._file(message)
        return self._answers.ack(message, "AA")

    def _found(self, message: Message, fault: str) -> bytes:
        known = message.patient == self._patient
        status = {"no_match": "NF", "query_error": "AE", "no_query_status": ""}.get(
            fault, "OK" if known else "NF"
        )
        patient = "ZZ0002" if fault == "crossed" else self._patient
        return self._answers.found(message, status, patient if status == "OK" else "")

    def _file(self, message: Message) -> None:
        if message.takes_back:
            self.standing.discard(message.thing)
        elif message.thing:
            self.standing.add(message.thing)


def _reset(writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    writer.transport.abort()
