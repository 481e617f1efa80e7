"""People for tests of the API: a token is `account:role+role`, and whoever says so is believed.
An account `svc-N` is a service.

It passes the same contract suite as the collector's own (`tests/contract/test_knows.py`).
"""

from __future__ import annotations

from collector.access.actors import Actor, By, Kind
from collector.access.policy import Role, permissions_of

SESSION_CSRF = "csrf-token-of-this-session"
VIEWER = {"Authorization": "Bearer viewer-1:viewer"}


class Known:
    """Believes every well-formed token and session."""

    async def actor_of_token(self, secret: str) -> Actor | None:
        return _actor(secret, By.TOKEN, "")

    async def actor_of_session(self, secret: str) -> Actor | None:
        return _actor(secret, By.SESSION, SESSION_CSRF)


def token(account: str, *roles: Role) -> str:
    return f"{account}:{'+'.join(role.value for role in roles)}"


def bearer(account: str, *roles: Role) -> dict[str, str]:
    """The header that a client sends with `token`."""
    return {"Authorization": f"Bearer {token(account, *roles)}"}


def _actor(secret: str, by: By, csrf: str) -> Actor | None:
    account, _, words = secret.partition(":")
    if not words or any(word not in set(Role) for word in words.split("+")):
        return None
    roles = frozenset(Role(word) for word in words.split("+"))
    kind = Kind.SERVICE if account.startswith("svc-") else Kind.PERSON
    return Actor(account, kind, roles, permissions_of(roles), by, secret, csrf)
