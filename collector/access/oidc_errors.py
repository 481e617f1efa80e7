"""Why a login by OpenID Connect was refused: a closed list, told apart by code alone."""

from __future__ import annotations

from enum import StrEnum


class OpenIdCode(StrEnum):
    UNREACHABLE = "oidc.unreachable"
    BUSY = "oidc.busy"
    STATE = "oidc.state"
    EXPIRED = "oidc.expired"
    ISSUER = "oidc.issuer"
    DENIED = "oidc.denied"
    SECRET = "oidc.secret"  # noqa: S105 - the name of a code
    TOKEN = "oidc.token"  # noqa: S105 - likewise
    ID_TOKEN = "oidc.id_token"  # noqa: S105 - likewise
    NO_ROLE = "oidc.no_role"
    DISABLED = "oidc.disabled"


MEANINGS: dict[OpenIdCode, str] = {
    OpenIdCode.UNREACHABLE: "the provider gave no usable answer: none in 10 s, too long, a "
    "redirect, not JSON, endpoints missing or without TLS",
    OpenIdCode.BUSY: "1 000 logins are under way already",
    OpenIdCode.STATE: "this login is not under way: never begun, used before, or begun in another "
    "browser",
    OpenIdCode.EXPIRED: "it took longer than 10 minutes",
    OpenIdCode.ISSUER: "the answer, or the discovery document, is of another issuer than the "
    "configured one",
    OpenIdCode.DENIED: "the provider refused, or the person went back; its text is not kept",
    OpenIdCode.SECRET: "the client secret cannot be read here",
    OpenIdCode.TOKEN: "the provider gave no token for the code",
    OpenIdCode.ID_TOKEN: "the ID token does not hold, or userinfo speaks of another person",
    OpenIdCode.NO_ROLE: "none of the person's groups has a role here",
    OpenIdCode.DISABLED: "the account is disabled here",
}


class OpenIdError(Exception):
    """Nobody is logged in. The text is the code: what the provider said is never in it."""

    def __init__(self, code: OpenIdCode) -> None:
        super().__init__(code.value)
        self.code = code
