"""XML to a tree, without what makes XML dangerous: no document type, so no entities of its own.

expat reads it; a declaration ends the reading before anything in it can grow or be fetched.
"""

from __future__ import annotations

from typing import NoReturn
from xml.etree.ElementTree import Element, TreeBuilder
from xml.parsers import expat

_DEEPEST = 64
_MOST_ELEMENTS = 100_000


class XmlError(Exception):
    """No XML that is read here. Without text: it may hold anything."""


def tree(data: bytes, encoding: str | None = None) -> Element:
    """The root element. `encoding` counts for more than what the data declare. Raises XmlError."""
    builder, depth, elements = TreeBuilder(), 0, 0

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth, elements
        depth += 1
        elements += 1
        if depth > _DEEPEST or elements > _MOST_ELEMENTS:
            raise XmlError
        builder.start(tag, attributes)

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(tag)

    def refuse(*_: object) -> NoReturn:
        raise XmlError

    parser = expat.ParserCreate(encoding)
    parser.buffer_text = True
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    try:
        parser.Parse(data, True)  # noqa: FBT003 - the standard library's signature
        return builder.close()
    except (expat.ExpatError, ValueError, LookupError):  # an encoding that is none, among them
        raise XmlError from None
