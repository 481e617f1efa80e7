"""Lines as Jira takes them: a document of Atlassian's format in the cloud, plain text elsewhere. Pure."""

from __future__ import annotations

from typing import Any


def document(text: str) -> dict[str, Any]:
    """Atlassian Document Format, version 1: a paragraph for each block between empty lines."""
    blocks = [block.splitlines() for block in text.split("\n\n")]
    return {
        "type": "doc",
        "version": 1,
        "content": [_paragraph(lines) for lines in blocks if any(lines)],
    }


def _paragraph(lines: list[str]) -> dict[str, Any]:
    nodes: list[dict[str, Any]] = []
    for line in filter(None, lines):
        if nodes:
            nodes.append({"type": "hardBreak"})
        nodes.append({"type": "text", "text": line})
    return {"type": "paragraph", "content": nodes}
