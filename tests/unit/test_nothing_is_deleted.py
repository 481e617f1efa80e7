"""What evidence rests on is only ever added: the journal, batches and the logs, in a closed list.

`evidence_log.retention` is the least time they are kept; there is no pruning, so nothing is younger.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import Table

from collector.store import log_tables
from collector.store.tables import metadata

ROOT = Path(__file__).resolve().parents[2]
KEPT = {
    "journal",
    "batches",
    "chains",
    *(table.name for table in vars(log_tables).values() if isinstance(table, Table)),
}
ALLOWED = {
    ("delete", "collector/tlog/leafrows.py", "log_leaves"): "parts of a block of 256 leaves, put "
    "again as one row in the same transaction; their hashes are the same",
    ("update", "collector/store/ledger.py", "chains"): "what a chain has and how far it has come",
    ("update", "collector/tlog/epochs.py", "logs"): "how far a log has come; its name before it is "
    "signed; that another epoch goes on from it",
    ("update", "collector/tlog/checkpoints.py", "log_checkpoints"): "cosignatures that came",
    ("replace_all", "collector/tlog/sequencing.py", "log_cursors"): "which batches are leaves",
}
"""All that is not adding to these tables."""
RAW = re.compile(
    r"\b(delete\s+from|truncate\s+table|drop\s+table|update\s+\w+\s+set)\b", re.IGNORECASE
)


WORD = re.compile("delete|update|replace_all|truncate|drop", re.IGNORECASE)
"""What a file has to hold to be looked at."""


def statements(source: str) -> Iterator[tuple[str, str]]:
    """(delete, update or replace_all; table as it is imported) of all that is not adding."""
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        match node.func:
            case ast.Name(id="delete" | "update" as verb) if node.args:
                target = node.args[0]
            case ast.Name(id="replace_all" as verb) if len(node.args) > 1:
                target = node.args[1]
            case ast.Attribute(value=target, attr="delete" | "update" as verb):
                pass
            case _:
                continue
        if isinstance(target, ast.Attribute):  # tables.journal
            target = ast.Name(target.attr)
        if isinstance(target, ast.Name):
            yield verb, names.get(target.id, target.id)


def sources() -> Iterator[tuple[str, str]]:
    for folder in ("agent", "alerts", "collector", "probes"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            source = path.read_text("utf-8")
            if "/migrations/" not in name and WORD.search(source):
                yield name, source


def test_the_kept_tables_are_all_there() -> None:
    assert set(metadata.tables) >= KEPT
    assert {"journal", "batches", "logs", "log_leaves", "log_checkpoints", "log_subtrees"} <= KEPT


def test_nothing_but_this_changes_or_deletes_what_is_kept() -> None:
    found = {
        (verb, name, table)
        for name, source in sources()
        for verb, table in statements(source)
        if table in KEPT
    }
    assert found == set(ALLOWED)


def test_no_statement_is_written_as_text() -> None:
    found = [
        (name, node.value)
        for name, source in sources()
        if name.startswith("collector/")
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and RAW.search(node.value)
    ]
    assert found == []


def test_a_deletion_would_be_seen() -> None:
    head = "from sqlalchemy import delete\nfrom collector.store.tables import journal as table\n"
    assert list(statements(f"{head}delete(table).where(True)")) == [("delete", "journal")]
    assert list(statements("from a import batches\nbatches.delete()")) == [("delete", "batches")]
    assert list(statements("from a import tables\ntables.batches.delete()")) == [
        ("delete", "batches")
    ]
    assert list(statements("from a import b\nreplace_all(conn, b, rows)")) == [("replace_all", "b")]
    assert RAW.search("DELETE FROM journal")
    assert RAW.search("update journal set data = ''")
