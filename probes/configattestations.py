"""What only the whole file shows of attestations: who is told of them, and how. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from probes.configletters import Entries, letter_problems
from probes.yamlfile import Document, Path, Problem

PATH: Path = ("attestations", "deliver")


def attestation_problems(
    document: Document, channels: Entries, contacts: Entries
) -> Iterator[Problem]:
    """`channels` and `contacts` are the file's sections. Unknown ids are told with other references."""
    data = document.data if isinstance(document.data, dict) else {}
    written = data.get("attestations")
    if isinstance(written, dict) and "issue" in written and "evidence_log" not in data:
        message = "nothing can be attested without an evidence_log: its key signs"
        yield document.problem(("attestations", "issue"), message)
    deliver = written.get("deliver") if isinstance(written, dict) else None
    yield from letter_problems(document, PATH, deliver, "an attestation", channels, contacts)
