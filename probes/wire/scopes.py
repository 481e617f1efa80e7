"""Scopes (RFC 6749 3.3, SMART App Launch 2): what was asked for against what was granted. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

_RESOURCE = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Za-z]+)\."
    r"(?P<may>(?=[cruds])c?r?u?d?s?|read|write|\*)(?:\?(?P<query>.+))?"
)
_FIRST_VERSION = {"read": "rs", "write": "cud", "*": "cruds"}
"""What the words of SMART 1 mean in the letters of SMART 2."""


@dataclass(frozen=True, slots=True)
class _Scope:
    context: str
    type: str
    may: str
    query: str | None

    def holds(self, asked: _Scope, letter: str) -> bool:
        return (
            letter in self.may
            and self.context == asked.context
            and self.type in (asked.type, "*")
            and self.query in (asked.query, None)
        )


def missing(asked: str, granted: str) -> int:
    """How many of the asked scopes were not granted whole.

    A wider grant covers a narrower question, in the words of either version; several grants may
    cover one question together. What is no scope of a resource is compared letter by letter.
    """
    words = granted.split()
    held = [scope for word in words if (scope := _parse(word)) is not None]
    return sum(not _covered(word, words, held) for word in dict.fromkeys(asked.split()))


def _covered(word: str, words: list[str], held: list[_Scope]) -> bool:
    asked = _parse(word)
    if asked is None:
        return word in words
    return all(any(scope.holds(asked, letter) for scope in held) for letter in asked.may)


def _parse(word: str) -> _Scope | None:
    found = _RESOURCE.fullmatch(word)
    if found is None:
        return None
    may = _FIRST_VERSION.get(found["may"], found["may"])
    return _Scope(found["context"], found["type"], may, found["query"])
