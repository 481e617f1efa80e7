"""What Jira takes for text, and what of its replies is read. Pure."""

from __future__ import annotations

import re
from typing import Annotated, Any

import msgspec

from alerts.filing import Short

_MARKUP = re.compile(r"[\\{}\[\]!|]")


class Made(msgspec.Struct):
    key: Annotated[str, msgspec.Meta(pattern="^[A-Z][A-Z0-9_]{1,79}-[0-9]{1,12}$")]


class Category(msgspec.Struct):
    key: Short


class Status(msgspec.Struct):
    name: Short
    statusCategory: Category  # noqa: N815 - Jira's name


class Named(msgspec.Struct):
    name: Short


class Fields(msgspec.Struct):
    status: Status
    labels: list[Short] = []
    priority: Named | None = None


class Issue(Made):
    fields: Fields


class Labels(msgspec.Struct):
    labels: list[Short] = []


class Labelled(Made):
    fields: Labels


class Page(msgspec.Struct):
    issues: list[Issue]
    nextPageToken: str | None = None  # noqa: N815 - Jira's name


class Transition(msgspec.Struct):
    id: Annotated[str, msgspec.Meta(pattern="^[0-9]{1,9}$")]
    name: Short
    to: Named


class Offered(msgspec.Struct):
    transitions: list[Transition]


def document(text: str) -> dict[str, Any]:
    """Atlassian Document Format, version 1: a paragraph for each block between empty lines."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return {
        "type": "doc",
        "version": 1,
        "content": [_paragraph(lines) for lines in blocks if any(lines)],
    }


def plain(text: str) -> str:
    """Text for a data center's wiki markup: no macro, link, mention, image or table is made of it."""
    return _MARKUP.sub(r"\\\g<0>", text)


def _paragraph(lines: list[str]) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for line in filter(None, lines):
        if nodes:
            nodes.append({"type": "hardBreak"})
        nodes.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": nodes}
