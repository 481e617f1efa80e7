"""Who there is, and who asks: what a request was found to come from."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from collector.access.policy import Permission, Role


class Kind(StrEnum):
    PERSON = "person"
    SERVICE = "service"
    """A program: it has tokens only, and nothing to log in with."""


class By(StrEnum):
    """What proved who it is."""

    TOKEN = "token"  # noqa: S105 - a word
    LOGIN = "login"
    """A token of some hours, given for a password and a code."""
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Actor:
    """`account` is the id every act is recorded under; a token acts as its owner."""

    account: str
    kind: Kind
    roles: frozenset[Role]
    permissions: frozenset[Permission]
    by: By
    credential: str
    """Id of the token or session: a name, not the secret."""
    csrf: str = ""
    """What a page of ours sends back with every act of a session; empty for tokens."""

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions


class Status(StrEnum):
    INVITED = "invited"
    """Nothing to log in with yet, or nothing any more: an invitation is to be used."""
    ACTIVE = "active"
    DISABLED = "disabled"


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody who may enter, without what proves it. Instants are UTC ms."""

    id: str
    kind: Kind
    roles: frozenset[Role]
    status: Status
    created_at: int
    seen_at: int | None
    """The last login."""
    issuer: str | None
    """The OpenID provider that vouches for this person, and says which roles they have."""
