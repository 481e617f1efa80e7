"""Login by way of the organization's OpenID provider: there and back."""

from __future__ import annotations

from aiohttp import web
from pydantic import ConfigDict

from collector.access.oidc_errors import MEANINGS, OpenIdCode, OpenIdError
from collector.access.opening import CALLBACK
from collector.access.vouched import provision
from collector.api.refusing import refused
from collector.api.routes import HTML, Call, Nothing, Public, Stream
from collector.web.pages import login_again, set_session
from collector.web.rendering import see
from probes.config import Model

COOKIE = "wardwatch-oidc"
"""Binds a login under way to the browser it began in."""


class Returned(Model):
    """What the provider sends people back with (RFC 6749 4.1.2, RFC 9207); it may say more."""

    model_config = ConfigDict(extra="ignore")


async def oidc_start(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Send the browser to the provider."""
    if call.parts.openid is None:
        raise web.HTTPNotFound
    try:
        start = await call.parts.openid.start()
    except OpenIdError as error:
        return _refused(call, error.code)
    answer = see(start.url)
    answer.set_cookie(
        COOKIE,
        start.browser,
        path=CALLBACK,
        max_age=start.max_age_s,
        secure=call.parts.door.secure,
        httponly=True,
        samesite="Lax",
    )
    return answer


async def oidc_callback(call: Call[Returned, Nothing]) -> web.StreamResponse:
    """Who comes back from the provider is logged in, if it vouches for them."""
    parts, request = call.parts, call.request
    if parts.openid is None:
        raise web.HTTPNotFound
    try:
        vouched = await parts.openid.finish(dict(request.query), request.cookies.get(COOKIE, ""))
        account = await parts.store.write(provision, parts.org, parts.clock.now_ms, vouched)
    except OpenIdError as error:
        return _refused(call, error.code)
    answer = see("/")
    set_session(answer, parts, await parts.access.open_session(account))
    answer.del_cookie(COOKIE, path=CALLBACK)
    return answer


def _refused(
    call: Call[Nothing, Nothing] | Call[Returned, Nothing], code: OpenIdCode
) -> web.Response:
    refused(call.request, code.value, call.who.account)
    return login_again(call, 401, f"No login: {MEANINGS[code]} ({code}).")


ROUTES = (
    Stream("GET", "/oidc/start", Public.LOGIN, oidc_start, HTML, Nothing),
    Stream("GET", CALLBACK, Public.LOGIN, oidc_callback, HTML, Returned),
)
