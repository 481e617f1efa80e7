"""What only the whole file shows: references, cycles, groups, contradictions.

Works on the raw document, so that one bad value hides no other problem. Values of a wrong type
are passed over here: the model names them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from difflib import get_close_matches
from fractions import Fraction
from graphlib import CycleError, TopologicalSorter
from typing import Any

from probes import amounts, times
from probes.config_places import COLLECTOR
from probes.configattestations import attestation_problems
from probes.configchain import chain_problems
from probes.configcollector import collector_problems
from probes.configcost import cost_problems
from probes.configescalation import escalation_problems
from probes.configevidencelog import log_problems
from probes.configfeeds import feed_problems
from probes.configpaging import paging_problems
from probes.registry import FEEDS
from probes.tripwire import IDENTIFIERS, tripped
from probes.yamlfile import Document, Path, Problem

_REFERENCES: tuple[tuple[Path, str, str], ...] = (
    (("agents", "*", "site"), "sites", "site"),
    (("systems", "*", "depends_on", "*"), "systems", "system"),
    (("systems", "*", "impact", "workaround", "requires", "*"), "systems", "system"),
    (("checks", "*", "system"), "systems", "system"),
    (("checks", "*", "from", "*"), "agents", "agent"),
    (("maintenance", "*", "systems", "*"), "systems", "system"),
    (("routes", "*", "to", "*"), "channels", "channel"),
    (("routes", "*", "escalate"), "escalation", "policy"),
    (("notices", "*", "*"), "channels", "channel"),
    (("secure_channel", "contact"), "contacts", "contact"),
    (("contacts", "*", "reach", "*"), "channels", "channel"),
    (("escalation", "*", "rungs", "*", "to", "*", "on_call"), "on_call", "schedule"),
    (("escalation", "*", "rungs", "*", "to", "*", "contact"), "contacts", "contact"),
    (("escalation", "*", "rungs", "*", "to", "*", "channel"), "channels", "channel"),
    (("attestations", "systems", "*"), "systems", "system"),
    (("attestations", "deliver", "to", "*"), "contacts", "contact"),
    (("attestations", "deliver", "via"), "channels", "channel"),
    (("on_call", "*", "layers", "*", "people", "*"), "contacts", "contact"),
    (("on_call", "*", "overrides", "*", "person"), "contacts", "contact"),
)
_LISTS: tuple[Path, ...] = (
    *(p[:-1] for p, _, _ in _REFERENCES if p[-1] == "*" and p[0] != "on_call"),
    ("access", "proxies"),
    ("access", "oidc", "roles", "*"),
    ("access", "oidc", "scopes"),
    ("hours", "weekdays"),
    ("hours", "days_of_month"),
    ("hours", "months"),
    ("hours", "years"),
    ("holidays", "also"),
    ("holidays", "except"),
)
_NAMES: tuple[Path, ...] = (
    ("organization", "name"),
    ("sites", "*", "name"),
    ("agents", "*", "operator"),
    ("evidence_log", "witnesses", "*", "operator"),
    ("contacts", "*", "name"),
    ("systems", "*", "name"),
    ("systems", "*", "impact", "workaround", "name"),
    ("systems", "*", "runbook"),
    ("channels", "*", "baa", "plan"),
    ("secure_channel", "name"),
)
"""What people wrote that is sent to receivers or shown."""
_ENTRIES = (
    "sites",
    "agents",
    "contacts",
    "on_call",
    "systems",
    "checks",
    "channels",
    "escalation",
)
_GUESSES = 200
"""Ids compared with a wrong one: in a file of thousands, guessing would take minutes."""
_PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]{1,4})?")
_LONG_NUMBER = re.compile(r"[0-9]{7,}")


LOOKS_LIKE_PHI = "this looks like a patient's identifier; names and ids leave by every channel"


def like_phi(text: str) -> bool:
    """Does an id or a reference look like one of a patient?"""
    return not IDENTIFIERS.isdisjoint(tripped(text))


def matches(data: Any, pattern: Path, at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every (path, value) that `pattern` fits; `*` is any entry of a map or list."""
    if not pattern:
        yield at, data
        return
    head, rest = pattern[0], pattern[1:]
    if isinstance(data, dict):
        for key in data if head == "*" else (k for k in (head,) if k in data):
            yield from matches(data[key], rest, (*at, key))
    elif isinstance(data, list) and head == "*":
        for number, value in enumerate(data):
            yield from matches(value, rest, (*at, number))


def section(document: Document, name: str) -> dict[str, Any]:
    """The entries of a top-level map that are maps themselves."""
    found = document.data.get(name) if isinstance(document.data, dict) else None
    entries = found if isinstance(found, dict) else {}
    return {key: value for key, value in entries.items() if isinstance(value, dict)}


def agents_of(document: Document, check: dict[str, Any]) -> list[Any]:
    """Who runs a check of an agents' kind: whom `from` names, or all but the collector's own."""
    named = check.get("from")
    every = [agent for agent in section(document, "agents") if agent != COLLECTOR]
    return named if isinstance(named, list) else every


def attempt(function: Callable[[Any], Any], value: Any) -> Any:
    """None where the model already refuses the value."""
    try:
        return function(value)
    except (TypeError, ValueError, ArithmeticError, AttributeError):
        return None


def cross_problems(document: Document) -> list[Problem]:
    """In no particular order."""
    return [
        *_dangling(document),
        *_twice(document),
        *_checks(document),
        *_systems(document),
        *_cycles(document),
        *_ids(document),
        *_access(document),
        *_answers(document),
        *_holidays(document),
        *_notices(document),
        *log_problems(document),
        *collector_problems(document, section(document, "agents"), section(document, "checks")),
        *cost_problems(document, section(document, "agents"), section(document, "checks")),
        *feed_problems(document, section(document, "agents"), section(document, "checks")),
        *paging_problems(document, section(document, "channels")),
        *chain_problems(document, section(document, "checks")),
        *attestation_problems(
            document, section(document, "channels"), section(document, "contacts")
        ),
        *escalation_problems(
            document,
            section(document, "channels"),
            section(document, "contacts"),
            section(document, "on_call"),
        ),
    ]


def _dangling(document: Document) -> Iterator[Problem]:
    for pattern, where, what in _REFERENCES:
        known: Any = next((value for _, value in matches(document.data, (where,))), {})
        for path, value in matches(document.data, pattern):
            if isinstance(value, str) and isinstance(known, dict) and value not in known:
                near = get_close_matches(value, list(known)[:_GUESSES], 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                yield document.problem(path, f"there is no {what} of this id under {where}{hint}")


def _notices(document: Document) -> Iterator[Problem]:
    """A letter to customers leaves out what a notice is for."""
    audiences = matches(document.data, ("channels", "*", "audience"))
    customers = {path[1] for path, audience in audiences if audience == "customer"}
    for path, channel in matches(document.data, ("notices", "*", "*")):
        if isinstance(channel, str) and channel in customers:
            yield document.problem(
                path, "this channel has audience: customer, who get no notices; name another"
            )


def _twice(document: Document) -> Iterator[Problem]:
    for pattern in _LISTS:
        for path, values in matches(document.data, pattern):
            texts = values if isinstance(values, list) else []
            for number, value in enumerate(texts):
                if isinstance(value, str) and value in texts[:number]:
                    yield document.problem((*path, number), "listed twice")
    first: dict[str, Path] = {}
    for path, value in matches(document.data, ("maintenance", "*", "id")):
        if isinstance(value, str) and value in first:
            line = document.lines.get(first[value])
            where = "" if line is None else f", first in line {line}"
            yield document.problem(path, f"the id is used twice{where}")
        elif isinstance(value, str):
            first[value] = path


def _checks(document: Document) -> Iterator[Problem]:
    systems = section(document, "systems")
    for name, check in section(document, "checks").items():
        path = ("checks", name)
        every = attempt(times.parse_duration, check.get("every"))
        timeout = attempt(times.parse_duration, check.get("timeout"))
        if every and timeout and timeout > every:
            yield document.problem((*path, "timeout"), "timeout is longer than every")
        if check.get("from") == []:
            yield document.problem(
                (*path, "from"), "name at least one agent, or leave it out for every agent"
            )
        role, system = check.get("role"), check.get("system")
        if isinstance(role, dict) and isinstance(system, str) and system in systems:
            groups = systems[system].get("groups", {})
            group = role.get("group")
            if isinstance(group, str) and isinstance(groups, dict) and group not in groups:
                yield document.problem((*path, "role", "group"), "its system has no such group")


def _systems(document: Document) -> Iterator[Problem]:
    roles: dict[str, list[Any]] = {}
    for check in section(document, "checks").values():
        kind = check.get("kind")
        if isinstance(kind, str) and kind in FEEDS:
            continue
        if isinstance(check.get("system"), str):
            roles.setdefault(check["system"], []).append(check.get("role", "critical"))
    for name, system in section(document, "systems").items():
        mine = roles.get(name, [])
        groups = system.get("groups", {})
        if not groups and not any(r != "supporting" and not isinstance(r, dict) for r in mine):
            yield document.problem(
                ("systems", name), "the system has no critical check and no group"
            )
        for group, value in groups.items() if isinstance(groups, dict) else ():
            size = sum(isinstance(r, dict) and r.get("group") == group for r in mine)
            need = attempt(int, value.get("need")) if isinstance(value, dict) else None
            path = ("systems", name, "groups", group)
            if size == 0:
                yield document.problem(path, "no check of the system is in this group")
            elif need is not None and need > size:
                yield document.problem((*path, "need"), f"the group has only {size} checks")
        yield from _slo(document, name, system.get("slo"))


def _slo(document: Document, name: str, slo: Any) -> Iterator[Problem]:
    if not isinstance(slo, dict):
        return
    target, minimum = slo.get("target"), slo.get("minimum", "99.5")
    readable = all(isinstance(n, str) and _PERCENT.fullmatch(n) for n in (target, minimum))
    if readable and Fraction(str(minimum)) > Fraction(str(target)):
        message = "the minimum (99.5 unless written) is above the target"
        yield document.problem(("systems", name, "slo", "minimum"), message)


def _cycles(document: Document) -> Iterator[Problem]:
    systems = section(document, "systems")
    order = list(systems)
    needs = {
        name: [n for n in system.get("depends_on", ()) if isinstance(n, str) and n in systems]
        for name, system in systems.items()
        if isinstance(system.get("depends_on", []), list)
    }
    while True:
        try:
            TopologicalSorter(needs).prepare()
        except CycleError as error:
            # graphlib tells it from the needed to the needing; we from the needing
            ring = list(reversed(error.args[1][1:]))
        else:
            return
        first = ring.index(min(ring, key=order.index))
        ring = ring[first:] + ring[:first]
        path = ("systems", ring[0], "depends_on")
        yield document.problem(path, f"a cycle: {' -> '.join([*ring, ring[0]])}")
        # one edge less, so that the next round shows another cycle
        target = ring[1] if len(ring) > 1 else ring[0]
        needs[ring[0]] = [n for n in needs[ring[0]] if n != target]


def name_problems(document: Document) -> Iterator[Problem]:
    """Names leave by every channel, so none may trip the wire at its boundary (semantics 7)."""
    for pattern in _NAMES:
        for path, value in matches(document.data, pattern):
            if not isinstance(value, str):
                continue
            found = [one.value for one in tripped(value)]
            # The addresses of runbooks have long numbers, too.
            if not found and path[-1] != "runbook" and _LONG_NUMBER.search(value):
                found = ["seven digits or more"]
            if found:
                like, _, why = LOOKS_LIKE_PHI.partition(";")
                yield document.problem(path, f"{like} ({', '.join(found)});{why}")


def _ids(document: Document) -> Iterator[Problem]:
    for name in _ENTRIES:
        for path, _ in matches(document.data, (name, "*")):
            if like_phi(str(path[-1])):
                yield document.problem(path, LOOKS_LIKE_PHI)
    for path, value in matches(document.data, ("maintenance", "*", "id")):
        if isinstance(value, str) and like_phi(value):
            yield document.problem(path, LOOKS_LIKE_PHI)


def _access(document: Document) -> Iterator[Problem]:
    access = section(document, "access")
    if "oidc" in access and "public_url" not in document.data["access"]:
        message = "oidc needs it: the provider sends people back to this address"
        yield document.problem(("access", "public_url"), message)


def _answers(document: Document) -> Iterator[Problem]:
    for path, target in matches(document.data, ("policy", "respond", "*")):
        if not isinstance(target, dict):
            continue
        warn, breach = (attempt(amounts.parse, target.get(key)) for key in ("warn", "breach"))
        if warn is None or breach is None:
            continue
        if warn.unit is not breach.unit:
            message = "write warn and breach both as durations, both in bh or both in bd"
            yield document.problem((*path, "warn"), message)
        elif warn.count >= breach.count:
            yield document.problem((*path, "warn"), "warn comes before breach")


def _holidays(document: Document) -> Iterator[Problem]:
    holidays: Any = next((value for _, value in matches(document.data, ("holidays",))), None)
    if not isinstance(holidays, dict):
        return
    if "subdivision" in holidays and "country" not in holidays:
        message = "name the country of the subdivision, too"
        yield document.problem(("holidays", "subdivision"), message)
    also = holidays.get("also")
    for path, day in matches(document.data, ("holidays", "except", "*")):
        if isinstance(also, list) and isinstance(day, str) and day in also:
            yield document.problem(path, "the same day stands in also")
