"""Commands of people at a collector with its own access: in a pipe, and on a real terminal."""

from __future__ import annotations

import asyncio
import os
import pty
import sys
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyotp import TOTP

from collector.cli import main
from collector.store.store import Store
from probes.config import Config
from tests.support.collectors import Collector, a_collector
from tests.support.entering import Person

STEP_MS = 30_000
COLUMNS = 80
"""Of a terminal."""


@dataclass
class Shell:
    """One host: its files, and the collector its commands ask. Standard input is no terminal."""

    collector: Collector
    folder: Path

    async def run(self, *argv: str) -> int:
        """The exit code of `wardwatch ... --url`."""
        return await asyncio.to_thread(main, [*argv, "--url", self.collector.origin])

    def ref(self, name: str, text: str) -> str:
        """A reference to a file that holds the text."""
        path = self.folder / name
        path.write_text(f"{text}\n")
        return f"file:{path}"

    async def proof(self, person: Person) -> tuple[str, ...]:
        """Options with password and code, once the authenticator shows one that was not used."""
        return ("--password", self.ref("password", person.password), *await self.totp(person))

    async def totp(self, person: Person) -> tuple[str, str]:
        return ("--totp", self.ref("totp", await self.code(person)))

    async def code(self, person: Person) -> str:
        await self.collector.clock.advance(STEP_MS)
        return TOTP(person.secret).at(self.collector.clock.now_ms() // 1000)

    async def log_in(self, person: Person, *more: str) -> int:
        return await self.run(
            "login", "--account", person.account, *await self.proof(person), *more
        )

    async def admin(self) -> Person:
        """The first admin, enrolled and logged in."""
        code = await self.collector.access.first_link()
        assert code is not None
        person = await self.collector.enrol(code, "admin-1")
        assert await self.log_in(person) == 0
        return person


@asynccontextmanager
async def a_shell(
    store: Store, folder: Path, used: Config | None = None, *, log_guard: Path | None = None
) -> AsyncIterator[Shell]:
    async with a_collector(store, used, log_guard=log_guard) as collector:
        yield Shell(collector, folder)


@dataclass
class Terminal:
    """A command on a pseudo-terminal: what it shows, and typing into it."""

    process: asyncio.subprocess.Process
    handle: int
    shown: str = ""
    _answered: int = 0
    _more: asyncio.Event = field(default_factory=asyncio.Event)

    def read(self) -> None:
        try:
            self.shown += os.read(self.handle, 65_536).decode()
        except OSError:  # the other side is closed
            asyncio.get_running_loop().remove_reader(self.handle)
        self._more.set()

    async def answer(self, question: str, typed: str) -> None:
        """Wait for the question, and type a line."""
        async with asyncio.timeout(60):
            while (at := self.shown.find(question, self._answered)) < 0:
                self._more.clear()
                await self._more.wait()
        self._answered = at + len(question)
        os.write(self.handle, f"{typed}\n".encode())

    async def end(self) -> tuple[int, str]:
        """Exit code, and all that stood on the terminal."""
        async with asyncio.timeout(60):
            code = await self.process.wait()
        # what is written stays to be read when the other side is closed
        self.read()
        return code, self.shown.replace("\r\n", "\n")


@asynccontextmanager
async def a_terminal(*argv: str) -> AsyncIterator[Terminal]:
    """`wardwatch ...` as a process whose three streams are one terminal."""
    handle, other = pty.openpty()
    termios.tcsetwinsize(other, (24, COLUMNS))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import sys; from collector.cli import main; sys.exit(main())",
        *argv,
        stdin=other,
        stdout=other,
        stderr=other,
        # a terminal of nobody: getpass must not find that of whoever runs the tests
        start_new_session=True,
    )
    os.close(other)
    terminal = Terminal(process, handle)
    asyncio.get_running_loop().add_reader(handle, terminal.read)
    try:
        yield terminal
    finally:
        asyncio.get_running_loop().remove_reader(handle)
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(handle)
