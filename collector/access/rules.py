"""What is refused about accounts and tokens, as pure functions: a code of `refusals`, or None."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import TypeAdapter, ValidationError

from collector.access.actors import Account, Actor, By, Kind, Status
from collector.access.policy import SERVICE_ROLES, Permission, Role, permissions_of
from collector.journal import SYSTEM
from probes.config_words import Id
from probes.configchecks import like_phi

_ID = TypeAdapter(Id)
_DAY_MS = 86_400_000
LONGEST_TOKEN_MS = {Kind.PERSON: 90 * _DAY_MS, Kind.SERVICE: 366 * _DAY_MS}


def is_id(text: str) -> bool:
    """Could an account have this id? What could not is not worth a look into the store."""
    try:
        _ID.validate_python(text)
    except ValidationError:
        return False
    return True


def new_id_refused(text: str) -> str | None:
    """An id goes into the journal with everything its owner does, for good."""
    return None if is_id(text) and text != SYSTEM and not like_phi(text) else "access.bad_id"


def roles_refused(kind: Kind, roles: Iterable[Role]) -> str | None:
    held = frozenset(roles)
    if not held:
        return "access.roles_empty"
    if {Role.ADMIN, Role.APPROVER} <= held:
        return "access.roles_conflict"
    if kind is Kind.SERVICE and not held <= SERVICE_ROLES:
        return "access.service_roles"
    return None


def manage_refused(by: Actor | None) -> str | None:
    """None is who sits at the host, and could write into the database too."""
    managing = by is None or by.may(Permission.ACCOUNTS_MANAGE)
    return None if managing else "access.not_permitted"


def maker_refused(by: Actor, owner: Account, scopes: Iterable[Permission]) -> str | None:
    """Who may make a token: its owner, or an admin for a service.

    Through a token nobody makes one that can do more: that would be a way around its scopes.
    """
    own = by.account == owner.id and by.may(Permission.SELF)
    for_service = owner.kind is Kind.SERVICE and by.may(Permission.ACCOUNTS_MANAGE)
    if not (own or for_service):
        return "access.not_permitted"
    if by.by is By.TOKEN:
        # it would outlive its end, and its being revoked
        return "access.log_in_first"
    if by.by is By.LOGIN and own and not frozenset(scopes) <= by.permissions:
        return "access.scope_not_held"
    return None


def token_refused(owner: Account, scopes: Iterable[Permission], lifetime_ms: int) -> str | None:
    asked = frozenset(scopes)
    if owner.status is not Status.ACTIVE:
        return "access.account_inactive"
    if not 0 < lifetime_ms <= LONGEST_TOKEN_MS[owner.kind]:
        return "access.lifetime"
    if not asked:
        return "access.scopes_empty"
    if not asked <= permissions_of(owner.roles):
        return "access.scope_not_held"
    return None
