"""What an attestation is about, and by whom and how it was measured, as the predicate says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from collector.attest import spelling
from collector.attest.strictjson import Value
from collector.bundle.evidence import Arrived, Asked, Evidence
from collector.bundle.keys import taken
from collector.bundle.reading import LATE_MS
from collector.bundle.rowsfile import ShownRow
from collector.core.availability import Availability, terms
from collector.core.truth import SystemTruth
from collector.facts import CONFIG
from probes import agentkeys
from probes.config import Config
from probes.config_checks import Check, InGroup
from probes.history import History
from probes.times import TZDATA

SEMANTICS = "urn:wardwatch:semantics:1"
UNKNOWN_POLICY = "reported"
ROUNDING = "truncated"


def scope(evidence: Evidence, configs: Mapping[str, Config]) -> dict[str, Value]:
    """Of each system its checks as they last were in the period."""
    systems: list[Value] = [
        {
            "id": system,
            "name": config.systems[system].name if system in config.systems else system,
            "checks": [
                {
                    "id": name,
                    "kind": config.checks[name].kind,
                    "agents": [*config.agents_of(name)],
                    "every": config.checks[name].every,
                    "timeout": config.checks[name].timeout,
                    "role": _role(config.checks[name]),
                    "quorum": config.checks[name].quorum.need,
                }
                for name in sorted(config.checks_of(system))
            ],
        }
        for system, config in sorted(configs.items())
    ]
    return {
        "organization": _latest(configs).organization.name,
        "systems": systems,
        "undisclosedSystems": any(
            part.of > 1 + len(one.parts)
            for one in evidence.rows.shown
            for part in one.parts.values()
        ),
    }


def period(asked: Asked, configs: Mapping[str, Config]) -> dict[str, Value]:
    return {
        "start": asked.start,
        "end": asked.end,
        "timezone": _latest(configs).organization.timezone,
        "now": asked.now,
        "evidenceFrom": asked.evidence_from,
    }


def method(found: Iterable[Availability], configs: Mapping[str, Config]) -> dict[str, Value]:
    formulas = {one.formula for one in found}
    checks = {
        name: config.checks[name]
        for system, config in configs.items()
        for name in config.checks_of(system)
    }
    return {
        "semantics": SEMANTICS,
        "formula": formulas.pop() if len(formulas) == 1 else "mixed",
        "confirm": [
            {"check": name, "down": check.confirm.down, "up": check.confirm.up}
            for name, check in sorted(checks.items())
        ],
        "unknownPolicy": UNKNOWN_POLICY,
        "rounding": ROUNDING,
        "tzdata": TZDATA,
    }


def vantage_points(
    evidence: Evidence, histories: Mapping[str, History], asked: Asked
) -> list[dict[str, Value]]:
    """Agents that were assigned to a disclosed system in the period, with what came from them of it."""
    found: dict[str, Config] = {}
    for system, history in histories.items():
        for version in _of_period(history, asked):
            for name in version.checks_of(system):
                for agent in version.agents_of(name):
                    found[agent] = version
    return [_vantage(agent, found[agent], evidence, asked) for agent in sorted(found)]


def config_changes(evidence: Evidence, asked: Asked) -> list[Value]:
    """Versions recorded in the period; did one change anything of a disclosed system?"""
    said: list[Value] = []
    before: dict[str, bytes] | None = None
    for one in evidence.rows.shown:
        if one.entry.kind != CONFIG:
            continue
        now = _content(one)
        if asked.start <= one.entry.recorded_at < asked.end:
            said.append(
                {
                    "row": one.entry.id,
                    "at": one.entry.recorded_at,
                    "logIndex": one.index,
                    "commitment": one.entry.commitment.hex(),
                    "changed": before != now,
                }
            )
        before = now
    return said


def late_evidence(evidence: Evidence, asked: Asked) -> dict[str, Value]:
    """Of batches with results of the period, also those of systems that are not disclosed."""
    late = [one for one in _touching(evidence, asked) if _delay(one) > LATE_MS]
    return {
        "batches": len(late),
        "results": sum(one.results for one in late),
        "longestMs": max(map(_delay, late), default=0),
        "afterClose": sum(one.received_at >= asked.now for one in late),
    }


def log(evidence: Evidence) -> dict[str, Value]:
    found = evidence.log
    before = found.start.before.size
    return {
        "origin": found.start.origin,
        "from": {"size": before},
        "to": {"size": found.final.size, "root": spelling.base64_of(found.final.root)},
        "entries": found.final.size - before,
        "checkpoints": len(found.heads),
    }


def config_at_end(truth: SystemTruth, history: History, asked: Asked) -> Config:
    """The terms of a system at the last instant of the period."""
    return terms(truth, history, min(asked.end, asked.now) - 1)


def organization_of(configs: Mapping[str, Config]) -> str:
    return _latest(configs).organization.name


def _role(check: Check) -> str:
    """`critical`, `supporting`, or `group:` and the id of one of its system's."""
    return f"group:{check.role.group}" if isinstance(check.role, InGroup) else check.role


def _latest(configs: Mapping[str, Config]) -> Config:
    return configs[min(configs)]


def _of_period(history: History, asked: Asked) -> list[Config]:
    """In force at some instant of the period, the last one last."""
    starts = [-1 if v.at is None else v.at for v in history.versions]
    ends = [*starts[1:], asked.end]
    return [
        v.config
        for v, start, end in zip(history.versions, starts, ends, strict=True)
        if start < asked.end and end > asked.start
    ]


def _vantage(agent: str, config: Config, evidence: Evidence, asked: Asked) -> dict[str, Value]:
    own = [one for one in _touching(evidence, asked) if one.agent == agent]
    defined = config.agents[agent]
    return {
        "agent": agent,
        "site": defined.site,
        "operator": defined.operator or config.organization.name,
        "keys": [*_keys(agent, config, evidence, asked)],
        "clockErrorMaxMs": max((one.clock.error_ms for one in own), default=None),
        "batches": len(own),
        "late": sum(_delay(one) > LATE_MS for one in own),
    }


def _keys(agent: str, config: Config, evidence: Evidence, asked: Asked) -> Sequence[str]:
    """Fingerprints of keys that were taken at some instant of the period or after it."""
    pinned = config.agents[agent].key
    if pinned is not None:
        return [agentkeys.fingerprint(pinned)]
    return [
        key.fingerprint
        for key in evidence.rows.keys.get(agent, ())
        if key.approved_at is not None
        and key.approved_at < asked.now
        and taken(key, max(key.approved_at, asked.start))
    ]


def _touching(evidence: Evidence, asked: Asked) -> list[Arrived]:
    return [
        one
        for one in evidence.log.arrived.values()
        if one.first_t < asked.end and one.last_t >= asked.start
    ]


def _delay(one: Arrived) -> int:
    """How long after its last run it was received."""
    return max(0, one.received_at - one.last_t)


def _content(one: ShownRow) -> dict[str, bytes]:
    return {name: part.data for name, part in one.parts.items()}
