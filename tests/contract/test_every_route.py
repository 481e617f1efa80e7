"""Every route with every role, no token, an expired one and one of another organization.

Who may do what is written out here once more, by hand: a change of the policy table that nobody
meant fails.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from collector.access.policy import Permission, Role
from collector.api.routes import HTML, AnyRoute, Public, Stream
from collector.api.table import ROUTES
from collector.store.store import Store
from tests.support.collectors import DAY_MS, Collector, a_collector
from tests.support.entering import PASSWORD
from tests.support.rounds import config

V, O, P, C, A, R = (  # noqa: E741 - a table is read by its columns
    Role.VIEWER, Role.OPERATOR, Role.APPROVER, Role.CLINICAL, Role.ADMIN, Role.AUDITOR,
)  # fmt: skip
ALL = {V, O, P, C, A, R}
MAY: dict[str, set[Role]] = {
    "list_systems": ALL,
    "read_system": ALL,
    "explain_system": ALL,
    "list_checks": ALL,
    "read_check": ALL,
    "read_availability": ALL,
    "report_payer": ALL,
    "list_incidents": ALL,
    "read_incident": ALL,
    "report_incident": ALL,
    "acknowledge_incident": {O, C},
    "note_incident": {O, C},
    "set_incident_category": {O, C},
    "resolve_incident": {O, C},
    "close_incident": {O, C},
    "call_incident_false_positive": {O, C},
    "merge_incident": {O, C},
    "rule_incident": {O, C},
    "read_incident_notes": {C, A},
    "list_outbox": ALL,
    "clear_messages": {O, A},
    "redrive_messages": {O, A},
    "reconcile_tickets": {O, A},
    "adopt_ticket": {O, C},
    "list_maintenance": ALL,
    "read_window": ALL,
    "preview_windows": ALL,
    "propose_windows": {O},
    "approve_window": {P},
    "cancel_window": {O, P},
    "finish_window": {O},
    "list_corrections": ALL,
    "request_correction": {O},
    "record_drill": {O},
    "approve_correction": {P},
    "compare_config": {O},
    "list_sites": ALL,
    "list_contacts": {O, P, C, A},
    "read_rota": {O, P, C, A, R},
    "make_override": {O, C},
    "cancel_override": {O, C},
    "list_channels": ALL,
    "list_outages": ALL,
    "read_system_states": ALL,
    "export_results": ALL,
    "read_load": ALL,
    "read_feed": ALL,
    "list_journal": {A, R},
    "list_logs": {A, R},
    "read_log_policy": {A, R},
    "revoke_log_key": {A},
    "restart_logs": {A},
    "read_checkpoint": {A, R},
    "read_tile": {A, R},
    "prove_row": {A, R},
    "export_audit": {A, R},
    "export_audit_pack": {A, R},
    "list_attestations": {O, A, R},
    "create_attestation": {O, A},
    "read_attestation": {O, A, R},
    "download_attestation": {O, A, R},
    "stream_events": ALL,
    "list_agents": ALL,
    "list_agent_keys": ALL,
    "invite_agent": {A},
    "approve_agent_key": {A},
    "revoke_agent_key": {A},
    "settle_equivocations": {A},
    "log_out": ALL,
    "read_me": ALL,
    "list_accounts": {A, R},
    "create_account": {A},
    "set_account_roles": {A},
    "disable_account": {A},
    "enable_account": {A},
    "reset_account": {A},
    "list_tokens": ALL,
    "create_token": ALL,
    "revoke_token": ALL,
    "metrics": ALL,
    "home_page": ALL,
    "payer_page": ALL,
    "rota_page": {O, P, C, A, R},
    "log_out_by_form": ALL,
    "tokens_page": ALL,
    "make_token_by_form": ALL,
    "revoke_token_by_form": ALL,
}
PUBLIC = {
    "post_batch": Public.SIGNED,
    "post_told": Public.SIGNED,
    "post_question": Public.SIGNED,
    "get_heartbeat": Public.PING,
    "post_heartbeat": Public.PING,
    "get_heartbeat_word": Public.PING,
    "post_heartbeat_word": Public.PING,
    "hear_receiver": Public.RECEIVER,
    "enrol_agent": Public.ENROLMENT,
    "rotate_agent_key": Public.ENROLMENT,
    "begin_enrolment": Public.LOGIN,
    "enrol": Public.LOGIN,
    "log_in": Public.LOGIN,
    "healthz": Public.HEALTH,
    "readyz": Public.HEALTH,
    "login_page": Public.LOGIN,
    "log_in_by_form": Public.LOGIN,
    "enrol_page": Public.LOGIN,
    "enrol_by_form": Public.LOGIN,
    "static_file": Public.DESCRIPTION,
    "describe_api": Public.DESCRIPTION,
    "oidc_start": Public.PROVIDER,
    "oidc_callback": Public.LOGIN,
}
CLOSED = [route for route in ROUTES if isinstance(route.needs, Permission)]


@pytest.fixture
async def collector(store: Store) -> AsyncIterator[Collector]:
    async with a_collector(store) as opened:
        yield opened


async def asked(collector: Collector, route: AnyRoute, secret: str | None) -> tuple[int, str]:
    """Status and code; what is sent is right nowhere, so nothing is done."""
    headers = {} if secret is None else {"Authorization": f"Bearer {secret}"}
    body = None if route.method == "GET" else {"nothing": "of the kind"}
    path = re.sub(r"\{[^}]*\}", "none", route.path)
    async with collector.client.request(
        route.method, path, json=body, headers=headers, allow_redirects=False
    ) as answer:
        if answer.content_type != "application/problem+json":
            return answer.status, ""
        return answer.status, (await answer.json(content_type=None))["code"]


def unknown(route: AnyRoute) -> tuple[int, str]:
    """A page sends to the login, everything else says so."""
    page = isinstance(route, Stream) and route.media == HTML
    return (303, "") if page else (401, "access.unknown")


def test_the_tables_name_every_route_there_is() -> None:
    assert {route.name for route in CLOSED} == set(MAY)
    public = {r.name: r.needs for r in ROUTES if isinstance(r.needs, Public)}
    assert public == PUBLIC
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_does_what_the_table_says_and_nothing_else(
    collector: Collector, role: Role
) -> None:
    secret = await collector.token("somebody", role)
    for number, route in enumerate(CLOSED):
        leaves = route.name.startswith("log_out")
        status, code = await asked(
            collector, route, await collector.token(f"leaver-{number}", role) if leaves else secret
        )
        if role in MAY[route.name]:
            assert status not in (401, 403), (route.name, status, code)
            assert status < 500, (route.name, status, code)
        else:
            assert (status, code) == (403, "access.denied"), route.name


async def test_a_token_does_no_more_than_its_scopes(collector: Collector) -> None:
    person = await collector.person("ann", O)
    made = await collector.access.login_for_token(
        "ann", PASSWORD, collector.code(person), [Permission.AGENTS_READ], DAY_MS
    )
    for route in CLOSED:
        status, code = await asked(collector, route, made.secret)
        if route.needs is Permission.AGENTS_READ:
            assert (status, code) in ((200, ""), (404, "agent.unknown")), route.name
        else:
            assert (status, code) == (403, "access.denied"), route.name


async def test_without_a_token_or_with_one_that_is_nobodys_nothing_is_answered(
    collector: Collector,
) -> None:
    over = await collector.token("over", V, days=1)
    revoked = await collector.token("revoked", V, days=90)
    await collector.access.disable(None, "revoked")
    another = {"id": "another-org", "name": "Another", "timezone": "America/Chicago"}
    async with a_collector(
        collector.service.parts.store, config(organization=another)
    ) as elsewhere:
        foreign = await elsewhere.token("ann", *ALL - {P}, days=90)
        assert (await asked(elsewhere, CLOSED[0], foreign))[0] == 200
    await collector.clock.advance(DAY_MS)
    secrets = (None, "", "wwt_", "x" * 5_000, f"wwt_{'A' * 43}", over, revoked, foreign)
    for route in CLOSED:
        for secret in secrets:
            assert await asked(collector, route, secret) == unknown(route), (route.name, secret)


async def test_what_is_public_asks_nobody_who_they_are(collector: Collector) -> None:
    for route in ROUTES:
        if isinstance(route.needs, Public):
            status, code = await asked(collector, route, None)
            assert code not in ("access.unknown", "access.denied"), route.name
            assert status < 500, route.name
