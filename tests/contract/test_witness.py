"""Our client against our witness over real sockets, and what else the witness answers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from collector.attest import note
from collector.witness import answers, client, messages
from collector.witness.answers import Answers
from collector.witness.client import Cosigned, Witness
from collector.witness.kept import Kept
from collector.witness.keyfile import WitnessKey
from collector.witness.refusals import Refusal, Refused
from collector.witness.witnessing import Witnessing
from probes.clock import ManualClock
from tests.support.lossy_folder import LossyFolder
from tests.unit.witness.logs import NAME, NOW_S, ORIGIN, WITNESS, Log, private

KEY = WitnessKey(NAME, private(9))
LOG = Log()
OTHER = Log(origin="log.example/audit", n=2)


class Stage:
    def __init__(self, url: str, session: aiohttp.ClientSession, witnessing: Witnessing) -> None:
        self.url = url
        self.session = session
        self.witnessing = witnessing
        self.clock = ManualClock()

    async def add(self, log: Log, size: int, held: int = 0) -> Cosigned | Refused:
        async def prove(old: int) -> Sequence[bytes]:
            return log.proof(old, size)

        witness = Witness(self.url, WITNESS)
        signed = log.signed(size)
        return await client.add_checkpoint(self.session, witness, signed, held, prove, self.clock)

    async def get(self, path: str) -> tuple[int, str]:
        async with self.session.get(self.url + path) as response:
            return response.status, await response.text()

    async def post(self, body: bytes | AsyncIterator[bytes]) -> tuple[int, str, str]:
        async with self.session.post(self.url + messages.PATH, data=body) as response:
            return response.status, response.content_type, await response.text()


@asynccontextmanager
async def stage(disk: LossyFolder | None = None) -> AsyncIterator[Stage]:
    disk = LossyFolder(random.Random(1)) if disk is None else disk
    logs = {ORIGIN: [LOG.key], OTHER.origin: [OTHER.key]}
    witnessing = Witnessing(KEY, logs, Kept(disk, KEY.verifier), ManualClock())
    runner = web.AppRunner(Answers(witnessing).app(), access_log=None, auto_decompress=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with client.opened() as session:
            yield Stage(url, session, witnessing)
    finally:
        await runner.cleanup()


async def test_a_log_grows_under_its_witness() -> None:
    async with stage() as on:
        for held, size in ((0, 1), (1, 1), (1, 7), (0, 30), (7, 40)):
            found = await on.add(LOG, size, held)
            assert isinstance(found, Cosigned)
            signed = note.with_signatures(LOG.signed(size), found.line)
            assert [one.time_s for one in note.verify(signed, [LOG.key, WITNESS])] == [None, NOW_S]


async def test_each_refusal_reaches_the_log_as_what_it_is() -> None:
    fork = Log(leaves=[b"another", *LOG.leaves[1:]])
    async with stage() as on:
        await on.add(LOG, 20)
        assert await on.add(LOG, 10) == Refused(Refusal.SIZE, 20)
        assert await on.add(fork, 20) == Refused(Refusal.ROOT, 20)
        assert await on.add(fork, 20, 20) == Refused(Refusal.ROOT, 20)
        assert await on.add(fork, 30) == Refused(Refusal.PROOF)
        assert await on.add(Log(n=5), 30) == Refused(Refusal.SIGNATURE)
        assert await on.add(Log(origin="x.example"), 30) == Refused(Refusal.ORIGIN)
        assert isinstance(await on.add(LOG, 30), Cosigned)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "text/plain")),
        (b"old 5\n\n", (400, "text/plain")),
        (messages.write(LOG.asks(5, 30)).replace(b"old 5", b"old 31"), (400, "text/plain")),
        (messages.write(Log(n=5).asks(0, 30)), (403, "text/plain")),
        (messages.write(Log(origin="x.example").asks(0, 30)), (404, "text/plain")),
        (messages.write(LOG.asks(5, 30)), (409, "text/x.tlog.size")),
        (
            messages.write(LOG.asks(20, 30)).replace(b"\n", b"\n" + b"A" * 43 + b"=\n", 1),
            (422, "text/plain"),
        ),
        (bytes(messages.MAX_REQUEST + 1), (413, "text/plain")),
    ],
)
async def test_statuses_are_those_of_the_specification(
    body: bytes, expected: tuple[int, str]
) -> None:
    async with stage() as on:
        await on.add(LOG, 20)
        status, content_type, text = await on.post(body)
        assert (status, content_type) == expected
        assert text == "20\n" if status == 409 else text.startswith("witness.")
        assert isinstance(await on.add(LOG, 30, 20), Cosigned)


async def test_what_is_cosigned_is_answered_as_signature_lines() -> None:
    async with stage() as on:
        status, content_type, text = await on.post(messages.write(LOG.asks(0, 5)))
        assert (status, content_type) == (200, "text/plain")
        line = note.cosign(LOG.text(5), NAME, private(9), NOW_S)
        assert messages.read_signatures(text.encode()) == (line,)


async def test_it_says_who_it_is_and_what_it_has_cosigned_last() -> None:
    async with stage() as on:
        await on.add(LOG, 20)
        await on.add(LOG, 30, 20)
        line = note.cosign(LOG.text(30), NAME, private(9), NOW_S)
        held = note.write(note.with_signatures(LOG.signed(30), line)).decode()
        said = f"Wardwatch witness\nname: {NAME}\nkey: {WITNESS.text()}\nlogs: 2\n\n"
        shown = f"----- {ORIGIN}\n{held}\n----- {OTHER.origin}\nnothing cosigned yet\n"
        assert await on.get("/") == (200, said + shown)
        assert await on.get(f"/checkpoint/{ORIGIN}") == (200, held)
        assert (await on.get(f"/checkpoint/{OTHER.origin}"))[0] == 404
        assert (await on.get("/checkpoint/x.example"))[0] == 404
        assert await on.get("/health") == (200, "ok\n")


async def test_nothing_of_a_request_comes_back() -> None:
    word = "Mustermann"
    async with stage() as on:
        for path in (f"/{word}", f"/checkpoint/{word}", f"/?{word}"):
            assert word not in (await on.get(path))[1]
        assert word not in (await on.post(word.encode()))[2]
        assert await on.get("/add-checkpoint") == (405, "")


async def test_a_disk_that_failed_shows_in_its_health() -> None:
    disk = LossyFolder(random.Random(1))
    async with stage(disk) as on:
        disk.fail_at = disk.steps + 2
        assert await on.add(LOG, 5) == Refused(Refusal.STATUS)
        assert (await on.get("/health"))[0] == 503


async def test_a_request_that_comes_too_slowly_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "READ_S", 0.2)

    async def slow() -> AsyncIterator[bytes]:
        yield b"old 5\n"
        await asyncio.sleep(2)
        yield b"\n"

    async with stage() as on:
        begun = asyncio.get_running_loop().time()
        assert (await on.post(slow()))[0] == 400
        assert asyncio.get_running_loop().time() - begun < 2
        assert isinstance(await on.add(LOG, 30), Cosigned)


async def test_more_requests_at_once_than_it_holds_are_put_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(answers, "MOST_OPEN", 1)
    come, go = asyncio.Event(), asyncio.Event()

    async def waiting() -> AsyncIterator[bytes]:
        yield b"old 5\n"
        come.set()
        await go.wait()
        yield b"\n"

    async with stage() as on:
        first = asyncio.create_task(on.post(waiting()))
        await come.wait()
        while not isinstance(found := await on.add(LOG, 30), Refused):
            await asyncio.sleep(0)
        assert found == Refused(Refusal.BUSY)
        go.set()
        assert (await first)[0] == 400
        assert isinstance(await on.add(LOG, 31, 30), Cosigned)
