"""The OpenAPI document is right, and the collector keeps every word of it: schemathesis asks
each operation for anything its schema allows and much that it does not, on both stores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_schema_conformance,
    status_code_conformance,
)

from collector.access.policy import GRANTS, Permission, Role
from collector.api.agents import BATCH
from collector.api.openapi import openapi
from collector.api.table import ROUTES
from probes import agentconfig, notice
from tests.support.serving import Serving, serving
from tests.support.soak import longer

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
schemathesis.serializer.alias(BATCH, "application/octet-stream")
schemathesis.serializer.alias(agentconfig.QUESTION_TYPE, "application/octet-stream")
schemathesis.serializer.alias(notice.CONTENT_TYPE, "application/octet-stream")
UNENDING = {"stream_events"}
"""Nobody waits for the end of a stream that has none."""
LEAVING = {"log_out"}
"""It would end the token all others are asked with; `test_every_route.py` asks it."""
PEOPLE = {
    "everything": (Role.OPERATOR, Role.APPROVER, Role.AUDITOR, Role.CLINICAL),
    "admin-1": (Role.ADMIN,),
}
DOCUMENT = openapi(ROUTES)
OPERATIONS = [
    (path, method)
    for path, methods in DOCUMENT["paths"].items()
    for method, one in methods.items()
    if one["operationId"] not in UNENDING | LEAVING
]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def collector(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Serving]:
    if request.param == "sqlite":
        database = f"sqlite:///{tmp_path_factory.mktemp('served')}/wardwatch.db"
    else:
        database = request.getfixturevalue("postgres_server").new_database()
    with serving(database, PEOPLE) as served:
        yield served


def token_for(collector: Serving, permission: str) -> dict[str, str]:
    """Of whoever may do it; public routes are asked with one too."""
    managing = permission in set(GRANTS[Role.ADMIN]) - set(GRANTS[Role.OPERATOR]) - {
        Permission.JOURNAL_READ
    }
    return {"Authorization": f"Bearer {collector.tokens['admin-1' if managing else 'everything']}"}


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_an_operation_answers_as_its_description_says(
    collector: Serving, path: str, method: str
) -> None:
    operation = schemathesis.openapi.from_dict(DOCUMENT)[path][method]
    permission = DOCUMENT["paths"][path][method]["x-permission"]
    headers = token_for(collector, permission)
    strategies = [
        operation.as_strategy(generation_mode=mode)
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
    ]

    @settings(
        max_examples=longer(8),
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategies[0] | strategies[1])
    def ask(case: Any) -> None:
        case.call_and_validate(base_url=collector.url, headers=headers, checks=CHECKS)

    ask()
