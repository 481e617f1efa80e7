"""Availability over a period: the numbers and fields of the replay contract."""

from __future__ import annotations

from aiohttp import web

from collector.api.parts import PARTS, answer, only
from collector.api.problems import BadRequestError
from probes import times
from probes.config import Config

BOTH = "write from and to, or period=month"


async def get_availability(request: web.Request) -> web.Response:
    """`from` and `to`, or `period=month`: the organization's current calendar month."""
    only(request, "from", "to", "period")
    parts = request.app[PARTS]
    if request.query.get("period") is not None:
        if request.query["period"] != "month" or len(request.query) > 1:
            raise BadRequestError("period", "write period=month alone, or from and to")
        return answer(await parts.numbers.this_month())
    start = instant_of(request, "from", parts.config, BOTH)
    end = instant_of(request, "to", parts.config, BOTH)
    if end <= start:
        raise BadRequestError("to", "a period ends after it starts")
    return answer(await parts.numbers.availability(start, end))


def instant_of(
    request: web.Request, name: str, config: Config, missing: str = "write a date and a time"
) -> int:
    """A parameter in UTC milliseconds; without a zone it is in the organization's."""
    text = request.query.get(name)
    if text is None:
        raise BadRequestError(name, missing)
    try:
        return config.ms(times.parse_datetime(text))
    except (ValueError, OverflowError):
        raise BadRequestError(
            name, "write a date and a time, such as 2026-01-05T02:00:00Z"
        ) from None
