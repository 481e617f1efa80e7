"""`report.pdf`: PDF/A-3a and PDF/UA-1 by typst, with the predicate attached.

The statement is signed over this file's digest, so what is attached is what it says (the
predicate), not the statement itself.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC

from collector.attest import strictjson
from collector.attest.strictjson import Value
from collector.reports.glyphs import printable
from collector.reports.page import Page
from collector.reports.stripsvg import svg
from collector.reports.templating import TEMPLATES
from probes.times import from_ms

FONT = "Libertinus Serif"


def pdf(page: Page, predicate: Mapping[str, Value]) -> bytes:
    """The same bytes for the same page on every host; ModuleNotFoundError without the extra."""
    import typst  # noqa: PLC0415 - of the extra `pdf`

    made = from_ms(page.computed_at).astimezone(UTC)
    inputs = {
        "page": json.dumps(printable(asdict(page)), ensure_ascii=False),
        "drawn": json.dumps({one.id: svg(one, FONT) for one in page.strips}),
        "predicate": strictjson.write(dict(predicate)).decode(),
        "year": str(made.year),
        "month": str(made.month),
        "day": str(made.day),
    }
    compiler = typst.Compiler(
        (TEMPLATES / "report.typ").read_bytes(), ignore_system_fonts=True, sys_inputs=inputs
    )
    made_pdf = compiler.compile(
        format="pdf", pdf_standards=["a-3a", "ua-1"], timestamp=page.computed_at // 1000
    )
    if not isinstance(made_pdf, bytes):
        raise TypeError("typst makes one PDF, or raises")
    return made_pdf
