"""Errors as RFC 9457 problem details: `application/problem+json`, a stable `code`, no free text."""

from __future__ import annotations

import json
import logging
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from collector.api.acting import FORBIDDEN, ForbiddenError, InvalidError
from collector.core.acting import DETAILS, RefusedActError
from collector.ingest import RETRY_AFTER_S, RefusedError
from collector.store.store import StoreUnavailableError

log = logging.getLogger("wardwatch.api")

PROBLEM = "application/problem+json"


class BadRequestError(Exception):
    """`detail` is ours: it names the parameter and what may be written, never what was sent."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__(parameter)
        self.parameter = parameter
        self.detail = detail


def problem(
    status: int, code: str, *, retry_after_s: int | None = None, **more: Any
) -> web.Response:
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status} | {
        "code": code,
        **more,
    }
    headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
    return web.Response(status=status, text=json.dumps(body), content_type=PROBLEM, headers=headers)


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error leaves as a problem; an unforeseen one without a word about itself."""
    try:
        return await handler(request)
    except Exception as error:  # noqa: BLE001 - a defect of ours is a 500, not a cut connection
        return _problem_of(error)


def _problem_of(error: Exception) -> web.Response:
    match error:
        case RefusedError():
            retry = RETRY_AFTER_S if error.retry else None
            answer = problem(error.status, error.code, retry_after_s=retry)
        case BadRequestError():
            answer = problem(400, "api.parameter", parameter=error.parameter, detail=error.detail)
        case ForbiddenError():
            answer = problem(403, error.code, detail=FORBIDDEN[error.code])
        case InvalidError():
            found = [{"path": path, "message": message} for path, message in error.problems]
            answer = problem(400, "api.body", problems=found)
        case RefusedActError():
            answer = _refused(error)
        case StoreUnavailableError():
            answer = problem(503, error.fault.value, retry_after_s=RETRY_AFTER_S)
        case web.HTTPRequestEntityTooLarge():
            answer = problem(413, "http.413")
        case web.HTTPException():
            answer = problem(error.status, f"http.{error.status}")
        case _:
            # the type's name only: an exception's text may hold anything
            log.error("api.defect type=%s", type(error).__name__)
            answer = problem(500, "api.defect")
    return answer


def _refused(error: RefusedActError) -> web.Response:
    status = 404 if error.code.endswith(".unknown") else 409
    if error.code.startswith("act."):
        status = 403
    file = None if error.place is None else error.file
    more = {"digest": error.digest, "file": file, "place": error.place}
    told: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    return problem(status, error.code, detail=DETAILS[error.code], about=error.about, **told)
