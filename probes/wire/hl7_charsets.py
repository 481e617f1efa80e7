"""MSH-18 of an answer, table 0211: bytes to text, whatever they are.

An answer is framed as bytes and decoded afterwards. What the table does not name, or names wrongly,
is read as latin-1, which cannot fail: codes and control ids are ASCII in all of them.
"""

from __future__ import annotations

# To Python's codecs. CNS 11643-1992 has none.
_CODECS = {
    "ASCII": "ascii",
    "BIG-5": "big5",
    "GB 18030-2000": "gb18030",
    "ISO IR6": "ascii",
    "ISO IR14": "shift_jis",
    "ISO IR87": "iso2022_jp",
    "ISO IR159": "iso2022_jp_1",
    "KS X 1001": "euc_kr",
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    **{f"8859/{part}": f"iso8859_{part}" for part in (*range(1, 10), 15)},
}
_UTF_8_MARK = b"\xef\xbb\xbf"
# Two or four bytes a character, with a mark of their order or without: MSH-18 itself is readable
# only once that is known. The longer ones stand first.
_WIDE = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    ("MSH".encode("utf-32-le"), "utf-32-le"),
    ("MSH".encode("utf-32-be"), "utf-32-be"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    ("MSH".encode("utf-16-le"), "utf-16-le"),
    ("MSH".encode("utf-16-be"), "utf-16-be"),
)


def decode(message: bytes) -> str:
    """Never raises."""
    wide = next((codec for start, codec in _WIDE if message.startswith(start)), None)
    if wide is not None:
        return message.decode(wide, "replace")
    message = message.removeprefix(_UTF_8_MARK)
    text = message.decode("latin-1")
    codec = _CODECS.get(_named(text).upper())
    if codec is None:
        return text
    try:
        return message.decode(codec)
    except UnicodeError:
        return text


def _named(text: str) -> str:
    """The first repetition of MSH-18; empty where there is none."""
    start = text.lstrip(" \r\n")
    head = start.replace("\n", "\r").partition("\r")[0]
    if not head.startswith("MSH") or len(head) < 4:
        return ""
    fields = head.split(head[3])
    if len(fields) < 18:
        return ""
    repetition = fields[1].strip()[1:2]
    named = fields[17].strip()
    return named.partition(repetition)[0].strip() if repetition else named
