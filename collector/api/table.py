"""Every route there is. What is not in this table does not exist."""

from __future__ import annotations

from collector.api import (
    accounts,
    agents,
    availability,
    checks,
    contacts,
    corrections,
    description,
    entrance,
    events,
    explain,
    health,
    incident_acts,
    incidents,
    journal,
    maintenance,
    outages,
    results,
    sites,
    states,
    systems,
    tokens,
    what_if,
)
from collector.api.routes import AnyRoute
from collector.web import oidc_pages, pages, token_pages

ROUTES: tuple[AnyRoute, ...] = (
    *sites.ROUTES,
    *systems.ROUTES,
    *states.ROUTES,
    *explain.ROUTES,
    *checks.ROUTES,
    *results.ROUTES,
    *availability.ROUTES,
    *outages.ROUTES,
    *incidents.ROUTES,
    *incident_acts.ROUTES,
    *events.ROUTES,
    *contacts.ROUTES,
    *maintenance.ROUTES,
    *corrections.ROUTES,
    *what_if.ROUTES,
    *agents.ROUTES,
    *journal.ROUTES,
    *entrance.ROUTES,
    *accounts.ROUTES,
    *tokens.ROUTES,
    *health.ROUTES,
    *description.routes(lambda: ROUTES),
    *pages.ROUTES,
    *token_pages.ROUTES,
    *oidc_pages.ROUTES,
)
