"""MIME multipart bodies (RFC 2046 5.1) as parts, bounded. Total: parts or a MultipartError."""

from __future__ import annotations

import base64
import binascii
import quopri
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_MOST_PARTS = 64
_MAX_HEAD = 8192
_PARAMETER = r"(?:^|;)\s*%s=(?:\"([^\"]*)\"|([^\s;\"]+))"
_HEAD_END = re.compile(rb"\r?\n\r?\n")
_FOLDED = re.compile(r"\r?\n[ \t]+")


class MultipartError(Exception):
    """No multipart body; `truncated` when only its end is missing. Without text."""

    def __init__(self, *, truncated: bool = False) -> None:
        super().__init__()
        self.truncated = truncated


@dataclass(frozen=True, slots=True)
class Part:
    """`name` of its Content-Disposition, `id` of its Content-ID without brackets, `type` its
    Content-Type; empty if none.
    """

    name: str
    id: str
    type: str
    content: bytes = field(repr=False)


def is_multipart(content_type: str | None) -> bool:
    return (content_type or "").lower().startswith("multipart/")


def parameter(text: str | None, name: str) -> str:
    """Of a Content-Type or Content-Disposition; empty if it is not there."""
    found = re.search(_PARAMETER % name, text or "", re.IGNORECASE)
    return "" if found is None else found[1] or found[2] or ""


def read_parts(content_type: str | None, body: bytes) -> list[Part]:
    """In order, at least one. Raises MultipartError."""
    boundary = parameter(content_type, "boundary")
    if not is_multipart(content_type) or not boundary:
        raise MultipartError
    mark = re.escape(boundary.encode("latin-1", "replace"))
    # The line end before a boundary belongs to it, the preamble before the first is nothing.
    lines = re.compile(rb"(?:\A|\r?\n)--" + mark + rb"(--)?[ \t]*(?=\r?\n|\Z)")
    parts: list[Part] = []
    start = -1
    for line in lines.finditer(body):
        if start >= 0:
            parts.append(_part(body[start : line.start()]))
        if line[1] is not None and parts:
            return parts
        if len(parts) == _MOST_PARTS:
            raise MultipartError
        start = line.end()
    raise MultipartError(truncated=start >= 0)


def write_form(boundary: str, fields: Iterable[tuple[str, bytes]]) -> bytes:
    """A form of text fields (RFC 7578); no content may hold the boundary."""
    lines = [
        b'--%b\r\nContent-Disposition: form-data; name="%b"\r\n\r\n%b\r\n'
        % (boundary.encode(), name.encode(), content)
        for name, content in fields
    ]
    return b"".join(lines) + b"--%b--\r\n" % boundary.encode()


def _part(text: bytes) -> Part:
    """What stands between two boundaries: it begins with the line end of the first."""
    end = _HEAD_END.search(text[: _MAX_HEAD + 4])
    if end is None:
        raise MultipartError
    head = _FOLDED.sub(" ", text[: end.start()].decode("latin-1"))
    fields = dict(_field(line) for line in head.splitlines() if ":" in line)
    return Part(
        parameter(fields.get("content-disposition"), "name"),
        fields.get("content-id", "").strip("<>"),
        fields.get("content-type", ""),
        _decoded(fields.get("content-transfer-encoding", "").lower(), text[end.end() :]),
    )


def _decoded(encoding: str, content: bytes) -> bytes:
    """RFC 2045 6. HTTP has no need of it, but libraries for mail write forms, too."""
    if encoding == "quoted-printable":
        return quopri.decodestring(content)
    if encoding != "base64":
        return content
    try:
        return base64.b64decode(content)
    except binascii.Error:
        raise MultipartError from None


def _field(line: str) -> tuple[str, str]:
    name, _, text = line.partition(":")
    return name.strip().lower(), text.strip()
