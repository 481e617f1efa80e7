"""How commands ask a running collector, and what they say when it does not answer."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from pydantic import TypeAdapter, ValidationError
from yarl import URL

from collector.credential import CredentialError, token_for
from collector.exchange import (
    Answer,
    CaError,
    Collector,
    Effect,
    Question,
    UnansweredError,
    each_line,
    each_piece,
    exchange,
    hint,
    trusting,
)
from probes.config_words import Id, receiver_id

DEFAULT_URL = "http://127.0.0.1:8460"
TIMEOUT_S = 10.0
_AN_ID = TypeAdapter[str](Id)
UNREADABLE = ("api.query", "api.body")
OPTIONS = {"id": "ID", "text": "--text-file", "aware_on": "--aware-on"}
"""How a command line names fields that are called otherwise."""
NOT_ALLOWED = (401, 403)
NOT_NOW = (408, 429)
YAML, JSON = "application/yaml", "application/json"
LOG_IN = "Log in with `wardwatch login`, or name a token with --token or WARDWATCH_TOKEN."
ENROL = "With a one-time link, and no password yet: `wardwatch enrol`."
OVER = "What was sent is valid no longer, or here. Log in again with `wardwatch login`."
CA = "WARDWATCH_CA"
_DAY_MS = 86_400_000


class UsageError(Exception):
    """Lines that say what to write instead."""


class AnsweredNoError(Exception):
    """The collector understood and refused: a problem document."""

    def __init__(self, answer: Answer, *, known: bool) -> None:
        """`known`: was a token sent along?"""
        super().__init__(answer.document["code"])
        self.status = answer.status
        self.problem: Mapping[str, Any] = answer.document
        self._retry_after_s = answer.retry_after_s
        self._known = known

    def lines(self) -> list[str]:
        """What stands against it, one line each."""
        told = self.problem
        if "problems" in told:
            return [
                f"{_option(p['path'])}: {p['message']}" if p["path"] else p["message"]
                for p in told["problems"]
            ]
        if told["code"] == "access.unknown":
            way = [OVER] if self._known else [LOG_IN, ENROL]
            return [f"{told['detail']} [{told['code']}]", *way]
        if "needs" in told:
            return [f"{told['detail']}: {told['needs']} [{told['code']}]"]
        about = f"{told['about']}: " if "about" in told else ""
        where = f" ({told['file']}, {told['place']})" if "file" in told else ""
        return [f"{about}{told.get('detail', 'refused')}{self._more()} [{told['code']}]{where}"]

    def _more(self) -> str:
        """What a refusal knows beyond its sentence."""
        if "reason" in self.problem:
            return f": {self.problem['reason']}"
        if "state" in self.problem:
            needed = " or ".join(self.problem.get("needed", ()))
            return f": {self.problem['state']}" + (f"; it must be {needed}" if needed else "")
        if "closes_at" in self.problem:
            return f"; it closes at {self.problem['closes_at']}, ask again then"
        if "longest_ms" in self.problem:
            return f": {self.problem['longest_ms'] // _DAY_MS} days"
        return "" if self._retry_after_s is None else f", in {self._retry_after_s} s"


def _option(path: str) -> str:
    """How a command line names what is sent as a parameter or a field."""
    if path in OPTIONS:
        return OPTIONS[path]
    return f"--{path}" if path.isalpha() else path


def an_id(text: str) -> str:
    """For argparse: what becomes part of an address is an id."""
    try:
        return _AN_ID.validate_python(text)
    except ValidationError as error:
        raise argparse.ArgumentTypeError(error.errors()[0]["msg"].partition(", ")[2]) from None


def a_receiver(text: str) -> str:
    """For argparse: a channel, or `CHANNEL.CONTACT`."""
    try:
        return receiver_id(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_url(parser: argparse.ArgumentParser, *, token: bool = True) -> None:
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the collector (default {DEFAULT_URL})")
    parser.add_argument(
        "--ca",
        metavar="FILE",
        help=f"for https://, the one CA to trust, in PEM (default: {CA}, or this host's CAs)",
    )
    if token:
        parser.add_argument(
            "--token",
            metavar="REF",
            help="file:/path or env:NAME of an API token (default: env:WARDWATCH_TOKEN, or the "
            "login)",
        )


def collector_at(args: argparse.Namespace) -> Collector:
    """Where `--url` and `--ca` lead, as nobody yet; UsageError."""
    url = parse_url(args.url)
    if url is None:
        raise UsageError(f"--url: write an address such as {DEFAULT_URL}")
    if url.scheme != "https":
        if args.ca is not None:
            raise UsageError("--ca: only https:// has certificates")
        return Collector(url)
    option, ca = ("--ca", args.ca) if args.ca is not None else (CA, os.environ.get(CA))
    try:
        return Collector(url, tls=trusting(ca) if ca else None)
    except CaError as error:
        raise UsageError(f"{option}: {error}") from None


def where(url: str) -> str:
    """How a next command names this collector: nothing where it is the one asked by itself."""
    return "" if url == DEFAULT_URL else f" --url {url}"


def parse_url(text: str) -> URL | None:
    try:
        url = URL(text)
    except ValueError:
        return None
    return url if url.scheme in ("http", "https") and url.host else None


def print_json(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n")


def asking(
    work: Callable[[Collector, argparse.Namespace], int],
    args: argparse.Namespace,
    *,
    as_nobody: bool = False,
) -> int:
    """Run a command that asks the collector at `--url`; 1 refused, 2 what was written cannot be
    read, 3 no answer, 4 not logged in or not allowed.
    """
    try:
        to = collector_at(args)
        if not as_nobody:
            to = replace(to, token=token_for(to.url, args.token, os.environ))
        return work(to, args)
    except (CredentialError, UsageError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except AnsweredNoError as error:
        if args.json:
            print_json(error.problem)
        sys.stderr.write("".join(f"{line}\n" for line in error.lines()))
        if error.status in NOT_ALLOWED:
            return 4
        if error.status in NOT_NOW:
            return 3
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
    if yaml is not None:
        sent = _question(to, wanted, yaml, YAML, Effect.NONE, timeout_s)
    elif body is not None:
        sent = _question(to, wanted, _encoded(body), JSON, Effect.ACT, timeout_s)
    else:
        headers = _authorization(to)
        sent = Question("GET", wanted, headers, None, timeout_s, Effect.NONE)
    return _read(to, asyncio.run(exchange(to, sent)), field)


def stream(
    to: Collector, path: str, take: Callable[[bytes], None], query: Mapping[str, str | None]
) -> None:
    """GET lines, handed over as they come; errors as `ask`, UnansweredError when they break off."""
    told = {name: value for name, value in query.items() if value is not None}
    wanted = (to.url / path).with_query(told)
    sent = Question("GET", wanted, _authorization(to), None, TIMEOUT_S, Effect.NONE)
    answer = asyncio.run(each_line(to, sent, take))
    if answer is not None:
        _read(to, answer, "lines")


def download(
    to: Collector,
    path: str,
    media: str,
    take: Callable[[bytes], None],
    query: Mapping[str, str | None],
    *,
    silent_s: float,
) -> None:
    """GET of any content type, handed over in pieces; errors as `stream`. `silent_s`: how long it may
    say nothing.
    """
    told = {name: value for name, value in query.items() if value is not None}
    wanted = (to.url / path).with_query(told)
    sent = Question("GET", wanted, _authorization(to), None, TIMEOUT_S, Effect.NONE)
    answer = asyncio.run(each_piece(to, sent, media, silent_s, take))
    if answer is not None:
        _read(to, answer, "pieces")


def act(to: Collector, path: str, field: str, body: object) -> dict[str, Any]:
    """As `ask`, for an act under an Idempotency-Key: done once, though the line break."""
    sent = _question(to, to.url / path, _encoded(body), JSON, Effect.KEYED, TIMEOUT_S)
    return _read(to, asyncio.run(exchange(to, sent)), field)


def _question(
    to: Collector, url: URL, body: bytes, media: str, effect: Effect, timeout_s: float
) -> Question:
    headers = {**_authorization(to), "Content-Type": media}
    if effect is Effect.KEYED:
        headers["Idempotency-Key"] = secrets.token_urlsafe(24)
    return Question("POST", url, headers, body, timeout_s, effect)


def _encoded(body: object) -> bytes:
    return json.dumps(body).encode()


def _authorization(to: Collector) -> dict[str, str]:
    return {} if to.token is None else {"Authorization": f"Bearer {to.token}"}


def _read(to: Collector, answer: Answer, field: str) -> dict[str, Any]:
    found = answer.document
    if isinstance(found, dict) and answer.status == 200 and field in found:
        return found
    if isinstance(found, dict) and "code" in found:
        if 400 <= answer.status < 500:
            raise AnsweredNoError(answer, known=to.token is not None)
        raise UnansweredError(
            f"The collector answers {answer.status} ({found['code']}); see its log and "
            f"{to.url / 'readyz'}"
        )
    raise UnansweredError(
        f"What answers is no Wardwatch collector (status {answer.status}); {hint(to.url)}"
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
