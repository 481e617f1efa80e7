"""What only the whole file shows of letters to contacts that are no messages of incidents. Pure.

A section names the contacts (`to`) and the channel of kind `email` that writes to them (`via`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from probes.config_channels import PERSONAL
from probes.config_words import MAIL_ADDRESS
from probes.yamlfile import Document, Path, Problem

Entries = dict[str, dict[str, Any]]


def letter_problems(
    document: Document, path: Path, section: Any, what: str, channels: Entries, contacts: Entries
) -> Iterator[Problem]:
    """`section` stands at `path`, `what` it tells of. Unknown ids are told with other references."""
    if not isinstance(section, dict):
        return
    channel = channels.get(section["via"]) if isinstance(section.get("via"), str) else None
    if channel is not None and channel.get("kind") not in PERSONAL:
        message = f"a letter tells of {what}: name a channel of kind email"
        yield document.problem((*path, "via"), message)
    elif channel is not None and channel.get("audience") == "customer":
        message = "this channel has audience: customer, who get no such letter; name another"
        yield document.problem((*path, "via"), message)
    to = section.get("to")
    for number, name in enumerate(to if isinstance(to, list) else []):
        contact = contacts.get(name) if isinstance(name, str) else None
        if contact is not None and not _has_address(contact):
            message = "this contact has no address: give it an email, in ASCII"
            yield document.problem((*path, "to", number), message)


def _has_address(contact: dict[str, Any]) -> bool:
    written = contact.get("email")
    return isinstance(written, str) and re.fullmatch(MAIL_ADDRESS, written) is not None
