"""A webhook receiver that misbehaves on request, over a real socket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

PAGE = "\n  <!DOCTYPE html><title>MRN 4711 Jane Roe</title>"
SECRET = b"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"


@dataclass(frozen=True)
class Post:
    path: str
    id: str
    timestamp: str
    signature: str
    content_type: str
    body: bytes


@dataclass
class Hook:
    """`script` says how the next posts are answered, then all is well.

    A number is a status; `hang` stores and never answers, `drop` stores and closes,
    `redirect` points elsewhere. `page` keeps nothing: something before us asks people to log in;
    `cut` says 200 and breaks off. What begins with `<` or a brace is the text of a 200.
    """

    url: str = ""
    script: list[str] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: web.Request) -> web.Response:
        self.posts.append(
            Post(
                request.path,
                request.headers["webhook-id"],
                request.headers["webhook-timestamp"],
                request.headers["webhook-signature"],
                request.headers["content-type"],
                await request.read(),
            )
        )
        self.arrived.set()
        step = self.script.pop(0) if self.script else "200"
        if step == "hang":
            await asyncio.Event().wait()
        if step == "drop":
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if step == "page":
            self.posts.pop()
            return web.Response(text=PAGE, content_type="text/html")
        if step == "cut":
            return await _cut(request)
        if step[:1] in "<{":
            return web.Response(text=step, content_type="text/html")
        if step == "redirect":
            return web.Response(status=307, headers={"location": "/elsewhere"})
        return web.Response(status=int(step), headers=self.headers, text="MRN 4711 Jane Roe")

    @property
    def ids(self) -> list[str]:
        return [post.id for post in self.posts]


async def _cut(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{")
    await asyncio.sleep(0.05)
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def hook(*script: str) -> AsyncIterator[Hook]:
    receiver = Hook(script=list(script))
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", receiver.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.05)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()
