"""What the numbers of one system read of the operator's file, and nothing else of it.

A version is committed to in these parts, so one system's numbers are shown without the names,
people and addresses of the others. A part is cut out of the bytes that were recorded, not written
anew from their values: a newer program makes the same of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from collector.facts import canonical
from probes import configfile
from probes.config import Config

_ORGANIZATION = ("id", "name", "timezone")
_SITE = ("name", "users")
_AGENT = ("key", "operator", "site")
_SYSTEM = ("effective_from", "groups", "name", "slo")
_IMPACT = ("class", "service")
_CHECK = ("confirm", "every", "from", "kind", "quorum", "role", "system", "timeout")


def projections(version: bytes) -> dict[str, bytes]:
    """The part of each system, by id; `version` are the canonical bytes of the whole."""
    whole = json.loads(version)
    common = _common(whole)
    checks: dict[str, dict[str, Any]] = {name: {} for name in whole["systems"]}
    for name, check in whole["checks"].items():
        checks[check["system"]][name] = check
    return {
        system: canonical(_part(whole, common, system, checks[system]))
        for system in sorted(whole["systems"])
    }


def projection(config: Config, system: str) -> Config:
    """The same of one system, as a value; KeyError for a system that the config has not."""
    return configfile.parse_canonical(projections(configfile.canonical(config))[system])


def without(part: Config) -> Config:
    """What stands for a version that has not the system of a part: the same without it."""
    return part.model_copy(update={"systems": {}, "checks": {}, "maintenance": ()})


def _common(whole: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "agents": _each(whole["agents"], _AGENT),
        "organization": _kept(whole["organization"], _ORGANIZATION),
        "sites": _each(whole["sites"], _SITE),
        "version": whole["version"],
    }


def _part(
    whole: Mapping[str, Any],
    common: Mapping[str, Any],
    system: str,
    checks: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    own = whole["systems"][system]
    return {
        **common,
        "checks": _each(checks, _CHECK),
        "maintenance": [w for w in whole.get("maintenance", ()) if system in w["systems"]],
        "systems": {
            system: {**_kept(own, _SYSTEM), "impact": _kept(own["impact"], _IMPACT)},
        },
    }


def _each(found: Mapping[str, Mapping[str, Any]], fields: Iterable[str]) -> dict[str, Any]:
    return {name: _kept(one, fields) for name, one in found.items()}


def _kept(found: Mapping[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: found[name] for name in fields if name in found}
