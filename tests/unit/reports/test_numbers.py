"""Every number that is printed is the predicate's, and HTML and PDF print the same ones."""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pikepdf
import pytest

from collector.bundle.layout import VERIFIER
from collector.bundle.sample import sample
from collector.bundle.samplestory import Story
from collector.reports.render import render_all
from tests.support.pagetext import read_page
from tests.support.pdftext import text_of
from tests.support.predicates import END, START, predicate

ZONE = ZoneInfo("America/Chicago")
OURS = {"0"}
"""Nothing, where the predicate has nothing to count."""
EARLIEST = 1_500_000_000_000


Rendered = tuple[Mapping[str, Any], dict[str, bytes]]


@pytest.fixture(scope="module", params=["by hand", "sample"])
def rendered(request: pytest.FixtureRequest) -> Rendered:
    """A predicate written out, and one that evidence was folded to."""
    if request.param == "by hand":
        return predicate(), render_all(predicate())
    made = sample(Story(), lambda *told: {**render_all(*told), VERIFIER: b""})
    return made.predicate, render_all(made.predicate)


def numbers(text: str) -> list[str]:
    """Words with a digit in them, without the punctuation around."""
    words = text.replace("\u00a0", " ").split()
    return [word.strip(",;:.()") for word in words if re.search("[0-9]", word)]


def html_numbers(html: bytes) -> list[str]:
    return numbers(" ".join(read_page(html).seen))


def foot_of(found: Mapping[str, Any]) -> str:
    return f"Attestation {found['attestationId']}, version {found['version']}"


def pdf_numbers(pdf: bytes, found: Mapping[str, Any]) -> list[str]:
    """Without the line at the foot of each page."""
    with pikepdf.open(io.BytesIO(pdf)) as read:
        text = text_of(read)
        foot = f"{foot_of(found)} page [0-9] of [0-9]"
        told, feet = re.subn(foot, "", text)
        assert feet == len(read.pages)
    return numbers(told)


def of_the_predicate(value: Any) -> Iterator[str]:
    """Everything in it, written by the rules of the reports and by other code."""
    if isinstance(value, bool) or value is None:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, int):
        yield str(value)
        yield wall_clock(value) if value > EARLIEST else length(value)
        if value < EARLIEST:
            yield length(value)
    elif isinstance(value, dict):
        if isinstance(value.get("end"), int):
            yield length(value["end"] - value["start"])
        for one in value.values():
            yield from of_the_predicate(one)
    else:
        yield str(len(value))
        yield str(sum(isinstance(one, dict) and one.get("excludes") is True for one in value))
        if len(value) == 3 and isinstance(value[0], int):
            yield length(value[1] - value[0])
        for one in value:
            yield from of_the_predicate(one)


def wall_clock(at: int) -> str:
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)).astimezone(ZONE)
    spec = "milliseconds" if at % 1000 else "seconds"
    text = local.isoformat(" ", spec)
    return f"{text[:-6]} {text[-6:]}"


def length(ms: int) -> str:
    hours, minutes, seconds = ms // 3_600_000, ms // 60_000 % 60, ms / 1000 % 60
    told = f"{seconds:.3f}".removesuffix(".000")
    return f"{hours} h {minutes} min {told} s"


def days() -> Iterator[str]:
    day = datetime(2026, 7, 1)
    while day < datetime(2026, 8, 1):
        yield f"{day:%Y-%m-%d}"
        day += timedelta(days=1)


def test_every_number_is_one_of_the_predicates(rendered: Rendered) -> None:
    found, made = rendered
    allowed = {word for text in of_the_predicate(found) for word in numbers(text)} | {
        *days(),
        *OURS,
        "2026",
        "st-elsewhere-2026-07/1",
    }
    html, pdf = html_numbers(made["report.html"]), pdf_numbers(made["report.pdf"], found)
    assert len(html) > 300
    assert set(html) - allowed == set()
    assert set(pdf) - allowed == set()


def test_html_and_pdf_print_the_same_numbers_as_often(rendered: Rendered) -> None:
    found, made = rendered
    html = Counter(html_numbers(made["report.html"]))
    foot = Counter(numbers(foot_of(found)))
    assert html - foot == Counter(pdf_numbers(made["report.pdf"], found))


def test_a_changed_number_is_printed_changed() -> None:
    found: Any = predicate()
    found["results"][0]["figures"]["worstCase"]["percent"] = "97.1234"
    found["results"][0]["milliseconds"]["unknown"] = 123_456_789
    made = render_all(found)
    for told in (html_numbers(made["report.html"]), pdf_numbers(made["report.pdf"], found)):
        assert told.count("97.1234") == 3
        assert {"34", "17", "36.789"} <= set(told)


def test_the_first_page_answers_with_the_three_figures_and_how_to_check_them() -> None:
    with pikepdf.open(io.BytesIO(render_all(predicate())["report.pdf"])) as pdf:
        first = " ".join(text_of(pdf).split("\n")[0].replace("\u00a0", " ").split())
    for told in (
        "St Elsewhere Health: July 2026",
        "EHR 99.95 % breached 99.8995 % 99.8998 % 99.7638 % 2 h 1 h 30.500 s",
        "Laboratory no target no target undefined undefined 0.0000 % 0 s 744 h",
        "The target was breached",
        "1 of 2 maintenance windows exclude time, counted by system and date.",
        "The organization has other systems that are not in here.",
        "Assurance level L2",
        "Check it offline wardwatch verify st-elsewhere-2026-07.zip",
    ):
        assert told in first, told


def test_the_example_is_a_month_and_adds_up() -> None:
    assert END - START == 31 * 86_400_000
    found: Any = predicate()
    for result in found["results"]:
        ms = result["milliseconds"]
        assert ms["eligible"] == ms["up"] + ms["degraded"] + ms["down"] + ms["unknown"]
