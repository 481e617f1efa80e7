"""How commands ask a running collector, and what they say when it does not answer."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from pydantic import TypeAdapter, ValidationError
from yarl import URL

from collector.credential import CredentialError, token_for
from probes.config import Id

DEFAULT_URL = "http://127.0.0.1:8460"
TIMEOUT_S = 10.0
_AN_ID = TypeAdapter[str](Id)
UNREADABLE = ("api.query", "api.body")
NOT_ALLOWED = (401, 403)
YAML = {"Content-Type": "application/yaml"}
LOG_IN = "Log in with `wardwatch login`, or name a token with --token or WARDWATCH_TOKEN."


@dataclass(frozen=True, slots=True)
class Collector:
    """Where to ask, and as whom."""

    url: URL
    token: str | None = None


class UnansweredError(Exception):
    """The text says what to do."""


class AnsweredNoError(Exception):
    """The collector understood and refused: a problem document."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        super().__init__(problem["code"])
        self.status = status
        self.problem = problem

    def lines(self) -> list[str]:
        """What stands against it, one line each."""
        told = self.problem
        if "problems" in told:
            return [
                f"{_option(p['path'])}: {p['message']}" if p["path"] else p["message"]
                for p in told["problems"]
            ]
        if self.status == 401:
            return [f"{told['detail']} [{told['code']}]", LOG_IN]
        if "needs" in told:
            return [f"{told['detail']}: {told['needs']} [{told['code']}]"]
        about = f"{told['about']}: " if "about" in told else ""
        where = f" ({told['file']}, {told['place']})" if "file" in told else ""
        return [f"{about}{told.get('detail', 'refused')} [{told['code']}]{where}"]


def _option(path: str) -> str:
    """How a command line names what is sent as a parameter or a field."""
    if path == "id":
        return "ID"
    return f"--{path}" if path.isalpha() else path


def an_id(text: str) -> str:
    """For argparse: what becomes part of an address is an id."""
    try:
        return _AN_ID.validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.errors()[0]["msg"].partition(", ")[2]) from None


def add_url(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the collector (default {DEFAULT_URL})")
    parser.add_argument(
        "--token",
        metavar="REF",
        help="file:/path or env:NAME of an API token (default: env:WARDWATCH_TOKEN, or the login)",
    )


def parse_url(text: str) -> URL | None:
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def asking(work: Callable[[Collector, argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command that asks the collector at `--url`; 1 refused, 2 what was written cannot be
    read, 3 no answer, 4 not logged in or not allowed.
    """
    url = parse_url(args.url)
    if url is None:
        sys.stderr.write(f"--url: write an address such as {DEFAULT_URL}\n")
        return 2
    try:
        return work(Collector(url, token_for(url, args.token, os.environ)), args)
    except CredentialError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except AnsweredNoError as error:
        if args.json:
            print_json(error.problem)
        sys.stderr.write("".join(f"{line}\n" for line in error.lines()))
        if error.status in NOT_ALLOWED:
            return 4
        return 2 if error.problem["code"] in UNREADABLE else 1
    except UnansweredError as error:
        sys.stderr.write(f"{error}\n")
        return 3


def ask(
    to: Collector,
    path: str,
    field: str,
    body: object = None,
    query: Mapping[str, str | None] | None = None,
    *,
    yaml: bytes | None = None,
    timeout_s: float = TIMEOUT_S,
) -> dict[str, Any]:
    """GET, or POST where there is a body; `field` is one that every right answer has.

    AnsweredNoError for a problem of ours in 4xx, else UnansweredError.
    """
    told = {name: value for name, value in (query or {}).items() if value is not None}
    wanted = (to.url / path).with_query(told)
    status, answer = asyncio.run(_exchange(to, wanted, body, yaml, timeout_s))
    if isinstance(answer, dict) and status == 200 and field in answer:
        return answer
    if isinstance(answer, dict) and "code" in answer:
        if 400 <= status < 500:
            raise AnsweredNoError(status, answer)
        raise UnansweredError(
            f"The collector answers {status} ({answer['code']}); see its log and {to.url / 'readyz'}"
        )
    raise UnansweredError(
        f"What answers is no Wardwatch collector (status {status}); {_hint(to.url)}"
    )


def ask_all(
    to: Collector, path: str, field: str, query: Mapping[str, str | None] | None = None
) -> dict[str, Any]:
    """A list that comes in parts, put together: the first answer with all the entries."""
    found = part = ask(to, path, field, query=query)
    while (following := part.get("next")) is not None:
        part = ask(to, path, field, query={**(query or {}), "cursor": following})
        found[field] += part[field]
    return {name: value for name, value in found.items() if name != "next"}


def _hint(url: URL) -> str:
    return f"is it running? `wardwatch collector --help` starts one, `--url` names another. ({url})"


async def _exchange(
    to: Collector, wanted: URL, body: object, yaml: bytes | None, timeout_s: float
) -> tuple[int, Any]:
    """The status, and the answer where it is JSON."""
    timeout = aiohttp.ClientTimeout(total=timeout_s)
    method = "GET" if body is None and yaml is None else "POST"
    # as a stream: aiohttp warns of large bodies given whole, for they hold up the loop
    sent: dict[str, Any] = {"json": body} if yaml is None else {"data": io.BytesIO(yaml)}
    headers = {} if yaml is None else dict(YAML)
    if to.token is not None:
        headers["Authorization"] = f"Bearer {to.token}"
    if method == "POST":
        # a line that breaks between act and answer can be asked again with the same key
        headers["Idempotency-Key"] = secrets.token_urlsafe(24)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.request(
                method, wanted, headers=headers, allow_redirects=False, **sent
            ) as response,
        ):
            status, data = response.status, await response.read()
    except (aiohttp.ClientError, OSError, TimeoutError):
        raise UnansweredError(f"The collector does not answer; {_hint(to.url)}") from None
    try:
        return status, json.loads(data)
    except ValueError:
        return status, None
