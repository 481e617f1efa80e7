"""A simulated interface engine that sends a copy of a feed, and misbehaves on command.

Every message holds the canaries it is given, in segments a listener has no business to read.
"""

from __future__ import annotations

import asyncio
import itertools
import ssl

START, END = b"\x0b", b"\x1c\x0d"


def message(
    kind: str,
    control_id: str,
    canaries: tuple[str, ...] = (),
    *,
    accept: str = "",
    answer: str = "",
) -> bytes:
    """`kind` is MSH-9 such as `ADT^A01`; `accept` and `answer` are MSH-15 and MSH-16."""
    text = " ".join(canaries)
    head = f"MSH|^~\\&|ENGINE|HOSP|WARDWATCH|HOSP|20260101120000+0000||{kind}|{control_id}|P|2.5.1"
    if accept or answer:
        head += f"|||{accept}|{answer}"
    return f"{head}\rPID|1||{text}||{text}\rZPD|1|{text}\r".encode()


class MllpSender:
    """One connection of an engine; `acks` are the frames that came back, unframed."""

    SHAPES: tuple[str, ...] = (
        "whole",
        "byte_by_byte",
        "garbage_between",
        "end_without_cr",
        "line_feeds",
        "two_at_once",
    )
    """Ways a good message may come."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> None:
        self.acks: list[bytes] = []
        self._place = (host, port, tls)
        self._numbers = itertools.count(1)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def connect(self) -> None:
        host, port, tls = self._place
        self._reader, self._writer = await asyncio.open_connection(host, port, ssl=tls)

    async def send(
        self, kind: str, *, shape: str = "whole", canaries: tuple[str, ...] = ()
    ) -> bytes:
        """One message in this shape; the acknowledgement. Raises what a lost connection does."""
        control_id = f"SIM{next(self._numbers):09d}"
        text = _shaped(shape, message(kind, control_id, canaries))
        await self.write(text, cut=shape == "byte_by_byte")
        if shape == "two_at_once":
            await self.acknowledgement()
        return await self.acknowledgement()

    async def write(self, data: bytes, *, cut: bool = False) -> None:
        """Just these bytes; `cut` sends each by itself."""
        if self._writer is None:
            raise AssertionError("not connected")
        for piece in [data[n : n + 1] for n in range(len(data))] if cut else [data]:
            self._writer.write(piece)
            await self._writer.drain()
            if cut:
                await asyncio.sleep(0)

    async def acknowledgement(self) -> bytes:
        """The next frame; asyncio.IncompleteReadError when the listener closed."""
        if self._reader is None:
            raise AssertionError("not connected")
        frame = await self._reader.readuntil(END)
        self.acks.append(frame.removeprefix(START).removesuffix(END))
        return self.acks[-1]

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._reader = self._writer = None
            await asyncio.sleep(0)


def _shaped(shape: str, text: bytes) -> bytes:
    if shape == "line_feeds":
        text = text.replace(b"\r", b"\r\n")
    frame = START + text + END
    return {
        "garbage_between": b"\r\n" + frame + b"\r\n\r\n",
        "end_without_cr": frame[:-1],
        "two_at_once": frame + frame,
    }.get(shape, frame)
