"""The X12 kinds against servers that answer anything, in any pieces: a verdict, bounded memory.

A second or two in `make test`, minutes in `make soak`.
"""

from __future__ import annotations

import asyncio
import random
import re
import tracemalloc
from typing import Any

from probes.contract import Kind, Outcome, Slot
from probes.kinds.x12_claim_status import KIND as CLAIM_STATUS
from probes.kinds.x12_eligibility import KIND as ELIGIBILITY
from probes.reasons import Reason
from probes.testing.payer import Payer
from probes.testing.payer_answers import Answers, hear
from tests.contract.conformance import conforms, environment, expect
from tests.support.payers import asking, claim, spec
from tests.support.soak import longer
from tests.support.streams import serving

PAYLOAD = re.compile(rb"(ISA.*?IEA\*1\*[0-9]{9}~)", re.DOTALL)
LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
PIECES = (
    b"~",
    b"*",
    b"ISA*",
    b"IEA*1*1~",
    b"AAA*Y**42*R~",
    b"]]>",
    b"--b\r\n",
    b"<",
    b"\xff",
    b"\r\n",
)


def at(port: int) -> Payer:
    """Of a simulator, the address alone."""
    payer = Payer()
    payer.origin = f"http://127.0.0.1:{port}"
    return payer


async def asked(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    found = LENGTH.search(head)
    assert found is not None
    return await reader.readexactly(int(found[1]))


def envelope(payload: bytes, asks: str, *, soap: bool) -> tuple[bytes, bytes]:
    """Content type and body of a right envelope."""
    kind = {"270": b"271_Response_005010X279A1", "276": b"277_Response_005010X212"}[asks]
    if soap:
        return b"application/soap+xml", (
            b'<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope"><e:Body>'
            b'<COREEnvelopeRealTimeResponse xmlns="urn:x"><PayloadType>X12_%b</PayloadType>'
            b"<Payload><![CDATA[%b]]></Payload><ErrorCode>Success</ErrorCode>"
            b"</COREEnvelopeRealTimeResponse></e:Body></e:Envelope>" % (kind, payload)
        )
    part = b'--b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
    told = ((b"PayloadType", b"X12_" + kind), (b"Payload", payload), (b"ErrorCode", b"Success"))
    body = b"".join(part % pair for pair in told) + b"--b--\r\n"
    return b"multipart/form-data; boundary=b", body


def answer(rng: random.Random, question: bytes, *, soap: bool) -> bytes:
    """A right answer, perhaps with some of its bytes gone and others there instead."""
    payload = PAYLOAD.search(question)
    assert payload is not None
    heard = hear(payload[1].decode())
    answers = Answers(heard, "ZZQUILL")
    told = rng.choice(
        (
            answers.eligibility() if heard.number == "270" else answers.status(("F1:65",)),
            answers.eligibility(("2100A", "N**T4*C")),
            answers.status(("E1:0",)),
            answers.implementation(rng.choice("AR")),
            answers.interchange(rng.choice("AR"), "006"),
        )
    ).encode()
    kind, body = envelope(told, heard.number, soap=soap)
    for _ in range(rng.randrange(3)):
        place = rng.randrange(len(body))
        more = rng.choice((rng.choice(PIECES), rng.randbytes(rng.randrange(6))))
        body = body[:place] + more + body[place + rng.randrange(30) :]
    head = b"HTTP/1.1 %d Any\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
    return head % (rng.choice((200, 200, 200, 500)), kind, len(body)) + body


async def test_a_server_that_answers_anything_gets_a_verdict_and_never_an_exception() -> None:
    rng = random.Random(12)
    soap = True

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        data = answer(rng, await asked(reader), soap=soap)
        if rng.random() < 0.1:
            data = data[: rng.randrange(len(data))]
        start = 0
        while start < len(data):
            step = rng.choice((1, 7, len(data)))
            writer.write(data[start : start + step])
            start += step
            await asyncio.sleep(0)
        writer.close()

    seen: set[Reason] = set()
    async with serving(serve) as port:
        for round_ in range(longer(40)):
            soap = round_ % 2 == 0
            for kind, given in asking(at(port), "core_soap" if soap else "core_mime"):
                async with kind.open(kind.parse(given), environment()) as probe:
                    for _ in range(3):
                        observation = await probe.run(Slot("check-1", 0))
                        conforms(kind, observation)
                        assert observation.outcome is not Outcome.UNKNOWN
                        seen.add(observation.reason)
    assert {Reason.OK, Reason.X12_REQUEST, Reason.X12_TRUNCATED, Reason.X12_MALFORMED} <= seen


async def test_byte_by_byte_an_answer_is_the_same() -> None:
    given: tuple[tuple[Kind[Any], Any], ...] = ((ELIGIBILITY, spec), (CLAIM_STATUS, claim))
    for soap in (True, False):

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            question = await asked(reader)
            found = PAYLOAD.search(question)
            assert found is not None
            heard = hear(found[1].decode())
            answers = Answers(heard, "ZZQUILL")
            right = answers.eligibility() if heard.number == "270" else answers.status(("F1:65",))
            kind, body = envelope(right.encode(), heard.number, soap=soap)  # noqa: B023 - awaited inside
            head = b"HTTP/1.1 200 OK\r\nContent-Type: %b\r\nContent-Length: %d\r\n\r\n"
            for byte in head % (kind, len(body)) + body + b"trailing":
                writer.write(bytes((byte,)))
                await asyncio.sleep(0)
            writer.close()

        async with serving(serve) as port:
            for kind, how in given:
                way = "core_soap" if soap else "core_mime"
                await expect(kind, how(at(port), way), Outcome.UP, Reason.OK)


async def test_forty_megabytes_are_refused_at_the_cap() -> None:
    sent = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await asked(reader)
        writer.transport.set_write_buffer_limits(1 << 16)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\n\r\n")
        while sent < 40 << 20:
            writer.write(b"<a>" * 21_845)
            await writer.drain()
            sent += 65_535

    async with serving(serve) as port:
        tracemalloc.start()
        try:
            large = (Outcome.MISCONFIGURED, Reason.HTTP_TOO_LARGE)
            await expect(ELIGIBILITY, spec(at(port)), *large, timeout_ms=10_000)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert sent < 12 << 20  # the cap, and what kernels hold on both sides
    assert peak < 8 << 20
