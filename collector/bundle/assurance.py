"""How much the numbers rest on one party's word, and what nobody can know from a bundle."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum

from collector.attest.strictjson import Value
from collector.bundle.evidence import Evidence, Witnessed


class Limit(StrEnum):
    """What remains possible, whatever verifies."""

    OPERATORS_DECLARED = "operators_declared"
    COLLUSION = "collusion"
    TIMES_BY_COLLECTOR = "times_by_collector"
    BETWEEN_CHECKPOINTS = "between_checkpoints"
    SCOPE_BY_COLLECTOR = "scope_by_collector"


LIMIT_MEANINGS = {
    Limit.OPERATORS_DECLARED: "who runs an agent or a witness is what the operator declared",
    Limit.COLLUSION: "whoever runs both the collector and the agents could agree on other results",
    Limit.TIMES_BY_COLLECTOR: "when something was recorded is by the collector's clock alone",
    Limit.BETWEEN_CHECKPOINTS: "the order of entries between two checkpoints is the collector's word",
    Limit.SCOPE_BY_COLLECTOR: "that a version of the operator's file does not have a system, where it does not, is the collector's word",
}
"""Each in plain words."""


def assurance(
    evidence: Evidence,
    organization: str,
    agents: Collection[str],
    operators: Mapping[str, str],
) -> dict[str, Value]:
    """L1: signed by the log. L2: a quorum of witnesses has cosigned it, too. L3: L2 with a witness of
    another organization, and agents of two operators at least. `agents` are the operators of those
    that measured, `operators` those of witnesses by name, as declared.
    """
    seen = evidence.witnessed
    level = "L1"
    if seen.final is not None and seen.names:
        elsewhere = any(operators.get(name, organization) != organization for name in seen.names)
        level = "L3" if elsewhere and len(set(agents)) > 1 else "L2"
    limits = [Limit.COLLUSION, Limit.OPERATORS_DECLARED, Limit.BETWEEN_CHECKPOINTS]
    if level == "L1":
        limits.append(Limit.TIMES_BY_COLLECTOR)
    if any(one.row is None and _lacks(one.parts, evidence) for one in evidence.rows.shown):
        limits.append(Limit.SCOPE_BY_COLLECTOR)
    return {
        "level": level,
        "limits": [limit.value for limit in limits],
        "witnesses": _named(seen, operators),
    }


def _lacks(there: Collection[str], evidence: Evidence) -> bool:
    return not evidence.rows.histories.keys() <= set(there)


def _named(seen: Witnessed, operators: Mapping[str, str]) -> list[Value]:
    return [{"name": name, "operator": operators.get(name)} for name in sorted(seen.names)]
