from __future__ import annotations

import base64
import hashlib
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from collector.reports.facts import facts
from collector.reports.htmlpage import html
from collector.reports.stripsvg import BARS
from tests.support.pagetext import Page, read_page
from tests.support.predicates import predicate

ALTERNATIVE = (
    "States of {}, a row a day, with maintenance that excludes time: the table below and that of "
    "the windows say the same."
)


@pytest.fixture(scope="module")
def page() -> Page:
    return read_page(html(facts(predicate())))


def test_it_has_one_title_a_language_and_headings_without_a_step_left_out(page: Page) -> None:
    assert page.named("html")[0].attributes == {"lang": "en"}
    assert page.named("title")[0].text == (
        "Availability attestation: St Elsewhere Health, July 2026"
    )
    levels = [int(one.name[1]) for one in page.named("h1", "h2", "h3", "h4")]
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_table_has_a_caption_and_every_header_says_what_it_heads(page: Page) -> None:
    tables = page.named("table")
    assert len(tables) == 14
    assert len(page.named("caption")) == len(tables)
    assert all(one.text.strip() for one in page.named("caption"))
    assert {one.attributes["scope"] for one in page.named("th")} == {"col", "row"}


def test_every_id_is_one_and_every_reference_leads_to_one(page: Page) -> None:
    ids = [one.attributes["id"] for one in page.elements if "id" in one.attributes]
    assert len(ids) == len(set(ids))
    asked = [
        name for one in page.elements for name in one.attributes.get("aria-labelledby", "").split()
    ]
    links = [one.attributes["href"].removeprefix("#") for one in page.named("a")]
    assert asked
    assert links == ["main"]
    assert {*asked, *links} <= set(ids)


def test_a_strip_is_a_picture_with_an_alternative_and_a_table_that_says_the_same(
    page: Page,
) -> None:
    strips = page.named("svg")
    assert [one.attributes["role"] for one in strips] == ["img", "img"]
    assert [one.text for one in page.named("title")[1:]] == [
        ALTERNATIVE.format("EHR"),
        ALTERNATIVE.format("Laboratory"),
    ]
    captions = [one.text for one in page.named("caption")]
    assert "EHR: time that was not up" in captions
    labels = [one.text for one in page.named("text")]
    assert labels[:7] == ["0 h", "6 h", "12 h", "18 h", "24 h", "2026-07-01", "2026-07-02"]


def test_no_two_states_differ_by_colour_alone() -> None:
    drawn = [(bar.height, bar.filling) for bar in BARS.values()]
    assert len(set(drawn)) == len(drawn)


def luminance(colour: str) -> float:
    """WCAG 2.2, relative luminance."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_text_has_a_contrast_of_4_5_and_bars_of_3_to_white() -> None:
    style = html(facts(predicate())).decode().split("<style>")[1].split("</style>")[0]
    texts = set(re.findall(r"[ {]color: (#[0-9a-f]{6})", style))
    assert texts == {"#1b2430", "#4a5563"}
    assert all(1.05 / (luminance(one) + 0.05) >= 4.5 for one in texts)
    bars = [bar.colour for bar in BARS.values() if bar.height]
    assert all(1.05 / (luminance(one) + 0.05) >= 3 for one in bars)


def test_nothing_runs_and_nothing_comes_from_elsewhere(page: Page) -> None:
    raw = html(facts(predicate())).decode()
    assert page.named("script", "link", "iframe", "img", "object", "form") == []
    assert not any(name.startswith("on") for one in page.elements for name in one.attributes)
    assert not any("style" in one.attributes for one in page.elements)
    assert re.findall(r"https?://[^\"' <]*", raw) == ["http://www.w3.org/2000/svg"] * 2
    assert set(re.findall(r"url\(([^)]*)\)", raw)) == {
        f"#strip-{n}-{name}" for n in (1, 2) for name in ("slant", "dots", "squares")
    }


def test_the_policy_allows_its_own_style_and_nothing_else(page: Page) -> None:
    style = page.named("style")[0].text
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    (policy,) = [
        one.attributes["content"]
        for one in page.named("meta")
        if one.attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )


PLAIN = [one.name for one in read_page(html(facts(predicate()))).elements]


@settings(max_examples=50)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=40).filter(
        str.strip
    )
)
def test_whatever_a_name_is_it_is_text(name: str) -> None:
    found: Any = predicate()
    found["scope"]["organization"] = found["scope"]["systems"][0]["name"] = name
    found["exclusions"][0].update(window=name, approvedBy=name)
    found["signer"].update(name=name, keyId=name)
    page = read_page(html(facts(found)))
    assert [one.name for one in page.elements] == PLAIN
    assert name.strip() in "\n".join(page.seen)


def test_markup_in_a_name_is_escaped() -> None:
    found: Any = predicate()
    found["scope"]["systems"][0]["name"] = "<script>alert('1')</script>&\"x"
    raw = html(facts(found)).decode()
    assert "<script" not in raw
    assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&#34;x" in raw
