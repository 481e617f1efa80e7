"""A payer's report to read and to print."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from pydantic import Field

from collector import payertext
from collector.access.policy import Permission
from collector.api.availability import Asked, span_of
from collector.api.payers import report_of
from collector.api.problems import BadRequestError
from collector.api.reading import At
from collector.api.routes import HTML, Call, Nothing, Stream
from collector.core.periods import WRITTEN
from collector.web.rendering import page
from probes.config_words import Model

DEFAULT = "quarter"


class Shown(Model):
    period: str = DEFAULT
    from_: Annotated[At | None, Field(alias="from")] = None
    """With `to`, instead of a period."""
    to: At | None = None


async def payer_page(call: Call[Shown, Nothing]) -> web.StreamResponse:
    """A payer's weeks and months against CAQH CORE, and its own downtime; it prints well."""
    wanted, problem = call.query, None
    named = wanted.from_ is None and wanted.to is None
    asked = Asked.model_construct(
        period=wanted.period if named else None, from_=wanted.from_, to=wanted.to
    )
    try:
        span = span_of(asked, call.parts)
    except BadRequestError:
        problem = f"Write as a period {WRITTEN}; or from and to, both in the address."
        span = call.parts.numbers.span(DEFAULT)
    found = await report_of(call.parts, call.path["id"], span)
    return page(
        call,
        "payer.html",
        f"Payer report: {found['name']}",
        {
            "headline": payertext.headline(found),
            "tables": payertext.tables(found),
            "footer": payertext.footer(found),
            "system": found["system"],
            "period": wanted.period if named else "",
        },
        problem,
    )


ROUTES = (
    Stream("GET", "/systems/{id}/payer", Permission.AVAILABILITY_READ, payer_page, HTML, Shown),
)
