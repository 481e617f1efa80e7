"""Every rendering of a predicate, by the name of its member in a bundle."""

from __future__ import annotations

from collections.abc import Mapping

from collector.attest.strictjson import Value
from collector.bundle.layout import OSCAL, REPORT_HTML, REPORT_PDF
from collector.reports.facts import facts
from collector.reports.htmlpage import html
from collector.reports.oscal import oscal
from collector.reports.pdfpage import pdf


def render_all(
    predicate: Mapping[str, Value], digests: Mapping[str, str] | None = None
) -> dict[str, bytes]:
    """`report.html`, `oscal.json`, and `report.pdf` where the extra `pdf` is installed.

    `digests`: SHA-256 in hexadecimal of members that are made already (evidence, log), for
    `oscal.json` to name. The same bytes for the same input; PredicateError for what is no
    predicate. Takes about a second for a large one: call it in a thread.
    """
    page = facts(predicate)
    made = {REPORT_HTML: html(page), OSCAL: oscal(predicate, digests or {})}
    try:
        made[REPORT_PDF] = pdf(page, predicate)
    except ModuleNotFoundError as error:
        if error.name != "typst":
            raise
    return made
