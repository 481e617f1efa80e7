"""A simulated batch job: it tells an address that it began and how it ended, or does not."""

from __future__ import annotations

from enum import StrEnum

import aiohttp
from yarl import URL


class Fault(StrEnum):
    """What may become of a run."""

    NONE = "none"
    FAILS = "fails"
    EXITS_3 = "exits_3"
    HANGS = "hangs"
    """It begins, and nothing more is heard."""
    SILENT = "silent"
    """It never begins, as of a host that is off."""


class BatchJob:
    """One job; `fault` may be set between runs."""

    def __init__(self, session: aiohttp.ClientSession, address: URL) -> None:
        self._session = session
        self._address = address
        self.fault = Fault.NONE

    async def run(self) -> list[int]:
        """One run; the status of each answer."""
        if self.fault is Fault.SILENT:
            return []
        said = ["start"]
        if self.fault is Fault.NONE:
            said.append("success")
        elif self.fault is Fault.FAILS:
            said.append("fail")
        elif self.fault is Fault.EXITS_3:
            said.append("3")
        return [await self._tell(word) for word in said]

    async def _tell(self, word: str) -> int:
        """With what it printed, as scripts do."""
        async with self._session.post(
            self._address / word, data=b"DOE^JANE 1980-02-03\n"
        ) as answer:
            await answer.read()
            return answer.status
