"""MLLP framing (HL7 v2 Transport Specification, MLLP release 1): bytes to frozen events.

A frame is `0x0B message 0x1C 0x0D`. The decoder takes any bytes in any pieces; the only
exception it raises is `LimitError`.
"""

from __future__ import annotations

from dataclasses import dataclass

START = 0x0B
END = 0x1C
CR = 0x0D
MAX_MESSAGE = 1 << 20
MAX_GARBAGE = 1 << 16


# MLLP release 2: blocks of one byte by which the transport itself says that it stored a message, or
# did not.
ACK = b"\x06"
NAK = b"\x15"


class LimitError(Exception):
    """A frame or the bytes outside frames grew past the cap; the decoder is of no more use."""


@dataclass(frozen=True, slots=True)
class Frame:
    """What stood between 0x0B and 0x1C, unread."""

    message: bytes


@dataclass(frozen=True, slots=True)
class Garbage:
    """`count` bytes that belong to no frame; the bytes themselves are dropped."""

    count: int


def encode(message: bytes) -> bytes:
    """One frame; ValueError when the message holds a framing byte."""
    if START in message or END in message:
        raise ValueError("a message cannot hold the bytes 0x0B and 0x1C")
    return bytes((START,)) + message + bytes((END, CR))


class Decoder:
    """`receive` bytes, then take `next_event` until it is None; how bytes were cut is no matter.

    A frame ends at 0x1C: peers leave out the 0x0D after it or send it in another packet, and
    waiting for it would turn a good answer into a time-out. A 0x0B inside a frame starts anew;
    what came before it is garbage.
    """

    def __init__(self, max_message: int = MAX_MESSAGE, max_garbage: int = MAX_GARBAGE) -> None:
        self._max_message = max_message
        self._max_garbage = max_garbage
        self._buffer = bytearray()
        self._scanned = 0
        self._in_frame = False
        self._after_end = False
        self._garbage = 0
        self._failed = False

    @property
    def in_frame(self) -> bool:
        """A frame has begun and not ended."""
        return self._in_frame

    def receive(self, data: bytes) -> None:
        self._buffer += data

    def begin(self) -> None:
        """Count garbage anew, on a connection that outlives what it was opened for."""
        self._garbage = 0

    def next_event(self) -> Frame | Garbage | None:
        """The next event, or None when more bytes are needed; raises LimitError."""
        if self._failed:
            raise LimitError
        if not self._in_frame:
            junk = self._seek_start()
            if junk:
                return self._drop(junk)
            if not self._buffer:
                return None
            del self._buffer[:1]
            self._in_frame = True
            self._scanned = 0
        return self._seek_end()

    def _seek_start(self) -> int:
        """How many bytes stand before the next 0x0B, the 0x0D of the frame before not counted."""
        if self._after_end and self._buffer:
            self._after_end = False
            if self._buffer[0] == CR:
                del self._buffer[:1]
        start = self._buffer.find(START)
        return len(self._buffer) if start < 0 else start

    def _seek_end(self) -> Frame | Garbage | None:
        # The start first: of bytes that are all starts each is then looked at once.
        restart = self._buffer.find(START, self._scanned)
        end = self._buffer.find(END, self._scanned, None if restart < 0 else restart)
        restart = restart if end < 0 else -1
        length = restart if restart >= 0 else end if end >= 0 else len(self._buffer)
        if length > self._max_message:
            self._fail()
        if restart >= 0:
            self._scanned = 0
            return self._drop(restart + 1)
        if end < 0:
            self._scanned = len(self._buffer)
            return None
        message = bytes(self._buffer[:end])
        del self._buffer[: end + 1]
        self._in_frame = False
        self._after_end = True
        return Frame(message)

    def _drop(self, count: int) -> Garbage:
        del self._buffer[:count]
        self._garbage += count
        if self._garbage > self._max_garbage:
            self._fail()
        return Garbage(count)

    def _fail(self) -> None:
        self._failed = True
        self._buffer.clear()
        raise LimitError
