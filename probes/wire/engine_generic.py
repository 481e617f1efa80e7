"""Any engine that shows its numbers as JSON, XML or text: where each of them stands, as data.

JSON by pointer (RFC 6901), XML by a path of elements, text by the words before a number. There are
no regular expressions: one from a file could hold up an agent for ever.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element

from probes.wire.engine import EngineError, Reading, State
from probes.wire.engine_values import count
from probes.wire.xmltree import XmlError, tree

_POINTER = re.compile(r"(/([^~/]|~[01])*)*")
_NAME = r"[A-Za-z_][\w.-]{0,63}"
_TEST = rf"\[@{_NAME}='[^'\]]{{0,100}}'\]"
_STEP = re.compile(rf"{_NAME}(?:{_TEST})?")
_STEPS = re.compile(rf"({_NAME}(?:{_TEST})?)(/{_NAME}(?:{_TEST})?)*(/@{_NAME})?|@{_NAME}")
_WORD = re.compile(r"[A-Za-z0-9_-]{1,64}")
# 1,234 or 1.234 or 1'234: a thousand to some, and one and a bit to others
_GOES_ON = re.compile(r"[.,'\u2019][0-9]")
_LONGEST_LINE = 4096


class MissingError(Exception):
    """What was asked for does not stand there. Without text: the answer may hold anything."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """`places` by the names of `Reading`; `states` by the engine's words, in lower case."""

    form: str
    places: Mapping[str, str]
    states: Mapping[str, State]


Find = Callable[[str], object]
"""The value at a place. Raises MissingError."""


def check_place(form: str, place: str) -> None:
    """ValueError says how a place is written."""
    if form == "json" and not _POINTER.fullmatch(place):
        raise ValueError("write a JSON pointer such as /channels/0/queued")
    if form == "xml" and not _STEPS.fullmatch(place):
        raise ValueError("write a path below the root such as channel[@name='ADT']/queue/@size")
    if form == "text" and not (place.strip() and place.isprintable()):
        raise ValueError("write the words that stand before the value on its line")


def read(recipe: Recipe, body: bytes) -> Reading:
    """EngineError when it has not that form or a value is none, MissingError when one is not there."""
    find = {"json": _json, "xml": _xml, "text": _text}[recipe.form](body)
    told: dict[str, Any] = {
        sign: count(_plain(find(place)))
        for sign, place in recipe.places.items()
        if sign not in ("state", "connected")
    }
    if "connected" in recipe.places:
        told["connected"] = bool(count(_plain(find(recipe.places["connected"]))))
    if "state" in recipe.places:
        word = _word(find(recipe.places["state"]))
        told["state"] = recipe.states.get(word.strip().lower(), State.OTHER)
    return Reading(**told)


def _plain(value: object) -> object:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str):
        return {"true": "1", "false": "0"}.get(value.strip().lower(), value)
    return value


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int):
        return str(value)
    raise EngineError


def _json(body: bytes) -> Find:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise EngineError from None

    def find(place: str) -> object:
        at = document
        for token in place.split("/")[1:]:
            key = token.replace("~1", "/").replace("~0", "~")
            if isinstance(at, dict) and key in at:
                at = at[key]
            elif isinstance(at, list) and key.isascii() and key.isdigit() and len(key) <= 6:
                at = _nth(at, int(key))
            else:
                raise MissingError
        return at

    return find


def _nth(values: list[object], number: int) -> Any:
    if number >= len(values):
        raise MissingError
    return values[number]


def _xml(body: bytes) -> Find:
    try:
        root = tree(body)
    except XmlError:
        raise EngineError from None

    def find(place: str) -> object:
        path, _, attribute = place.rpartition("@") if _ends_in_attribute(place) else (place, "", "")
        at: Element | None = root
        for step in _steps(path):
            at = None if at is None else at.find(step)
        value = None if at is None else at.get(attribute) if attribute else at.text or ""
        if value is None:
            raise MissingError
        return value

    return find


def _ends_in_attribute(place: str) -> bool:
    return re.search(rf"(^|/)@{_NAME}$", place) is not None


def _steps(path: str) -> list[str]:
    """One by one: what is asked of an attribute may hold a slash."""
    return _STEP.findall(path)


def _text(body: bytes) -> Find:
    lines = [line[:_LONGEST_LINE] for line in body.decode("utf-8", "replace").splitlines()]

    def find(place: str) -> object:
        rest = next((line.partition(place)[2] for line in lines if place in line), None)
        if rest is None:
            raise MissingError
        found = _WORD.search(rest)
        if found is None:
            raise MissingError
        if _GOES_ON.match(rest, found.end()):
            raise EngineError
        return found[0]

    return find
