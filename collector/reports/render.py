"""Every rendering of a predicate, by the name of its member in a bundle."""

from __future__ import annotations

from collections.abc import Mapping

from collector.attest.strictjson import Value
from collector.reports.facts import facts
from collector.reports.htmlpage import html


def render_all(predicate: Mapping[str, Value]) -> dict[str, bytes]:
    """`report.html`. The same bytes for the same predicate; PredicateError for what is none."""
    return {"report.html": html(facts(predicate))}
