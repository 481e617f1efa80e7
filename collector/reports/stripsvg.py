"""A state strip as SVG: drawn once, for HTML and PDF. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from collector.reports.page import Strip
from collector.reports.strips import WIDTH
from collector.reports.templating import environment
from collector.reports.wording import STATES

ROW = 15
LABEL = 100
"""Of the day, left of its row."""


@dataclass(frozen=True, slots=True)
class Bar:
    """`filling` is a pattern of the template; plain without."""

    height: int
    colour: str
    filling: str = ""


BARS = {
    "up": Bar(4, "#1f8a4c"),
    "degraded": Bar(7, "#7a4b00", "slant"),
    "excluded": Bar(14, "#0b5cad", "squares"),
    "unknown": Bar(12, "#4a5563", "dots"),
    "down": Bar(12, "#7d0f13"),
    "not_monitored": Bar(0, "#ffffff"),
}
"""Told apart by height and filling; each colour has 4.2:1 against white, or more."""


def svg(strip: Strip, font: str) -> str:
    """With hours above, dates at the side and what the fillings mean below."""
    return (
        environment()
        .get_template("strip.svg")
        .render(strip=strip, bars=BARS, row=ROW, label=LABEL, width=WIDTH, font=font, words=STATES)
    )
