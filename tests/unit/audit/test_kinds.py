"""The closed table of rows: whatever the code writes into the journal is in it, and nothing else is."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path

from alerts.deadlines import DeadlineKind
from alerts.people import ActKind as IncidentActKind
from alerts.transitions import TransitionKind
from collector import (
    chainlinks,
    contactchanges,
    equivocations,
    facts,
    feedlog,
    frozenholidays,
    inbound_acting,
    journal,
    mends,
    process_facts,
    redriving,
    sightings,
    told,
)
from collector.access.records import Act
from collector.attest import logkeys
from collector.audit.kinds import DOWNLOADED, EXPORT_ENDED, EXPORTED, ISSUED, KINDS
from collector.core import drills
from collector.core.agent_keys import KeyAct
from collector.tlog import restarting
from probes.acts import ActKind as WindowActKind
from probes.acts import CorrectionKind, OverrideKind

ROOT = Path(__file__).resolve().parents[3]


def words(kinds: type[Enum], prefix: str = "") -> list[str]:
    return [f"{prefix}{kind.value}" for kind in kinds]


WRITERS: dict[str, Iterable[str]] = {
    "collector/access/records.py": words(Act),
    "collector/acts.py": [*words(WindowActKind), *words(CorrectionKind), *words(OverrideKind)],
    "collector/attesting/downloads.py": [DOWNLOADED],
    "collector/attesting/issuing.py": [ISSUED],
    "collector/audit/exports.py": [EXPORTED, EXPORT_ENDED],
    "collector/away.py": [facts.AWAY],
    "collector/builtinkey.py": words(KeyAct),
    "collector/bundle/samplerows.py": [
        journal.CONFIG,
        facts.AWAY,
        *words(KeyAct),
        *words(TransitionKind, "incident."),
        *words(IncidentActKind, "incident."),
    ],
    "collector/chainlinks.py": [chainlinks.KIND],
    "collector/changes.py": words(TransitionKind, "incident."),
    "collector/contactchanges.py": [contactchanges.KIND],
    "collector/core/drills.py": [drills.KIND],
    "collector/enrolment.py": words(KeyAct),
    "collector/equivocations.py": [equivocations.KIND, equivocations.SETTLED],
    "collector/feedlog.py": [feedlog.KIND],
    "collector/frozenholidays.py": [frozenholidays.KIND],
    "collector/inbound_acting.py": [inbound_acting.KIND],
    "collector/incident_acts.py": words(IncidentActKind, "incident."),
    "collector/mends.py": [mends.KIND, mends.ADOPTED],
    "collector/process_facts.py": [*words(DeadlineKind, "incident."), process_facts.ARRIVED],
    "collector/redriving.py": [redriving.KIND, redriving.CLEARED],
    "collector/sightings.py": [sightings.KIND],
    "collector/told.py": [told.KIND],
    "collector/tlog/keyrows.py": [logkeys.KEYS, logkeys.REVOKED],
    "collector/tlog/restarting.py": [restarting.KIND],
    "collector/versions.py": [journal.CONFIG],
}
"""Every file that makes rows, with the kinds it makes. A file that is not here fails the test: give
its kinds a meaning in `collector/audit/kinds.py`, and write it down here.
"""


def makers() -> Iterator[tuple[str, ast.expr]]:
    """Files of the product that make a journal's `Fact`, with the kind as it is written there."""
    for path in sorted((ROOT / "collector").rglob("*.py")):
        text = path.read_text("utf-8")
        if path.name == "journal.py" or "Fact(" not in text:
            continue
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Fact", "journal.Fact"):
                yield str(path.relative_to(ROOT)), node.args[0]


def test_every_file_that_makes_rows_is_known() -> None:
    assert {name for name, _ in makers()} == set(WRITERS)


def test_every_kind_that_is_written_has_a_meaning_and_every_meaning_is_written() -> None:
    written = {kind for kinds in WRITERS.values() for kind in kinds}
    assert written == set(KINDS)


def test_a_kind_is_written_by_name_and_never_as_text() -> None:
    """Text at the call would be a kind that no enumeration or constant has."""
    assert [name for name, kind in makers() if isinstance(kind, ast.Constant)] == []


def test_meanings_are_sentences_in_ascii_that_differ() -> None:
    meanings = [one.meaning for one in KINDS.values()]
    assert all(m.isascii() and m.isprintable() and not m.endswith(".") for m in meanings)
    assert len(set(meanings)) == len(meanings)


def test_nothing_in_the_product_changes_or_removes_what_must_stay() -> None:
    """The journal, the batches and what people typed are only ever appended to: six years (45 CFR
    164.316(b)(2)(i)) are kept because nothing is pruned.
    """
    kept = ("journal", "journal_rows", "rows_table", "rows", "batches", "typed", "log_rows")
    found = []
    for path in sorted((ROOT / "collector").rglob("*.py")):
        text = path.read_text("utf-8")
        if "migrations" in path.parts or ("delete(" not in text and "update(" not in text):
            continue
        for node in ast.walk(ast.parse(text)):
            if not isinstance(node, ast.Call):
                continue
            name = ast.unparse(node.func)
            first = ast.unparse(node.args[0]) if node.args else ""
            about = name.rpartition(".")[0] if name.endswith((".delete", ".update")) else first
            if name.rpartition(".")[2] in ("delete", "update") and about.split(".")[-1] in kept:
                found.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert found == []
