"""Secrets of channels: which references an entry has, and what a secret must look like. Pure.

What is wrong is said in words of ours: nothing of a secret is ever in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args, get_type_hints
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel

from probes.addresses import is_loopback
from probes.config_words import SecretRef

Path = tuple[str, ...]


def references(entry: BaseModel, above: Path = ()) -> Iterator[tuple[Path, str]]:
    """Where in an entry a secret is referred to, and the reference."""
    hints = get_type_hints(type(entry), include_extras=True)
    for name, info in type(entry).model_fields.items():
        value, path = getattr(entry, name), (*above, info.alias or name)
        if isinstance(value, BaseModel):
            yield from references(value, path)
        elif isinstance(value, str) and SecretRef in (hints[name], *get_args(hints[name])):
            yield path, value


def text_of(raw: bytes) -> str:
    """A secret of one line of printable ASCII, without the blanks around it; ValueError else."""
    try:
        found = raw.strip().decode("ascii")
    except UnicodeDecodeError:
        found = ""
    if not found or not found.isprintable():
        raise ValueError("the secret is one line of letters, digits and signs of ASCII")
    return found


def address_of(raw: bytes) -> SplitResult:
    """An address that is itself the secret; ValueError where it is none, or not encrypted."""
    try:
        parts = urlsplit(text_of(raw))
        here = is_loopback(parts.hostname or "")
    except ValueError:
        raise ValueError("the secret is a web address, one line") from None
    if not parts.hostname or parts.scheme not in (("http", "https") if here else ("https",)):
        raise ValueError("the secret is an address that starts with https:// and names a host")
    return parts


def anything(_raw: bytes) -> None:
    """Passwords that are sent as they are."""
