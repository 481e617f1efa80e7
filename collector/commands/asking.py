"""How commands ask a running collector over HTTP."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

DEFAULT_URL = "http://127.0.0.1:8460"
TIMEOUT_S = 10.0


class UnansweredError(Exception):
    """The text says what to do."""


def parse_url(text: str) -> URL | None:
    """None for what is no http address."""
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None


def no_url(option: str) -> str:
    return f"{option}: write an address such as {DEFAULT_URL}\n"


async def ask(
    url: URL,
    path: str,
    *,
    query: Mapping[str, str] | None = None,
    body: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> tuple[int, dict[str, Any]]:
    """Status and JSON object; with a `body` it is posted as YAML.

    UnansweredError when nothing answers, or something that is no collector.
    """
    # as a stream: aiohttp warns of large bodies given whole, for they hold up the loop
    data = None if body is None else io.BytesIO(body)
    hint = f"is it running? `wardwatch collector --help` starts one, `--url` names another. ({url})"
    headers = {} if body is None else {"Content-Type": "application/yaml"}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=timeout_s)) as session,
            session.request(
                "GET" if body is None else "POST",
                (url / path).with_query(query or {}),
                data=data,
                headers=headers,
            ) as response,
        ):
            status, text = response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise UnansweredError(f"The collector does not answer; {hint}") from None
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and (status == 200 or "code" in answer):
        return status, answer
    raise UnansweredError(f"What answers is no Wardwatch collector (status {status}); {hint}")


def refusal(url: URL, status: int, answer: Mapping[str, Any]) -> UnansweredError:
    """For a problem the asker cannot mend."""
    return UnansweredError(
        f"The collector answers {status} ({answer.get('code')}); see its log and {url / 'readyz'}"
    )
