"""One HTTP request over `probes.net`: one attempt, one new connection, nothing followed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from probes.contract import Env, Outcome, Phase, Scheme
from probes.net import (
    CONNECT_REASONS,
    Connection,
    Deadline,
    NetFailure,
    ReceiveTimeout,
    Stopwatch,
)
from probes.reasons import MEANINGS, Reason
from probes.tls import TLS_REASONS, TlsOptions
from probes.wire.http1 import WIRE_REASONS, Exchange, HttpError, Request, parse_url

HTTP_REASONS = CONNECT_REASONS | TLS_REASONS | WIRE_REASONS | {Reason.HTTP_TIMEOUT}
"""Every reason `ask` can fail with."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. `phases` lack PARSE.

    Taking the framing apart belongs to BODY; PARSE is for what a kind makes of the content. Body
    and headers are for judging only and never leave the run.
    """

    exchange: Exchange
    status: int
    body: bytes
    phases: dict[Phase, int]
    cert_days_left: int | None

    def header(self, name: str) -> str | None:
        """The first field of that lower-case name."""
        return next((text for known, text in self.exchange.headers if known == name), None)


class Requests:
    """The requests of one check, each written out anew only when its header fields change."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[Mapping[str, str], Request]] = {}

    def of(self, method: str, url: str, headers: Mapping[str, str]) -> Request:
        """Raises ValueError when the URL or a header cannot be sent at all."""
        known = self._known.get((method, url))
        if known is None or known[0] != headers:
            known = (dict(headers), Request(method, parse_url(url), headers))
            self._known[method, url] = known
        return known[1]


async def ask(
    env: Env, request: Request, tls: TlsOptions, max_body: int, deadline: Deadline
) -> HttpAnswer:
    """Ask once and return the answer, whatever its status.

    `tls` counts for https only. Raises NetFailure with one of HTTP_REASONS and the phases so far;
    SEND among them tells that the connection had been made.
    """
    url = request.url
    exchange = Exchange(request, max_body)
    connection = await env.network.connect(
        url.host,
        url.port,
        deadline,
        tls if url.tls else None,
        Scheme.HTTPS if url.tls else Scheme.HTTP,
    )
    phases = connection.phases
    try:
        await _converse(env, connection, request, exchange)
    except ReceiveTimeout:
        raise NetFailure(Outcome.DOWN, Reason.HTTP_TIMEOUT, phases) from None
    except HttpError as error:
        outcome = Outcome(MEANINGS[error.reason][0][0])
        raise NetFailure(outcome, error.reason, phases) from None
    except NetFailure as failure:
        raise NetFailure(failure.outcome, failure.reason, phases) from None
    finally:
        await connection.close()
    status = exchange.status
    if status is None:
        raise AssertionError("an answer is whole only with its status")
    return HttpAnswer(exchange, status, exchange.body, phases, connection.cert_days_left)


async def _converse(env: Env, connection: Connection, request: Request, exchange: Exchange) -> None:
    await connection.send(request.data)
    with Stopwatch(env.clock, connection.phases, Phase.FIRST_BYTE):
        data = await connection.receive()
    with Stopwatch(env.clock, connection.phases, Phase.BODY):
        while not exchange.feed(data):
            data = await connection.receive()
