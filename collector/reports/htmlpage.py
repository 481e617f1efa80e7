"""`report.html`: one file, with no script and nothing from elsewhere. Pure."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

import jinja2

from collector.reports.page import Page
from collector.reports.strips import WIDTH

_TEMPLATES = Path(__file__).parent / "templates"
ROW = 15
LABEL = 100


@dataclass(frozen=True, slots=True)
class Bar:
    height: int
    fill: str
    edge: str = ""


BARS = {
    "up": Bar(4, "#1f8a4c"),
    "degraded": Bar(7, "url(#slant)"),
    "excluded": Bar(7, "url(#cross)"),
    "unknown": Bar(12, "url(#dots)", "#4a5563"),
    "down": Bar(12, "#7d0f13"),
    "not_monitored": Bar(0, ""),
}
"""Told apart by height and filling; each has 3:1 against white."""


def html(page: Page) -> bytes:
    """The same bytes for the same page, whoever makes them, wherever."""
    style = (_TEMPLATES / "report.css").read_text("utf-8")
    around = jinja2.Environment(
        autoescape=True,
        keep_trailing_newline=True,
        loader=jinja2.FileSystemLoader(_TEMPLATES),
        undefined=jinja2.StrictUndefined,
    )
    text = around.get_template("report.html").render(
        page=page,
        style=style,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        bars=BARS,
        row=ROW,
        label=LABEL,
        width=WIDTH,
    )
    return text.encode()
