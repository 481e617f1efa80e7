"""Groups of a person, from the token or from userinfo, as roles."""

from __future__ import annotations

from typing import Any

import pytest

from collector.access.vouched import Vouched
from probes.roles import Role
from tests.unit.oidc.stage import FAULTS, Stage, opened


@pytest.mark.parametrize(
    "groups",
    [[], ["everybody"], "everybody", 7, {"ward-ops": True}, [["ward-ops"]], ["Ward-Ops"], False],
)
async def test_who_is_in_no_group_with_a_role_is_refused(stage: Stage, groups: Any) -> None:
    stage.provider.claims["groups"] = groups
    assert await stage.refused() == "oidc.no_role"
    assert "/userinfo" not in stage.provider.asked


async def test_all_groups_of_a_person_count_together(stage: Stage) -> None:
    stage.provider.claims["groups"] = ["admins", "ward-ops"]
    assert (await stage.login()).roles == {Role.ADMIN, Role.APPROVER, Role.OPERATOR}


async def test_one_group_may_be_written_as_a_text(stage: Stage) -> None:
    stage.openid = opened(stage.provider, stage.store, stage.clock, groups_claim="role")
    stage.provider.claims["role"] = "ward-ops"
    assert (await stage.login()).roles == {Role.OPERATOR}


async def test_userinfo_is_asked_only_where_the_token_has_no_groups(stage: Stage) -> None:
    await stage.login()
    assert "/userinfo" not in stage.provider.asked
    stage.provider.claims = {"groups": None, "preferred_username": None}
    stage.provider.userinfo = {"groups": ["admins"], "preferred_username": "dora"}
    assert await stage.login() == Vouched(
        stage.provider.issuer, "subject-1", "dora", frozenset({Role.ADMIN, Role.APPROVER})
    )
    assert stage.provider.headers[-1]["Authorization"] == "Bearer at-1"


@pytest.mark.parametrize("subject", ["subject-2", None])
async def test_userinfo_of_another_person_is_refused(stage: Stage, subject: str | None) -> None:
    stage.provider.claims["groups"] = None
    stage.provider.userinfo = {"sub": subject, "groups": ["ward-ops"]}
    assert await stage.refused() == "oidc.id_token"


@pytest.mark.parametrize("fault", FAULTS)
async def test_userinfo_without_a_usable_answer_is_refused(stage: Stage, fault: str) -> None:
    stage.provider.claims["groups"] = None
    stage.provider.faults["/userinfo"] = fault
    assert await stage.refused() == "oidc.unreachable"


@pytest.mark.parametrize(
    "gone", [{"userinfo_endpoint": None}, {"access_token": None}], ids=["endpoint", "token"]
)
async def test_without_groups_anywhere_there_is_no_role(
    stage: Stage, gone: dict[str, None]
) -> None:
    stage.provider.claims["groups"] = None
    (stage.provider.token if "access_token" in gone else stage.provider.document).update(gone)
    assert await stage.refused() == "oidc.no_role"
