"""The changes that `tests/mutation/explained.toml` explains are changes of code that is there."""

from __future__ import annotations

from tests.mutation.run import MUTATED, ROOT, explained


def test_the_lines_of_every_explained_change_still_stand_in_the_code() -> None:
    files = [file for pattern in MUTATED for file in ROOT.glob(pattern)]
    texts = [" ".join(line.strip() for line in f.read_text().splitlines()) for f in files]
    gone = [before for before, _ in explained() if not any(before in text for text in texts)]
    assert gone == []


def test_no_explained_change_changes_nothing() -> None:
    assert [before for before, after in explained() if before == after] == []
