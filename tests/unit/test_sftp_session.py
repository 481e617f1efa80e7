"""One SFTP session against a server that answers anything, in any pieces."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from probes.claim_files import ClaimFiles
from probes.claim_spec import ClaimChainSpec
from probes.clock import ManualClock
from probes.net import NetFailure
from probes.sftp_session import Refused, Session
from probes.sftp_write import WriteTester
from probes.wire import sftp
from tests.support.soak import longer

NOW = 1_800_000_000_000
SPEC = ClaimChainSpec.model_validate(
    {
        "sftp": {
            "host": "h",
            "host_keys": ["SHA256:" + "A" * 43],
            "user": "u",
            "auth": {"password": "env:P"},
        },
        "sent": {"folder": "/sent"},
        "answers": {"999": {"folder": "/999", "within": "1d"}},
    }
)


class Liar:
    """Answers each request with something: right, wrong, broken, several at once, or the end."""

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._ready = bytearray()
        self._left = 400

    def send(self, data: bytes) -> None:
        while data:
            length = int.from_bytes(data[:4], "big")
            self._ready += self._answer(data[4], data[5:9])
            data = data[4 + length :]

    async def receive(self) -> bytes:
        self._left -= 1
        if not self._ready or not self._left:
            return b""
        size = self._rng.randrange(1, 300)
        piece = bytes(self._ready[:size])
        del self._ready[:size]
        return piece

    def _answer(self, asked: int, id_: bytes) -> bytes:
        rng = self._rng
        if asked == 1:
            return _packet(b"\x02\x00\x00\x00\x03")
        if rng.random() < 0.01:
            return rng.randbytes(rng.randrange(12))
        if rng.random() < 0.01:
            id_ = rng.randbytes(4)
        code = rng.choice([0, 0, 0, 0, 1, 2, 3, 4, 9]) if rng.random() < 0.2 else 0
        said = _packet(b"\x65" + id_ + code.to_bytes(4, "big"))
        ended = _packet(b"\x65" + id_ + (1).to_bytes(4, "big"))
        right = {
            3: _packet(b"\x66" + id_ + _text(b"h")),
            5: rng.choice([ended, _packet(b"\x67" + id_ + _text(rng.randbytes(9)))]),
            8: _packet(b"\x69" + id_ + bytes(4)),
            11: _packet(b"\x66" + id_ + _text(b"h")),
            12: rng.choice([ended, _packet(b"\x68" + id_ + self._names())]),
        }
        return said if rng.random() < 0.02 else right.get(asked, said)

    def _names(self) -> bytes:
        old = b"\x00\x00\x00\x08" + bytes(4) + (NOW // 1000 - 90_000).to_bytes(4, "big")
        names = [b".", b"a.837", b"\xff\xfe", self._rng.randbytes(5)]
        some = self._rng.choices(names, k=self._rng.randrange(4))
        entries = [_text(name) + _text(b"") + self._rng.choice([bytes(4), old]) for name in some]
        return len(entries).to_bytes(4, "big") + b"".join(entries)


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value


def _packet(body: bytes) -> bytes:
    return len(body).to_bytes(4, "big") + body


async def _work(session: Session) -> None:
    await session.begin()
    files = ClaimFiles(SPEC, NOW)
    files.begin(NOW)
    for stage, source in files.sources:
        await files.list(session, stage, source, NOW)
    await files.read(session, lambda: True)
    files.known(whole=True)
    await WriteTester("/in", ManualClock(NOW)).run(session)


def test_whatever_is_answered_a_run_ends_with_a_verdict() -> None:
    ends = Counter(_end(seed) for seed in range(longer(1500)))
    assert {one.partition(".")[0] for one in ends} == {"done", "sftp"}
    assert len(ends) >= 6, ends


def _end(seed: int) -> str:
    liar = Liar(random.Random(seed))
    try:
        asyncio.run(_work(Session(liar.send, liar.receive)))
    except (Refused, NetFailure) as end:
        return end.reason.value
    return "done"


async def test_an_answer_that_nobody_asked_for_ends_the_session() -> None:
    told = [_packet(b"\x65" + (9).to_bytes(4, "big") + bytes(4))]

    async def receive() -> bytes:
        return told.pop()

    with pytest.raises(NetFailure, match=r"sftp\.protocol"):
        await Session(lambda _data: None, receive).ask(sftp.close(b"h"))


async def test_nothing_asked_is_nothing_sent() -> None:
    async def receive() -> bytes:
        raise AssertionError

    assert await Session(lambda _data: pytest.fail("sent"), receive).ask() == []
