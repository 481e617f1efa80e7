"""Terms, hours and zone of an incident for tests of the process fold."""

from __future__ import annotations

from alerts.deadlines import Settings
from alerts.terms import Terms
from collector.businesshours import hours_of
from probes.config import Config


def settings(config: Config, system: str = "ehr", *, calm_since: int | None = None) -> Settings:
    """Those of a config with one version, of a system in it."""
    definition = config.systems[system]
    return Settings(
        Terms(config.policy, definition.impact, definition.depends_on),
        hours_of(config),
        config.organization.zone,
        calm_since,
    )
