"""The text of a PDF as a reader copies it: glyphs by the fonts' ToUnicode, a word a run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pikepdf

_CHARS = re.compile(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*\n")
_RANGES = re.compile(rb"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>")
_SECTION = re.compile(rb"beginbf(char|range)\n(.*?)endbf", re.DOTALL)


def text_of(pdf: pikepdf.Pdf) -> str:
    return "\n".join(page_text(page) for page in pdf.pages)


def page_text(page: Any) -> str:
    return " ".join(_runs(page, page.obj.get("/Resources", {})))


def _runs(stream: Any, resources: Any) -> Iterator[str]:
    """One for each text object; a drawing with an alternative has it instead."""
    font: dict[int, str] = {}
    run = ""
    described: list[bool] = []
    for instruction in pikepdf.parse_content_stream(stream):
        operands: Any = instruction.operands
        name = str(instruction.operator)
        if name == "Tf":
            font = _font(resources["/Font"][str(operands[0])])
        elif name == "Tj":
            run += _decoded(bytes(operands[0]), font)
        elif name == "TJ":
            for part in operands[0]:
                if isinstance(part, pikepdf.String):
                    run += _decoded(bytes(part), font)
        elif name in {"BDC", "BMC"}:
            described.append(len(operands) > 1 and "/Alt" in operands[1])
        elif name == "EMC":
            described.pop()
        elif name == "ET":
            if not any(described):
                yield run
            run = ""


def _decoded(data: bytes, font: dict[int, str]) -> str:
    return "".join(font[int.from_bytes(data[at : at + 2])] for at in range(0, len(data), 2))


def _font(font: Any) -> dict[int, str]:
    found: dict[int, str] = {}
    for kind, body in _SECTION.findall(font["/ToUnicode"].read_bytes()):
        if kind == b"char":
            found |= {int(code, 16): _utf16(to) for code, to in _CHARS.findall(body)}
        for first, last, to in _RANGES.findall(body) if kind == b"range" else ():
            start, base = int(first, 16), int(to, 16)
            found |= {n: chr(base + n - start) for n in range(start, int(last, 16) + 1)}
    return found


def _utf16(text: bytes) -> str:
    return bytes.fromhex(text.decode()).decode("utf-16-be")
