"""Who pages people for systems, the collector or Alertmanager, and whom the other leaves alone. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from alerts.events import Family
from probes.config import Config
from probes.config_channels import ALERTMANAGER, PAGERS


def is_routed(config: Config, receiver: str, family: Family) -> bool:
    """May an incident of this family go to a receiver that routes or ladders name?

    Where Alertmanager pages, the collector calls nobody beside it. Where the collector does, a budget
    that burns calls nobody: the outage behind it has. Notices are no pages: nothing stops them.
    """
    kind = config.channels[receiver.partition(".")[0]].kind
    if config.page_owner == ALERTMANAGER:
        return kind not in PAGERS
    return family is not Family.BUDGET or kind not in (*PAGERS, ALERTMANAGER)


def escalates(config: Config, family: Family) -> bool:
    """Does the collector climb ladders? Where Alertmanager pages, what stands behind it does; for a
    budget that burns nobody does.
    """
    return config.page_owner != ALERTMANAGER and family is not Family.BUDGET


def remarks(config: Config) -> list[str]:
    """Sentences for `config check`: what the file says and nobody will do."""
    silent = sorted(
        {
            receiver
            for receiver, family in _routed(config)
            if not is_routed(config, receiver, family)
        }
    )
    ladders = sorted({route.escalate for route in config.routes if route.escalate is not None})
    theirs = config.page_owner == ALERTMANAGER
    out = []
    if silent:
        why = (
            "Alertmanager pages for systems, so no incident goes to"
            if theirs
            else "a budget that burns is for information and pages nobody, so none of it goes to"
        )
        out.append(f"{why}: {', '.join(silent)}")
    if theirs and ladders:
        out.append(f"Alertmanager pages for systems, so nobody climbs: {', '.join(ladders)}")
    return out


def _routed(config: Config) -> Iterator[tuple[str, Family]]:
    for route in config.routes:
        for receiver in route.to:
            for family in route.families:
                yield receiver, Family(family)
