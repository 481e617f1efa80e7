"""The collector's HTTP side: agents post, people and programs ask.

There is no access control yet, which is why the command listens on loopback unless told twice,
and why acts are taken on loopback only.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from collector.api.acting import LOCAL_ONLY
from collector.api.agents import get_agents, post_batch
from collector.api.availability import get_availability
from collector.api.corrections import (
    get_corrections,
    post_correction,
    post_correction_approval,
)
from collector.api.explain import get_explanation
from collector.api.health import get_healthz, get_metrics, get_readyz
from collector.api.incidents import get_incident, get_incidents
from collector.api.maintenance import (
    get_maintenance,
    get_window,
    post_approval,
    post_cancellation,
    post_finish,
    post_preview,
    post_proposal,
)
from collector.api.parts import PARTS, Parts
from collector.api.problems import problems
from collector.api.systems import get_system, get_systems
from collector.api.what_if import COMPARING, post_what_if

LARGEST_BATCH = 4 * 1024 * 1024
"""Bytes of one upload; a batch of 1 000 results is a few ten thousand."""


def build_app(parts: Parts, *, local_only: bool = False) -> web.Application:
    """`local_only`: it will listen on loopback and nowhere else."""
    app = web.Application(middlewares=[problems], client_max_size=LARGEST_BATCH)
    app[PARTS] = parts
    app[LOCAL_ONLY] = local_only
    app[COMPARING] = asyncio.Lock()
    app.router.add_post("/agent/v1/batches", post_batch)
    app.router.add_get("/api/v1/systems", get_systems)
    app.router.add_get("/api/v1/systems/{id}", get_system)
    app.router.add_get("/api/v1/systems/{id}/explain", get_explanation)
    app.router.add_get("/api/v1/incidents", get_incidents)
    app.router.add_get("/api/v1/incidents/{key}", get_incident)
    app.router.add_get("/api/v1/availability", get_availability)
    app.router.add_post("/api/v1/what-if", post_what_if)
    app.router.add_get("/api/v1/agents", get_agents)
    app.router.add_get("/api/v1/maintenance", get_maintenance)
    app.router.add_post("/api/v1/maintenance", post_proposal)
    app.router.add_post("/api/v1/maintenance/preview", post_preview)
    app.router.add_get("/api/v1/maintenance/{id}", get_window)
    app.router.add_post("/api/v1/maintenance/{id}/approve", post_approval)
    app.router.add_post("/api/v1/maintenance/{id}/cancel", post_cancellation)
    app.router.add_post("/api/v1/maintenance/{id}/finish", post_finish)
    app.router.add_get("/api/v1/corrections", get_corrections)
    app.router.add_post("/api/v1/corrections", post_correction)
    app.router.add_post("/api/v1/corrections/{id}/approve", post_correction_approval)
    app.router.add_get("/metrics", get_metrics)
    app.router.add_get("/healthz", get_healthz)
    app.router.add_get("/readyz", get_readyz)
    return app
