"""The evidence of one check, a line a result: what `wardwatch replay` reads."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from aiohttp import HttpVersion11, web

from collector.access.policy import Permission
from collector.api.availability import Range, interval
from collector.api.parts import stamp
from collector.api.problems import BadRequestError, DeniedError
from collector.api.reading import Word
from collector.api.routes import Call, Nothing, Stream
from collector.api.streams import streaming
from collector.sorting import Known
from probes.history import History
from probes.results import Result

NDJSON = "application/x-ndjson"
DAY_MS = 86_400_000
LONGEST_MS = 400 * DAY_MS
AT_ONCE = 20_000
"""Results in memory at a time, about."""
SHORTEST_MS = 60_000
WRITTEN = 500
"""Lines handed to the connection at a time."""
QUIET_NS = 10 * 1_000_000_000
"""After so long without a line an empty one shows that it goes on."""


class Asked(Range):
    agent: Word | None = None
    """Left out: all of them."""


async def export_results(call: Call[Asked, Nothing]) -> web.StreamResponse:
    """Results of a check as JSON lines, by instant and agent, as wardwatch replay reads them."""
    asked, parts, check = call.query, call.parts, call.path["id"]
    history, request = parts.evaluator.history, call.request
    known = Known.of(history)
    if check not in known.checks:
        raise DeniedError(404, "history.unknown_check")
    span = interval(asked, parts.config)
    if span.length > LONGEST_MS:
        raise BadRequestError("to", "at most 400 days at once")
    if asked.agent is not None and asked.agent not in known.agents:
        raise BadRequestError("agent", "no agent of this id in any config so far")
    if request.version < HttpVersion11:
        raise DeniedError(505, "api.http_1_0")
    agents = known.agents if asked.agent is None else {asked.agent}
    piece = piece_ms(check, history, len(agents))
    said = parts.clock.monotonic_ns()
    async with streaming(request, NDJSON) as response:
        for start in range(span.start, span.end, piece):
            if not await call.still_allowed():
                raise GoneError
            found = await parts.evaluator.evidence.between(
                [(check, agent) for agent in agents], start, min(start + piece, span.end)
            )
            lines = await asyncio.to_thread(_written, list(found.values()))
            if not lines and parts.clock.monotonic_ns() - said >= QUIET_NS:
                lines = [b"\n"]
            for some in lines:
                await response.write(some)
                said = parts.clock.monotonic_ns()
    return response


class GoneError(Exception):
    """Who asked may not ask any more: what was sent so far is not all, and does not look so."""


def piece_ms(check: str, history: History, agents: int) -> int:
    """How much time to read at once: a day, and less where more was seen in a day."""
    configs = [version.config for version in history.versions]
    every = min(c.checks[check].every for c in configs if check in c.checks)
    return max(SHORTEST_MS, min(DAY_MS, AT_ONCE * every // agents))


def line(result: Result) -> bytes:
    """One line without its end."""
    facts: dict[str, object] = {}
    if result.cert_days_left is not None:
        facts["cert_days_left"] = result.cert_days_left
    if result.facts:
        facts["facts"] = dict(result.facts)
    return msgspec.json.encode(
        {
            "check": result.check,
            "agent": result.agent,
            "at": stamp(result.t),
            "outcome": result.outcome.value,
            "reason": result.reason,
            "duration_ms": result.duration_ms,
            "received": stamp(result.received),
            **facts,
        }
    )


def _written(found: Sequence[Sequence[Result]]) -> list[bytes]:
    results = sorted((r for own in found for r in own), key=_order)
    return [
        b"".join(line(result) + b"\n" for result in results[n : n + WRITTEN])
        for n in range(0, len(results), WRITTEN)
    ]


def _order(
    result: Result,
) -> tuple[int, str, int, str, str, int, int, tuple[tuple[str, int], ...]]:
    return (
        result.t,
        result.agent,
        result.received,
        result.outcome,
        result.reason,
        result.duration_ms,
        -1 if result.cert_days_left is None else result.cert_days_left,
        result.facts,
    )


ROUTES = (
    Stream(
        "GET",
        "/api/v1/checks/{id}/results",
        Permission.RESULTS_READ,
        export_results,
        NDJSON,
        Asked,
    ),
)
