"""API tokens of oneself, and for an admin of services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.access.tokens import Token
from collector.api.cursors import Paged, part
from collector.api.entrance import Done, TokenMade
from collector.api.parts import instant, stamp
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, Route, get
from collector.api.shapes import Instant
from probes.config_words import Id, Model

BASE = "/api/v1/tokens"
DAY_MS = 86_400_000


class Asked(Paged):
    account: Annotated[str, Field(max_length=63)] | None = None
    """Whose; left out: one's own."""


class NewToken(Model):
    """`account`: a service an admin makes it for; left out: oneself."""

    account: Id | None = None
    scopes: Annotated[tuple[Permission, ...], Field(min_length=1, max_length=len(Permission))]
    days: Annotated[int, Field(ge=1, le=366, strict=True)] = 30


class TokenShown(TypedDict):
    id: str
    account: str
    scopes: list[Permission]
    created_at: Instant
    expires_at: Instant
    last_used_at: Instant | None
    revoked_at: Instant | None


class Tokens(TypedDict):
    tokens: list[TokenShown]
    next: str | None


async def list_tokens(call: Call[Asked, Nothing]) -> Tokens:
    """Tokens without their secrets, one's own or, for who may read accounts, another's."""
    owner = call.query.account or call.who.account
    if owner != call.who.account and not call.who.may(Permission.ACCOUNTS_READ):
        raise DeniedError(403, "access.denied", needs=Permission.ACCOUNTS_READ.value)
    told, following = part(await call.parts.access.tokens(owner), lambda t: t.id, call.query)
    return {"tokens": [_shown(one) for one in told], "next": following}


async def create_token(call: Call[Nothing, NewToken]) -> TokenMade:
    """A new token; its secret is in this answer and nowhere else."""
    said = call.body
    made = await call.parts.access.create_token(
        call.who, said.account or call.who.account, said.scopes, said.days * DAY_MS
    )
    return {"id": made.id, "token": made.secret, "expires_at": stamp(made.expires_at)}


async def revoke_token(call: Call[Nothing, Nothing]) -> Done:
    """The token is nothing from now on; again is fine."""
    await call.parts.access.revoke_token(call.who, call.path["id"])
    return {"done": True}


def _shown(token: Token) -> TokenShown:
    return {
        "id": token.id,
        "account": token.account,
        "scopes": sorted(token.scopes),
        "created_at": stamp(token.created_at),
        "expires_at": stamp(token.expires_at),
        "last_used_at": instant(token.last_used_at),
        "revoked_at": instant(token.revoked_at),
    }


P = Permission
ROUTES = (
    get(BASE, P.SELF, list_tokens, Tokens, Asked),
    Route("POST", BASE, P.SELF, create_token, TokenMade, Nothing, NewToken),
    Route("POST", f"{BASE}/{{id}}/revoke", P.SELF, revoke_token, Done, Nothing, Nothing),
)
