"""How a command asks a running collector, and what it says when there is no answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from yarl import URL

DEFAULT_URL = "http://127.0.0.1:8460"
TIMEOUT_S = 10.0


class UnansweredError(Exception):
    """The text says what to do."""


class ParameterError(Exception):
    """The collector refused a parameter; `detail` is its own text, never what was sent."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter
        self.detail = detail


def address(text: str) -> URL | None:
    """The collector's address; None for what is none."""
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None


async def ask(url: URL, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The JSON object at `path`, which holds `systems`. UnansweredError, or ParameterError."""
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    hint = f"is it running? `wardwatch collector --help` starts one, `--url` names another. ({url})"
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(url / path, params=query) as response,
        ):
            status, body = response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise UnansweredError(f"The collector does not answer; {hint}") from None
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and status == 200 and "systems" in answer:
        return answer
    if isinstance(answer, dict) and "code" in answer:
        if query and answer["code"] == "api.parameter":
            raise ParameterError(str(answer.get("parameter")), str(answer.get("detail")))
        raise UnansweredError(
            f"The collector answers {status} ({answer['code']}); see its log and {url / 'readyz'}"
        )
    raise UnansweredError(f"What answers is no Wardwatch collector (status {status}); {hint}")
