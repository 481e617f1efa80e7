"""What the statement says around the numbers: what was watched, by whom, how late it came."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

from collector.verifyscript.asked import Asked
from collector.verifyscript.assurance import assurance_of
from collector.verifyscript.chains import Header
from collector.verifyscript.comparing import differing
from collector.verifyscript.figures import System
from collector.verifyscript.incidents import incidents_of
from collector.verifyscript.keys import AgentKeys
from collector.verifyscript.logs import Published
from collector.verifyscript.rows import Shown
from collector.verifyscript.terms import Terms

_LATE_MS = 900_000


class Seen(NamedTuple):
    """Witnesses of the last checkpoint by the issuer's policy; `quorum`: does it ask for any?"""

    witnesses: list[str]
    quorum: bool


def around(
    said: dict[str, Any],
    rows: Sequence[Shown],
    headers: dict[int, Header],
    log: Published,
    asked: Asked,
    systems: list[System],
    keys: AgentKeys,
    seen: Seen,
) -> list[str]:
    """Paths of fields that are others than the evidence says. `systems`: those that were recomputed;
    unless they are all, what is watched is not compared.
    """
    touching = [one for one in headers.values() if one.start < asked.end and one.end >= asked.start]
    names = [one["system"] for one in said["results"]]
    made: dict[str, Any] = {
        "log": _log(log),
        "lateEvidence": _late(touching, asked),
        "configChanges": _changes(rows, asked),
        "incidents": incidents_of(rows, names, asked),
    }
    told = {field: said[field] for field in made}
    if len(systems) == len(names):
        organization = systems[0].terms.config["organization"]
        points = _vantage_points(systems, touching, asked, keys)
        made["vantagePoints"] = points
        made["scope"] = _scope(rows, systems)
        made["gapsLeftOut"] = sum(one.left_out for one in systems)
        made["assurance"] = assurance_of(
            rows,
            names,
            seen.witnesses,
            _operators(said["assurance"]["witnesses"]),
            organization["name"],
            {one["operator"] for one in points if one["batches"]},
            quorum=seen.quorum,
        )
        told |= {field: said[field] for field in made}
        made["method"] = {**_method(systems), "tzdata": said["method"]["tzdata"]}
        made["period"] = {**said["period"], "timezone": organization["timezone"]}
        told |= {field: said[field] for field in ("method", "period")}
    return [path for field in made for path in differing(field, made[field], told[field])]


def _operators(witnesses: list[dict[str, Any]]) -> dict[str, str]:
    """As declared."""
    return {one["name"]: one["operator"] for one in witnesses if isinstance(one["operator"], str)}


def _log(log: Published) -> dict[str, Any]:
    head = log.final.checkpoint
    return {
        "origin": log.origin,
        "from": {"size": log.first},
        "to": {"size": head.size, "root": base64.b64encode(head.root).decode()},
        "entries": head.size - log.first,
        "checkpoints": len(log.roots),
    }


def _delay(one: Header) -> int:
    """From its last run to its receipt."""
    return max(0, one.received - one.end)


def _late(touching: list[Header], asked: Asked) -> dict[str, Any]:
    late = [one for one in touching if _delay(one) > _LATE_MS]
    return {
        "batches": len(late),
        "results": sum(one.results for one in late),
        "longestMs": max(map(_delay, late), default=0),
        "afterClose": sum(one.received >= asked.now for one in late),
    }


def _changes(rows: Sequence[Shown], asked: Asked) -> list[dict[str, Any]]:
    """Versions recorded in the period, and whether one changed anything of a disclosed system."""
    found: list[dict[str, Any]] = []
    before: dict[str, Any] | None = None
    for row in rows:
        if row.kind != "config.version":
            continue
        if asked.start <= row.recorded_at < asked.end:
            found.append(
                {
                    "row": row.id,
                    "at": row.recorded_at,
                    "logIndex": row.place,
                    "commitment": row.commitment.hex(),
                    "changed": before != row.parts,
                }
            )
        before = row.parts
    return found


def _scope(rows: Sequence[Shown], systems: list[System]) -> dict[str, Any]:
    """Of each system its checks as they last were in the period."""
    return {
        "organization": systems[0].terms.config["organization"]["name"],
        "systems": [
            {
                "id": one.name,
                "name": one.name if one.terms.system is None else one.terms.system["name"],
                "checks": [
                    {
                        "id": check,
                        "kind": said["kind"],
                        "agents": one.terms.agents[check],
                        "every": said["every"],
                        "timeout": said["timeout"],
                        "role": _role(said["role"]),
                        "quorum": said["quorum"]["need"],
                    }
                    for check, said in sorted(one.terms.checks.items())
                ],
            }
            for one in systems
        ],
        "undisclosedSystems": any(of > 1 + len(row.parts) for row in rows for of in row.of),
    }


def _role(said: Any) -> Any:
    """Of a check: in a group of its system, or one of two words."""
    return f"group:{said['group']}" if isinstance(said, dict) else said


def _method(systems: list[System]) -> dict[str, Any]:
    checks = {name: check for one in systems for name, check in one.terms.checks.items()}
    formulas = {one.formula() for one in systems}
    return {
        "semantics": "urn:wardwatch:semantics:1",
        "formula": formulas.pop() if len(formulas) == 1 else "mixed",
        "confirm": [
            {"check": name, "down": check["confirm"]["down"], "up": check["confirm"]["up"]}
            for name, check in sorted(checks.items())
        ],
        "unknownPolicy": "reported",
        "rounding": "truncated",
    }


def _vantage_points(
    systems: list[System], touching: list[Header], asked: Asked, keys: AgentKeys
) -> list[dict[str, Any]]:
    """Agents that were assigned to a system in the period, and what came from them of it."""
    found: dict[str, Terms] = {}
    for one in systems:
        ends = [*(terms.at for terms in one.recorded[1:]), asked.end]
        for terms, end in zip(one.recorded, ends):
            if terms.at < asked.end and end > asked.start:
                for agents in terms.agents.values():
                    found.update(dict.fromkeys(agents, terms))
    points: list[dict[str, Any]] = []
    for agent, terms in sorted(found.items()):
        own = [header for header in touching if header.agent == agent]
        defined = terms.config["agents"][agent]
        points.append(
            {
                "agent": agent,
                "site": defined["site"],
                "operator": defined.get("operator") or terms.config["organization"]["name"],
                "keys": keys.listed(agent, terms, asked.start, asked.now),
                "clockErrorMaxMs": max((header.error for header in own), default=None),
                "batches": len(own),
                "late": sum(_delay(header) > _LATE_MS for header in own),
            }
        )
    return points
