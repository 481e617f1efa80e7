"""`report.html`: one file, with no script and nothing from elsewhere. Pure."""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from collector.reports.page import Page
from collector.reports.stripsvg import svg
from collector.reports.templating import TEMPLATES, environment

FONT = "system-ui, sans-serif"


def html(page: Page) -> bytes:
    """The same bytes for the same page, whoever makes them, wherever."""
    style = (TEMPLATES / "report.css").read_text("utf-8")
    text = (
        environment()
        .get_template("report.html")
        .render(
            page=page,
            style=Markup(style),  # noqa: S704 - ours; its hash is what the page allows
            style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
            drawn={one.id: Markup(svg(one, FONT)) for one in page.strips},  # noqa: S704 - escaped
        )
    )
    return text.encode()
