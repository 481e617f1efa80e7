"""The kind `hl7` against listeners that answer anything: no exception but its own, bounded memory.

A second or two in `make test`, minutes in `make soak`.
"""

from __future__ import annotations

import asyncio
import random
import tracemalloc

from probes.contract import Outcome, Slot
from probes.kinds.hl7 import KIND
from probes.reasons import Reason
from tests.contract.conformance import conforms, environment, expect
from tests.contract.test_hl7 import spec
from tests.contract.test_hl7_ladder import WITH
from tests.support.soak import longer
from tests.support.streams import serving

PIECES = (
    b"\x0b",
    b"\x1c\r",
    b"\x1c",
    b"\r",
    b"\n",
    b"\x06",
    b"\x15",
    b"|",
    b"^",
    b"~",
    b"MSH|^~\\&|A|||||||9",
    b"MSH|^~\\&|||||||||||||||||UNICODE UTF-8\r",
    b"MSA|AA|",
    b"MSA|AE|",
    b"QAK|1|NF\r",
    b"ERR|||207\r",
    b"ERR|PID^1^3^204&x\r",
    b"PID|1||ZZ0001\r",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
)


def answer(rng: random.Random, control_id: bytes) -> bytes:
    """Some pieces of an answer, some bytes, the right one broken in places."""
    parts: list[bytes] = []
    for _ in range(rng.randrange(1, 12)):
        kind = rng.randrange(5)
        if kind == 0:
            parts.append(rng.randbytes(rng.randrange(1, 9)))
        elif kind == 1:
            right = b"\x0bMSH|^~\\&|\rMSA|AA|" + control_id + b"\r\x1c\r"
            at = rng.randrange(len(right))
            parts.append(right[:at] + rng.randbytes(rng.randrange(3)) + right[at + 1 :])
        elif kind == 2:
            parts.append(control_id)
        else:
            parts.append(rng.choice(PIECES))
    return b"".join(parts)


async def test_a_listener_that_answers_anything_gets_a_verdict_and_never_an_exception() -> None:
    rng = random.Random(20)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head = (await reader.readuntil(b"\x1c\r")).split(b"|")
            data = answer(rng, head[9])
            at = 0
            while at < len(data):
                step = rng.choice((1, 3, len(data)))
                writer.write(data[at : at + step])
                at += step
                await asyncio.sleep(0)
            if rng.random() < 0.6:
                (writer.close if rng.random() < 0.7 else writer.transport.abort)()
                return

    seen: set[Outcome] = set()
    async with serving(serve) as port:
        for round_ in range(longer(12)):
            message = ("adt_a08", "query", "visit", "bad_type")[round_ % 4]
            given = {"host": "127.0.0.1", "port": str(port), "message": message}
            given["connection"] = "keep" if round_ % 2 else "each"
            config = KIND.parse({**given, **WITH[message]})
            async with KIND.open(config, environment(timeout_ms=60)) as probe:
                for _ in range(8):
                    observation = await probe.run(Slot("check-1", 0))
                    conforms(KIND, observation)
                    assert observation.outcome is not Outcome.UNKNOWN
                    seen.add(observation.outcome)
    assert seen >= {Outcome.UP, Outcome.DOWN, Outcome.MISCONFIGURED}


async def test_forty_megabytes_without_an_end_are_refused_at_the_cap() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await reader.readuntil(b"\x1c\r")
        writer.transport.set_write_buffer_limits(1 << 16)
        writer.write(b"\x0b")
        while sent < 40 << 20:
            writer.write(b"x" * (1 << 16))
            await writer.drain()
            sent += 1 << 16

    async with serving(serve) as port:
        given = spec(port, slow_after="9s")
        KIND.prepare(KIND.parse(given))  # hl7apy's tables are no part of this
        tracemalloc.start()
        try:
            malformed = (Outcome.DOWN, Reason.HL7_ACK_MALFORMED)
            await expect(KIND, given, *malformed, timeout_ms=10_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sent < 12 << 20  # the cap, and what kernels hold on both sides
    assert peak < 8 << 20
