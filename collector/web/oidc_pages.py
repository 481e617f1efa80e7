"""Login by way of the organization's OpenID provider: there and back."""

from __future__ import annotations

from aiohttp import web
from pydantic import ConfigDict

from collector.access.door import Door
from collector.access.oidc_errors import MEANINGS, OpenIdCode, OpenIdError
from collector.access.opening import CALLBACK
from collector.access.vouched import provision
from collector.api.refusing import refused
from collector.api.routes import HTML, Call, Nothing, Public, Stream
from collector.web.pages import end_former, login_again, set_session
from collector.web.rendering import see
from probes.config_words import Model


def cookie(door: Door) -> str:
    """What binds a login under way to the browser it began in; no neighbour can set the first."""
    return "__Host-wardwatch-oidc" if door.secure else "wardwatch-oidc"


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
        cookie(call.parts.door),
        start.browser,
        path="/",
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
        vouched = await parts.openid.finish(
            dict(request.query), request.cookies.get(cookie(parts.door), "")
        )
        account = await parts.store.write(provision, parts.org, parts.clock.now_ms, vouched)
    except OpenIdError as error:
        return _refused(call, error.code)
    await end_former(call)
    answer = see("/")
    set_session(answer, parts, await parts.access.open_session(account))
    answer.del_cookie(cookie(parts.door), path="/", secure=parts.door.secure)
    return answer


def _refused(
    call: Call[Nothing, Nothing] | Call[Returned, Nothing], code: OpenIdCode
) -> web.Response:
    refused(call.request, code.value, call.who.account)
    return login_again(call, 401, f"No login: {MEANINGS[code]} ({code}).")


ROUTES = (
    Stream("GET", "/oidc/start", Public.PROVIDER, oidc_start, HTML, Nothing),
    Stream("GET", CALLBACK, Public.LOGIN, oidc_callback, HTML, Returned),
)
