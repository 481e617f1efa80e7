"""Asks an OpenID provider: one try, no redirects, a deadline and a bound on what is read."""

from __future__ import annotations

import asyncio
import json
import logging
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

MAX_BYTES = 262_144
"""Longest answer read; key sets with certificate chains are a tenth of it."""
DEADLINE_S = 10.0

Clients = Callable[[], httpx.AsyncClient]


class UnansweredError(Exception):
    """No usable answer; always raised `from None`, for its cause may quote the far side."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`body` is empty unless the status is 200."""

    status: int
    body: Mapping[str, Any]


def strict_clients() -> Clients:
    """New clients on the host's trusted certificates, without proxies or netrc of the environment."""
    context = ssl.create_default_context()
    for name in ("httpx", "httpcore"):  # they log addresses with queries, and headers
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return lambda: httpx.AsyncClient(
        verify=context, trust_env=False, follow_redirects=False, timeout=DEADLINE_S
    )


class Exchange:
    """One request on one connection: people log in a few times a day."""

    def __init__(self, clients: Clients, deadline_s: float = DEADLINE_S) -> None:
        self._clients = clients
        self._deadline_s = deadline_s

    async def ask(
        self,
        url: str,
        *,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """GET, or POST when there is a form; UnansweredError without a JSON object at 200."""
        method = "GET" if form is None else "POST"
        # Without compression the bound on bytes read is the bound on bytes held.
        own = {"Accept": "application/json", "Accept-Encoding": "identity", **(headers or {})}
        try:
            async with (
                asyncio.timeout(self._deadline_s),
                self._clients() as client,
                client.stream(method, url, data=form, headers=own) as response,
            ):
                if response.status_code != 200:
                    return Answer(response.status_code, {})
                if response.headers.get("content-encoding", "identity") != "identity":
                    raise UnansweredError
                body = json.loads(await _bounded(response))
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError, RecursionError):
            raise UnansweredError from None
        if not isinstance(body, dict):
            raise UnansweredError
        return Answer(200, body)


async def _bounded(response: httpx.Response) -> bytes:
    data = bytearray()
    async for part in response.aiter_raw():
        data += part
        if len(data) > MAX_BYTES:
            raise UnansweredError
    return bytes(data)
