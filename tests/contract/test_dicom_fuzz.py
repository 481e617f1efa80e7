"""The kind `dicom_find` against nodes that answer anything: a verdict, no exception, bounded memory.

A second or two in `make test`, minutes in `make soak`.
"""

from __future__ import annotations

import asyncio
import random
import threading
import tracemalloc
from itertools import count
from typing import Any

from probes.contract import Outcome, Slot
from probes.dicom_line import THREADS
from probes.kinds.dicom_find import KIND
from probes.reasons import Reason
from probes.testing import dicom_pdus as pdus
from tests.contract.conformance import conforms, environment, expect
from tests.contract.test_dicom_echo import spec as place
from tests.support.soak import longer
from tests.support.streams import serving

COMMAND = pdus.Command(pdus.FIND_RQ, 1, "1.2.840.10008.5.1.4.31")


def spec(at: int) -> dict[str, Any]:
    return place(at, model="worklist", slow_after="9s")


async def pdu(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(6)
    return await reader.readexactly(int.from_bytes(head[2:], "big"))


def mangled(rng: random.Random, right: bytes) -> bytes:
    """Mostly the right bytes; else some are changed, cut, doubled, or made up."""
    way = rng.randrange(24)
    at = rng.randrange(len(right))
    if way == 3:
        return right[:at]
    if way == 4:
        return right[:at] + rng.randbytes(rng.randrange(4)) + right[at + 1 :]
    if way == 5:
        return right[:at] + right
    if way > 7:
        return right
    if way == 6:
        return rng.randbytes(rng.randrange(1, 40))
    return pdus.pdu(rng.randrange(9), rng.randbytes(rng.choice((0, 4, 4, 40))))


async def test_a_node_that_answers_anything_gets_a_verdict_and_never_an_exception() -> None:
    """Each association draws by its own number: what it answers hangs on no other's pace."""
    numbers = count()

    async def say(rng: random.Random, writer: asyncio.StreamWriter, data: bytes) -> None:
        step = rng.choice((1, 7, len(data) or 1))
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await asyncio.sleep(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        rng = random.Random(next(numbers))
        asked = pdus.requested(await pdu(reader))
        await say(rng, writer, mangled(rng, pdus.accept(asked, rng.choice((0, 0, 0, 3)), b"ZZ")))
        await pdu(reader)
        if rng.random() < 0.1:
            return  # it hangs up on the question
        for _ in range(rng.randrange(3)):
            found = pdus.response(1, COMMAND, 0xFF00, b"", pdus.identifier(b"ZZTEST"))
            await say(rng, writer, mangled(rng, found))
        last = pdus.response(1, COMMAND, rng.choice((0, 0, 0xA700)), b"", None)
        await say(rng, writer, mangled(rng, last))
        if rng.random() < 0.3:
            writer.transport.abort()
        elif rng.random() < 0.2:
            await reader.read()

    seen: set[Reason] = set()
    async with serving(serve) as port:
        config = KIND.parse(spec(port))
        async with KIND.open(config, environment(timeout_ms=120)) as probe:
            for _ in range(longer(100)):
                observation = await probe.run(Slot("check-1", 0))
                conforms(KIND, observation)
                assert observation.outcome is not Outcome.UNKNOWN
                seen.add(observation.reason)
    assert seen >= {
        Reason.OK,
        Reason.DICOM_CLOSED,
        Reason.DICOM_MALFORMED,
        Reason.DICOM_NO_CONTEXT,
        Reason.DICOM_TIMEOUT,
    }
    ours = [one for one in threading.enumerate() if one.name.startswith("dicom")]
    assert len(ours) <= THREADS


async def flooded(first: bytes) -> None:
    """A node that answers with `first`, then with fragments of which none is the last."""
    sent = 0
    part = bytes(10_000)
    flags = 1 if not first else 0
    more = pdus.pdu(pdus.DATA, (len(part) + 2).to_bytes(4, "big") + bytes((1, flags)) + part)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        asked = pdus.requested(await pdu(reader))
        writer.write(pdus.accept(asked, 0, b"") + first)
        await pdu(reader)
        writer.transport.set_write_buffer_limits(1 << 16)
        while sent < 40 << 20:
            writer.write(more)
            await writer.drain()
            await asyncio.sleep(0)
            sent += len(more)

    async with serving(serve) as port:
        async with KIND.open(KIND.parse(spec(port)), environment()):
            pass  # the library's tables are no part of this
        tracemalloc.start()
        try:
            malformed = (Outcome.DOWN, Reason.DICOM_MALFORMED)
            await expect(KIND, spec(port), *malformed, timeout_ms=10_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sent < 12 << 20  # the cap, and what kernels hold on both sides
    assert peak < 8 << 20


async def test_a_command_without_an_end_is_cut_off() -> None:
    await flooded(b"")


async def test_an_identifier_without_an_end_is_cut_off() -> None:
    pending = pdus.response(1, COMMAND, 0xFF00, b"", b"")
    await flooded(pending[: -len(pdus.pdu(pdus.DATA, bytes(6)))])
