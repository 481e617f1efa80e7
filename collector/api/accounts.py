"""Accounts: who may enter, with which roles."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from typing_extensions import TypedDict

from collector.access.actors import Account, Kind, Status
from collector.access.policy import Permission, Role
from collector.access.refusals import AccessError
from collector.api.cursors import Paged, part
from collector.api.parts import Parts, instant, stamp
from collector.api.routes import Call, Nothing, Route, get
from collector.api.shapes import Instant
from probes.config_words import Id, Model

BASE = "/api/v1/accounts"
Roles = Annotated[tuple[Role, ...], Field(min_length=1, max_length=len(Role))]


class NewAccount(Model):
    id: Id
    kind: Kind = Kind.PERSON
    roles: Roles


class NewRoles(Model):
    roles: Roles


class AccountShown(TypedDict):
    """`provider`: an OpenID provider vouches for this person and says which roles they have."""

    id: str
    kind: Kind
    roles: list[Role]
    status: Status
    created_at: Instant
    seen_at: Instant | None
    provider: str | None


class Accounts(TypedDict):
    accounts: list[AccountShown]
    next: str | None


class Invited(TypedDict):
    """`invitation` and `link` are shown this once and good for 24 hours; null for a service."""

    account: AccountShown
    invitation: str | None
    link: str | None


async def list_accounts(call: Call[Paged, Nothing]) -> Accounts:
    """Every account, whatever its status."""
    told, following = part(await call.parts.access.accounts(), lambda a: a.id, call.query)
    return {"accounts": [shown(one) for one in told], "next": following}


async def create_account(call: Call[Nothing, NewAccount]) -> Invited:
    """A person, who enrols with the link, or a service, which gets tokens."""
    said = call.body
    code = await call.parts.access.invitation(call.who, said.id, said.roles, said.kind)
    return await _invited(call, said.id, code)


async def set_account_roles(call: Call[Nothing, NewRoles]) -> AccountShown:
    """Give an account other roles; they count from the next request on."""
    name = call.path["id"]
    await call.parts.access.set_roles(call.who, name, call.body.roles)
    return await _one(call.parts, name)


async def disable_account(call: Call[Nothing, Nothing]) -> AccountShown:
    """Nothing opens the account any more: sessions end, tokens are revoked."""
    name = call.path["id"]
    await call.parts.access.disable(call.who, name)
    return await _one(call.parts, name)


async def enable_account(call: Call[Nothing, Nothing]) -> AccountShown:
    """The account opens again with its password; sessions and tokens stay gone."""
    name = call.path["id"]
    await call.parts.access.enable(call.who, name)
    return await _one(call.parts, name)


async def reset_account(call: Call[Nothing, Nothing]) -> Invited:
    """Nothing old opens the account from now on; its person enrols anew with the link."""
    name = call.path["id"]
    code = await call.parts.access.reset(call.who, name)
    return await _invited(call, name, code)


async def _invited(
    call: Call[Nothing, NewAccount] | Call[Nothing, Nothing], name: str, code: str | None
) -> Invited:
    origin = call.parts.door.link_origin(call.request)
    return {
        "account": await _one(call.parts, name),
        "invitation": code,
        "link": None if code is None or origin is None else enrolment_link(origin, code),
    }


def enrolment_link(origin: str, code: str) -> str:
    """What follows # stays in the browser: no log and no proxy sees the code."""
    return f"{origin}/enrol#{code}"


async def _one(parts: Parts, name: str) -> AccountShown:
    found = next((one for one in await parts.access.accounts() if one.id == name), None)
    if found is None:
        raise AccessError("access.unknown_account")
    return shown(found)


def shown(account: Account) -> AccountShown:
    return {
        "id": account.id,
        "kind": account.kind,
        "roles": sorted(account.roles),
        "status": account.status,
        "created_at": stamp(account.created_at),
        "seen_at": instant(account.seen_at),
        "provider": account.issuer,
    }


P, MANAGE = Permission, Permission.ACCOUNTS_MANAGE
ROUTES = (
    get(BASE, P.ACCOUNTS_READ, list_accounts, Accounts, Paged),
    Route("POST", BASE, MANAGE, create_account, Invited, Nothing, NewAccount),
    Route(
        "POST", f"{BASE}/{{id}}/roles", MANAGE, set_account_roles, AccountShown, Nothing, NewRoles
    ),
    Route(
        "POST", f"{BASE}/{{id}}/disable", MANAGE, disable_account, AccountShown, Nothing, Nothing
    ),
    Route("POST", f"{BASE}/{{id}}/enable", MANAGE, enable_account, AccountShown, Nothing, Nothing),
    Route("POST", f"{BASE}/{{id}}/reset", MANAGE, reset_account, Invited, Nothing, Nothing),
)
