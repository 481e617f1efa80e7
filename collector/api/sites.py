"""Sites: where people work and agents probe from."""

from __future__ import annotations

from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.routes import Call, Nothing, get
from probes.config import Config


class Site(TypedDict):
    """`timezone` is the organization's where the site has none of its own; `agents` are ids."""

    id: str
    name: str
    timezone: str
    users: int | None
    agents: list[str]


class Sites(TypedDict):
    sites: list[Site]
    next: str | None


async def list_sites(call: Call[Paged, Nothing]) -> Sites:
    """Every site of the config in force, with the agents there."""
    config = call.parts.config
    told, following = part(config.sites, str, call.query)
    return {"sites": [_site(name, config) for name in told], "next": following}


def _site(name: str, config: Config) -> Site:
    site = config.sites[name]
    return {
        "id": name,
        "name": site.name,
        "timezone": site.timezone or config.organization.timezone,
        "users": site.users,
        "agents": sorted(one for one, agent in config.agents.items() if agent.site == name),
    }


ROUTES = (get("/api/v1/sites", Permission.SYSTEMS_READ, list_sites, Sites, Paged),)
