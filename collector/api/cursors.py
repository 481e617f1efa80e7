"""Long lists in parts: a part names where the next one begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, TypeVar

from pydantic import BeforeValidator, Field

from collector.api.problems import BadRequestError
from collector.api.reading import whole
from probes.config_words import Model

MOST = 1_000
LARGEST = 2**63 - 1
"""What a column of a table takes."""
T = TypeVar("T")
Place = tuple[int | str, ...]
"""The sort key of the last entry told."""


class Paged(Model):
    limit: Annotated[int, Field(ge=1, le=MOST), BeforeValidator(whole)] = 200
    """How many at most."""
    cursor: Annotated[str, Field(max_length=500)] | None = None
    """`next` of the part before."""


def cursor(place: Place) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place(text: str | None, *shape: type[int | str]) -> Place | None:
    """What `cursor` was made of; BadRequestError when it was not made here."""
    if text is None:
        return None
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (binascii.Error, ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or tuple(type(part) for part in found) != shape
        or any(isinstance(part, int) and abs(part) > LARGEST for part in found)
        or any(isinstance(part, str) and not part.isprintable() for part in found)
    ):
        raise BadRequestError("cursor", "write what next of the part before holds")
    return tuple(found)


def part(
    entries: Iterable[T], key: Callable[[T], str], asked: Paged
) -> tuple[Sequence[T], str | None]:
    """One part of a short list that is at hand whole, ordered by `key`, and the next one's cursor."""
    after = place(asked.cursor, str)
    rest = sorted(entries, key=key)
    if after is not None:
        rest = [one for one in rest if key(one) > str(after[0])]
    told = rest[: asked.limit]
    return told, cursor((key(told[-1]),)) if len(rest) > len(told) else None
