"""How a page is made, and what follows a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import aiohttp_jinja2
import jinja2
from aiohttp import web

from collector.access.policy import Permission
from collector.access.refusals import AccessError
from collector.api.asking import NOBODY
from collector.api.refusing import refused
from collector.api.routes import FORM, HTML, Call, Nothing, Public, Stream

TEMPLATES = Path(__file__).parent / "templates"
Handler = Callable[[Call[Nothing, Nothing]], Awaitable[web.StreamResponse]]


def set_up(app: web.Application) -> None:
    aiohttp_jinja2.setup(
        app, loader=jinja2.FileSystemLoader(TEMPLATES), undefined=jinja2.StrictUndefined
    )


def page(
    call: Call[Any, Any],
    template: str,
    title: str,
    more: Mapping[str, Any],
    problem: AccessError | str | None = None,
) -> web.Response:
    status, text, headers = 200, problem, {}
    if isinstance(problem, AccessError):
        refused(call.request, problem.code, call.who.account)
        status, text = problem.status, _sentence(problem)
        if "retry_after_s" in problem.detail:
            headers["Retry-After"] = str(problem.detail["retry_after_s"])
    elif problem is not None:
        status = 400
    context = {
        "title": title,
        "organization": call.parts.config.organization.name,
        "who": None if call.who is NOBODY else call.who,
        "problem": text,
        **more,
    }
    answer = aiohttp_jinja2.render_template(template, call.request, context, status=status)
    answer.headers.update(headers)
    return answer


def _sentence(error: AccessError) -> str:
    text = str(error.detail.get("reason", error.text))
    return f"{text[0].upper()}{text[1:]}."


def see(path: str) -> web.Response:
    """Go on there with GET (RFC 9110 15.4.4)."""
    return web.Response(status=303, headers={"Location": path})


def page_route(
    path: str, handler: Handler, needs: Permission | Public = Public.LOGIN
) -> Stream[Any]:
    return Stream("GET", path, needs, handler, HTML, Nothing)


def form_route(
    path: str, handler: Handler, needs: Permission | Public = Public.LOGIN
) -> Stream[Any]:
    return Stream("POST", path, needs, handler, HTML, Nothing, takes=FORM)
