"""What the collector loads when it starts: nothing that only an attestation needs."""

from __future__ import annotations

import subprocess
import sys

LOADED = "import sys, collector.service; sys.stdout.write(' '.join(sys.modules))"
LATER = {
    "pkcs11",
    "pyhanko",
    "rfc3161_client",
    "typst",
    "collector.reports.htmlpage",
    "collector.reports.render",
    "collector.reports.templating",
    "collector.verifying.verify",
    "collector.verifyscript.verifying",
    "collector.witness.witnessing",
}


def test_a_collector_starts_without_what_only_an_attestation_needs() -> None:
    words = [sys.executable, "-c", LOADED]
    loaded = set(subprocess.run(words, capture_output=True, text=True, check=True).stdout.split())
    assert {"collector.service", "collector.attesting.making"} <= loaded
    assert loaded & LATER == set()
