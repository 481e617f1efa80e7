"""Text as the fonts inside typst can print it. Pure.

PDF/A and PDF/UA forbid a character without a glyph, and fonts of the host would make another file
on each host. What has none is printed as its code point, `[U+4E2D]`; the HTML report and the data
attached to the PDF have the character.
"""

from __future__ import annotations

import unicodedata
from typing import Any

RANGES = (
    (0x0020, 0x007E),  # ASCII
    (0x00A0, 0x024F),  # Latin-1 Supplement, Latin Extended-A and -B
    (0x0370, 0x03FF),  # Greek
    (0x0400, 0x04FF),  # Cyrillic
    (0x1E00, 0x1FFF),  # Latin Extended Additional, Greek Extended
    (0x2010, 0x2040),  # dashes, quotation marks, bullets
    (0x20AC, 0x20AC),  # euro
    (0x2116, 0x2116),  # numero
    (0x2122, 0x2122),  # trade mark
)


def printable(value: Any) -> Any:
    """A copy of JSON-like data in which every text can be printed."""
    if isinstance(value, str):
        return "".join(map(_shown, unicodedata.normalize("NFC", value)))
    if isinstance(value, dict):
        return {key: printable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [printable(one) for one in value]
    return value


def _shown(char: str) -> str:
    """Controls, lone combining marks and unassigned code points have no glyph, either."""
    ranged = any(first <= ord(char) <= last for first, last in RANGES)
    if ranged and unicodedata.category(char)[0] not in "CM":
        return char
    return f"[U+{ord(char):04X}]"
