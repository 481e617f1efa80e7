"""Every requirement named in `collector/SECURITY.md` names a test that exists."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "collector/SECURITY.md").read_text("utf-8")
ROWS = re.findall(r"^\| (\d+\.\d+\.\d+) \| (.+) \|$", PAGE, re.MULTILINE)
ASKED = [
    "1.3.6",
    "6.3.3",
    "8.2.1",
    "8.2.2",
    "9.1.1",
    "9.1.2",
    "9.1.3",
    "10.5.1",
    "10.5.2",
    "10.5.3",
    "10.5.4",
    "11.4.2",
    "12.2.1",
    "12.3.2",
    "12.3.5",
    "13.1.1",
    "13.2.1",
    "13.2.4",
    "13.2.5",
    "13.3.1",
    "14.2.1",
    "16.2.1",
    "16.2.5",
    "16.3.1",
    "16.3.2",
    "16.3.3",
    "16.3.4",
    "16.4.1",
]
NOT_MET = ("16.4.2", "16.4.3")


def test_each_row_names_a_test_that_exists() -> None:
    assert len(ROWS) > 40
    for number, rest in ROWS:
        found = re.search(r"`(tests/[\w/]+\.py)::(test_\w+)`$", rest)
        assert found is not None, number
        text = (ROOT / found[1]).read_text("utf-8")
        assert f"def {found[2]}(" in text, (number, found[0])


def test_what_a_hospital_asks_for_is_there_or_said_not_to_be() -> None:
    numbers = [number for number, _ in ROWS]
    assert set(ASKED) <= set(numbers)
    assert len(numbers) == len(set(numbers))
    for number in NOT_MET:
        assert number not in numbers
        assert number in PAGE
