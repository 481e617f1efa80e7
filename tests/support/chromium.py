"""A real Chromium without a window, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import itertools
import json
import re
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

FLAGS = (
    "--headless=new",
    "--no-sandbox",  # tests run as root in containers
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    "--window-size=1100,900",
    "--remote-debugging-port=0",
)


@dataclass
class Browser:
    """One page of it."""

    socket: ClientWebSocketResponse
    complaints: list[str] = field(default_factory=list)
    _ids: Any = field(default_factory=lambda: itertools.count(1))
    _answers: dict[int, asyncio.Future[Any]] = field(default_factory=dict)

    async def listen(self) -> None:
        async for message in self.socket:
            if message.type is not WSMsgType.TEXT:
                continue
            data = json.loads(message.data)
            if data.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.complaints.append(json.dumps(data["params"])[:500])
            waiting = self._answers.pop(data.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(data)

    async def ask(self, method: str, **params: Any) -> Any:
        number = next(self._ids)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": number, "method": method, "params": params})
        found = await asyncio.wait_for(answer, 20)
        assert "error" not in found, found
        return found["result"]

    async def go(self, url: str) -> None:
        await self.ask("Page.navigate", url=url)

    async def run(self, script: str) -> Any:
        """The value of a piece of script in the page."""
        found = await self.ask("Runtime.evaluate", expression=script, returnByValue=True)
        return found["result"].get("value")

    async def until(self, script: str, within_s: float = 20) -> Any:
        """Wait until the script gives something; AssertionError shows what the page says."""
        for _ in range(int(within_s * 20)):
            with suppress(AssertionError):  # the page was just left
                value = await self.run(script)
                if value:
                    return value
            await asyncio.sleep(0.05)
        raise AssertionError((script, await self.run("document.body.innerText")))

    async def fill(self, **fields: str) -> None:
        """Type into the fields of these ids, as one does who uses a keyboard alone."""
        for name, text in fields.items():
            await self.run(f"document.getElementById({json.dumps(name)}).focus()")
            await self.ask("Input.insertText", text=text)

    async def press(self, key: str) -> None:
        code = {"Enter": 13, "Tab": 9}[key]
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        text = {"text": "\r"} if key == "Enter" else {}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    async def picture(self, file: Path) -> None:
        found = await self.ask("Page.captureScreenshot", format="png")
        file.write_bytes(base64.b64decode(found["data"]))


@asynccontextmanager
async def chromium(folder: Path) -> AsyncIterator[Browser]:
    process = await asyncio.create_subprocess_exec(
        "chromium", *FLAGS, f"--user-data-dir={folder}", "about:blank", stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stderr is not None
        port = await asyncio.wait_for(_port(process.stderr), 60)
        draining = asyncio.create_task(_drain(process.stderr))
        async with ClientSession() as session:
            async with session.get(f"http://127.0.0.1:{port}/json/list") as listed:
                pages = [one for one in await listed.json() if one["type"] == "page"]
            async with session.ws_connect(
                pages[0]["webSocketDebuggerUrl"], max_msg_size=64 * 1024 * 1024
            ) as socket:
                browser = Browser(socket)
                listening = asyncio.create_task(browser.listen())
                for domain in ("Page", "Runtime", "Log"):
                    await browser.ask(f"{domain}.enable")
                yield browser
                listening.cancel()
        draining.cancel()
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await asyncio.wait_for(process.wait(), 20)


async def _port(errors: asyncio.StreamReader) -> int:
    async for line in errors:
        found = re.search(rb"DevTools listening on ws://127\.0\.0\.1:(\d+)/", line)
        if found:
            return int(found.group(1))
    raise AssertionError("chromium ended")


async def _drain(errors: asyncio.StreamReader) -> None:
    while await errors.read(65_536):
        pass
