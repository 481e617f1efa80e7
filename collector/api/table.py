"""Every route there is. What is not in this table does not exist."""

from __future__ import annotations

from collector.api import (
    accounts,
    agents,
    availability,
    checks,
    corrections,
    description,
    entrance,
    explain,
    health,
    incidents,
    maintenance,
    systems,
    tokens,
    what_if,
)
from collector.api.routes import AnyRoute
from collector.web import oidc_pages, pages

ROUTES: tuple[AnyRoute, ...] = (
    *systems.ROUTES,
    *explain.ROUTES,
    *checks.ROUTES,
    *availability.ROUTES,
    *incidents.ROUTES,
    *maintenance.ROUTES,
    *corrections.ROUTES,
    *what_if.ROUTES,
    *agents.ROUTES,
    *entrance.ROUTES,
    *accounts.ROUTES,
    *tokens.ROUTES,
    *health.ROUTES,
    *description.routes(lambda: ROUTES),
    *pages.ROUTES,
    *oidc_pages.ROUTES,
)
