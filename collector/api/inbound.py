"""Where receivers say what people did to our tickets there. Each request proves whose it is.

What is taken is answered with 200 whatever comes of it: a sender that is refused for what people do
would stop, or come again for days.
"""

from __future__ import annotations

import asyncio
import json
from typing import NotRequired

from aiohttp import web
from pydantic import ConfigDict
from typing_extensions import TypedDict

from alerts.inbound import Effect, Fault
from collector.api.bodies import LARGE, read_bounded
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, Public, Stream
from collector.inbound import NO_SECRET, THROTTLED, NotTakenError, Taken
from probes.config_words import Model

BODY_S = 2.0
WHOLE_S = 4.5
"""Senders give up after 5 s."""
STATUSES = {
    Fault.UNSIGNED.value: (401, "inbound.unsigned"),
    Fault.WRONG.value: (401, "inbound.signature"),
    Fault.OLD.value: (401, "inbound.old"),
    NO_SECRET: (503, "inbound.no_secret"),
    THROTTLED: (429, "access.too_many"),
}
AGAIN_S = 30


class Unread(Model):
    """What stands behind the address is the product's: Jira adds who acted. Nothing of it is read."""

    model_config = ConfigDict(extra="ignore")


class Answered(TypedDict):
    """`effects`: what became of each thing told; `notice`: what to do about what was written.
    `text` says both to a person, and is all that products get which show the answer to one.
    """

    text: str
    effects: NotRequired[list[Effect]]
    notice: NotRequired[str | None]
    response_type: NotRequired[str]
    type: NotRequired[str]


async def hear_receiver(call: Call[Unread, Nothing]) -> web.StreamResponse:
    """A receiver says that somebody acknowledged or resolved there; signed, or with its secret."""
    channel = call.path["channel"]
    kind = call.parts.hearing.kind_of(channel)
    if kind is None:
        raise web.HTTPNotFound
    try:
        async with asyncio.timeout(WHOLE_S):
            taken = await _taken(call, channel)
    except TimeoutError:
        raise DeniedError(503, "inbound.busy", retry_after_s=AGAIN_S) from None
    except NotTakenError as error:
        raise _refused(error) from None
    call.parts.evaluator.wake()
    said = _told(taken) if kind.shown is None else kind.shown(taken.text)
    return web.Response(text=json.dumps(said), content_type="application/json")


async def _taken(call: Call[Unread, Nothing], channel: str) -> Taken:
    body = await read_bounded(call.request, LARGE, BODY_S)
    headers = {name.lower(): value for name, value in call.request.headers.items()}
    return await call.parts.hearing.take(channel, headers, body, call.parts.now)


def _told(taken: Taken) -> Answered:
    return {"effects": list(taken.effects), "notice": taken.notice, "text": taken.text}


def _refused(error: NotTakenError) -> DeniedError:
    status, code = STATUSES.get(error.outcome, (400, "inbound.unreadable"))
    after = {503: AGAIN_S, 429: -(-error.wait_ms // 1000)}.get(status)
    return DeniedError(status, code, retry_after_s=after)


ROUTES = (
    Stream(
        "POST",
        "/inbound/{channel}",
        Public.RECEIVER,
        hear_receiver,
        "application/json",
        Unread,
        answers=Answered,
        largest=None,
    ),
)
