"""Checks that claim what one check on one agent may have, such as an address to listen on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probes.configchecks import section
from probes.yamlfile import Document, Problem


def alone_problems(document: Document, alone: Mapping[str, str]) -> Iterator[Problem]:
    """`alone` by check: what it does that no other may do on the same agent."""
    checks, agents = section(document, "checks"), section(document, "agents")
    first: dict[tuple[str, str], str] = {}
    for name, claimed in alone.items():
        named = checks[name].get("from")
        for agent in named if isinstance(named, list) else agents:
            other = first.setdefault((str(agent), claimed), name)
            if other != name:
                message = f"the check {other} {claimed} on {agent} already; one alone can"
                yield document.problem(("checks", name, "spec"), message)
                break
