"""report.html in a real Chromium: its policy blocks nothing of its own, it reads and it prints."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pikepdf

from collector.reports.facts import facts
from collector.reports.htmlpage import html
from tests.support.chromium import chromium
from tests.support.predicates import predicate

LOOKS = """(() => {
  const bar = document.querySelector("rect[fill='#7d0f13']").getBoundingClientRect();
  return JSON.stringify({
    styled: getComputedStyle(document.body).color,
    pictures: [...document.querySelectorAll("svg")].filter((one) => one.clientWidth > 300).length,
    seen: bar.width > 1 && bar.height > 1,
    wider: document.documentElement.scrollWidth > document.documentElement.clientWidth,
  });
})()"""


async def test_it_is_styled_drawn_and_printed_with_its_answers_on_page_one(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_bytes(html(facts(predicate())))
    async with chromium(tmp_path / "profile") as browser:
        await browser.go(page.as_uri())
        await browser.until(
            "document.readyState === 'complete' && document.querySelectorAll('footer').length"
        )
        assert await browser.run(LOOKS) == (
            '{"styled":"rgb(27, 36, 48)","pictures":2,"seen":true,"wider":false}'
        )
        assert browser.complaints == []
        printed = await browser.ask("Page.printToPDF", preferCSSPageSize=True)
    with pikepdf.open(io.BytesIO(base64.b64decode(printed["data"]))) as pdf:
        sizes = [[round(float(one)) for one in page.mediabox] for page in pdf.pages]
    upright, across = [0, 0, 595, 842], [0, 0, 842, 595]
    assert sizes[0] == upright
    assert len(sizes) > 3
    assert all(size == across for size in sizes[1:])
