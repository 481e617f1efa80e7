from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from collector.attest import strictjson
from collector.reports.facts import facts
from collector.reports.glyphs import RANGES, printable
from collector.reports.pdfpage import pdf
from collector.reports.render import render_all
from tests.support.pdftext import text_of
from tests.support.predicates import predicate

ROOT = Path(__file__).resolve().parents[3]
DIGESTS = """
import hashlib
from collector.reports.render import render_all
from tests.support.predicates import predicate
for name, data in sorted(render_all(predicate()).items()):
    print(name, hashlib.sha256(data).hexdigest())
"""

ALTERNATIVE = (
    "States of {}, a row a day, with maintenance that excludes time: the table below and that of "
    "the windows say the same."
)


@pytest.fixture(scope="module")
def report() -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(pdf(facts(predicate()), predicate()))) as read:
        yield read


def squeezed(text: str) -> str:
    """Without blanks: a cell wraps where it must."""
    return "".join(text.split())


def elements(node: Any) -> Iterator[Any]:
    """The structure elements below, in order."""
    if isinstance(node, pikepdf.Array):
        for one in node:
            yield from elements(one)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            yield node
        if "/K" in node:
            yield from elements(node["/K"])


def test_it_says_that_it_is_pdf_a_3a_and_pdf_ua_1(report: pikepdf.Pdf) -> None:
    with report.open_metadata() as metadata:
        assert metadata.pdfa_status == "3A"
        assert metadata["pdfuaid:part"] == "1"
        assert metadata["dc:title"] == "Availability attestation: St Elsewhere Health, July 2026"
        assert metadata["xmp:CreateDate"].startswith("2026-08-04T")
    assert report.Root.Lang == "en"
    assert bool(report.Root.MarkInfo.Marked)
    assert bool(report.Root.ViewerPreferences.DisplayDocTitle)


def test_its_structure_has_headings_tables_with_headers_and_alternatives(
    report: pikepdf.Pdf,
) -> None:
    found = list(elements(report.Root.StructTreeRoot.K))
    kinds = [str(one.S) for one in found]
    levels = [int(kind[2]) for kind in kinds if kind in {"/H1", "/H2", "/H3"}]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert kinds.count("/Table") == kinds.count("/Caption") == kinds.count("/THead") == 14
    assert {str(one.A[0].Scope) for one in found if str(one.S) == "/TH"} == {"/Column"}
    assert [str(one.Alt) for one in found if str(one.S) == "/Figure"] == [
        ALTERNATIVE.format("EHR"),
        ALTERNATIVE.format("Laboratory"),
    ]


def test_the_predicate_is_attached_as_its_source(report: pikepdf.Pdf) -> None:
    assert list(report.attachments) == ["predicate.json"]
    data = report.attachments["predicate.json"].get_file().read_bytes()
    assert data == strictjson.write(predicate())
    (attached,) = report.Root.AF
    assert attached.AFRelationship == "/Source"
    assert attached.EF.F.Subtype == "/application/json"


def test_page_one_is_one_page_and_a_month_of_two_systems_six(report: pikepdf.Pdf) -> None:
    pages = text_of(report).split("\n")
    assert len(pages) == 6
    assert pages[0].rstrip().endswith("page 1 of 6")
    assert "Check it offline" in pages[0]
    assert pages[1].startswith("Figures")


def test_all_fonts_are_inside_it(report: pikepdf.Pdf) -> None:
    fonts = {
        str(font.BaseFont)
        for page in report.pages
        for font in page.resources.get("/Font", {}).values()
    }
    assert fonts
    assert all("Libertinus" in name for name in fonts)


def test_every_process_and_every_zone_makes_the_same_bytes() -> None:
    here = {
        name: hashlib.sha256(data).hexdigest() for name, data in render_all(predicate()).items()
    }
    assert set(here) == {"report.html", "report.pdf", "oscal.json"}
    for seed, zone in (("1", "Asia/Kolkata"), ("2", "America/Los_Angeles")):
        done = subprocess.run(
            [sys.executable, "-c", DIGESTS],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone},
            check=True,
            capture_output=True,
            text=True,
        )
        assert dict(line.split() for line in done.stdout.splitlines()) == here


def test_a_name_is_never_markup() -> None:
    found: Any = predicate()
    found["scope"]["systems"][0]["name"] = '#panic("x") *b* $x$ @y <z> \\ "q" // c'
    with pikepdf.open(io.BytesIO(pdf(facts(found), found))) as read:
        shown = '#panic("x") *b* $x$ @y <z> \\ "q" // c 99.95'
        assert squeezed(shown) in squeezed(text_of(read))


def test_a_character_that_no_font_has_is_printed_as_its_code_point() -> None:
    found: Any = predicate()
    found["scope"]["systems"][0]["name"] = "Klinik für 内科 №7 e\u0301"
    with pikepdf.open(io.BytesIO(pdf(facts(found), found))) as read:
        shown = "Klinik für [U+5185][U+79D1] №7 é 99.95"
        assert squeezed(shown) in squeezed(text_of(read))
        data = read.attachments["predicate.json"].get_file().read_bytes()
        assert json.loads(data)["scope"]["systems"][0]["name"] == "Klinik für 内科 №7 e\u0301"


def test_every_character_that_is_let_through_has_a_glyph() -> None:
    """Else typst makes no PDF at all."""
    every = [chr(code) for first, last in RANGES for code in range(first, last + 1)]
    shown = [char for char in every if printable(char) == char]
    assert len(shown) > 1000
    found: Any = predicate()
    for place in range(0, len(shown), 500):
        found["scope"]["systems"][0]["name"] = " ".join(shown[place : place + 500])
        assert pdf(facts(found), found).startswith(b"%PDF")


def test_without_the_extra_there_is_no_pdf_and_the_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "typst", None)
    assert set(render_all(predicate())) == {"report.html", "oscal.json"}
