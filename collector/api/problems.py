"""Errors as RFC 9457 problem details: `application/problem+json`, a stable `code`, no free text."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from alerts.permitted import DETAILS as NOT_PERMITTED
from alerts.permitted import IllegalActError
from collector.access.refusals import AccessError
from collector.attesting.refusals import MEANINGS, Refusal, RefusedAttestationError
from collector.core.acting import DETAILS, RefusedActError
from collector.core.agent_keys import DETAILS as KEY_DETAILS
from collector.core.agent_keys import IllegalKeyError
from collector.enrolment import REFUSALS, RefusedProofError
from collector.ingest import RETRY_AFTER_S, RefusedError
from collector.store.store import StoreUnavailableError
from probes.times import rfc3339
from probes.yamlfile import Problem

log = logging.getLogger("wardwatch.api")

PROBLEM = "application/problem+json"


DENIED = {
    "access.unknown": "log in, or send a token that is valid: Authorization: Bearer TOKEN",
    "access.denied": "your roles, or this token's scopes, do not include what this needs",
    "access.foreign_origin": "acts with a session come from a page of this collector only",
    "access.csrf": "send the session's CSRF token in X-CSRF-Token",
    "access.too_many": "too many requests; wait as long as Retry-After says",
    "api.slow_body": "the body did not arrive in time",
    "api.unknown_system": "no system of this id in the config in force",
    "api.no_payer": "this system was no payer's path at the period's end; its config has no payer",
    "api.unknown_check": "no check of this id in the config in force",
    "api.unknown_feed": "no check of this id that judges a feed in the config in force",
    "api.unknown_incident": "no incident of this key",
    "api.unknown_message": "no message of one of these ids; nothing was done",
    "api.http_1_0": "send HTTP/1.1: in HTTP/1.0 an answer that was cut off looks complete",
    "history.unknown_check": "no check of this id in any config so far",
    "history.unknown_system": "no system of this id in any config so far",
    "events.too_many": "enough listen already; wait as long as Retry-After says",
    "log.unknown": "no log of this name: evidence, audit, or as /api/v1/logs says",
    "log.no_checkpoint": "nothing of this log is signed: see evidence_log in the operator's file",
    "log.no_tile": "this log has no such tile, or not yet",
    "log.no_leaf": "this row of the journal is not in this log, or not yet",
    "log.not_covered": "this row is in the log, and no checkpoint covers it yet",
    "log.no_keys": "no key of this log is to be believed yet: see evidence_log in the operator's file",
    "log.unknown_key": "no key of a log of ours; `wardwatch log policy` shows those there are",
    "log.not_configured": "the operator's file has no section evidence_log",
    "log.guard": "the file of what was signed last (--log-guard) cannot be read on this host",
    "log.same_origin": "nothing was signed under another origin than the file has; change it first",
    "log.origin_taken": "a log of ours had this origin before; write one that was never used",
    "log.changed": "the store holds something else than was logged at this place",
    "inbound.unsigned": "the request has no signature or secret; see `wardwatch channel inbound`",
    "inbound.signature": "the signature or secret is not that of this channel's entry",
    "inbound.old": "the signed time is too far from ours; look at both clocks",
    "inbound.unreadable": "this is not what receivers of this kind send",
    "inbound.no_secret": "the channel's secret cannot be read here; it was not looked at",
    "inbound.busy": "it could not be recorded in time; send it again",
    "idempotency.key": "write 8 to 100 of A-Z, a-z, 0-9, - and _ in Idempotency-Key",
    "idempotency.reused": "this Idempotency-Key was used for something else",
}
"""Codes of `DeniedError`, with what they mean to whom they are told."""


class InvalidError(Exception):
    """A body or parameters are not what they must be: `problems` are (path, message), all."""

    def __init__(self, problems: Sequence[Problem], code: str = "api.body") -> None:
        super().__init__(code)
        self.code = code
        self.problems = [(p.path, p.message) for p in problems]


class BadRequestError(InvalidError):
    """One parameter; `detail` is ours and never holds what was sent."""

    def __init__(self, parameter: str, detail: str) -> None:
        super().__init__([Problem("", 1, parameter, detail)], "api.query")


class DeniedError(Exception):
    """`code` is one of `DENIED`."""

    def __init__(
        self,
        status: int,
        code: str,
        *,
        retry_after_s: int | None = None,
        needs: str | None = None,
        account: str = "nobody",
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after_s = retry_after_s
        self.needs = needs
        self.account = account


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
        case InvalidError():
            found = [{"path": path, "message": message} for path, message in error.problems]
            answer = problem(400, error.code, problems=found)
        case DeniedError():
            answer = _denied(error)
        case AccessError():
            answer = _access(error)
        case RefusedActError() | IllegalActError():
            answer = _act(error)
        case IllegalKeyError() | RefusedProofError():
            answer = _key(error)
        case RefusedAttestationError():
            answer = _unattested(error)
        case StoreUnavailableError():
            answer = problem(503, error.fault.value, retry_after_s=RETRY_AFTER_S)
        case web.HTTPException():
            answer = _http(error)
        case _:
            # the type's name only: an exception's text may hold anything
            log.error("api.defect type=%s", type(error).__name__)
            answer = problem(500, "api.defect")
    return answer


def _act(error: RefusedActError | IllegalActError) -> web.Response:
    return _refused(error) if isinstance(error, RefusedActError) else _not_permitted(error)


def _not_permitted(error: IllegalActError) -> web.Response:
    status = 403 if error.code.startswith("act.") else 409
    needed: dict[str, Any] = {}
    if error.needed:
        needed["needed"] = [one.value for one in error.needed]
    detail = NOT_PERMITTED[error.code]
    return problem(status, error.code, detail=detail, state=error.state.value, **needed)


def _http(error: web.HTTPException) -> web.Response:
    if isinstance(error, web.HTTPUnsupportedMediaType):
        return problem(415, "http.415", detail="send JSON, Content-Type: application/json")
    answer = problem(error.status, f"http.{error.status}")
    if isinstance(error, web.HTTPMethodNotAllowed):
        answer.headers["Allow"] = ", ".join(sorted(error.allowed_methods))
    return answer


def _denied(error: DeniedError) -> web.Response:
    more = {} if error.needs is None else {"needs": error.needs}
    return _challenged(
        problem(
            error.status,
            error.code,
            detail=DENIED[error.code],
            retry_after_s=error.retry_after_s,
            **more,
        )
    )


def _access(error: AccessError) -> web.Response:
    more = dict(error.detail)
    retry = more.pop("retry_after_s", None)
    answer = problem(
        error.status,
        error.code,
        detail=error.text,
        retry_after_s=None if retry is None else int(retry),
        **more,
    )
    return _challenged(answer)


def _challenged(answer: web.Response) -> web.Response:
    if answer.status == 401:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="wardwatch"'
    return answer


def _key(error: IllegalKeyError | RefusedProofError) -> web.Response:
    if isinstance(error, RefusedProofError):
        return problem(error.status, error.code, detail=REFUSALS[error.code])
    unknown = error.code.startswith("agent.unknown")
    state = None if error.state is None else error.state.value
    more = {"state": state, "file": error.file, "place": error.place}
    told: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    return problem(404 if unknown else 409, error.code, detail=KEY_DETAILS[error.code], **told)


def _unattested(error: RefusedAttestationError) -> web.Response:
    status = {Refusal.UNKNOWN: 404, Refusal.GONE: 410}.get(error.refusal, 409)
    closes = error.closes_at
    more: dict[str, Any] = {} if closes is None else {"closes_at": rfc3339(closes)}
    return problem(status, error.refusal.value, detail=MEANINGS[error.refusal], **more)


def _refused(error: RefusedActError) -> web.Response:
    status = 404 if error.code.endswith(".unknown") else 409
    if error.code.startswith("act."):
        status = 403
    file = None if error.place is None else error.file
    more = {"digest": error.digest, "file": file, "place": error.place}
    told: dict[str, Any] = {name: value for name, value in more.items() if value is not None}
    return problem(status, error.code, detail=DETAILS[error.code], about=error.about, **told)
