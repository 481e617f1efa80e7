"""One's own API tokens: made, listed, revoked. The way to the commands for who logs in elsewhere."""

from __future__ import annotations

from aiohttp import web

from collector.access.policy import Permission
from collector.access.refusals import AccessError
from collector.access.tokens import Minted, Token
from collector.api.parts import stamp
from collector.api.reading import fields_of
from collector.api.routes import Call, Nothing
from collector.web.forms import field, form_of
from collector.web.rendering import form_route, page, page_route, see

DAY_MS = 86_400_000


async def tokens_page(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """The tokens that are good, and the form to make one."""
    return await _page(call)


async def make_token_by_form(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Make a token and show it once."""
    form = form_of(call)
    days, known = field(form, "days"), {scope.value: scope for scope in Permission}
    wanted = [
        known[word] for word in fields_of(call.request, call.raw).get("scopes", ()) if word in known
    ]
    if not (days.isascii() and days.isdigit() and len(days) < 4):
        return await _page(call, problem=AccessError("access.lifetime"))
    try:
        made = await call.parts.access.create_token(
            call.who, call.who.account, wanted, int(days) * DAY_MS
        )
    except AccessError as error:
        return await _page(call, problem=error)
    return await _page(call, made)


async def revoke_token_by_form(call: Call[Nothing, Nothing]) -> web.StreamResponse:
    """Revoke a token."""
    form = form_of(call)
    await call.parts.access.revoke_token(call.who, field(form, "token"))
    return see("/tokens")


async def _page(
    call: Call[Nothing, Nothing], made: Minted | None = None, problem: AccessError | None = None
) -> web.StreamResponse:
    now = call.parts.clock.now_ms()
    good = [
        _shown(one)
        for one in await call.parts.access.tokens(call.who.account)
        if one.revoked_at is None and one.expires_at > now
    ]
    new = None if made is None else {"secret": made.secret, "expires_at": _minute(made.expires_at)}
    return page(call, "tokens.html", "Tokens", {"tokens": good, "made": new}, problem)


def _shown(token: Token) -> dict[str, object]:
    return {
        "id": token.id,
        "created_at": _minute(token.created_at),
        "expires_at": _minute(token.expires_at),
        "last_used_at": None if token.last_used_at is None else _minute(token.last_used_at),
        "scopes": sorted(token.scopes),
    }


def _minute(at_ms: int) -> str:
    return f"{stamp(at_ms)[:16].replace('T', ' ')} UTC"


ROUTES = (
    page_route("/tokens", tokens_page, Permission.SELF),
    form_route("/tokens", make_token_by_form, Permission.SELF),
    form_route("/tokens/revoke", revoke_token_by_form, Permission.SELF),
)
