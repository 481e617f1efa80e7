"""Checks: what they are and what each agent saw last."""

from __future__ import annotations

from typing import Literal

from typing_extensions import TypedDict

from collector.access.policy import Permission
from collector.api.cursors import Paged, part
from collector.api.parts import Parts, stamp
from collector.api.problems import DeniedError
from collector.api.routes import Call, Nothing, get
from collector.api.shapes import Instant
from probes.config_checks import Check as Defined
from probes.contract import Outcome


class InGroup(TypedDict):
    group: str


class Last(TypedDict):
    agent: str
    at: Instant
    outcome: Outcome
    reason: str
    duration_ms: int


class Check(TypedDict):
    id: str
    system: str
    kind: str
    every_ms: int
    role: Literal["critical", "supporting", "feed"] | InGroup
    last: list[Last]


class Checks(TypedDict):
    checks: list[Check]
    next: str | None


async def list_checks(call: Call[Paged, Nothing]) -> Checks:
    """Every check of the config in force, with the last result of each of its agents."""
    told, following = part(call.parts.config.checks, str, call.query)
    return {"checks": [_check(name, call.parts) for name in told], "next": following}


async def read_check(call: Call[Nothing, Nothing]) -> Check:
    """One check, with the last result of each of its agents."""
    name = call.path["id"]
    if name not in call.parts.config.checks:
        raise DeniedError(404, "api.unknown_check")
    return _check(name, call.parts)


def _role(check: Defined) -> Literal["critical", "supporting", "feed"] | InGroup:
    if check.is_feed:
        return "feed"
    return check.role if isinstance(check.role, str) else {"group": check.role.group}


def checks_of(system: str, parts: Parts) -> list[Check]:
    return [_check(name, parts) for name in parts.config.checks_of(system)]


def _check(name: str, parts: Parts) -> Check:
    check, latest = parts.config.checks[name], parts.evaluator.evidence.latest
    last = [(a, r) for a in parts.config.agents_of(name) if (r := latest.get((name, a)))]
    return {
        "id": name,
        "system": check.system,
        "kind": check.kind,
        "every_ms": check.every,
        "role": _role(check),
        "last": [
            {
                "agent": agent,
                "at": stamp(result.t),
                "outcome": result.outcome,
                "reason": result.reason,
                "duration_ms": result.duration_ms,
            }
            for agent, result in last
        ],
    }


ROUTES = (
    get("/api/v1/checks", Permission.SYSTEMS_READ, list_checks, Checks, Paged),
    get("/api/v1/checks/{id}", Permission.SYSTEMS_READ, read_check, Check, Nothing),
)
