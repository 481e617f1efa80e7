"""Everything Access refuses: one table of stable codes, HTTP statuses and sentences."""

from __future__ import annotations

REFUSALS: dict[str, tuple[int, str]] = {
    "access.login_failed": (
        401,
        "account, password and code do not belong together; a code works once, so wait for the next",
    ),
    "access.invitation_invalid": (
        401,
        "this link was used, has expired, or never was one: ask an admin for a new one",
    ),
    "access.throttled": (429, "too many failed logins: try again later"),
    "access.busy": (429, "too many logins at once: try again in a moment"),
    "access.weak_password": (400, "this password is too easy to guess"),
    "access.wrong_code": (400, "the code is not the one the authenticator shows now"),
    "access.bad_id": (400, "an id is 1 to 63 of a-z, 0-9 and -, not `system`, and of no patient"),
    "access.roles_empty": (400, "an account has at least one role"),
    "access.scopes_empty": (400, "a token has at least one scope"),
    "access.lifetime": (400, "a token lives longer than nothing and not longer than the longest"),
    "access.not_permitted": (403, "this account may not do that"),
    "access.log_in_first": (403, "a token makes no tokens: log in, with password and code"),
    "access.too_many_tokens": (409, "this account has as many tokens as it may: revoke some"),
    "access.scope_not_held": (403, "a token cannot do more than its owner, or who makes it"),
    "access.unknown_account": (404, "there is no such account"),
    "access.unknown_token": (404, "there is no such token"),
    "access.account_exists": (409, "there is an account of this id already"),
    "access.account_inactive": (409, "this account is not active"),
    "access.not_a_person": (
        409,
        "a service has tokens only, and nothing to log in with: make it a token",
    ),
    "access.of_provider": (409, "the OpenID provider keeps this account's roles and login"),
    "access.roles_conflict": (409, "nobody is admin and approver"),
    "access.service_roles": (409, "a service is viewer, operator or auditor"),
    "access.last_admin": (409, "somebody has to stay who can rule the accounts"),
    "access.oneself": (409, "nobody disables their own account"),
}


class AccessError(Exception):
    """`code` is one of `REFUSALS`; `detail` holds words of ours and integers, nothing typed."""

    def __init__(self, code: str, **detail: int | str) -> None:
        super().__init__(code)
        self.code = code
        self.status, self.text = REFUSALS[code]
        self.detail = detail
