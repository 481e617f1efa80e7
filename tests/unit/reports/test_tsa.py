from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from collector.reports.timestamps import MAX_BYTES, Stamp, StampError, check, request
from collector.reports.tsa import TsaError, stamped
from tests.support.tsa import Authority, authority

STATEMENT = b'{"payload":"a statement"}'
DIGEST = hashlib.sha256(STATEMENT).digest()
NONCE = 9_876_543_210
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@pytest.fixture
def simulated(tmp_path: Path) -> Authority:
    return authority(tmp_path / "tsa")


async def asked(
    handler: Handler, simulated: Authority, timeout_s: float = 5
) -> tuple[bytes, Stamp]:
    app = web.Application()
    app.router.add_post("/", handler)
    async with TestServer(app) as server:
        url = str(server.make_url("/"))
        return await stamped(url, STATEMENT, NONCE, [simulated.root], timeout_s)


async def test_the_token_that_is_kept_is_the_one_that_was_judged(simulated: Authority) -> None:
    token, stamp = await asked(simulated.serve, simulated)
    assert check(token, DIGEST, [simulated.root], NONCE) == stamp


async def test_a_token_for_another_question_is_refused_by_name(simulated: Authority) -> None:
    """A replayed answer, and one over another statement."""
    for question, fault in (
        (request(DIGEST, NONCE + 1), "timestamp.nonce"),
        (request(hashlib.sha256(b"other").digest(), NONCE), "timestamp.digest"),
    ):
        old = await simulated.reply(question)

        async def replayed(_request: web.Request, body: bytes = old) -> web.Response:
            return web.Response(body=body, content_type="application/timestamp-reply")

        with pytest.raises(StampError) as caught:
            await asked(replayed, simulated)
        assert caught.value.fault.value == fault


def replying(
    status: int = 200,
    body: bytes = b"x",
    media: str = "application/timestamp-reply",
    location: str | None = None,
) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        headers = {} if location is None else {"Location": location}
        return web.Response(status=status, body=body, content_type=media, headers=headers)

    return handler


@pytest.mark.parametrize(
    ("handler", "trouble"),
    [
        (replying(503), "status"),
        (replying(307, location="http://127.0.0.1:1/"), "status"),
        (replying(media="text/html"), "not_a_reply"),
        (replying(body=b"x" * (MAX_BYTES + 1)), "too_large"),
    ],
)
async def test_an_answer_that_is_no_time_stamp_is_named(
    handler: Handler, trouble: str, simulated: Authority
) -> None:
    with pytest.raises(TsaError) as caught:
        await asked(handler, simulated)
    assert caught.value.trouble.value == trouble


async def test_an_authority_that_keeps_silent_and_one_that_is_not_there_are_named(
    simulated: Authority, unused_tcp_port: int
) -> None:
    async def silent(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    with pytest.raises(TsaError) as caught:
        await asked(silent, simulated, 0.2)
    assert caught.value.trouble.value == "timeout"
    with pytest.raises(TsaError) as caught:
        await stamped(f"http://127.0.0.1:{unused_tcp_port}/", STATEMENT, NONCE, [simulated.root], 5)
    assert caught.value.trouble.value == "network"
