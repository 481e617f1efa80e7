"""An agent's part of the config as checks that can run; one that cannot is so by itself."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from agent.blame import blame
from agent.canaries import Canaries
from agent.pulse import Pulse
from agent.world import World, open_check
from probes.agentconfig import AgentConfig
from probes.attempts import Attempts
from probes.config_checks import Check
from probes.unusable import UNUSABLE

log = logging.getLogger("wardwatch.agent")

_OURS = ("system", "kind", "every", "timeout", "cost", "spec")
"""What of a check the agent acts on; the rest is for whoever reads its results."""


def unchanged(before: AgentConfig, after: AgentConfig) -> frozenset[str]:
    """The checks that run on as they are."""
    return frozenset(
        name
        for name, check in after.checks.items()
        if name in before.checks and _acted_on(check) == _acted_on(before.checks[name])
    )


def good_runs(part: AgentConfig, name: str) -> int:
    """Good runs in a row that end an outage of a check; 1 where nothing is said or understood."""
    confirm = part.checks.get(name, {}).get("confirm")
    found = confirm.get("up") if isinstance(confirm, Mapping) else None
    return found if isinstance(found, int) else 1


def opened(
    part: AgentConfig,
    world: World,
    pulse: Pulse,
    canaries: Canaries | None,
    kept: Mapping[str, Attempts],
) -> dict[str, Attempts]:
    """Every check of `part`: the one of `kept` where there is one, else anew. From now on they keep
    the budgets they name together.
    """
    found = {
        name: kept[name] if name in kept else _open(name, raw, world, pulse, canaries)
        for name, raw in part.checks.items()
    }
    demands = (attempts.demand for attempts in found.values())
    world.budgets.agree(demand for demand in demands if demand is not None)
    return found


def _open(
    name: str, raw: Mapping[str, Any], world: World, pulse: Pulse, canaries: Canaries | None
) -> Attempts:
    try:
        return open_check(name, Check.model_validate(raw), world, pulse, canaries)
    except (ValidationError, KeyError, ImportError) as error:
        # a newer collector's kind or setting, or an extra that is not installed here
        log.error(  # noqa: TRY400 - its text may quote the file
            "config.check_unusable check=%s type=%s", name, type(error).__name__
        )
    check = Check(system=raw["system"], kind="none", every=raw["every"], timeout=raw["every"])
    return Attempts(name, check, UNUSABLE, world.env(check), blame(pulse))


def _acted_on(check: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(check.get(key) for key in _OURS)
