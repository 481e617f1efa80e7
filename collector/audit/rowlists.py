"""Populations of which each row is a row of the journal: accesses, sign-ins, keys, exports and more. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from collector.access.records import Act
from collector.audit.kinds import EXPORT_ENDED, EXPORTED
from collector.audit.population import Cells, Population
from collector.audit.safecsv import Cell, when
from collector.contactchanges import KIND as CONTACTS_CHANGED
from collector.core.agent_keys import KeyAct
from collector.core.drills import KIND as DRILL
from collector.equivocations import KIND, SETTLED
from collector.journal import Row

OWN = ("row", "recorded_at", "kind", "actor")
"""Columns every one of them begins with; the others are fields of the row's data."""
INSTANTS = {"expires_at", "held_at", "retry_at", "valid_until"}
"""Fields that hold UTC ms."""
SIGNED_IN = (Act.LOGIN, Act.LOGIN_FAILED, Act.LOGOUT)


def _population(name: str, about: str, kinds: Sequence[str], fields: tuple[str, ...]) -> Population:
    return Population(name, about, (*OWN, *fields), tuple(kinds))


DRILLS = _population(
    "drills",
    "One row per drill that somebody recorded in the range: a restore, a failover, work without the "
    "system, or an incident played through, with the systems, when it was held, and how it went.",
    [DRILL],
    ("drill", "systems", "held_at", "outcome", "ref"),
)
ACCESS = _population(
    "access",
    "One row per grant, change or removal of access that was recorded in the range: accounts, "
    "roles, one-time links, API tokens.",
    [act.value for act in Act if act not in SIGNED_IN],
    ("account", "kind_of_account", "roles", "before", "id", "scopes", "expires_at", "by"),
)
SIGN_INS = _population(
    "sign_ins",
    "One row per login, failed login of a known account, and end of a session in the range.",
    [act.value for act in SIGNED_IN],
    ("account", "by", "proof", "id", "why", "failures"),
)
AGENT_KEYS = _population(
    "agent_keys",
    "One row per act on the key of an agent in the range, and per double header in an agent's chain.",
    [*(act.value for act in KeyAct), KIND, SETTLED],
    (
        "agent",
        "site",
        "fingerprint",
        "from",
        "to",
        "replaces",
        "reason",
        "ref",
        "invited_by",
        "by",
        "expires_at",
        "valid_until",
        "count",
    ),
)
EXPORTS = _population(
    "exports",
    "One row per beginning and end of an export of the audit trail or of an audit pack in the range.",
    [EXPORTED, EXPORT_ENDED],
    (
        "format",
        "from",
        "to",
        "last",
        "credential",
        "sample",
        "seed",
        "export",
        "rows",
        "bytes",
        "sha256",
        "complete",
    ),
)
CONTACTS = _population(
    "contact_changes",
    "One row per version of the file, recorded in the range, that has other contacts than the one "
    "before it: which were added and removed, and which fields of the others are different.",
    [CONTACTS_CHANGED],
    ("version", "added", "removed", "changed"),
)
LISTS = (DRILLS, ACCESS, SIGN_INS, AGENT_KEYS, EXPORTS, CONTACTS)


def cells(population: Population, row: Row) -> Cells:
    data = json.loads(row.data)
    if row.kind == Act.CREATED:  # a row has a kind of its own
        data["kind_of_account"] = data.get("kind")
    own = (str(row.id), when(row.recorded_at), row.kind, row.actor)
    return (*own, *(_cell(name, data.get(name)) for name in population.columns[len(OWN) :]))


def _cell(name: str, value: Any) -> Cell:
    if isinstance(value, list):
        return " ".join(map(str, value))
    if isinstance(value, dict):  # lists of fields by name
        return " ".join(f"{one}:{'+'.join(fields)}" for one, fields in sorted(value.items()))
    if name in INSTANTS and isinstance(value, int):
        return when(value)
    if value is None or isinstance(value, str | int):
        return value
    raise TypeError(f"{name} is no cell")
