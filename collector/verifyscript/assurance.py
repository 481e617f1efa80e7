"""How much the numbers rest on one party's word. Who runs a witness is as the statement declares it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from collector.verifyscript.rows import Shown


def assurance_of(
    rows: Sequence[Shown],
    systems: Sequence[str],
    witnesses: Sequence[str],
    operators: Mapping[str, str],
    organization: str,
    agents: set[str],
    *,
    quorum: bool,
) -> dict[str, Any]:
    """L1: signed by the log. L2: a quorum has cosigned it, too. L3: L2 with a witness of another
    organization, and agents of two operators. `witnesses`: who cosigned the last checkpoint;
    `quorum`: was any asked for? `agents`: operators of those that measured.
    """
    level = "L1"
    if quorum and witnesses:
        elsewhere = any(operators.get(name, organization) != organization for name in witnesses)
        level = "L3" if elsewhere and len(agents) > 1 else "L2"
    limits = ["collusion", "operators_declared", "between_checkpoints"]
    if level == "L1":
        limits.append("times_by_collector")
    versions = [row for row in rows if row.kind == "config.version"]
    if any(not set(systems) <= set(row.parts) for row in versions):
        limits.append("scope_by_collector")
    return {
        "level": level,
        "limits": limits,
        "witnesses": [
            {"name": name, "operator": operators.get(name)} for name in sorted(witnesses)
        ],
    }
