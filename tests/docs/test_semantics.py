"""Every decision written into the semantics names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TITLE = "## Decisions where the text is silent"


def test_every_decision_names_a_test_that_exists() -> None:
    _, _, decisions = (ROOT / "collector/SEMANTICS.md").read_text("utf-8").partition(TITLE)
    rows = [line for line in decisions.splitlines() if re.match(r"\| (?!decision)", line)]
    assert len(rows) > 20
    for row in rows:
        found = re.search(r"\| `(tests/[\w/]+\.py)::(test_\w+)` \|$", row)
        assert found is not None, row
        text = (ROOT / found[1]).read_text("utf-8")
        assert f"def {found[2]}(" in text, row
