"""Renderings of the statement: `report.html` and `oscal.json` are made once more and compared.

Both are the same bytes for the same predicate, version and time zone rules. Of `report.pdf` nothing is
shown but that the issuer signed for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from collector.attest.statement import Statement
from collector.bundle import layout
from collector.bundle.members import Members
from collector.reports import predicate
from collector.reports.facts import facts
from collector.reports.htmlpage import html
from collector.reports.oscal import oscal
from collector.reports.predicate import Predicate, PredicateError
from collector.verifying.failures import Failure, VerifyError
from collector.verifying.telling import Check, Told
from probes.times import TZDATA

SOFTWARE = version("wardwatch")


def check(found: Members, claimed: Statement) -> Iterator[Told]:
    """VerifyError for a file that is not what this version makes of the statement, where the statement
    says that this version made it; made by another it may differ, and that is told.
    """
    said, made = _made(claimed)
    other = [name for name, data in made.items() if not _is(found, name, data)]
    if other and (said.software.version, said.method.tzdata) == (SOFTWARE, TZDATA):
        raise VerifyError(Failure.REPORT_DIFFERS, other[0])
    if other:
        text = (
            f"{' and '.join(other)}: not compared, for the statement was made by another version "
            f"({said.software.version}, here {SOFTWARE}); take the numbers from here"
        )
        yield Told(Check.REPORTS, text, note=True)
    else:
        yield Told(Check.REPORTS, f"{' and '.join(made)} say what the statement says")
    if layout.REPORT_PDF in found.names:
        text = "report.pdf: the issuer signed for it; that it says the same was not looked at"
        yield Told(Check.REPORTS, text, note=True)


def _made(claimed: Statement) -> tuple[Predicate, dict[str, bytes]]:
    """VerifyError for a predicate that nothing can be made of."""
    digests = {one.name: one.sha256 for one in claimed.subjects}
    try:
        said = predicate.read(claimed.predicate)
        return said, {
            layout.REPORT_HTML: html(facts(claimed.predicate)),
            layout.OSCAL: oscal(claimed.predicate, digests),
        }
    except PredicateError:
        raise VerifyError(Failure.STATEMENT_MALFORMED, layout.STATEMENT) from None


def _is(found: Members, name: str, data: bytes) -> bool:
    with found.open(name) as file:
        return file.read(len(data) + 1) == data
