"""Availability over a period: the numbers and fields of the replay contract."""

from __future__ import annotations

from aiohttp import web

from collector.api.parts import PARTS, answer, only
from collector.api.problems import BadRequestError
from collector.core import periods
from probes import times
from probes.config import Config

PERIOD = ("from", "to")
BOTH = "write from and to, or period"


async def get_availability(request: web.Request) -> web.Response:
    """`from` and `to`, or `period`: a name such as `month`, or a period such as `2026-Q3`."""
    only(request, "from", "to", "period")
    parts = request.app[PARTS]
    if request.query.get("period") is not None:
        if len(request.query) > 1:
            raise BadRequestError("period", "write period alone, or from and to")
        try:
            parts.numbers.span(request.query["period"])
        except ValueError as error:
            raise BadRequestError("period", str(error)) from None
        return answer(await parts.numbers.of(request.query["period"]))
    start = instant_of(request, "from", parts.config, BOTH)
    end = instant_of(request, "to", parts.config, BOTH)
    if end <= start:
        raise BadRequestError("to", "a period ends after it starts")
    return answer(await parts.numbers.availability(start, end))


def instant_of(
    request: web.Request, name: str, config: Config, missing: str = "write a date and a time"
) -> int:
    """UTC ms of a parameter; a time without offset is in the organization's zone."""
    text = request.query.get(name)
    if text is None:
        raise BadRequestError(name, missing)
    try:
        written = times.parse_datetime(text)
    except ValueError:
        raise BadRequestError(
            name, "write a date and a time, such as 2026-01-05T02:00:00Z"
        ) from None
    if written.year not in periods.YEARS:
        raise BadRequestError(name, periods.OUTSIDE)
    return config.ms(written)
