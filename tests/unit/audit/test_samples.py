"""Cells that no spreadsheet takes for formulas, samples that anybody can draw again, a fixed zip."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.audit.archive import Archive
from collector.audit.configchanges import Changed, differences
from collector.audit.safecsv import TRIGGERS, line, safe
from collector.audit.sampling import Draw, rank

TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))
FORMULAS = [
    '=HYPERLINK("http://192.0.2.1/","x")',
    "+1+1",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "＝1",  # noqa: RUF001 - the wide form is meant
]


@pytest.mark.parametrize("formula", FORMULAS)
def test_what_begins_like_a_formula_has_an_apostrophe_before_it(formula: str) -> None:
    assert safe(formula) == f"'{formula}"


@given(st.lists(TEXT, min_size=1, max_size=4))
def test_any_record_reads_back_and_no_cell_begins_like_a_formula(cells: list[str]) -> None:
    written = line(cells).decode()
    (read,) = csv.reader(io.StringIO(written, newline=""), strict=True)
    assert not any(cell.startswith(TRIGGERS) for cell in read)
    assert [cell.removeprefix("'") for cell in read] == cells


def test_cells_are_text_numbers_yes_no_and_nothing() -> None:
    assert line(("é", 7, -7, True, False, None)) == '"é","7","-7","yes","no",""\r\n'.encode()


def test_the_rank_is_what_the_readme_says() -> None:
    assert rank(7, "systems", "ehr") == hashlib.sha256(b"7\nsystems\nehr").hexdigest()


@given(st.sets(TEXT, max_size=30), st.integers(0, 40), st.integers(0, 2**63))
def test_the_lowest_ranks_are_drawn_in_whatever_order_rows_come(
    keys: set[str], most: int, seed: int
) -> None:
    expected = sorted((rank(seed, "systems", key), key) for key in keys)[:most]
    for order in (sorted(keys), sorted(keys, reverse=True)):
        draw = Draw[str](seed, "systems", most)
        for key in order:
            draw.see(key, f"row of {key}")
        assert draw.drawn == [(low, key, f"row of {key}") for low, key in expected]


def test_a_zip_has_fixed_bytes_and_is_read_while_it_is_made() -> None:
    made = []
    for _ in range(2):
        archive = Archive()
        archive.add("a.txt", b"first")
        first = b"".join(archive.fresh())
        assert b"first" in first
        archive.add("folder/b.txt", io.BytesIO(b"second"))
        archive.finish()
        made.append(first + b"".join(archive.fresh()))
        archive.close()
    assert made[0] == made[1]
    with zipfile.ZipFile(io.BytesIO(made[0])) as read:
        assert read.testzip() is None
        infos = read.infolist()
    assert [(one.filename, one.date_time, one.compress_type) for one in infos] == [
        ("a.txt", (1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED),
        ("folder/b.txt", (1980, 1, 1, 0, 0, 0), zipfile.ZIP_STORED),
    ]
    digest = hashlib.sha256(made[0]).hexdigest()
    assert digest == "8e6575dd568ce7d26ff41815812764f5b081aaf85178d77417f272fffa840833"


def test_differences_name_fields_and_no_values() -> None:
    before = {"a/b": {"x": 1, "y": [1]}, "gone": {"z": 1}, "w": [], "n": 1}
    after = {"a/b": {"x": 2, "y": [1, 2]}, "w": [{"id": "u~1", "v": 1}], "new": {"deep": 1}, "n": 1}
    assert list(differences(before, after)) == [
        Changed("/a~1b/x", "changed"),
        Changed("/a~1b/y", "changed"),
        Changed("/gone", "removed"),
        Changed("/new", "added"),
        Changed("/w/u~01", "added"),
    ]
    moved = {"w": [{"id": "u~1", "v": 2}, {"id": "other"}]}
    assert list(differences({"w": after["w"]}, moved)) == [
        Changed("/w/other", "added"),
        Changed("/w/u~01/v", "changed"),
    ]
    assert list(differences(after, after)) == []
