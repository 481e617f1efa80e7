"""What only the whole file shows of attestations: who is told of them, and how. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from probes.config_channels import PERSONAL
from probes.config_words import MAIL_ADDRESS
from probes.yamlfile import Document, Path, Problem

Entries = dict[str, dict[str, Any]]
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
    if not isinstance(deliver, dict):
        return
    channel = channels.get(deliver["via"]) if isinstance(deliver.get("via"), str) else None
    if channel is not None and channel.get("kind") not in PERSONAL:
        message = "a letter tells of an attestation: name a channel of kind email"
        yield document.problem((*PATH, "via"), message)
    elif channel is not None and channel.get("audience") == "customer":
        message = "this channel has audience: customer, who get no such letter; name another"
        yield document.problem((*PATH, "via"), message)
    to = deliver.get("to")
    for number, name in enumerate(to if isinstance(to, list) else []):
        contact = contacts.get(name) if isinstance(name, str) else None
        if contact is not None and not _has_address(contact):
            message = "this contact has no address: give it an email, in ASCII"
            yield document.problem((*PATH, "to", number), message)


def _has_address(contact: dict[str, Any]) -> bool:
    written = contact.get("email")
    return isinstance(written, str) and re.fullmatch(MAIL_ADDRESS, written) is not None
