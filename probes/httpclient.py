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
from probes.wire.http1 import WIRE_REASONS, Exchange, HttpError, parse_url

HTTP_REASONS = CONNECT_REASONS | TLS_REASONS | WIRE_REASONS | {Reason.HTTP_TIMEOUT}
"""Every reason `get` can fail with."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A whole answer. `headers` have lower-case names, in order; `phases` lack PARSE.

    Taking the framing apart belongs to BODY; PARSE is for what a kind makes of the content. Body
    and headers are for judging only and never leave the run.
    """

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    phases: dict[Phase, int]
    cert_days_left: int | None

    def header(self, name: str) -> str | None:
        """The first field of that lower-case name."""
        return next((text for known, text in self.headers if known == name), None)


async def get(
    env: Env,
    url: str,
    headers: Mapping[str, str],
    tls: TlsOptions,
    max_body: int,
    deadline: Deadline,
    *,
    method: str = "GET",
) -> HttpAnswer:
    """Ask once and return the answer, whatever its status.

    `tls` counts for https only. Raises NetFailure with one of HTTP_REASONS and the phases so far;
    SEND among them tells that the connection had been made. Raises ValueError when the URL or a
    header cannot be sent at all.
    """
    target = parse_url(url)
    exchange = Exchange(method, target, headers, max_body)
    connection = await env.network.connect(
        target.host,
        target.port,
        deadline,
        tls if target.tls else None,
        Scheme.HTTPS if target.tls else Scheme.HTTP,
    )
    phases = connection.phases
    try:
        await _converse(env, connection, exchange)
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
    return HttpAnswer(status, exchange.headers, exchange.body, phases, connection.cert_days_left)


async def _converse(env: Env, connection: Connection, exchange: Exchange) -> None:
    await connection.send(exchange.request())
    with Stopwatch(env.clock, connection.phases, Phase.FIRST_BYTE):
        data = await connection.receive()
    with Stopwatch(env.clock, connection.phases, Phase.BODY):
        while not exchange.feed(data):
            data = await connection.receive()
