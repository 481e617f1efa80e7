"""Channels: who hears of incidents, and what was agreed with them. No address and no secret."""

from __future__ import annotations

from datetime import date
from typing import Literal

from typing_extensions import TypedDict

from alerts.channel import Guarantee
from alerts.channels import registry
from collector import agreements
from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.routes import Call, Nothing, get
from probes import times
from probes.config import Config
from probes.config_channels import Baa


class Agreement(TypedDict):
    """As the operator's file has it. `in_force`: it covers the receiver, and its last day is not over."""

    covered: bool
    plan: str | None
    ref: str | None
    verified_by: str | None
    until: str | None
    in_force: bool


class ChannelRoute(TypedDict):
    """Incidents that go there."""

    families: list[str]
    min_priority: str


class ChannelShown(TypedDict):
    """`guarantee`: null of a kind this release does not know. `agreement`: null where the file says
    nothing. `notices`: the roles for which it takes notices. `escalation`: the policies of which a rung
    names it. `reach`: the contacts who are told by it.
    """

    id: str
    kind: str
    guarantee: Guarantee | None
    audience: Literal["staff", "customer"]
    agreement: Agreement | None
    routes: list[ChannelRoute]
    notices: list[str]
    escalation: list[str]
    reach: list[str]


class Channels(TypedDict):
    channels: list[ChannelShown]
    next: str | None


async def list_channels(call: Call[Paged, Nothing]) -> Channels:
    """Every channel of the config in force, with what was agreed with its receiver."""
    config = call.parts.config
    today = times.from_ms(call.parts.now(), config.organization.zone).date()
    told, following = part(config.channels, str, call.query)
    return {"channels": [_channel(name, config, today) for name in told], "next": following}


def agreement(baa: Baa | None, day: date) -> Agreement | None:
    """What was agreed, and whether it is in force up to the end of `day`."""
    if baa is None:
        return None
    return {
        "covered": baa.covered,
        "plan": baa.plan,
        "ref": baa.ref,
        "verified_by": baa.verified_by,
        "until": baa.until,
        "in_force": agreements.in_force(baa, day),
    }


def _channel(name: str, config: Config, today: date) -> ChannelShown:
    channel = config.channels[name]
    known = channel.kind in registry.CHANNELS
    return {
        "id": name,
        "kind": channel.kind,
        "guarantee": registry.load(channel.kind).guarantee if known else None,
        "audience": "customer" if channel.is_for_customers else "staff",
        "agreement": agreement(channel.baa, today),
        "routes": [
            {"families": list(route.families), "min_priority": route.min_priority}
            for route in config.routes
            if name in route.to
        ],
        "notices": [role for role, told in config.notices or () if name in told],
        "escalation": [
            policy
            for policy, ladder in config.escalation.items()
            if any(target.channel == name for rung in ladder.rungs for target in rung.to)
        ],
        "reach": [who for who, contact in config.contacts.items() if name in contact.reach],
    }


ROUTES = (get("/api/v1/channels", Permission.INCIDENTS_READ, list_channels, Channels, Paged),)
