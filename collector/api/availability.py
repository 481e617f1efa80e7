"""Availability over a period: the numbers and fields of the replay contract."""

from __future__ import annotations

from typing import Annotated, cast

from pydantic import Field

from collector.access.policy import Permission
from collector.api.availability_shapes import Availability
from collector.api.parts import Parts
from collector.api.problems import BadRequestError
from collector.api.reading import At
from collector.api.routes import Call, Nothing, get
from probes.config import Config
from probes.config_words import Model
from probes.spans import Interval

BOTH = "write from and to, or period"


class Range(Model):
    from_: Annotated[At, Field(alias="from")]
    to: At


class Asked(Model):
    from_: Annotated[At | None, Field(alias="from")] = None
    to: At | None = None
    period: str | None = None
    """`month`, `30d`, `2026-07`, `2026-Q3`, `2026-W27` or `2026`."""


async def read_availability(call: Call[Asked, Nothing]) -> Availability:
    """Availability of every system over a period."""
    asked, numbers = call.query, call.parts.numbers
    span = span_of(asked, call.parts)
    if asked.period is not None:
        return cast("Availability", await numbers.of(asked.period))
    return cast("Availability", await numbers.availability(span.start, span.end))


def span_of(asked: Asked, parts: Parts) -> Interval:
    """The period asked for: by name, or from and to."""
    if asked.period is not None:
        if asked.from_ is not None or asked.to is not None:
            raise BadRequestError("period", "write period alone, or from and to")
        try:
            return parts.numbers.span(asked.period)
        except ValueError as error:
            raise BadRequestError("period", str(error)) from None
    if asked.from_ is None or asked.to is None:
        raise BadRequestError("from" if asked.from_ is None else "to", BOTH)
    return interval(Range.model_construct(from_=asked.from_, to=asked.to), parts.config)


def interval(asked: Range, config: Config) -> Interval:
    """A time without offset is in the organization's zone."""
    start, end = config.ms(asked.from_), config.ms(asked.to)
    if end <= start:
        raise BadRequestError("to", "a period ends after it starts")
    return Interval(start, end)


ROUTES = (
    get(
        "/api/v1/availability", Permission.AVAILABILITY_READ, read_availability, Availability, Asked
    ),
)
