"""What is refused about accounts and tokens, case by case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collector.access import rules
from collector.access.actors import Account, Actor, By, Kind, Status
from collector.access.policy import GRANTS, Permission, Role, permissions_of
from tests.unit.access.desk import DAY, P, R

ADA = Account("ada", Kind.PERSON, frozenset({R.ADMIN}), Status.ACTIVE, 0, None, None)
OLAF = Account("olaf", Kind.PERSON, frozenset({R.OPERATOR}), Status.ACTIVE, 0, None, None)
ROBOT = Account("robot", Kind.SERVICE, frozenset({R.OPERATOR}), Status.ACTIVE, 0, None, None)


def by(account: Account, *scopes: Permission) -> Actor:
    """In a session, or through a token of a login with these scopes."""
    all_ = permissions_of(account.roles)
    how = By.LOGIN if scopes else By.SESSION
    held = all_ & frozenset(scopes) if scopes else all_
    return Actor(account.id, account.kind, account.roles, held, how, "c")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("ada", None),
        ("a", None),
        ("0", None),
        ("a" * 63, None),
        ("", "access.bad_id"),
        ("a" * 64, "access.bad_id"),
        ("-ada", "access.bad_id"),
        ("Ada", "access.bad_id"),
        ("ada@example", "access.bad_id"),
        ("ada\n", "access.bad_id"),
        ("ada\0", "access.bad_id"),
        ("system", "access.bad_id"),
        ("mrn-12345678", "access.bad_id"),
    ],
)
def test_an_id_names_nobody_else_and_no_patient(text: str, code: str | None) -> None:
    assert rules.new_id_refused(text) == code


@pytest.mark.parametrize(
    ("kind", "roles", "code"),
    [
        (Kind.PERSON, {R.VIEWER}, None),
        (Kind.PERSON, {R.ADMIN}, None),
        (Kind.PERSON, {R.ADMIN, R.OPERATOR, R.AUDITOR, R.CLINICAL, R.VIEWER}, None),
        (Kind.PERSON, {R.APPROVER, R.OPERATOR}, None),
        (Kind.PERSON, set(), "access.roles_empty"),
        (Kind.PERSON, {R.ADMIN, R.APPROVER}, "access.roles_conflict"),
        (Kind.PERSON, set(Role), "access.roles_conflict"),
        (Kind.SERVICE, {R.VIEWER, R.OPERATOR, R.AUDITOR}, None),
        (Kind.SERVICE, {R.APPROVER}, "access.service_roles"),
        (Kind.SERVICE, {R.ADMIN}, "access.service_roles"),
        (Kind.SERVICE, {R.CLINICAL, R.VIEWER}, "access.service_roles"),
        (Kind.SERVICE, set(), "access.roles_empty"),
        (Kind.SERVICE, {R.ADMIN, R.APPROVER}, "access.roles_conflict"),
    ],
)
def test_which_roles_go_together(kind: Kind, roles: set[Role], code: str | None) -> None:
    assert rules.roles_refused(kind, roles) == code


@pytest.mark.parametrize(
    ("actor", "code"),
    [
        (None, None),
        (by(ADA), None),
        (by(ADA, P.ACCOUNTS_MANAGE), None),
        (by(ADA, P.ACCOUNTS_READ), "access.not_permitted"),
        (by(OLAF), "access.not_permitted"),
    ],
)
def test_who_manages_accounts(actor: Actor | None, code: str | None) -> None:
    assert rules.manage_refused(actor) == code


@pytest.mark.parametrize("role", [r for r in Role if r is not R.ADMIN])
def test_no_role_but_admin_manages_accounts(role: Role) -> None:
    actor = by(replace(OLAF, roles=frozenset({role})))
    assert P.ACCOUNTS_MANAGE not in GRANTS[role]
    assert rules.manage_refused(actor) == "access.not_permitted"


READ, PROPOSE, SELF = P.SYSTEMS_READ, P.MAINTENANCE_PROPOSE, P.SELF


@pytest.mark.parametrize(
    ("actor", "owner", "scopes", "code"),
    [
        (by(OLAF), OLAF, {READ}, None),
        (by(OLAF, SELF, READ), OLAF, {READ}, None),
        (by(OLAF, SELF, READ), OLAF, {SELF, READ}, None),
        (by(OLAF, SELF, READ), OLAF, {READ, PROPOSE}, "access.scope_not_held"),
        (by(OLAF, READ), OLAF, {READ}, "access.not_permitted"),
        (by(OLAF), ADA, {READ}, "access.not_permitted"),
        (by(OLAF), ROBOT, {READ}, "access.not_permitted"),
        (by(ADA), OLAF, {READ}, "access.not_permitted"),
        (by(ADA), ADA, {READ}, None),
        (by(ADA), ROBOT, {READ}, None),
        (by(ADA), ROBOT, {PROPOSE}, None),
        (by(ADA, P.ACCOUNTS_MANAGE, READ), ROBOT, {READ}, None),
        (by(ADA, P.ACCOUNTS_MANAGE, READ), ROBOT, {PROPOSE}, None),
        (by(ADA, SELF, READ), ROBOT, {READ}, "access.not_permitted"),
        (by(ROBOT, SELF, READ), ROBOT, {READ}, None),
        (replace(by(OLAF), by=By.TOKEN), OLAF, {READ}, "access.log_in_first"),
        (replace(by(ADA), by=By.TOKEN), ROBOT, {READ}, "access.log_in_first"),
    ],
)
def test_who_makes_which_token(
    actor: Actor, owner: Account, scopes: set[Permission], code: str | None
) -> None:
    assert rules.maker_refused(actor, owner, scopes) == code


@pytest.mark.parametrize(
    ("owner", "scopes", "lifetime_ms", "code"),
    [
        (OLAF, {READ}, 1, None),
        (OLAF, {READ}, 90 * DAY, None),
        (OLAF, {READ}, 90 * DAY + 1, "access.lifetime"),
        (OLAF, {READ}, 0, "access.lifetime"),
        (OLAF, {READ}, -1, "access.lifetime"),
        (ROBOT, {READ}, 366 * DAY, None),
        (ROBOT, {READ}, 366 * DAY + 1, "access.lifetime"),
        (OLAF, set(), DAY, "access.scopes_empty"),
        (OLAF, {READ, PROPOSE}, DAY, None),
        (OLAF, {READ, P.MAINTENANCE_APPROVE}, DAY, "access.scope_not_held"),
        (ADA, {P.ACCOUNTS_MANAGE}, DAY, None),
        (ADA, {P.CORRECTIONS_APPROVE}, DAY, "access.scope_not_held"),
        (replace(OLAF, status=Status.INVITED), {READ}, DAY, "access.account_inactive"),
        (replace(OLAF, status=Status.DISABLED), {READ}, DAY, "access.account_inactive"),
    ],
)
def test_which_token_an_account_can_have(
    owner: Account, scopes: set[Permission], lifetime_ms: int, code: str | None
) -> None:
    assert rules.token_refused(owner, scopes, lifetime_ms) == code
