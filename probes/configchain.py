"""Chains of claims: over pings they run on the collector, over SFTP on an agent, and `from` says so.

Works on the raw document, like `configchecks.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from probes.config_places import COLLECTOR
from probes.registry import EITHER
from probes.yamlfile import Document, Path, Problem


def chain_problems(document: Document, checks: dict[str, dict[str, Any]]) -> Iterator[Problem]:
    """`checks` are the entries of the document that are maps."""
    for name, check in checks.items():
        kind, spec = check.get("kind"), check.get("spec")
        if not isinstance(kind, str) or kind not in EITHER:
            continue
        path: Path = ("checks", name)
        place = (*path, "from") if "from" in check else path
        pings = list(_pings(path, spec if isinstance(spec, dict) else {}))
        over_sftp = isinstance(spec, dict) and "sftp" in spec
        named = check.get("from")
        if pings and not over_sftp and not (isinstance(named, list) and COLLECTOR in named):
            message = (
                "its stages are heartbeats, which the collector hears: write from: [collector]"
            )
            yield document.problem(place, message)
        elif over_sftp and named == [COLLECTOR]:
            message = (
                "the collector opens no connection: name the agent that reaches the SFTP server"
            )
            yield document.problem(place, message)
        for where, of in pings:
            watched = checks.get(of)
            if watched is None:
                yield document.problem(where, "no check of this id")
            elif watched.get("kind") not in ("heartbeat", "any"):
                yield document.problem(where, "that check is no heartbeat")


def _pings(path: Path, spec: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Where a stage names a check, and which."""
    answers = spec.get("answers")
    stages: dict[Path, Any] = {("sent",): spec.get("sent")}
    if isinstance(answers, dict):
        stages |= {("answers", stage): one for stage, one in answers.items()}
    for keys, one in stages.items():
        if isinstance(one, dict) and isinstance(one.get("check"), str):
            yield (*path, "spec", *keys, "check"), one["check"]
