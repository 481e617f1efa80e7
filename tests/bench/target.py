"""The far side of the bench (simulated): answers after seeded log-normal times, 0.2 % not up.

`python -m tests.bench.target http|https|mllp FILE MEDIAN_MS right|as-in-life [CERT KEY]` writes its port into FILE.
A line on its standard input makes it write into FILE how often it was asked so far; at the end of
the input it ends.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import socket
import ssl
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.bench.machine import OTHER, Started, until

SEED = 20_260_701
SIGMA = 0.7
LONGEST_S = 0.5
NOT_UP = 0.002
COUNT = 5_000
BODY = b"<html><title>Portal</title><p>Sign in</p></html>"
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b"
GOOD = _OK % (len(BODY), BODY)
BAD = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_ACK = b"\x0bMSH|^~\\&|LAB|NORTH|WARDWATCH|NORTH|20260701050000+0000||ACK^A08^ACK|77|T|2.5.1\rMSA|%b|%b\r\x1c\r"


def answers(median_ms: float, not_up: float) -> Sequence[tuple[float, bool]]:
    """(seconds, is it right), the same in every run; median 0 answers at once."""
    rng = random.Random(SEED)
    return [
        (
            min(rng.lognormvariate(math.log(median_ms / 1000), SIGMA), LONGEST_S)
            if median_ms
            else 0.0,
            rng.random() >= not_up,
        )
        for _ in range(COUNT)
    ]


class Web(asyncio.Protocol):
    """One request, one answer, the end."""

    asked = 0

    def __init__(self, next_answer: Iterator[tuple[float, bool]]) -> None:
        self._next = next_answer
        self._transport: asyncio.Transport | None = None
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._read += data
        if not self._whole():
            return
        Web.asked += 1
        after_s, right = next(self._next)
        if after_s:
            asyncio.get_running_loop().call_later(after_s, self._answer, right)
        else:
            self._answer(right)

    def _whole(self) -> bool:
        return self._read.endswith(b"\r\n\r\n")

    def _answer(self, right: bool) -> None:  # noqa: FBT001 - as the loop calls it
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(GOOD if right else BAD)
            self._transport.close()


class Lab(Web):
    """MLLP: an acknowledgement of each message, on a connection that stays open."""

    def _whole(self) -> bool:
        return self._read.endswith(b"\x1c\r")

    def _answer(self, right: bool) -> None:  # noqa: FBT001 - as the loop calls it
        control_id = self._read.split(b"|", 10)[9]
        self._read = b""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_ACK % (b"AA" if right else b"AE", control_id))


def listening() -> socket.socket:
    found = socket.socket()
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.bind(("127.0.0.1", 0))
    found.listen(4096)
    return found


async def serve(
    kind: str, file: Path, median_ms: float, not_up: float, pair: Sequence[str]
) -> None:
    context = None
    if kind == "https":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(*pair)
    given = itertools.cycle(answers(median_ms, not_up))
    protocol = Lab if kind == "mllp" else Web
    loop = asyncio.get_running_loop()
    sock = listening()
    server = await loop.create_server(lambda: protocol(given), sock=sock, ssl=context)
    port = sock.getsockname()[1]
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    said = 0
    while True:
        new = file.with_suffix(".new")
        new.write_text(json.dumps({"port": port, "asked": Web.asked, "said": said}))
        new.rename(file)
        if not await reader.readline():
            break
        said += 1
    server.close()


class Target(Started):
    """The process; `url` is what to ask."""

    def __init__(
        self,
        folder: Path,
        kind: str = "http",
        median_ms: float = 5,
        pair: Sequence[str] = (),
        *,
        right: bool = False,
    ) -> None:
        """`right`: every answer is; otherwise 0.2 % are not."""
        self._file = folder / f"{kind}.json"
        self._said = 0
        words = [kind, str(self._file), str(median_ms), "right" if right else "as-in-life"]
        command: list[str | Path] = [sys.executable, "-m", "tests.bench.target", *words]
        super().__init__("target", [*command, *pair], folder / f"{kind}.log", OTHER)
        self.port: int = until(lambda: json.loads(self._file.read_text()), [self])["port"]
        self.url = f"{kind}://127.0.0.1:{self.port}/login"

    def asked(self) -> int:
        """How often it was asked so far."""
        self._said += 1
        self.say("asked")

        def told() -> dict[str, int] | None:
            found: dict[str, int] = json.loads(self._file.read_text())
            return found if found["said"] == self._said else None

        found: dict[str, int] = until(told, [self])
        return found["asked"]


if __name__ == "__main__":
    share = 0.0 if sys.argv[4] == "right" else NOT_UP
    asyncio.run(serve(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]), share, sys.argv[5:]))
