"""Tells the collector, once the line is back, what this agent told by itself."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import aiohttp
import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from yarl import URL

from agent.telling import Message
from probes import notice
from probes.notice import CHECKS, Notice

log = logging.getLogger("wardwatch.agent")

PATH = "agent/v1/told"
TIMEOUT_S = 15.0
ANSWER_LIMIT = 65_536
SIGNATURE = "notice.signature"


class _Problem(msgspec.Struct):
    code: str = ""


class Reporter:
    """`report` is one attempt; an answer of 400 is a verdict on the notice itself, for good, unless
    it is about the signature: another key may be known later.
    """

    def __init__(
        self,
        session: aiohttp.ClientSession,
        collector: URL,
        org: str,
        agent: str,
        key: Callable[[], Ed25519PrivateKey],
    ) -> None:
        self._session = session
        self._url = collector / PATH
        self._from = (org, agent)
        self._key = key

    async def report(self, message: Message, taken: Sequence[str]) -> bool:
        org, agent = self._from
        told = Notice(
            version=notice.VERSION,
            org=org,
            agent=agent,
            id=message.id,
            kind=message.kind.value,
            at=message.at_ms,
            since=message.since_ms,
            system=message.system,
            cause=message.cause,
            checks=list(message.checks[:CHECKS]),
            systems=list(message.systems[:CHECKS]),
            taken=list(taken),
        )
        try:
            async with self._session.post(
                self._url,
                data=notice.seal(self._key(), told),
                headers={"Content-Type": notice.CONTENT_TYPE},
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S),
            ) as response:
                status, body = response.status, await response.content.read(ANSWER_LIMIT)
        except (aiohttp.ClientError, OSError):  # TimeoutError among them
            return False
        if status == 400 and _code(body) == SIGNATURE:
            return False
        if status == 400:
            log.error("fallback.notice_refused kind=%s", message.kind.value)
        return status in (200, 400)


def _code(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Problem).code
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return ""
