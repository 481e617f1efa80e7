"""Checks that claim what one check on one agent may have, such as an address to listen on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from probes.configchecks import agents_of, section
from probes.yamlfile import Document, Problem


def claims_problems(document: Document, claims: Mapping[str, str]) -> Iterator[Problem]:
    """`claims` by check: what it does that no other may do on the same agent."""
    checks = section(document, "checks")
    first: dict[tuple[str, str], str] = {}
    for name, claimed in claims.items():
        for agent in agents_of(document, checks[name]):
            other = first.setdefault((str(agent), claimed), name)
            if other != name:
                message = f"the check {other} {claimed} on {agent} already; one alone can"
                yield document.problem(("checks", name, "spec"), message)
                break
