"""What the handlers work with, and how they read a request and write an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from collector.api.problems import BadRequestError
from collector.evaluate import Evaluator
from collector.ingest import Ingest
from collector.metrics import CollectorMetrics
from collector.numbers import Numbers
from collector.store.outbox import Outbox
from collector.store.store import Store
from probes.clock import Clock
from probes.config import Config
from probes.times import rfc3339


@dataclass(frozen=True, slots=True)
class Parts:
    """One collector's parts."""

    store: Store
    clock: Clock
    org: str
    ingest: Ingest
    evaluator: Evaluator
    numbers: Numbers
    outbox: Outbox
    metrics: CollectorMetrics
    file: str
    """The operator's file, as the command was given it."""

    def now(self) -> int:
        """The instant of what is done now: never before what was evaluated already."""
        return max(self.clock.now_ms(), self.evaluator.now)

    @property
    def config(self) -> Config:
        return self.evaluator.config


PARTS: web.AppKey[Parts] = web.AppKey("parts", Parts)


def answer(body: Mapping[str, Any]) -> web.Response:
    return web.json_response(body, dumps=lambda data: json.dumps(data, ensure_ascii=False))


def instant(at_ms: int | None) -> str | None:
    return None if at_ms is None else rfc3339(at_ms)


def only(request: web.Request, *known: str) -> None:
    """BadRequestError for a parameter we do not know, or one given twice."""
    for name in request.query:
        if name not in known:
            raise BadRequestError("query", f"known parameters: {', '.join(known) or 'none'}")
        if len(request.query.getall(name)) > 1:
            raise BadRequestError(name, "write it once")


def flag(request: web.Request, name: str) -> bool | None:
    text = request.query.get(name)
    if text not in (None, "true", "false"):
        raise BadRequestError(name, "write true or false")
    return None if text is None else text == "true"


def whole(request: web.Request, name: str, *, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise BadRequestError(name, f"write a whole number from 1 to {most}")
    return int(text)
